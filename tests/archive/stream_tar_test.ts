import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  bytesEntry,
  directoryEntry,
  fileEntry,
  listTree,
  readTar,
  streamTar,
  symlinkEntry,
  type TarEntry,
} from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createShell } from "../../src/shell/mod.ts";
import { has, inTempDir, needing } from "./helpers.ts";

const mtime = 1_600_000_000;
const text = (value: string) => new TextEncoder().encode(value);
const env = { PATH: Deno.env.get("PATH") ?? "" };

/** Name, type, size, link, mode and owner of all members, as readTar() reads them. */
async function membersOf(entries: Iterable<TarEntry>): Promise<unknown[]> {
  const found: unknown[] = [];
  const copies = async function* () {
    for await (const chunk of streamTar(entries)) {
      assert(chunk.length <= 1 << 20);
      yield chunk.slice();
    }
  };
  for await (const member of readTar(copies())) {
    const { name, type, size, linkName, mode, uid, gid, mtime } = member;
    await member.bytes();
    found.push([name, type, size, linkName, mode, uid, gid, mtime]);
  }
  return found;
}

function fields({ name, type, size, linkName, mode, uid = 0, gid = 0, mtime }: TarEntry) {
  return [name, type, size, linkName, mode, uid, gid, mtime];
}

Deno.test("streamTar() keeps names, whatever was in the buffer before", async () => {
  const long = (first: number, last: number) => `${"p".repeat(first)}/${"n".repeat(last)}`;
  const full = new Uint8Array(3 << 20).fill(0x61);
  const entries: TarEntry[] = [];
  const names = [
    ...["a", "n".repeat(100), "ü".repeat(50), "ünïcode.txt", long(155, 99), long(1, 98)],
    ...[`d/${"e/".repeat(100)}f`, " b\n\t'\"$(x)"],
  ];
  for (const [index, name] of names.entries()) {
    entries.push(bytesEntry(`${index}`, full, { mtime }), bytesEntry(name, text(name), { mtime }));
    entries.push(symlinkEntry(`l${index}`, "t".repeat(1 + index * 14), { mtime }));
    entries.push(directoryEntry(`d${index}`, { mtime, mode: 0o1777 }));
  }
  entries.push({ ...bytesEntry("owned", text("x"), { mtime: 0, mode: 0o4755 }), uid: 7, gid: 8 });
  assertEquals(await membersOf(entries), entries.map(fields));
  assertEquals(full.length, 3 << 20);
});

Deno.test({
  ...needing("GNU tar", has("tar", "--version"), "GNU tar reads what streamTar() wrote"),
  fn: () =>
    inTempDir(async (dir) => {
      const tree = join(dir, "tree");
      await Deno.mkdir(join(tree, "deep/er"), { recursive: true });
      const noise = crypto.getRandomValues(new Uint8Array(65536));
      await Deno.writeFile(
        join(tree, "deep/large"),
        new Uint8Array(40 * 65536 + 1).map((_, at) => noise[at % 65536]!),
      );
      for (let at = 0; at < 300; at++) {
        await Deno.writeFile(join(tree, `deep/er/${at}-ü`), noise.subarray(0, at * 7));
      }
      await Deno.symlink("deep/large", join(tree, "link"));
      await Deno.mkdir(join(dir, "out"));
      const { $ } = createShell({ cwd: dir, env });
      const stdin = streamTar(await listTree(tree, { mtime }));
      await $`tar -xf - -C out && diff -r tree out`.with({ stdin });
      assertEquals(await Deno.readLink(join(dir, "out/link")), "deep/large");
      // A reader may stop early.
      const early = streamTar(await listTree(tree, { mtime }));
      assertEquals(
        (await $`head -c 100000 | wc -c`.with({ stdin: early }).text()).trim(),
        "100000",
      );
    }),
});

Deno.test("streamTar() refuses what a plain tar cannot hold", async () => {
  const refused: readonly (readonly [TarEntry, string])[] = [
    [{ ...symlinkEntry("h", "a", { mtime }), type: "hardlink" }, "hard link"],
    [bytesEntry("n".repeat(101), text(""), { mtime }), "do not fit"],
    [bytesEntry(`p/${"n".repeat(100)}`, text(""), { mtime }), "99 bytes|100 bytes|filename"],
    [bytesEntry(`${"p".repeat(156)}/n`, text(""), { mtime }), "do not fit"],
    [symlinkEntry("l", "t".repeat(101), { mtime }), "do not fit"],
    [bytesEntry("x", text(""), { mtime, xattrs: { "user.a": text("b") } }), "do not fit"],
    [bytesEntry("x", text(""), { mtime: -1 }), "do not fit"],
    [{ ...bytesEntry("x", text(""), { mtime }), uid: 0o1000000 }, "UID|uid"],
    [{ ...bytesEntry("x", text(""), { mtime }), gname: "ü" }, "GName|gname"],
    [{ ...bytesEntry("x", text(""), { mtime }), size: 8 ** 11 }, "do not fit"],
  ];
  for (const [entry, why] of refused) {
    const error = await assertRejects(() => membersOf([entry]), KbuildError);
    assertStringIncludes(error.message, `Cannot stream "${entry.name}" as a plain tar: `);
    assert(new RegExp(why).test(error.message), error.message);
  }
  await assertRejects(() => membersOf([bytesEntry("../x", text(""), { mtime })]), KbuildError);
});

Deno.test("streamTar() fails where a source has another size, and closes what it opened", () =>
  inTempDir(async (dir) => {
    const path = join(dir, "f");
    await Deno.writeFile(path, new Uint8Array(200_000));
    const file = await fileEntry("f", path, { mtime });
    const wrong: TarEntry[] = [
      ...[{ ...file, size: 199_999 }, { ...file, size: 200_001 }, { ...file, size: 100 }],
      { ...file, content: { path, offset: 1 } },
      { ...bytesEntry("b", text("abc"), { mtime }), size: 4 },
      ...[2, 4].map((size): TarEntry => ({
        ...{ name: "w", type: "file", mode: 0o644, mtime, size },
        content: { label: "w", write: async (sink) => void await sink(text("abc")) },
      })),
    ];
    for (const entry of wrong) {
      const error = await assertRejects(() => membersOf([entry]), KbuildError);
      assert(/bytes when listed and |too early/.test(error.message), error.message);
    }
    const missing = { ...file, content: { path: join(dir, "none") } };
    await assertRejects(() => membersOf([missing]), KbuildError, "Cannot read");
    const failing = {
      ...file,
      content: { label: "w", write: () => Promise.reject(new RangeError("source")) },
    };
    await assertRejects(() => membersOf([failing]), RangeError, "source");
    // A part of a file, and the reader ends early: the test fails if the file stays open.
    const part = { ...file, size: 70_000, content: { path, offset: 130_000 } };
    assertEquals(await membersOf([part]), [fields(part)]);
    for await (const chunk of streamTar([file, file, part])) if (chunk.length > 512) break;
  }));

Deno.test("a program that streamTar() feeds does not end well when a source fails", async () => {
  const entries = async function* () {
    yield bytesEntry("a", new Uint8Array(1 << 20), { mtime });
    await Promise.resolve();
    throw new RangeError("broken");
  };
  const { run, $ } = createShell({ cwd: "/", env });
  await assertRejects(() => run(["cat"], { stdin: streamTar(entries()) }), RangeError);
  const line = $`cat | wc -c`.with({ stdin: streamTar(entries()) });
  await assertRejects(async () => await line, RangeError);
});
