/** What a script that failed did to a checkout is undone, and kept. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openUndo } from "../../src/checks/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV, run } from "../e2e/_program.ts";

const FILES = {
  "clean": "clean\n",
  "deleted": "deleted\n",
  "dir/file": "file\n",
  "edited": "edited\n",
  "run.sh": "true\n",
  "staged": "staged\n",
  ".gitignore": "ignored\n_output\n",
};

interface Repository {
  readonly root: string;
  readonly context: KubeContext;
  git(...args: string[]): Promise<string>;
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
}

/** FILES, all committed. */
function inRepository(body: (repository: Repository) => Promise<void>): Promise<void> {
  return withFiles(FILES, async (root) => {
    const git = async (...args: string[]) => {
      const name = ["-c", "user.name=n", "-c", "user.email=n@example.test"];
      const { code, stdout, stderr } = await run(["git", ...name, ...args], { cwd: root });
      assertEquals(code, 0, stderr);
      return stdout;
    };
    await git("init", "-q");
    await git("add", "-A");
    await git("commit", "-qm", "x");
    const shell = createShell({ cwd: root, env: ENV });
    const log = createLogger({ write: () => {} });
    await body({
      ...{ root, git, context: createContext({ root, env: ENV, shell, log, host: "linux/amd64" }) },
      write: (path, text) => Deno.writeTextFile(join(root, path), text),
      read: (path) => Deno.readTextFile(join(root, path)),
    });
  });
}

Deno.test("openUndo() puts back what a script changed, the user's own changes included", () =>
  inRepository(async ({ root, context, git, write, read }) => {
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
    const { paths, left, problems } = await undo!.run(aside);
    assertEquals([left, problems], [[], []]);
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
    assertEquals(await again!.run(aside), {
      ...{ paths: [], left: ["added"], problems: [], aside: undefined },
    });
  }));

Deno.test("openUndo() puts files back where directories, links and files of a script are", () =>
  inRepository(async ({ root, context, git, write, read }) => {
    await write("edited", "by the user\n");
    await write("new", "by the user\n");
    await Deno.mkdir(join(root, "d"));
    await write("d/new", "by the user\n");
    await Deno.symlink("clean", join(root, "link"));
    const before = await git("status", "--porcelain");
    const undo = await openUndo(context);
    for (const path of ["edited", "clean", "link", "new"]) {
      await Deno.remove(join(root, path));
      await Deno.mkdir(join(root, path));
      await write(`${path}/x`, "by the script\n");
      await write(`${path}/ignored`, "by the script\n");
    }
    await Deno.remove(join(root, "d"), { recursive: true });
    await write("d", "by the script\n");
    await Deno.remove(join(root, "dir"), { recursive: true });
    await Deno.symlink("clean", join(root, "dir"));

    const { left, problems, aside } = await undo!.run(join(root, "_output/aside"));
    assertEquals([left, problems], [[], []]);
    assertEquals(await git("status", "--porcelain"), before);
    for (const path of ["edited", "new", "d/new"]) {
      assertEquals(await read(path), "by the user\n");
    }
    assertEquals([await read("clean"), await read("dir/file")], ["clean\n", "file\n"]);
    assertEquals(await Deno.readLink(join(root, "link")), "clean");
    assertEquals(await Deno.readTextFile(join(aside!, "edited/ignored")), "by the script\n");
    assertEquals(await Deno.readTextFile(join(aside!, "d")), "by the script\n");
  }));

Deno.test("openUndo() leaves files where they are when git cannot put them back, and keeps what was kept", () =>
  inRepository(async ({ root, context, write, read }) => {
    const wanted = join(root, "_output/aside");
    const undo = await openUndo(context);
    await write("clean", "by the script\n");
    await write("made", "by the script\n");
    await write(".git/index.lock", "");
    const { paths, left, problems, aside } = await undo!.run(wanted);
    assertEquals([paths, left, aside], [["made"], ["clean"], wanted]);
    assertStringIncludes(problems.join(), "index.lock");
    assertEquals(await read("clean"), "by the script\n");

    await Deno.remove(join(root, ".git/index.lock"));
    await write("clean", "by the user, meanwhile\n");
    const second = await undo!.run(wanted);
    assertEquals([second.paths, second.left, second.aside], [["clean"], [], `${wanted}.2`]);
    assertEquals(await read("clean"), "clean\n");
    assertEquals(await Deno.readTextFile(join(wanted, "made")), "by the script\n");
    assertEquals(await Deno.readTextFile(`${wanted}.2/clean`), "by the user, meanwhile\n");
  }));

Deno.test("openUndo() promises nothing where git cannot say", () =>
  withFiles({ a: "" }, async (root) => {
    const shell = createShell({ cwd: root, env: ENV });
    const log = createLogger({ write: () => {} });
    const context = createContext({ root, env: ENV, shell, log, host: "linux/amd64" });
    assertEquals(await openUndo(context), undefined);
  }));
