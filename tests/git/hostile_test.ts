/** Every question that kbuild asks git, under a configuration that is in the way: same answers. */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { createDeflater } from "../../src/archive/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { missingFromGit } from "../../src/generate/mod.ts";
import { treeKey } from "../../src/generate/state.ts";
import { askGit, gitVariables, statusEntries } from "../../src/git/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { getVersionVars, sourceDateEpoch } from "../../src/lib/version/mod.ts";
import { Identifier } from "../../src/release/identity.ts";
import { readReleaseLayout } from "../../src/release/mod.ts";
import { identifySource, packSource, planSource } from "../../src/release/source_tarball.ts";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { hostileGit } from "./_hostile.ts";

const PLAIN: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

async function inTemp(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-git-" }));
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function contextOf(root: string, env: Readonly<Record<string, string>>): KubeContext {
  const shell = createShell({ cwd: root, env });
  return createContext({ root, env, log: createLogger({ write: () => {} }), shell });
}

/** Gives HEAD a signature, which only programs of the configuration could check, and a %h to fill in. */
async function signHead({ root, env, shell }: KubeContext): Promise<void> {
  const git = async (args: readonly string[], stdin?: string) => {
    const input = stdin === undefined ? {} : { stdin };
    return (await shell.run(["git", ...args], { cwd: root, env, ...input })).stdout;
  };
  await Deno.writeTextFile(join(root, "abbreviated.txt"), "$Format:%h$\n$Id$\n");
  await Deno.writeTextFile(join(root, ".gitattributes"), "abbreviated.txt export-subst\n");
  await git(["add", "abbreviated.txt", ".gitattributes"]);
  const tree = (await git(["write-tree"])).trim();
  const person = "kbuild <kbuild@localhost> 1600000000 +0000";
  const signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----";
  const text = `tree ${tree}\nparent ${(await git(["rev-parse", "HEAD"])).trim()}\n` +
    `author ${person}\ncommitter ${person}\n${signature}\n\nsigned ü\n`;
  const signed = (await git(["hash-object", "-t", "commit", "-w", "--stdin"], text)).trim();
  await git(["update-ref", "HEAD", signed]);
  await git(["tag", "v1.20.3"]);
}

/** All that is asked of git, and what an archive of the sources holds. */
async function answers(context: KubeContext): Promise<unknown> {
  const vars = await getVersionVars(context);
  const checkout = await readCheckout(context.root, { variables: {}, hostArch: "amd64" });
  const source = await planSource(context, await readReleaseLayout(checkout), { clean: true });
  const identity = new Identifier();
  identifySource(identity, context, source);
  const path = join(context.root, "_output", "src.tar.gz");
  await Deno.mkdir(join(path, ".."), { recursive: true });
  const deflater = createDeflater({ level: 1, jobs: 1 });
  try {
    await packSource(context, source, path, { epoch: 0, deflater });
  } finally {
    deflater.close();
  }
  return {
    vars,
    epoch: await sourceDateEpoch(context, vars),
    key: await treeKey(context),
    missing: (await missingFromGit(context)).map(({ output }) => output),
    commit: source.commit,
    identity: identity.done().strict,
    archive: createHash("sha256").update(await Deno.readFile(path)).digest("hex"),
  };
}

Deno.test("git answers the same under a hostile configuration, and starts no program of it", () =>
  inTemp(async (dir) => {
    const hostile = await hostileGit(join(dir, "home"));
    const root = join(dir, "kubernetes");
    const shell = createShell({ cwd: dir, env: PLAIN });
    const info = await createSample({ dir: root, era: "1.20", git: shell, env: PLAIN });
    const plain = contextOf(root, PLAIN);
    await signHead(plain);
    const under = contextOf(root, { ...PLAIN, ...hostile.env });
    const wanted = await answers(plain);
    assertEquals(await answers(under), wanted);
    const { vars, missing } = wanted as { vars: { gitVersion: string }; missing: string[] };
    assertEquals(vars.gitVersion, "v1.20.3");
    assert(missing.length > 0, "nothing is missing from git");

    // A changed tree: an odd name, a renamed file, a changed submodule-like directory.
    await Deno.rename(join(root, "README.md"), join(root, "ü\tnew.md"));
    const dirty = await getVersionVars(plain);
    assertEquals(dirty.dirtyPaths, ["README.md", "ü\tnew.md"]);
    // What the user's own list ignores is not looked for, as in the scripts; a deletion is seen.
    const key = await treeKey(plain);
    assertEquals([await treeKey(under), (await getVersionVars(under)).gitVersion], [
      key,
      "v1.20.3-dirty",
    ]);

    const second = createShell({ cwd: dir, env: { ...PLAIN, ...hostile.env } });
    const again = await createSample({
      dir: join(dir, "second"),
      era: "1.20",
      git: second,
      env: { ...PLAIN, ...hostile.env },
    });
    assertEquals(again.commit, info.commit);
    assertEquals(await hostile.started(), []);
  }));

Deno.test("askGit() says why git does not answer, without its traces", () =>
  inTemp(async (dir) => {
    const hostile = await hostileGit(join(dir, "home"));
    const noGit = await askGit(contextOf(dir, { PATH: dir }), ["rev-parse", "HEAD"]);
    assertEquals([noGit.failure?.kind, noGit.text], ["no git", undefined]);
    const here = contextOf(dir, { ...PLAIN, ...hostile.env, GIT_CEILING_DIRECTORIES: dir });
    const none = await askGit(here, ["rev-parse", "HEAD"]);
    assertEquals(none.failure?.kind, "no repository");
    assertEquals(none.failure?.lines.length, 1);
    assert(none.failure?.lines[0]?.startsWith("fatal: not a git repository"));
  }));

Deno.test("statusEntries() reads names of every kind", () => {
  assertEquals(
    statusEntries("?? new ü.go\0 M a -> b\0R  new\nname\0old name\0 D gone\0"),
    [
      { code: "??", path: "new ü.go" },
      { code: " M", path: "a -> b" },
      { code: "R ", path: "new\nname" },
      { code: " D", path: "gone" },
    ],
  );
  assertEquals(statusEntries(""), []);
});

Deno.test("gitVariables() keep of the user's settings what made the working tree", () =>
  inTemp(async (dir) => {
    const hostile = await hostileGit(join(dir, "home"));
    const root = join(dir, "kubernetes");
    const shell = createShell({ cwd: dir, env: PLAIN });
    await createSample({ dir: root, era: "1.35", git: shell, env: PLAIN });
    const env = {
      ...PLAIN,
      ...hostile.env,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "log.excludeDecoration",
      GIT_CONFIG_VALUE_0: "refs/tags/*",
    };
    const variables = await gitVariables(contextOf(root, env));
    const under = createShell({ cwd: root, env: { ...env, ...variables } });
    const git = async (...args: string[]) => (await under.run(["git", ...args])).stdout.trim();
    assertEquals(await git("config", "--get", "core.abbrev"), "auto");
    assertEquals(await git("config", "--get", "core.fsmonitor"), "");
    assertEquals(await git("config", "--get", "core.excludesFile"), join(dir, "home/excludes"));
    // What Go asks.
    assertEquals(await git("status", "--porcelain"), "");
    const log = ["log", "--no-decorate", "-n1", "--format=format:%D"];
    assertEquals(
      await git("-c", "log.showsignature=false", ...log),
      "HEAD -> release-1.35, tag: v1.35.0",
    );
    assertEquals(await hostile.started(), []);
  }));
