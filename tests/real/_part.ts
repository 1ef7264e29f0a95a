/** A part of real 1.20.2: three groups of the API, their internal packages, apimachinery, and all generators. */
import { join } from "@std/path";
import { createShell } from "../../src/shell/mod.ts";
import { type GeneratorSample, generatorsOf } from "../generate/_generators.ts";
import { openTree } from "../lib/_open.ts";

/** Groups of the API in the part. */
export const GROUPS = ["apps", "autoscaling", "batch"] as const;
/** Where packages of staging are. */
export const API = "staging/src/k8s.io/api";
export const MACHINERY = "staging/src/k8s.io/apimachinery";
export const CODE_GENERATOR = "staging/src/k8s.io/code-generator";

/** Paths of the part. */
const PART: readonly string[] = [
  ...["Makefile", "Makefile.generated_files", ".gitignore", ".gitattributes", "go.mod", "go.sum"],
  ...["LICENSE", "hack", "build", "api/api-rules", "vendor", "translations", "third_party/forked"],
  ...["core", ...GROUPS].flatMap((group) => [`${API}/${group}`, `pkg/apis/${group}`]),
  ...[MACHINERY, CODE_GENERATOR, "pkg/generated", "pkg/util", "test/images", "test/fixtures"],
  ...[
    "test/e2e/generated",
    "test/e2e/testing-manifests",
    "test/conformance/testdata",
    "test/e2e_node/testing-manifests",
  ],
  ...["kube-aggregator", "apiextensions-apiserver", "sample-apiserver", "kubectl"].map((name) =>
    `staging/src/k8s.io/${name}/pkg/generated`
  ),
];

/** Where the sources of a version are. */
export const outside = (group: string, version = "v1") => `${API}/${group}/${version}`;
/** Where the internal types of a group are. */
export const inside = (group: string) => `pkg/apis/${group}`;

/**
 * Makes a checkout of the part.
 *
 * @param source The real checkout.
 * @param bin The directory of Go.
 * @param cache For what Go compiles.
 */
export async function openPart(
  source: string,
  bin: string,
  cache: string,
): Promise<GeneratorSample> {
  const parent = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild part-" }));
  const root = join(parent, "kubernetes");
  const env = {
    PATH: `${bin}:${Deno.env.get("PATH")}`,
    HOME: parent,
    GOCACHE: cache,
    FORCE_HOST_GO: "y",
  };
  const { $ } = createShell({ cwd: source, env });
  const archive = join(parent, "part.tar");
  await Deno.mkdir(root);
  await $`git archive --output ${archive} HEAD ${PART}`;
  const inPart = createShell({ cwd: root, env }).$;
  await inPart`tar xf ${archive}`;
  // Links to projects that are not in the part.
  await inPart`find vendor/k8s.io -xtype l -delete`;
  // Made by an older Go: a newer one adds lines, which files that are there may lack.
  await inPart`find api pkg staging -name "zz_generated.*" ! -path "*/testdata/*" -delete`;
  await inPart`rm staging/src/k8s.io/kubectl/pkg/generated/bindata.go`;
  await Deno.remove(archive);
  await inPart`git init --quiet && git add -A`;
  await inPart`git -c user.name=test -c user.email=test@localhost commit -q -m part`;
  await inPart`git tag v1.20.2`;
  return await generatorsOf(await openTree(root, { parent, env }));
}
