import { join } from "@std/path";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { have } from "../sample/_sample.ts";
import { compareReleases } from "./_parity.ts";

const lacking = ["bash", "git", "go", "tar"].filter((program) => !have(program));
const because = lacking.length === 0 ? "" : ` (skipped: needs ${lacking.join(", ")})`;

async function inTemp(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-parity-" }));
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

// The other samples' shapes are between these.
for (const era of ["1.7", "1.20", "latest"] as const) {
  Deno.test({
    name: `packageTarballs() packs what release.sh of the sample packs: ${era}${because}`,
    ignore: lacking.length > 0,
    fn: () =>
      inTemp(async (dir) => {
        const env = { PATH: Deno.env.get("PATH") ?? "", HOME: dir };
        const git = createShell({ cwd: dir, env });
        const root = join(dir, "kubernetes");
        await createSample({ dir: root, era, git, env });
        await compareReleases(root, { state: era === "1.20" ? "dirty" : "clean" });
      }),
  });
}

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((path) => path !== "");

/** Directories that no tarball but that of the sources holds: they are big. */
const LEFT_OUT = /^(_.*|\.git|api|cmd|pkg|plugin|staging|vendor|CHANGELOG.*)$/;

/** What packing and telling the era take of a checkout, as a repository of its own. */
async function partOf(tree: string, root: string): Promise<void> {
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  await Deno.mkdir(join(root, "cmd/kubectl"), { recursive: true });
  const { $ } = createShell({ cwd: root, env });
  const names = [...Deno.readDirSync(tree)].map(({ name }) => name)
    .filter((name) => !LEFT_OUT.test(name));
  await $`cp -a ${names.map((name) => join(tree, name))} ${root}`;
  await Deno.writeTextFile(join(root, "cmd/kubectl/kubectl.go"), "package main\n");
  await Deno.mkdir(join(root, "vendor"));
  await Deno.copyFile(join(tree, "vendor/modules.txt"), join(root, "vendor/modules.txt"))
    .catch(() => {});
  const script = await Deno.readTextFile(join(root, "build/lib/release.sh"));
  // A fork packs a file of pkg/.
  for (const [, path = ""] of script.matchAll(/"\$\{KUBE_ROOT\}\/((?:api|cmd|pkg)\/[^"$]+)"/g)) {
    await Deno.mkdir(join(root, path, ".."), { recursive: true });
    await Deno.copyFile(join(tree, path), join(root, path));
  }
  // Some forks lack the licenses; the scripts would stop there.
  const licenses = script.includes("Godeps/LICENSES") ? "Godeps/LICENSES" : "LICENSES/LICENSE";
  if (await Deno.lstat(join(root, licenses)).catch(() => undefined) === undefined) {
    await Deno.mkdir(join(root, licenses, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, licenses), "A license.\n");
  }
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  await $`git init -q
    git add -A -f .
    git ${identity} commit -q -m 'Part of a checkout'`;
}

/** What the scripts need of any era; a fork that lacks it stops them in `cp`. */
const NEEDED = ["build/lib/release.sh", "cluster", "docs", "hack/lib", "README.md", "test/images"];

/** Why a checkout's scripts cannot pack it. */
function unfit(tree: string): string {
  const lacking = NEEDED.filter((path) => {
    try {
      return Deno.statSync(join(tree, path)).size < 200 && path.endsWith(".sh");
    } catch {
      return true;
    }
  });
  return lacking.length === 0 ? because : ` (skipped: it lacks ${lacking.join(", ")})`;
}

/** Both answers of a variable that decides about a tarball (1.14–1.16). */
async function variants(tree: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const script = await Deno.readTextFile(join(tree, "build/lib/release.sh")).catch(() => "");
  const name = "KUBE_BUILD_MONDO_TEST_TARBALL";
  return script.includes(name) ? [{}, { [name]: "n" }] : [{}];
}

for (const tree of trees) {
  Deno.test({
    name: `packageTarballs() packs what release.sh packs: ${tree}${unfit(tree)}`,
    ignore: unfit(tree) !== "",
    fn: async () => {
      for (const [index, variables] of (await variants(tree)).entries()) {
        await inTemp(async (dir) => {
          const root = join(dir, "kubernetes");
          await partOf(tree, root);
          await compareReleases(root, { state: index === 0 ? "dirty" : "clean", variables });
        });
      }
    },
  });
}

Deno.test({
  name: "packageTarballs() packs what release.sh of real checkouts packs" +
    (trees.length > 0 ? "" : " (skipped: KBUILD_TEST_TREES names no checkouts)"),
  ignore: trees.length === 0,
  fn: () => {},
});
