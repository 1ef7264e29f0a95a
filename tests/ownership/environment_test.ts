/** What may be removed where something is mounted, where git is missing, and what make has left. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { removeOutput } from "../../src/commands/clean_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { KbuildError } from "../../src/errors.ts";
import { writeOciLayout } from "../../src/image/mod.ts";
import type { KubeContext } from "../../src/lib/init.ts";
import { checkReleaseReplaceable, claimOutputs } from "../../src/lib/outputs.ts";
import { ownershipContext } from "../../src/lib/ownership.ts";
import { claimCache } from "../../src/net/mod.ts";
import { unless } from "../e2e/_program.ts";
import { inWorld, type World } from "./_world.ts";

async function clean(context: KubeContext): Promise<void> {
  await removeOutput({ context } as OpenCheckout);
}

async function refused(attempt: Promise<unknown>, why: RegExp): Promise<void> {
  assertMatch((await assertRejects(() => attempt, KbuildError)).message, why);
}

async function write(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, path);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Why nothing can be mounted here; undefined if it can. */
const cannotMount = await (async () => {
  if (Deno.build.os !== "linux") return "mounts are tried on Linux";
  const dir = await Deno.makeTempDir({ prefix: "kbuild-mount-" });
  try {
    if (!mount("-t", "tmpfs", "none", dir)) return "this user may not mount";
    new Deno.Command("umount", { args: ["-l", dir] }).outputSync();
    return undefined;
  } finally {
    await Deno.remove(dir);
  }
})();

function mount(...args: string[]): boolean {
  try {
    return new Deno.Command("mount", { args }).outputSync().success;
  } catch {
    return false;
  }
}

/** Mounts something for as long as `work` takes. */
async function mounted(
  args: readonly string[],
  place: string,
  work: () => Promise<void>,
): Promise<void> {
  await Deno.mkdir(place, { recursive: true });
  assert(mount(...args, place), args.join(" "));
  try {
    await work();
  } finally {
    new Deno.Command("umount", { args: ["-l", place] }).outputSync();
  }
}

Deno.test({
  ...unless(cannotMount, "what is mounted over or into an output directory survives"),
  fn: () =>
    inWorld(async ({ dir, root, context }: World) => {
      const plain = ["--bind", join(dir, "plain")];
      const notes = join(dir, "plain/notes");
      // Foreign contents, whatever they are called.
      for (const place of ["_output", "_output-v1", "out", "new\nplace", "a\\040b"]) {
        await mounted(plain, join(root, place), async () => {
          const here = context({ OUT_DIR: place });
          await refused(clean(here), /kbuild did not make/);
          await refused(claimOutputs(here), /kbuild did not make/);
          assert(await exists(notes) && await exists(join(dir, "plain/local/a")), place);
        });
      }
      // The checkout, its parent or a source, by another name.
      for (
        const [from, why] of [[root, /it is the checkout/], [dir, /holds the checkout/]] as const
      ) {
        await mounted(["--bind", from], join(root, "again"), async () => {
          await refused(clean(context({ OUT_DIR: "again" })), why);
          await refused(claimOutputs(context({ OUT_DIR: "again" })), why);
        });
      }
      await mounted(["--bind", join(root, "cmd")], join(root, "sources"), async () => {
        await refused(claimOutputs(context({ OUT_DIR: "sources" })), /kbuild did not make/);
        await refused(clean(context({ OUT_DIR: "sources" })), /kbuild did not make/);
      });
      // Something mounted inside of what would be removed.
      await write(join(root, "_output/local/bin/a"));
      await mounted(plain, join(root, "_output/local/go/cache"), async () => {
        await refused(clean(context()), /is a mount point/);
        assert(await exists(notes) && await exists(join(root, "_output/local/bin/a")));
      });
      await mounted(plain, join(root, "_output/release-tars"), async () => {
        await refused(checkReleaseReplaceable(context()), /is a mount point/);
        await refused(clean(context()), /is a mount point/);
      });
      await mounted(["-t", "tmpfs", "none"], join(root, "layout"), async () => {
        const options = { ownership: ownershipContext(context()) };
        await refused(writeOciLayout(join(root, "layout"), [], options), /is a mount point/);
      });
      await mounted(plain, join(dir, "cache"), async () => {
        const here = context();
        await refused(
          claimCache(join(dir, "cache"), here.env, ownershipContext(here)),
          /kbuild did not make/,
        );
      });
      assert(await exists(notes));

      // An empty disk is as good as an empty directory: it is used, cleared out, and stays.
      for (const place of ["_output-disk", "disk-in-it"]) {
        await mounted(["-t", "tmpfs", "none"], join(root, place), async () => {
          const here = context({ OUT_DIR: place });
          await Deno.mkdir(join(root, place, "lost+found"));
          await claimOutputs(here);
          await write(join(root, place, "release-tars/a"), join(root, place, "local/bin/a"));
          await clean(here);
          assertEquals(await exists(join(root, place, "release-tars")), false);
          assertEquals(await exists(join(root, place, "lost+found")), true);
        });
      }
    }),
});

Deno.test("without git, marks and layouts alone decide", () =>
  inWorld(async ({ root, context, snapshot }) => {
    await Deno.remove(join(root, ".git"), { recursive: true });
    const before = await snapshot();
    for (const PATH of [Deno.env.get("PATH") ?? "", "/nowhere"]) {
      for (const OUT_DIR of ["cmd", "pkg", "tracked-out", "mine", "usr", "to-cmd", "chain"]) {
        const here = context({ PATH, OUT_DIR });
        await refused(clean(here), /kbuild did not make|shows that kbuild made it/);
        await refused(claimOutputs(here), /kbuild did not make|shows that kbuild made it/);
      }
    }
    assertEquals(await snapshot(), before);
    const here = context({ PATH: "/nowhere", OUT_DIR: "fresh" });
    await claimOutputs(here);
    await write(join(root, "fresh/release-tars/a"));
    await clean(here);
    assertEquals(await snapshot(), before);
  }));

Deno.test("clean removes what make has left at its usual places, and leaves the rest", () =>
  inWorld(async ({ root, context }) => {
    const made = [
      ...["local/bin/linux/amd64/kubectl", "local/go/src/x/.git/config", "dockerized/bin/a"],
      ...["images/a/Dockerfile", "release-stage/a", "release-tars/a", "release-images/a/b.tar"],
      ...["gcs-stage/v1/a", "codegen_violations.report"],
    ];
    const output = join(root, "_output");
    await Deno.remove(join(output, "notes"));
    await write(...made.map((path) => join(output, path)), join(root, ".make/cmd/a.mk"));
    await Deno.symlink(join(output, "local/bin/linux/amd64"), join(output, "bin"));
    await clean(context());
    assertEquals([await exists(output), await exists(join(root, ".make"))], [false, false]);

    // One file of somebody else's, and a link: both stay, and the directory with them.
    await write(...made.map((path) => join(output, path)), join(output, "notes"));
    await Deno.symlink("../mine", join(output, "gcs"));
    await Deno.symlink("../mine", join(output, "release-links"));
    await clean(context());
    assertEquals([...Deno.readDirSync(output)].map(({ name }) => name).sort(), [
      "gcs",
      "notes",
      "release-links",
    ]);
    assert(await exists(join(root, "mine/notes")));
  }));

Deno.test("clean removes nothing at all where a part must stay", () =>
  inWorld(async ({ root, context }) => {
    const { shell, env } = context();
    const output = join(root, "_output");
    const git = (cwd: string, ...args: string[]) => shell.run(["git", ...args], { cwd, env });
    await write(join(output, "local/bin/a"), join(output, "release-tars/keep"));
    await git(root, "add", "--force", "_output/release-tars/keep");
    await refused(clean(context()), /git tracks "release-tars\/keep"|git tracks "_output/);
    await refused(checkReleaseReplaceable(context()), /git tracks/);
    assert(await exists(join(output, "local/bin/a")));
    await git(root, "rm", "--cached", "--quiet", "_output/release-tars/keep");

    // Somebody's clone, and a work tree of a branch, whose .git is a file.
    await git(root, "init", "--quiet", join(output, "images/clone"));
    await refused(clean(context()), /is a git repository/);
    await Deno.remove(join(output, "images"), { recursive: true });
    await write(join(output, "images/tree/.git"), join(output, "images/tree/a"));
    await refused(clean(context()), /is a git repository/);
    await Deno.remove(join(output, "images"), { recursive: true });

    const inside = context({}, join(output, "local/bin"));
    await refused(clean(inside), /it holds the working directory .*; change to another one/);
    await claimOutputs(inside);
    assert(await exists(join(output, "local/bin/a")));
    await clean(context());
    assertEquals([...Deno.readDirSync(output)].map(({ name }) => name), ["notes"]);
  }));
