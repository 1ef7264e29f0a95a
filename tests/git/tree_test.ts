/** One question to git instead of three, with the same answers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { askGit, isIndexStale, openTree } from "../../src/git/mod.ts";
import { createShell, InterruptedError } from "../../src/shell/mod.ts";

const FIRST = ["a.go", "c.go", "d.go"];

/** A repository with one commit, and how often git was asked about it. */
async function inRepository(
  body: (repository: {
    root: string;
    run(...args: string[]): Promise<void>;
    context: Parameters<typeof openTree>[0];
    starts: string[];
  }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-git-" }));
  const root = join(dir, "a tree");
  const ignored = join(dir, "ignored");
  const env = {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: dir,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_COMMITTER_DATE: "1600000000 +0000",
  };
  const starts: string[] = [];
  const shell = createShell({
    cwd: dir,
    env,
    onStart: ({ argv }) => void starts.push(argv.join(" ")),
  });
  const run = async (...args: string[]) => {
    const given = ["-c", "user.name=a", "-c", "user.email=a@b", ...args];
    await createShell({ cwd: root, env }).run(["git", ...given]);
  };
  try {
    await Deno.mkdir(root);
    await Deno.writeTextFile(ignored, "*.mine\n");
    await run("init", "--quiet");
    await run("config", "--global", "core.excludesFile", ignored);
    // More than are changed: an index whose files are all others counts as copied, and git begins again.
    for (const name of FIRST) {
      await Deno.writeTextFile(join(root, name), "package a\n");
    }
    await run("add", ".");
    await run("commit", "--quiet", "--message", "first");
    await body({ root, run, context: { root, env, shell }, starts });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("begin() asks what is asked later anyway, once", () =>
  inRepository(async ({ context, starts }) => {
    for (const everything of [false, true]) {
      starts.length = 0;
      const tree = openTree(context, { everything });
      await tree.begin();
      const { length } = starts;
      assertEquals(length, 2);
      await Promise.all([tree.head(), tree.status(), tree.begin()]);
      assertEquals(starts.length, length);
    }
  }));

Deno.test("openTree() asks each question once, and gives what git itself answers", () =>
  inRepository(async ({ root, context, starts }) => {
    const states: Record<string, () => Promise<void>> = {
      "clean": () => Promise.resolve(),
      "changed": () => Deno.writeTextFile(join(root, "a.go"), "package b\n"),
      "ignored by the user": () => Deno.writeTextFile(join(root, "b.mine"), ""),
      "new": async () => {
        await Deno.mkdir(join(root, "new"));
        await Deno.writeTextFile(join(root, "new", "ü\n.go"), "");
      },
    };
    for (const [name, change] of Object.entries(states)) {
      await change();
      const asked = (...args: string[]) => askGit(context, args);
      const wanted = {
        head: (await asked("rev-parse", "HEAD^{commit}")).text?.trim(),
        status: await asked("status", "--porcelain", "-z"),
        everything: await asked(
          ...["-c", "core.excludesFile=/dev/null"],
          ...["status", "--porcelain", "-z", "--untracked-files=all"],
        ),
      };
      const count: Record<string, number> = {};
      for (const everything of [false, true]) {
        starts.length = 0;
        const tree = openTree(context, { everything });
        for (let again = 0; again < 2; again++) {
          assertEquals(await tree.head(), { commit: wanted.head ?? "", time: 1600000000 }, name);
          assertEquals(await tree.status(), wanted.status, name);
          if (everything) assertEquals(await tree.everything(), wanted.everything, name);
        }
        count[`${everything}`] = starts.length;
      }
      // Only what is new needs a second look at the user's own list.
      const isNew = name.startsWith("ignored") || name === "new";
      assertEquals(count, { false: 2, true: isNew ? 3 : 2 }, name);
    }
  }));

Deno.test("the index of a copied checkout is made to fit its files, once, and no other index is written", () =>
  inRepository(async ({ root, context, run }) => {
    // The name fills its place to the last byte, and the next begins right behind it.
    for (const name of ["b", "b.go", "ccccccccc.go", "sub/ü ü.go"]) {
      await Deno.mkdir(join(root, "sub"), { recursive: true });
      await Deno.writeTextFile(join(root, name), name);
    }
    await run("add", ".");
    const indexOf = async (tree: string) => await Deno.readFile(join(tree, ".git/index"));
    const look = async (tree: string) => {
      const answer = await openTree({ ...context, root: tree }).status();
      assert(answer.text !== undefined);
      return answer.text;
    };
    assertEquals(await isIndexStale(root), false);
    // One file that has changed is a change, not a copy.
    await Deno.writeTextFile(join(root, "b"), "changed");
    const before = await indexOf(root);
    await look(root);
    assertEquals(await indexOf(root), before);

    const copy = `${root} copied`;
    await createShell({ cwd: root, env: context.env }).run(["cp", "-a", root, copy]);
    assertEquals(await isIndexStale(copy), true);
    const answer = await look(copy);
    assertEquals(answer, await look(root));
    assertEquals(await isIndexStale(copy), false);
    const refreshed = await indexOf(copy);
    assertEquals(await look(copy), answer);
    assertEquals(await indexOf(copy), refreshed);

    for (const damage of [new Uint8Array(), before.subarray(0, 70), new Uint8Array(500)]) {
      await Deno.writeFile(join(copy, ".git/index"), damage);
      assertEquals(await isIndexStale(copy), false);
    }
    assertEquals(await isIndexStale("/"), false);
  }));

Deno.test("the index of a fresh clone is made to fit, once, if many files are as young as it is", () =>
  inRepository(async ({ root, context, run }) => {
    const index = join(root, ".git/index");
    // One for all: git leaves the entry of a.go as it is, once it is skipped.
    const second = Math.floor(Date.now() / 1000) - 10;
    const young = async () => {
      await run("add", ".");
      const names = [...Deno.readDirSync(join(root, "many"))].map(({ name }) => `many/${name}`);
      for (const name of [...FIRST, ...names]) await Deno.utime(join(root, name), second, second);
      await run("update-index", "-q", "--refresh");
      // As if it had been written in the same second.
      await Deno.utime(index, second, second);
    };
    await Deno.mkdir(join(root, "many"));
    // With the first ones, one less than many.
    for (let at = 0; at < 496; at++) await Deno.writeTextFile(join(root, `many/${at}`), `${at}`);
    await young();
    assertEquals(await isIndexStale(root), false);
    await Deno.writeTextFile(join(root, "many/é"), "");
    // Entries with second flags are longer.
    await run("update-index", "--skip-worktree", "a.go");
    await young();
    assertEquals(await isIndexStale(root), true);
    const before = (await openTree(context).status()).text;
    assertEquals(await isIndexStale(root), false);
    assert((await Deno.stat(index)).mtime!.getTime() / 1000 > second);
    assertEquals((await openTree(context).status()).text, before);
  }));

Deno.test("openTree() says why git does not answer", () =>
  inRepository(async ({ root, run, context }) => {
    await run("checkout", "--quiet", "--orphan", "empty");
    const unborn = await openTree(context, { everything: true }).head();
    assertEquals(unborn.failure?.kind, "no commit");
    await Deno.remove(join(root, ".git"), { recursive: true });
    const env = { ...context.env, GIT_CEILING_DIRECTORIES: join(root, "..") };
    const none = openTree({ ...context, env }, { everything: true });
    assertEquals((await none.head()).failure?.kind, "no repository");
    assertEquals((await none.status()).failure?.kind, "no repository");
    assert((await none.everything()).text === undefined);
  }));

// Deno ends a program whose error nobody looks at.
Deno.test("status() after Ctrl-C fails for whoever asks, and for nobody else", () =>
  inRepository(async ({ root, context: { env } }) => {
    const shell = createShell({ cwd: root, env, signal: AbortSignal.abort() });
    const unseen: unknown[] = [];
    const see = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      unseen.push(event.reason);
    };
    addEventListener("unhandledrejection", see);
    try {
      await assertRejects(() => openTree({ root, env, shell }).status(), InterruptedError);
      await assertRejects(() => openTree({ root, env, shell }).everything(), InterruptedError);
    } finally {
      removeEventListener("unhandledrejection", see);
    }
    assertEquals(unseen, []);
  }));
