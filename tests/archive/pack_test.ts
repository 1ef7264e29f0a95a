import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { temporaryName, writeFileAtomic } from "../../src/files/mod.ts";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  bytesEntry,
  type ByteSink,
  compareNames,
  createDeflater,
  directoryEntry,
  fileEntry,
  listTree,
  orderEntries,
  packTarball,
  symlinkEntry,
  type TarEntry,
  withParents,
  writeTar,
} from "../../src/archive/mod.ts";
import { collect, has, inTempDir, needing, noise, run, tarOf } from "./helpers.ts";

const mtime = 1600000000;

async function makeTree(dir: string, order: "forth" | "back" = "forth"): Promise<void> {
  const steps: (() => Promise<void>)[] = [
    () => Deno.mkdir(join(dir, "bin")),
    () => Deno.writeFile(join(dir, "bin/kubectl"), noise(3_000_000), { mode: 0o711 }),
    () => Deno.writeFile(join(dir, "bin-x"), noise(10), { mode: 0o600 }),
    () => Deno.writeFile(join(dir, "a b ü\n\"'$(x)"), noise(700), { mode: 0o664 }),
    () => Deno.writeFile(join(dir, "😀"), noise(1)),
    () => Deno.writeFile(join(dir, "\uffee"), noise(2)),
    () => Deno.symlink("bin/kubectl", join(dir, "link")),
    () => Deno.symlink("nowhere", join(dir, "dangling")),
  ];
  await Deno.mkdir(dir, { recursive: true });
  const first = steps.shift()!;
  await first();
  for (const step of order === "forth" ? steps : steps.reverse()) await step();
}

const leftovers = async (dir: string): Promise<string[]> =>
  (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();

Deno.test("listTree() lists with fixed modes, in byte order", () =>
  inTempDir(async (dir) => {
    await makeTree(join(dir, "t"));
    const entries = await listTree(join(dir, "t"), { prefix: "kubernetes", mtime });
    assertEquals(entries.map(({ name, type, mode }) => `${mode.toString(8)} ${type} ${name}`), [
      "755 directory kubernetes/",
      "644 file kubernetes/a b ü\n\"'$(x)",
      "644 file kubernetes/bin-x",
      "755 directory kubernetes/bin/",
      "755 file kubernetes/bin/kubectl",
      "777 symlink kubernetes/dangling",
      "777 symlink kubernetes/link",
      "644 file kubernetes/\uffee",
      "644 file kubernetes/😀",
    ]);
    assert(entries.every((entry) => entry.mtime === mtime && Object.isFrozen(entry)));
  }));

Deno.test("listTree() leaves out what exclude says, with all below", () =>
  inTempDir(async (dir) => {
    await makeTree(join(dir, "t"));
    const exclude = (path: string) => path === "bin" || path.startsWith("a b");
    const names = (await listTree(join(dir, "t"), { mtime, exclude })).map(({ name }) => name);
    assertEquals(names, ["bin-x", "dangling", "link", "\uffee", "😀"]);
  }));

Deno.test("listTree() lists hard links as files", () =>
  inTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "a"), "x");
    await Deno.link(join(dir, "a"), join(dir, "b"));
    assertEquals((await listTree(dir, { mtime })).map(({ type }) => type), ["file", "file"]);
  }));

Deno.test({
  name: "listTree() refuses sockets, names that are not UTF-8, and what is not a directory",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inTempDir(async (dir) => {
      await Deno.mkdir(join(dir, "s"));
      using _socket = Deno.listen({ transport: "unix", path: join(dir, "s/sock") });
      await assertRejects(() => listTree(join(dir, "s"), { mtime }), KbuildError, "it is a socket");
      await assertRejects(() => listTree(join(dir, "no"), { mtime }), KbuildError, "no such file");
      await Deno.writeTextFile(join(dir, "f"), "");
      await assertRejects(
        () => listTree(join(dir, "f"), { mtime }),
        KbuildError,
        "not a directory",
      );
      await Deno.mkdir(join(dir, "u"));
      await run("sh", "-c", 'cd "$1" && : >"$(printf "a\\377")"', "sh", join(dir, "u"));
      await assertRejects(
        () => listTree(join(dir, "u"), { mtime }),
        KbuildError,
        "not valid UTF-8",
      );
    }),
});

Deno.test("compareNames() orders as bytes of UTF-8", () => {
  const names = ["", "a", "a-b", "a/", "a/b", "ab", "ü", "\ud7ff", "\ue000", "\uffee", "😀", "😀a"];
  assertEquals(names.toReversed().sort(compareNames), names);
});

Deno.test("orderEntries() sorts, merges equal directories and puts hard links last", () => {
  const dir = directoryEntry("a", { mtime });
  const hard: TarEntry = { ...dir, name: "a/0", type: "hardlink", linkName: "a/z", mode: 0o644 };
  const file = bytesEntry("a/z", noise(1), { mtime });
  assertEquals(orderEntries([hard, file, dir, { ...dir }]), [dir, file, hard]);
});

Deno.test("orderEntries() refuses entries that contradict each other", () => {
  const dir = directoryEntry("a", { mtime });
  const file = bytesEntry("a", noise(1), { mtime });
  const cases: [TarEntry[], string][] = [
    [[file, file], "two different entries"],
    [[file, dir], "two different entries"],
    [[dir, { ...dir, mode: 0o700 }], "two different entries"],
    [[file, bytesEntry("a/b", noise(1), { mtime })], '"a" is a file, not a directory'],
    [[symlinkEntry("a", "b", { mtime }), bytesEntry("a/b/c", noise(1), { mtime })], "is a symlink"],
  ];
  for (const [entries, message] of cases) {
    assertThrows(() => orderEntries(entries), KbuildError, message);
  }
});

Deno.test("withParents() adds the directories that are missing", () => {
  const entries = [directoryEntry("a", { mtime }), bytesEntry("a/b/c/d", noise(1), { mtime })];
  const names = orderEntries(withParents(entries, { mtime })).map(({ name }) => name);
  assertEquals(names, ["a/", "a/b/", "a/b/c/", "a/b/c/d"]);
});

Deno.test("writeTar() ends with zeros up to a record of 10240 bytes", async () => {
  assertEquals((await tarOf([])).length, 10240);
  // 512 + 8704 + 1024 = 10240: no room to spare, none needed.
  assertEquals((await tarOf([bytesEntry("a", noise(8704), { mtime })])).length, 10240);
  assertEquals((await tarOf([bytesEntry("a", noise(8705), { mtime })])).length, 20480);
});

Deno.test("writeTar() hands out chunks of 1 MiB", () =>
  inTempDir(async (dir) => {
    await Deno.writeFile(join(dir, "f"), noise(3_000_000));
    const out = collect();
    const size = await writeTar([await fileEntry("f", join(dir, "f"), { mtime })], out.sink);
    assertEquals(out.parts.slice(0, 2), [1 << 20, 1 << 20]);
    assertEquals(size, out.bytes().length);
    assertEquals(out.bytes().slice(512, 3_000_512), noise(3_000_000));
  }));

Deno.test("writeTar() refuses a file that grew, shrank or vanished after it was listed", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "f");
    for (const size of [99, 101]) {
      await Deno.writeFile(path, noise(100));
      const entry = await fileEntry("f", path, { mtime });
      await Deno.writeFile(path, noise(size));
      const message = `"${path}": it had 100 bytes when listed and ${size} when read`;
      await assertRejects(() => tarOf([entry]), KbuildError, message);
    }
    const entry = await fileEntry("f", path, { mtime });
    await Deno.remove(path);
    await assertRejects(() => tarOf([entry]), KbuildError, `Cannot read "${path}"`);
  }));

Deno.test("writeTar() reads a part of a file, and written contents held to their size", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "f");
    await Deno.writeFile(path, noise(1000));
    const base = { name: "p", type: "file", mode: 0o644, mtime, size: 50 } as const;
    const part = await tarOf([{ ...base, content: { path, offset: 100 } }]);
    assertEquals(part.slice(512, 562), noise(1000).slice(100, 150));
    const write = async (sink: ByteSink) => {
      for (const at of [0, 20]) await sink(noise(51).subarray(at, at === 0 ? 20 : 51));
    };
    const entry = { ...base, content: { write, label: "blob x" } };
    await assertRejects(() => tarOf([entry]), KbuildError, '"blob x": it had 50 bytes');
    assertEquals((await tarOf([{ ...entry, size: 51 }])).slice(512, 563), noise(51));
  }));

Deno.test("packTarball() depends on names, contents and execute bits alone", () =>
  inTempDir(async (dir) => {
    await makeTree(join(dir, "one"));
    const before = Deno.umask(0o077);
    await makeTree(join(dir, "two"), "back");
    Deno.umask(before);
    await Deno.utime(join(dir, "two/bin-x"), 5, 5);
    const pack = async (name: string, jobs: number, turn: boolean) => {
      const entries = await listTree(join(dir, name), { prefix: "k", mtime });
      const out = join(dir, `${name}-${jobs}.tar.gz`);
      const { path: _, ...rest } = await packTarball(turn ? entries.toReversed() : entries, out, {
        jobs,
      });
      return rest;
    };
    const first = await pack("one", 1, false);
    assertEquals(await pack("one", 2, true), first);
    assertEquals(await pack("two", 2, false), first);
    const bytes = await Deno.readFile(join(dir, "one-1.tar.gz"));
    assertEquals(bytes.length, first.size);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assertEquals(first.sha256, digest);
  }));

Deno.test("packTarball() leaves nothing when aborted, at any time", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "in");
    await Deno.writeFile(path, noise(8_000_000));
    await Deno.mkdir(join(dir, "out"));
    const entries = [await fileEntry("f", path, { mtime })];
    for (const [jobs, wait] of [[1, 0], [2, 0], [2, 40], [1, 40]] as const) {
      const abort = new AbortController();
      const work = packTarball(entries, join(dir, "out/x.tar.gz"), { jobs, signal: abort.signal });
      const refused = assertRejects(() => work, Error, "stop here");
      await new Promise((resolve) => setTimeout(resolve, wait));
      abort.abort(new Error("stop here"));
      await refused;
      assertEquals(await leftovers(join(dir, "out")), []);
    }
  }));

Deno.test("packTarball() keeps the old file when it fails", () =>
  inTempDir(async (dir) => {
    const out = join(dir, "x.tar.gz");
    await Deno.writeTextFile(out, "old");
    const entry: TarEntry = { ...bytesEntry("a", noise(5), { mtime }), size: 6 };
    await assertRejects(() => packTarball([entry], out), KbuildError, '"a"');
    assertEquals([await Deno.readTextFile(out), await leftovers(dir)], ["old", ["x.tar.gz"]]);
    await assertRejects(
      () => packTarball([], join(dir, "no/x.tar.gz")),
      KbuildError,
      'Cannot write "x.tar.gz"',
    );
  }));

Deno.test("packTarball() shares a compressor between archives", () =>
  inTempDir(async (dir) => {
    const deflater = createDeflater({ jobs: 2 });
    const names = ["a", "b", "c"];
    const made = await Promise.all(names.map((name, i) =>
      packTarball([bytesEntry("f", noise(3_000_000, i), { mtime })], join(dir, name), { deflater })
    ));
    deflater.close();
    for (const [i, { sha256 }] of made.entries()) {
      const entry = bytesEntry("f", noise(3_000_000, i), { mtime });
      assertEquals((await packTarball([entry], join(dir, "d"))).sha256, sha256);
    }
  }));

Deno.test("writeFileAtomic() writes text, bytes and streams, with a mode", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "f");
    await writeFileAtomic(path, "text", { mode: 0o755 });
    assertEquals([await Deno.readTextFile(path), (await Deno.stat(path)).mode! & 0o777], [
      "text",
      0o755,
    ]);
    await writeFileAtomic(path, new Uint8Array([65]));
    const result = await writeFileAtomic("long".repeat(60) && path, async (file) => {
      await file.write(new Uint8Array([66]));
      return 7;
    });
    assertEquals([result, await Deno.readTextFile(path)], [7, "B"]);
    assertEquals(await leftovers(dir), ["f"]);
  }));

Deno.test("writeFileAtomic() removes its file when it cannot rename", () =>
  inTempDir(async (dir) => {
    await Deno.mkdir(join(dir, "d/x"), { recursive: true });
    await assertRejects(() => writeFileAtomic(join(dir, "d"), "x"), KbuildError, "Cannot write");
    assertEquals(await leftovers(dir), ["d"]);
  }));

Deno.test("temporaryName() fits beside the longest name", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "n".repeat(255));
    assert(temporaryName(path).includes(`.kbuild-tmp-${Deno.pid}-`));
    await writeFileAtomic(path, "x");
    assertEquals(await Deno.readTextFile(path), "x");
  }));

const capability = Uint8Array.fromHex("0100000200040000000000000000000000000000");
const special = (): TarEntry[] => [
  bytesEntry("bin/cap", noise(9), {
    mtime,
    mode: 0o755,
    xattrs: { "security.capability": capability },
  }),
  bytesEntry(`${"p".repeat(99)}/${"q".repeat(160)}`, noise(8), { mtime }),
  symlinkEntry("long", "t".repeat(120), { mtime }),
  { name: "hard", type: "hardlink", linkName: "bin/cap", mode: 0o755, mtime, size: 0 },
];

Deno.test({
  ...needing("tar", has("tar", "--version"), "packTarball() makes what GNU tar lists and unpacks"),
  fn: () =>
    inTempDir(async (dir) => {
      await makeTree(join(dir, "in"));
      const entries = [...await listTree(join(dir, "in"), { prefix: "k", mtime }), ...special()];
      const { path } = await packTarball(withParents(entries, { mtime }), join(dir, "x.tar.gz"));
      const listing = await run("tar", "--quoting-style=literal", "-tvf", path);
      assert(
        /-rwxr-xr-x root\/root +3000000 2020-09-13 12:26 k\/bin\/kubectl\n/.test(listing),
        listing,
      );
      await Deno.mkdir(join(dir, "out"));
      await run("tar", "-xf", path, "-C", join(dir, "out"), "--no-same-owner");
      await run("diff", "-r", "--no-dereference", join(dir, "in"), join(dir, "out/k"));
      const out = (name: string) => join(dir, "out", name);
      assertEquals(await Deno.readFile(out(`${"p".repeat(99)}/${"q".repeat(160)}`)), noise(8));
      assertEquals(await Deno.readLink(out("long")), "t".repeat(120));
      assertEquals((await Deno.stat(out("hard"))).nlink, 2);
    }),
});

Deno.test({
  ...needing("python3", has("python3", "--version"), "packTarball() makes what Python reads"),
  fn: () =>
    inTempDir(async (dir) => {
      const { path } = await packTarball(special(), join(dir, "x.tar.gz"));
      const script = `import sys, tarfile, hashlib
for m in tarfile.open(sys.argv[1], "r:gz"):
    x = m.pax_headers.get("SCHILY.xattr.security.capability", "")
    print(len(m.name), m.type.decode(), oct(m.mode), m.mtime, m.size, m.uname, len(m.linkname),
          x.encode("utf-8", "surrogateescape").hex())`;
      assertEquals((await run("python3", "-c", script, path)).split("\n"), [
        `7 0 0o755 ${mtime} 9 root 0 0100000200040000000000000000000000000000`,
        `4 2 0o777 ${mtime} 0 root 120 `,
        `260 0 0o644 ${mtime} 8 root 0 `,
        `4 1 0o755 ${mtime} 0 root 7 `,
        "",
      ]);
    }),
});
