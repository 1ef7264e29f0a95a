/** A fork's own code in `get_version_vars` and `ldflags`: followed, or named. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { findLdflags, getVersionVars, type VersionVars } from "../../src/lib/version/mod.ts";
import { type OpenSample, openSample } from "./_open.ts";

/** Puts code at the end of a function of version.sh, where it is committed and tagged. */
async function fork(sample: OpenSample, name: string, code: string): Promise<void> {
  const { root, env, shell } = sample.context;
  const path = join(root, "hack/lib/version.sh");
  const text = await Deno.readTextFile(path);
  const start = text.indexOf(`${name}() {`);
  const end = text.indexOf("\n}\n", start);
  await Deno.writeTextFile(path, `${text.slice(0, end)}\n${code}${text.slice(end)}`);
  const person = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b" };
  const committer = { GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
  const git = (...args: string[]) =>
    shell.run(["git", ...args], { cwd: root, env: { ...env, ...person, ...committer } });
  await Deno.writeTextFile(join(root, "FORK_VERSION"), "v1.20.2-file.7\n");
  await git("add", "FORK_VERSION", "hack/lib/version.sh");
  await git("commit", "--quiet", "--message=fork");
  await git("tag", "--force", "v1.20.2");
  await git("tag", "argus-7");
}

async function inFork(
  code: string,
  body: (sample: OpenSample, vars: () => Promise<VersionVars>) => Promise<void>,
  name = "kube::version::get_version_vars",
): Promise<void> {
  const sample = await openSample("1.20");
  try {
    await fork(sample, name, code);
    await body(sample, () => getVersionVars(sample.context));
  } finally {
    await sample.remove();
  }
}

const FOLLOWED: readonly [what: string, code: string, version: string, state: string][] = [
  [
    "constants",
    'KUBE_GIT_TREE_STATE="clean"\nKUBE_GIT_MAJOR=1\nKUBE_GIT_MINOR=13\nKUBE_GIT_VERSION="v1.13.2-argus"',
    "v1.13.2-argus",
    "clean",
  ],
  [
    "what is there already",
    'KUBE_GIT_VERSION="${KUBE_GIT_VERSION}-argus"',
    "v1.20.2-argus",
    "clean",
  ],
  [
    "another question to git",
    'local tag\ntag=$("${git[@]}" describe --tags --match="argus-*" HEAD)\n' +
    'KUBE_GIT_VERSION="v1.20.2-${tag/argus-/argus.}"',
    "v1.20.2-argus.7",
    "clean",
  ],
  [
    "a file of the checkout",
    'KUBE_GIT_VERSION=$(cat "${KUBE_ROOT}/FORK_VERSION")',
    "v1.20.2-file.7",
    "clean",
  ],
];

for (const [what, code, version, state] of FOLLOWED) {
  Deno.test(`getVersionVars() follows a fork that sets its version: ${what}`, () =>
    inFork(code, async (_sample, read) => {
      const vars = await read();
      assertEquals([vars.gitVersion, vars.gitTreeState], [version, state]);
      const notes = vars.notes ?? [];
      assert(
        notes.some((note) =>
          /^hack\/lib\/version\.sh:\d+ sets KUBE_GIT_VERSION to "/.test(note) &&
          note.endsWith('git says "v1.20.2"')
        ),
        notes.join("\n"),
      );
    }));
}

Deno.test("getVersionVars() names what it does not follow, and runs nothing", () =>
  inFork(
    "touch pwned\ngit tag hacked\nKUBE_GIT_VERSION=$(curl -s https://example.invalid/version)",
    async ({ context }, read) => {
      const vars = await read();
      assertEquals(vars.gitVersion, "v1.20.2");
      assertStringIncludes(
        (vars.notes ?? []).join("\n"),
        "what the checkout does: hack/lib/version.sh:",
      );
      const cwd = context.root;
      assert(!(await context.shell.$`git tag`.with({ cwd }).text()).includes("hacked"));
      assertEquals(await context.shell.$`git status --porcelain`.with({ cwd }).text(), "");
    },
  ));

Deno.test("getVersionVars() ends where the fork's own check does, with its words", () =>
  inFork(
    'if [[ "${KUBE_GIT_VERSION}" != *-argus ]]; then echo "Only argus is built here"; exit 1; fi',
    async (_sample, read) => {
      const error = await assertRejects(read, KbuildError, "hack/lib/version.sh ends the build");
      assertEquals(error.output, ["Only argus is built here"]);
    },
  ));

Deno.test("findLdflags() stamps what a fork's own function stamps, or says why not", async () => {
  await inFork("  echo \"-X 'example.org/fork.build=7'\"", async ({ context }, read) => {
    const checkout = await readCheckout(context.root, { variables: {}, hostArch: "amd64" });
    const { ldflags, note } = findLdflags(checkout, await read(), 0);
    assertEquals(note, undefined);
    assertStringIncludes(ldflags, "component-base/version.gitVersion=v1.20.2'");
    assertStringIncludes(ldflags, "-X 'example.org/fork.build=7'");
  }, "kube::version::ldflags");
  await inFork("  echo \"-X 'example.org/fork.host=$(hostname)'\"", async ({ context }, read) => {
    const checkout = await readCheckout(context.root, { variables: {}, hostArch: "amd64" });
    const { ldflags, note } = findLdflags(checkout, await read(), 0);
    assert(/stamped by Kubernetes' own rules: hack\/lib\/version\.sh:\d+: /.test(note ?? ""), note);
    assert(!ldflags.includes("fork.host"));
  }, "kube::version::ldflags");
});
