import { type Checkout, readGoModes } from "../checkout/mod.ts";
import { goList, goPackages, isPattern } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";
import type { GeneratedFile } from "./sources.ts";
import type { GenerationState } from "./state.ts";

/**
 * Which of the files a build of some targets needs: those whose package is below a target
 * (`go list -deps`). kubectl needs neither OpenAPI definitions nor bindata, where `make` makes both
 * before anything else.
 *
 * @param options.targets As the checkout writes them.
 * @returns All of them when Go cannot say.
 */
export async function neededFiles(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  options: { files: readonly GeneratedFile[]; targets: readonly string[] },
): Promise<readonly GeneratedFile[]> {
  const { files, targets } = options;
  if (targets.some(isPattern)) return files;
  const { packages } = goPackages(checkout, targets, new Map());
  const modes = readGoModes(checkout);
  const isTest = (name: string) => name.endsWith(".test");
  const tests = packages.filter(isTest).map((name) => name.slice(0, name.lastIndexOf("/")));
  const programs = packages.filter((name) => !isTest(name));
  const lists = [[[], programs, modes.programs], [["-test"], tests, modes.tests]] as const;
  const below = new Set<string>();
  for (const [flags, names, mode] of lists) {
    if (names.length === 0) continue;
    const args = ["-e", "-deps", ...flags, "-f", "{{.ImportPath}}", ...names];
    const listed = await goList(context, checkout, go, args, {
      GO111MODULE: mode === "gopath" ? "off" : "on",
    });
    if (listed === undefined) return files;
    // "a/b [a/b.test]" is a/b compiled for a test.
    for (const line of listed.split("\n")) below.add(line.replace(/ \[.*/, ""));
  }
  return files.filter(({ output }) => {
    const own = `${checkout.goPackage.value}/`;
    const directory = output.slice(0, output.lastIndexOf("/"));
    const staged = directory.replace(/^staging\/src\//, "");
    // What is staged has a path below vendor/ in the GOPATH, and its own as a module.
    const names = staged === directory ? [own + directory] : [`${own}vendor/${staged}`, staged];
    return names.some((name) => below.has(name));
  });
}

type Needs = GenerationState["needs"];

/** What is remembered of needs, where it is of this tree. */
export function needsOf(state: GenerationState, tree: string | undefined): Needs {
  const valid = tree !== undefined && tree === state.needs.tree;
  return valid ? state.needs : { tree: tree ?? "", byTargets: {} };
}

/** The remembered needs of some targets; undefined where nothing is remembered. */
export function rememberedNeeds(
  needs: Needs,
  files: readonly GeneratedFile[],
  targets: readonly string[],
): readonly GeneratedFile[] | undefined {
  const outputs = needs.byTargets[targetsKey(targets)];
  return outputs && files.filter(({ output }) => outputs.includes(output));
}

/** Remembers the needs of some targets. */
export function withNeeds(
  needs: Needs,
  files: readonly GeneratedFile[],
  targets: readonly string[],
): Needs {
  const outputs = files.map(({ output }) => output);
  return { ...needs, byTargets: { ...needs.byTargets, [targetsKey(targets)]: outputs } };
}

function targetsKey(targets: readonly string[]): string {
  return [...new Set(targets)].sort().join(" ");
}
