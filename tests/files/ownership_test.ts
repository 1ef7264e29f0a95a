import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  checkDisposable,
  claimDirectory,
  type Evidence,
  isClaimed,
  MARK,
  type OwnershipContext,
} from "../../src/files/mod.ts";
import { ownershipContext } from "../../src/lib/ownership.ts";
import { createShell } from "../../src/shell/mod.ts";

const env = { PATH: Deno.env.get("PATH") ?? "" };
const shell = createShell({ cwd: "/", env });

/** A directory that is removed in the end, links resolved. */
async function inTempDir(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-own-" }));
  try {
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function write(dir: string, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(dir, path), path);
  }
}

async function git(cwd: string, ...args: string[]): Promise<void> {
  await shell.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd });
}

/** Everything is kbuild's own. */
const ours: Evidence = () => Promise.resolve(undefined);

/** The reason of a refusal; undefined if there is none. */
async function reason(
  path: string,
  context: OwnershipContext,
  evidence = ours,
): Promise<string | undefined> {
  try {
    await checkDisposable(path, { action: "remove", evidence }, context);
    return undefined;
  } catch (error) {
    if (!(error instanceof KbuildError)) throw error;
    return error.message.slice(`Cannot remove "${path}": `.length);
  }
}

Deno.test("checkDisposable() keeps what must stay, and takes the rest", () =>
  inTempDir(async (dir) => {
    const root = join(dir, "k8s");
    await write(dir, "k8s/cmd/a.go", "k8s/out/b", "k8s/new\nline/c", "home/x", "k8s/.git-not/d");
    await git(root, "init", "--quiet");
    await git(root, "add", "cmd");
    await Deno.symlink("cmd", join(root, "link"));
    await Deno.symlink("..", join(root, "up"));
    await Deno.symlink("out", join(root, "tracked-link"));
    await git(root, "add", "tracked-link");
    await write(root, "out-with-clone/deep/x");
    await git(join(root, "out-with-clone/deep"), "init", "--quiet");
    const context = ownershipContext({
      shell,
      env: { ...env, HOME: join(dir, "home") },
      root,
      cwd: join(root, "cmd"),
    });
    const table: readonly (readonly [path: string, reason: string | undefined])[] = [
      ["out", undefined],
      ["missing", undefined],
      ["new\nline", undefined],
      [".git-not", undefined],
      ["out/b", undefined],
      [".", "it is the checkout"],
      ["..", `it holds the checkout ("${root}")`],
      ["up", `it holds the checkout ("${root}")`],
      ["../home", "it is the home directory"],
      ["/", "it is the root of the file system"],
      ["cmd", "it is the working directory; change to another one"],
      ["cmd/a.go", "git tracks it"],
      ["link", "it is the working directory"],
      ["link/a.go", "git tracks it"],
      ["tracked-link", "git tracks it"],
      [".git", "it is in a git repository's own directory"],
      [".git/hooks", "it is in a git repository's own directory"],
      ["out-with-clone", `"${root}/out-with-clone/deep" is a git repository`],
    ];
    for (const [path, wanted] of table) {
      const found = await reason(path.startsWith("/") ? path : join(root, path), context);
      if (wanted === undefined) assertEquals(found, undefined, path);
      else assertStringIncludes(found ?? "", wanted, path);
    }
    const elsewhere = ownershipContext({ shell, env });
    assertEquals(await reason(join(root, "cmd"), elsewhere), 'git tracks "cmd/a.go" in it');
    assertEquals(await reason(join(root, "link"), elsewhere), 'git tracks "cmd/a.go" in it');
    assertEquals(
      await reason(join(root, "out"), elsewhere, () => Promise.resolve("it is foreign")),
      "it is foreign",
    );
  }));

Deno.test("checkDisposable() asks git whatever the user's settings are, and does without git", () =>
  inTempDir(async (dir) => {
    await write(dir, "k8s/cmd/a.go", "k8s/out/b", "home/.gitconfig", "other/x");
    const root = join(dir, "k8s");
    for (const repository of [root, join(dir, "other")]) await git(repository, "init", "--quiet");
    await git(root, "add", "cmd");
    const touch = join(dir, "touched");
    await Deno.writeTextFile(
      join(dir, "home/.gitconfig"),
      `[core]\n\tfsmonitor = touch ${touch}\n\tquotePath = true\n\tbare = true\n[alias]\n\tls-files = version\n`,
    );
    const hostile = {
      ...env,
      HOME: join(dir, "home"),
      GIT_DIR: join(dir, "other/.git"),
      GIT_WORK_TREE: join(dir, "other"),
      GIT_INDEX_FILE: "/dev/null",
      GIT_GLOB_PATHSPECS: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.fsmonitor",
      GIT_CONFIG_VALUE_0: `touch ${touch}`,
    };
    const context = ownershipContext({ shell, env: hostile });
    assertEquals(await reason(join(root, "cmd"), context), 'git tracks "cmd/a.go" in it');
    assertEquals(await reason(join(root, "out"), context), undefined);
    await assertRejects(() => Deno.lstat(touch), Deno.errors.NotFound);

    const without = ownershipContext({ shell, env: { PATH: dir } });
    assertEquals(await reason(join(root, "cmd"), without), 'git tracks "cmd/a.go" in it');
    assertEquals(await reason(join(root, "out"), without), undefined);
    assertEquals(
      await reason(join(root, "out"), without, () => Promise.resolve("it is foreign")),
      "it is foreign",
    );
  }));

Deno.test("claimDirectory() marks new and empty directories, and takes nobody else's", () =>
  inTempDir(async (dir) => {
    const cwd = join(dir, "empty");
    const context = ownershipContext({ shell, env, root: join(dir, "k8s"), cwd });
    await write(dir, "k8s/mine/a", "file", "k8s/.git/config");
    await Deno.mkdir(join(dir, "empty"));
    await Deno.symlink("k8s/mine", join(dir, "link"));
    for (const name of ["empty", "new/deep", "new/deep", "empty"]) {
      const path = join(dir, name);
      await claimDirectory(path, { kind: "output" }, context);
      assertEquals(await isClaimed(path, "output"), true);
      assertEquals(await isClaimed(path, "cache"), false);
    }
    const table = [
      ["k8s/mine", `"${dir}/k8s/mine/a" is something that kbuild did not make`],
      ["link", `"${dir}/k8s/mine/a" is something that kbuild did not make`],
      ["file", `"${dir}/file" is not a directory`],
      ["k8s", "it is the checkout"],
      [".", `it holds the checkout ("${dir}/k8s")`],
      ["k8s/.git/new", "it is in a git repository's own directory"],
      ["new", `"${dir}/new/deep" is something that kbuild did not make`],
    ] as const;
    for (const [name, reason] of table) {
      const path = join(dir, name);
      const error = await assertRejects(
        () => claimDirectory(path, { kind: "output", name: 'OUT_DIR="x"' }, context),
        KbuildError,
      );
      assertEquals(error.message, `Cannot use OUT_DIR="x": ${reason}`);
      assertEquals(await isClaimed(path, "output"), false);
    }
    await assertRejects(
      () => claimDirectory(join(dir, "empty"), { kind: "cache" }, context),
      KbuildError,
      MARK,
    );
  }));

Deno.test("claimDirectory() finishes the mark of a killed process, and only that", () =>
  inTempDir(async (dir) => {
    const context = ownershipContext({ shell, env, root: join(dir, "k8s"), cwd: dir });
    const claim = (name: string) => claimDirectory(join(dir, name), { kind: "cache" }, context);
    await claim("whole");
    const text = await Deno.readTextFile(join(dir, "whole", MARK));
    for (const part of ["", "c", "output\n#", text.slice(0, -1)]) {
      const name = `part-${part.length}`;
      const path = join(dir, name);
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, MARK), part);
      await Promise.all([claim(name), claim(name), claim(name)]);
      assertEquals(await Deno.readTextFile(join(path, MARK)), text);
      assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), [MARK]);
    }
    const foreign = { "other text": "mine\n", "with a file": "", "a link": "" };
    for (const [name, part] of Object.entries(foreign)) {
      await Deno.mkdir(join(dir, name));
      const mark = join(dir, name, MARK);
      if (name === "a link") await Deno.symlink(join(dir, "precious"), mark);
      else await Deno.writeTextFile(mark, part);
      if (name === "with a file") await Deno.writeTextFile(join(dir, name, "a"), "");
      await assertRejects(() => claim(name), KbuildError, "did not make");
    }
    await assertRejects(() => Deno.lstat(join(dir, "precious")), Deno.errors.NotFound);
  }));
