import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TEMPORARY_PREFIX } from "../../src/files/mod.ts";
import { fromFileUrl, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  bytesEntry,
  directoryEntry,
  packTarball,
  symlinkEntry,
  unpackTar,
} from "../../src/archive/mod.ts";
import { directory, file, header, inPieces, member, snapshot, tar } from "./_hostile.ts";
import { has, inTempDir, needing, noise, run, tarOf } from "./helpers.ts";

const mtime = 1600000000;
const utf8 = new TextEncoder();

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

function modeOf(path: string): number {
  return Deno.lstatSync(path).mode! & 0o7777;
}

Deno.test("unpackTar() makes files, directories and links as packTarball() packed them", () =>
  inTempDir(async (dir) => {
    const archive = join(dir, "x.tar.gz");
    const long = `${"d".repeat(120)}/${"ü".repeat(60)}`;
    await packTarball([
      bytesEntry("bin/run", utf8.encode("#!/bin/sh\n"), { mtime, mode: 0o755 }),
      bytesEntry("bin/secret", utf8.encode("s"), { mtime: -5, mode: 0o400 }),
      bytesEntry("large", noise(3 << 20), { mtime, mode: 0o644 }),
      bytesEntry("empty $(x)\n", new Uint8Array(0), { mtime }),
      bytesEntry(long, noise(5), { mtime }),
      directoryEntry("hollow", { mtime, mode: 0o500 }),
      symlinkEntry("hollow/link", "../bin/run", { mtime }),
      { name: "same", type: "hardlink", mode: 0o755, mtime, size: 0, linkName: "bin/run" },
    ], archive);
    const target = join(dir, "out");
    const made = await unpackTar(archive, target);
    assertEquals(made, { members: 8, size: 10 + 1 + (3 << 20) + 5 });
    assert(Object.isFrozen(made));
    assertEquals(namesIn(target), [
      "bin",
      "d".repeat(120),
      "empty $(x)\n",
      "hollow",
      "large",
      "same",
    ]);
    assertEquals(await Deno.readFile(join(target, "large")), noise(3 << 20));
    assertEquals(await Deno.readTextFile(join(target, "hollow/link")), "#!/bin/sh\n");
    assertEquals(
      Deno.lstatSync(join(target, "same")).ino,
      Deno.lstatSync(join(target, "bin/run")).ino,
    );
    const times = ["bin/run", "bin/secret"].map((name) => Deno.lstatSync(join(target, name)).mtime);
    assertEquals(times.map((time) => time!.getTime()), [mtime * 1000, -5000]);
    assertEquals(
      ["", "bin", "bin/run", "bin/secret", "large", "hollow"].map((name) =>
        modeOf(join(target, name))
      ),
      [0o755, 0o755, 0o755, 0o600, 0o644, 0o700],
    );
    assertEquals(namesIn(dir), ["out", "x.tar.gz"]);
  }));

Deno.test("unpackTar() gives no rights to others, and the root the mode of ./", () =>
  inTempDir(async (dir) => {
    const target = join(dir, "out");
    await Deno.mkdir(target);
    const bytes = tar(
      header({ name: "./", type: "5", mode: "0002770\0" }),
      member({ name: "a", mode: "0006777\0" }),
      file("implied/b"),
    );
    await unpackTar(inPieces(bytes), target);
    assertEquals(
      ["", "a", "implied"].map((name) => modeOf(join(target, name))),
      [0o750, 0o755, 0o755],
    );
  }));

Deno.test("unpackTar() gives the same modes whatever the umask", () =>
  inTempDir(async (dir) => {
    const bytes = tar(directory("d/"), file("d/a"), file("e/b"));
    await Deno.writeFile(join(dir, "x.tar"), bytes);
    const module = new URL("../../src/archive/unpack_tar.ts", import.meta.url);
    const config = new URL(
      `../../${Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json"}`,
      import.meta.url,
    );
    const script = `const { unpackTar } = await import(${JSON.stringify(module)});
      for (const mask of [0, 0o77, 0o777]) {
        Deno.umask(mask);
        await unpackTar("x.tar", "out-" + mask);
      }`;
    await Deno.writeTextFile(join(dir, "unpack.ts"), script);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", fromFileUrl(config), join(dir, "unpack.ts")],
      cwd: dir,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const first = snapshot(join(dir, "out-0"));
    assertEquals(first.length, 5);
    for (const mask of [0o77, 0o777]) assertEquals(snapshot(join(dir, `out-${mask}`)), first);
  }));

Deno.test("unpackTar() makes an empty directory of an empty archive", () =>
  inTempDir(async (dir) => {
    assertEquals(await unpackTar(inPieces(tar()), join(dir, "out")), { members: 0, size: 0 });
    assertEquals(namesIn(join(dir, "out")), []);
  }));

Deno.test("unpackTar() leaves a target alone that is taken", () =>
  inTempDir(async (dir) => {
    await Deno.mkdir(join(dir, "full"));
    await Deno.writeTextFile(join(dir, "full/mine"), "mine");
    await Deno.writeTextFile(join(dir, "file"), "mine");
    await Deno.mkdir(join(dir, "empty"));
    await Deno.symlink("empty", join(dir, "link"));
    await Deno.symlink("nothing", join(dir, "dangling"));
    const before = snapshot(dir);
    for (
      const [name, why] of [
        ["full", 'Cannot unpack into "full" in '],
        ["full", 'it holds "mine"'],
        ["file", "it is a file"],
        ["link", "it is a link"],
        ["dangling", "it is a link"],
        ["none/below", "no such file or directory"],
        ["file/below", "ot a directory"],
      ] as const
    ) {
      const error = await assertRejects(
        () => unpackTar(inPieces(tar(file("a"))), join(dir, name)),
        KbuildError,
        why,
      );
      assert(name === "file/below" || error.notes.length > 0);
      assertEquals(snapshot(dir), before);
    }
  }));

Deno.test("unpackTar() leaves alone what comes to the target meanwhile", () =>
  inTempDir(async (dir) => {
    for (const kind of ["directory", "file", "link"]) {
      const target = join(dir, kind);
      const appear = () => {
        if (kind === "link") Deno.symlinkSync(".", target);
        else if (kind === "file") Deno.writeTextFileSync(target, "mine");
        else Deno.mkdirSync(join(target, "mine"), { recursive: true });
      };
      await assertRejects(
        () => unpackTar(inPieces(tar(file("a"))), target, { accept: appear }),
        KbuildError,
        `Cannot unpack into "${kind}" in `,
      );
      const info = Deno.lstatSync(target);
      assertEquals(
        [info.isDirectory, info.isFile, info.isSymlink].indexOf(true),
        [
          "directory",
          "file",
          "link",
        ].indexOf(kind),
      );
      if (kind === "directory") assertEquals(namesIn(target), ["mine"]);
    }
    assertEquals(namesIn(dir), ["directory", "file", "link"]);
  }));

Deno.test("unpackTar() asks accept() about each member before it is written", () =>
  inTempDir(async (dir) => {
    const seen: string[] = [];
    const refusal = new Error("not this one");
    const error = await assertRejects(() =>
      unpackTar(inPieces(tar(file("a"), file("../b"), file("c"))), join(dir, "out"), {
        accept: ({ name, size }) => {
          seen.push(`${name} ${size}`);
          if (name === "../b") throw refusal;
        },
      })
    );
    assert(error === refusal);
    assertEquals([seen, namesIn(dir)], [["a 8", "../b 8"], []]);
  }));

Deno.test("unpackTar() stops between two chunks when asked to, and keeps nothing", () =>
  inTempDir(async (dir) => {
    const stop = new AbortController();
    const reason = new KbuildError("Stopped by Ctrl-C", { exitCode: 130 });
    const bytes = await tarOf([bytesEntry("a", noise(1 << 20), { mtime })]);
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array, void> {
      for await (const piece of inPieces(bytes, 1 << 16)) {
        given += piece.length;
        if (given > 300_000) stop.abort(reason);
        yield piece;
      }
    }
    const unpack = () => unpackTar(source(), join(dir, "out"), { signal: stop.signal });
    assert(await assertRejects(unpack, KbuildError) === reason);
    assert(given < 500_000);
    assertEquals(namesIn(dir), []);
    assert(await assertRejects(unpack, KbuildError) === reason);
  }));

Deno.test("unpackTar() lets errors of its source through, and keeps nothing", () =>
  inTempDir(async (dir) => {
    const broken = new Error("connection reset");
    async function* source(): AsyncGenerator<Uint8Array, void> {
      yield tar(file("a")).subarray(0, 600);
      throw broken;
    }
    assert(await assertRejects(() => unpackTar(source(), join(dir, "out"))) === broken);
    assertEquals(namesIn(dir), []);
    const missing = () => unpackTar(join(dir, "none.tar"), join(dir, "out"));
    assertStringIncludes((await assertRejects(missing, KbuildError)).message, "none.tar");
    assertEquals(namesIn(dir), []);
  }));

Deno.test("unpackTar() shows nothing at the target before all is there", () =>
  inTempDir(async (dir) => {
    const target = join(dir, "out");
    const bytes = tar(file("a"), file("b"));
    await unpackTar(inPieces(bytes, 512), target, {
      accept: ({ name }) => {
        const [temporary, ...more] = namesIn(dir);
        assert(temporary!.startsWith(TEMPORARY_PREFIX));
        assertEquals([more, modeOf(join(dir, temporary!))], [[], 0o700]);
        assertEquals(namesIn(join(dir, temporary!)), name === "a" ? [] : ["a"]);
      },
    });
    assertEquals(namesIn(dir), ["out"]);
  }));

for (const [program, format] of [["tar", "gnu"], ["tar", "pax"], ["bsdtar", "pax"]] as const) {
  Deno.test({
    ...needing(
      program,
      has(program, "--version"),
      `unpackTar() makes the same of ${program}'s ${format} archives as ${program}`,
    ),
    fn: () =>
      inTempDir(async (dir) => {
        const top = join(dir, "in", "l".repeat(120), "m".repeat(120));
        await Deno.mkdir(top, { recursive: true });
        await Deno.writeFile(join(top, "ü\n$(x)"), noise(5000));
        await Deno.writeTextFile(join(dir, "in/run"), "run", { mode: 0o755 });
        await Deno.link(join(dir, "in/run"), join(dir, "in/same"));
        await Deno.symlink("run", join(dir, "in/link"));
        await Deno.symlink("../../run", join(top, "link"));
        await Deno.chmod(join(dir, "in"), 0o755);
        await Deno.utime(join(dir, "in/run"), mtime, mtime);
        const archive = join(dir, "x.tar.gz");
        await run(program, "-czf", archive, `--format=${format}`, "-C", join(dir, "in"), ".");
        await Deno.mkdir(join(dir, "theirs"));
        await run(program, "-xpzf", archive, "-C", join(dir, "theirs"));
        await unpackTar(archive, join(dir, "ours"));
        const view = (name: string) =>
          snapshot(join(dir, name)).map((line) => line.replace(/ (\d+)\.?\d* "/, ' "'));
        assertEquals(view("ours"), view("theirs"));
      }),
  });
}
