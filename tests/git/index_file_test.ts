import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { askIndex } from "../../src/git/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { have } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";

Deno.test({
  name: `askIndex() finds what git tracks, without git${because}`,
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
        await askIndex(root, "_output"),
        await askIndex(join(root, "_output"), "ünï"),
        await askIndex(root, "_out"),
        await askIndex(join(root, "cmd"), "new"),
      ];
      await Deno.mkdir(join(root, "_output/ünï"), { recursive: true });
      await Deno.mkdir(join(root, "cmd"));
      assertEquals(await askIndex(root, "_output"), "none");
      await run(["git", "init", "--quiet", root]);
      assertEquals(await askIndex(root, "_output"), "none");
      await Deno.writeTextFile(join(root, "_output/ünï/a"), "a");
      await git("add", "--force", ".");
      await git("commit", "--quiet", "--message", "a");
      const whole = ["tracked", "tracked", "not tracked", "not tracked"];
      assertEquals(await ask(), whole);
      await Deno.remove(join(root, ".git/HEAD"));
      assertEquals(await ask(), whole);
      await Deno.writeTextFile(join(root, ".git/HEAD"), "ref: refs/heads/none\n");
      await git("update-index", "--index-version", "4");
      assertEquals(await askIndex(root, "_output"), "unreadable");
      await Deno.writeTextFile(join(root, ".git/index"), "garbage");
      assertEquals(await askIndex(root, "_output"), "unreadable");
      // A linked worktree, then one whose repository is gone.
      await Deno.remove(join(root, ".git"), { recursive: true });
      await Deno.mkdir(join(dir, "main"));
      await Deno.writeTextFile(join(dir, "main/index"), "garbage");
      await Deno.writeTextFile(join(root, ".git"), "gitdir: ../main\n");
      assertEquals(await askIndex(root, "_output"), "unreadable");
      await Deno.remove(join(dir, "main"), { recursive: true });
      assertEquals(await askIndex(root, "_output"), "none");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
