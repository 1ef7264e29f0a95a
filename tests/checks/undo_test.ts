/** What a script that failed did to a checkout is undone, and kept. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openUndo } from "../../src/checks/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV, run } from "../e2e/_program.ts";

const FILES = {
  "clean": "clean\n",
  "deleted": "deleted\n",
  "edited": "edited\n",
  "run.sh": "true\n",
  "staged": "staged\n",
  ".gitignore": "ignored\n_output\n",
};

Deno.test("openUndo() puts back what a script changed, the user's own changes included", () =>
  withFiles(FILES, async (root) => {
    const git = async (...args: string[]) => {
      const name = ["-c", "user.name=n", "-c", "user.email=n@example.test"];
      const { code, stdout, stderr } = await run(["git", ...name, ...args], { cwd: root });
      assertEquals(code, 0, stderr);
      return stdout;
    };
    const write = (path: string, text: string) => Deno.writeTextFile(join(root, path), text);
    const read = (path: string) => Deno.readTextFile(join(root, path));
    await git("init", "-q");
    await git("add", "-A");
    await git("commit", "-qm", "x");
    const shell = createShell({ cwd: root, env: ENV });
    const log = createLogger({ write: () => {} });
    const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });

    await write("edited", "by the user\n");
    await write("new", "by the user\n");
    await Deno.symlink("clean", join(root, "link"));
    const before = await git("status", "--porcelain");
    const undo = await openUndo(context);
    await write("clean", "by the script\n");
    await write("edited", "by the script\n");
    await Deno.remove(join(root, "deleted"));
    await Deno.remove(join(root, "new"));
    await Deno.remove(join(root, "link"));
    await Deno.chmod(join(root, "run.sh"), 0o755);
    await Deno.mkdir(join(root, "made/by"), { recursive: true });
    await write("made/by/script", "by the script\n");
    await write("ignored", "by the script\n");
    await write("staged", "by the script\n");
    await git("add", "staged");

    const aside = join(root, "_output/aside");
    const { paths, left } = await undo!.run(aside);
    assertEquals(left, []);
    assertEquals(paths, [
      ...["clean", "deleted", "edited", "link", "made/by/script", "new", "run.sh", "staged"],
    ]);
    assertEquals(await git("status", "--porcelain"), before);
    assertEquals([await read("edited"), await read("new")], ["by the user\n", "by the user\n"]);
    assertEquals(await Deno.readLink(join(root, "link")), "clean");
    assertEquals([...Deno.readDirSync(root)].some(({ name }) => name === "made"), false);
    for (const path of ["clean", "edited", "made/by/script", "staged"]) {
      assertEquals(await Deno.readTextFile(join(aside, path)), "by the script\n");
    }

    // What the script staged as new is the user's to decide.
    const again = await openUndo(context);
    await write("added", "x\n");
    await git("add", "added");
    assertEquals(await again!.run(aside), { paths: [], left: ["added"] });
  }));

Deno.test("openUndo() promises nothing where git cannot say", () =>
  withFiles({ a: "" }, async (root) => {
    const shell = createShell({ cwd: root, env: ENV });
    const log = createLogger({ write: () => {} });
    const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });
    assertEquals(await openUndo(context), undefined);
  }));
