import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { trackedByIndex } from "../../src/git/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { have } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

Deno.test({
  name: `trackedByIndex() lists what git tracks, without git${because}`,
  ignore: because !== "",
  fn: async () => {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-index-" }));
    try {
      const env = { PATH: Deno.env.get("PATH") ?? "", HOME: dir, GIT_CONFIG_NOSYSTEM: "1" };
      const { run } = createShell({ cwd: dir, env });
      const root = join(dir, "k8s");
      const git = (...args: string[]) =>
        run(["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args]);
      const ask = async () => [
        await trackedByIndex(root, "_output"),
        await trackedByIndex(join(root, "_output"), "ünï"),
        await trackedByIndex(root, "_out"),
        await trackedByIndex(join(root, "cmd"), "new"),
      ];
      await Deno.mkdir(join(root, "_output/ünï"), { recursive: true });
      await Deno.mkdir(join(root, "cmd"));
      assertEquals(await trackedByIndex(root, "_output"), []);
      await run(["git", "init", "--quiet", root]);
      assertEquals(await trackedByIndex(root, "_output"), []);
      await Deno.writeTextFile(join(root, "_output/ünï/a"), "a");
      await git("add", "--force", ".");
      await git("commit", "--quiet", "--message", "a");
      const whole = [["_output/ünï/a"], ["ünï/a"], [], []];
      assertEquals(await ask(), whole);
      await Deno.remove(join(root, ".git/HEAD"));
      assertEquals(await ask(), whole);
      await Deno.writeTextFile(join(root, ".git/HEAD"), "ref: refs/heads/none\n");
      await git("update-index", "--index-version", "4");
      assertEquals(await trackedByIndex(root, "_output"), undefined);
      await Deno.writeTextFile(join(root, ".git/index"), "garbage");
      assertEquals(await trackedByIndex(root, "_output"), undefined);
      // A linked worktree, then one whose repository is gone.
      await Deno.remove(join(root, ".git"), { recursive: true });
      await Deno.mkdir(join(dir, "main"));
      await Deno.writeTextFile(join(dir, "main/index"), "garbage");
      await Deno.writeTextFile(join(root, ".git"), "gitdir: ../main\n");
      assertEquals(await trackedByIndex(root, "_output"), undefined);
      await Deno.remove(join(dir, "main"), { recursive: true });
      assertEquals(await trackedByIndex(root, "_output"), []);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
