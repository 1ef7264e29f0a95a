import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { removeUnused } from "../../src/files/mod.ts";
import { collectGarbage, statStore, type StoredResult, verifyStore } from "../../src/store/mod.ts";
import { bytesOf, keyOf, unitOf } from "./_files.ts";
import { inTempDir, opened } from "./_kinds.ts";

const DAY = 24 * 3600_000;

/** Runs `test` with a store of three units, of which two share a file, and a value. */
function withStore(
  test: (world: {
    url: string;
    dir: string;
    units: Record<"a" | "b" | "c", StoredResult>;
    open: ReturnType<typeof opened>["open"];
    pathOf(name: string): (file: { path: string }) => string;
    /** When an entry or a blob was used. */
    age(name: string, days: number): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  return inTempDir(async (dir) => {
    const url = join(dir, "store");
    const { open } = opened(url, dir);
    const pathOf = (name: string) => ({ path }: { path: string }) => join(dir, name, path);
    const make = (name: string, files: Record<string, Uint8Array>) =>
      unitOf(name, join(dir, name), files);
    const units = {
      a: await make("a", { own: bytesOf(1000, 1), shared: bytesOf(500, 9) }),
      b: await make("b", { own: bytesOf(1000, 2), shared: bytesOf(500, 9) }),
      c: await make("c", { own: bytesOf(1000, 3) }),
    };
    using store = await open();
    for (const [name, unit] of Object.entries(units)) {
      assert(await store.save(unit, pathOf(name)));
    }
    await store.saveValue(keyOf("value"), bytesOf(100));
    const age = async (name: string, days: number) => {
      for (const directory of ["ac", "cas"]) {
        const time = new Date(Date.now() - days * DAY);
        await Deno.utime(join(url, directory, name), time, time).catch(() => {});
      }
    };
    await test({ url, dir, units, open, pathOf, age });
  });
}

const names = (root: string, directory: string) =>
  [...Deno.readDirSync(join(root, directory))].map(({ name }) => name).sort();
const hexOf = ({ digest }: { digest: string }) => digest.slice(7);

Deno.test("statStore() counts", () =>
  withStore(async ({ url }) => {
    const { oldest, entryBytes, ...rest } = await statStore(url);
    assertEquals(rest, { entries: 4, blobs: 4, blobBytes: 3500 });
    assert(oldest !== undefined && entryBytes > 100);
  }));

Deno.test("collectGarbage() removes what is unused, with the files that nothing else needs", () =>
  withStore(async ({ url, units, age }) => {
    const { a, b, c } = units;
    for (const file of [...a.files, ...b.files, ...c.files]) await age(hexOf(file), 40);
    for (
      const [key, days] of [[a.key, 40], [b.key, 20], [c.key, 10], [keyOf("value"), 40]] as const
    ) {
      await age(key, days);
    }
    const before = await statStore(url);
    const planned = await collectGarbage(url, { unusedFor: 30 * DAY, dryRun: true });
    assertEquals(await statStore(url), before);
    const done = await collectGarbage(url, { unusedFor: 30 * DAY });
    assertEquals(done, planned);
    assertEquals({ entries: done.entries, blobs: done.blobs }, { entries: 2, blobs: 1 });
    assertEquals(names(url, "ac"), [b.key, c.key].sort());
    const left = await collectGarbage(url, { limit: 1500 });
    assertEquals(names(url, "ac"), [c.key]);
    assertEquals(names(url, "cas"), c.files.map(hexOf));
    assert(left.kept <= 1500);
    const { entryBytes, blobBytes } = await statStore(url);
    assertEquals(left.kept, entryBytes + blobBytes);
  }));

Deno.test("collectGarbage() keeps what was used within a day, whatever the limit", () =>
  withStore(async ({ url }) => {
    const done = await collectGarbage(url, { limit: 0, unusedFor: 0 });
    assertEquals({ entries: done.entries, blobs: done.blobs }, { entries: 0, blobs: 0 });
  }));

Deno.test("collectGarbage() removes what is damaged, lost files and what killed runs left, and nothing else", () =>
  withStore(async ({ url, units, age }) => {
    const { a } = units;
    await Deno.writeFile(join(url, "ac", a.key), bytesOf(50));
    await Deno.writeFile(join(url, "cas", "0".repeat(64)), bytesOf(50));
    await Deno.writeFile(join(url, "cas", ".kbuild-tmp-1-00000000"), bytesOf(50));
    await Deno.writeFile(join(url, "cas", "notes"), bytesOf(50));
    await Deno.symlink(join(url, "ac"), join(url, "cas", "1".repeat(64)));
    for (const name of [...names(url, "ac"), ...names(url, "cas")]) {
      if (name !== "1".repeat(64)) await age(name, 5);
    }
    await collectGarbage(url);
    assertEquals((await statStore(url)).entries, 3);
    assert(names(url, "cas").includes("notes"));
    assert(names(url, "cas").includes("1".repeat(64)));
    assertEquals(names(url, "cas").length, 5);
    assertEquals(await verifyStore(url), []);
  }));

Deno.test("collectGarbage() loses nothing that runs find or save meanwhile", () =>
  withStore(async ({ url, dir, units, open, pathOf, age }) => {
    const ageAll = async () => {
      // A file that is being written is young: garbage collection takes only old ones of those.
      const all = [...names(url, "ac"), ...names(url, "cas")];
      for (const name of all.filter((name) => !name.startsWith("."))) await age(name, 5);
    };
    let collecting = true;
    const collector = (async () => {
      for (let round = 0; round < 25; round++) {
        await ageAll();
        await collectGarbage(url, { limit: 0 });
      }
      collecting = false;
    })();
    let found = 0;
    const reader = async (name: "a" | "b" | "c") => {
      for (let at = 0; collecting; at++) {
        using store = await open();
        assert(await store.save(units[name], pathOf(name)));
        const result = await store.result(units[name].key);
        if (result === undefined) continue;
        found++;
        for (const file of result.files) {
          // Only ageAll(), which no user has, can take a file away between the two.
          await store.fetch(file, join(dir, `to-${name}`));
        }
        assertEquals(store.counts.refused, 0);
      }
    };
    await Promise.all([collector, reader("a"), reader("b"), reader("c")]);
    assert(found > 0);
    // What was saved last is whole.
    using store = await open();
    for (const name of ["a", "b", "c"] as const) {
      assert(await store.save(units[name], pathOf(name)));
    }
    await collectGarbage(url, { limit: 0 });
    assertEquals(await verifyStore(url), []);
    assertEquals((await statStore(url)).entries >= 3, true);
  }));

Deno.test("removeUnused() puts a file back that was used since it was looked at", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "file");
    await Deno.writeTextFile(path, "text");
    const seen = new Date(Date.now() - 10 * DAY);
    assertEquals(await removeUnused(path, seen.getTime()), false);
    assertEquals(await Deno.readTextFile(path), "text");
    await Deno.utime(path, seen, seen);
    assertEquals(await removeUnused(path, (await Deno.stat(path)).mtime!.getTime()), true);
    assertEquals([...Deno.readDirSync(dir)], []);
    assertEquals(await removeUnused(path, 0), true);
  }));

Deno.test("verifyStore() names what is damaged, and removes it when asked", () =>
  withStore(async ({ url, units: { a, b, c } }) => {
    assertEquals(await verifyStore(url), []);
    const own = hexOf(a.files[0]!);
    await Deno.writeFile(join(url, "cas", own), bytesOf(1000, 5));
    await Deno.truncate(join(url, "ac", b.key), 20);
    await Deno.remove(join(url, "cas", hexOf(c.files[0]!)));
    const value = join(url, "ac", keyOf("value"));
    const bytes = await Deno.readFile(value);
    bytes[bytes.length - 1]! ^= 1;
    await Deno.writeFile(value, bytes);
    const damages = await verifyStore(url);
    assertEquals(
      damages.map(({ path }) => path),
      [a.key, b.key, c.key, keyOf("value")].map((key) => join(url, "ac", key)).sort()
        .concat(join(url, "cas", own)),
    );
    assertMatch(damages.at(-1)!.reason, /its content is sha256:/);
    assertEquals(await verifyStore(url, { remove: true }), damages);
    assertEquals(await verifyStore(url), []);
  }));

Deno.test("nothing is removed in a directory that is not a store", () =>
  inTempDir(async (dir) => {
    await Deno.mkdir(join(dir, "ac"));
    await Deno.writeTextFile(join(dir, "thesis"), "text");
    await Deno.mkdir(join(dir, "empty"));
    for (const root of [dir, join(dir, "empty"), join(dir, "missing"), join(dir, "thesis")]) {
      for (const work of [statStore, collectGarbage, verifyStore]) {
        const error = await assertRejects(() => work(root), KbuildError, "is not a store");
        assertEquals(error.exitCode, 2);
      }
    }
  }));
