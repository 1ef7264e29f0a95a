import { join } from "@std/path";
import { digestOfFile } from "../archive/mod.ts";
import { ifPresent } from "../files/mod.ts";
import type { PreparedBuild } from "../lib/golang/mod.ts";
import {
  type DescribedArtifact,
  golangPurl,
  imagePurl,
  type ModuleList,
  type ProvenanceFacts,
  type ProvenanceInput,
} from "../sbom/mod.ts";
import type { Stamp } from "./build_run.ts";
import type { OpenCheckout } from "./context.ts";

/** Variables that decide the bytes of a release; those that name places of this machine are not in it. */
const PARAMETERS: readonly string[] = [
  ...["WHAT", "KUBE_BUILD_PLATFORMS", "KUBE_FASTBUILD", "GOFLAGS", "GOLDFLAGS", "GOGCFLAGS", "DBG"],
  ...["KUBE_STATIC_OVERRIDES", "KUBE_CGO_OVERRIDES", "KUBE_RACE", "KUBE_BUILD_WITH_COVERAGE"],
  ...["KUBE_GIT_VERSION", "KUBE_GIT_COMMIT", "KUBE_GIT_TREE_STATE", "SOURCE_DATE_EPOCH"],
  ...["KUBE_DOCKER_REGISTRY", "KUBE_DOCKER_IMAGE_TAG", "KBUILD_COMPRESSION_LEVEL"],
];

/** Programs of Go whose bytes decide those of binaries. */
const GO_TOOLS = ["asm", "cgo", "compile", "link"] as const;

/** What a release was made from, as far as this run knows it. */
export async function provenanceFacts(
  { context, checkout }: OpenCheckout,
  { stamp, build, list, artifacts, tool }: {
    stamp: Stamp;
    build: PreparedBuild;
    list: ModuleList;
    artifacts: readonly DescribedArtifact[];
    tool: string;
  },
): Promise<ProvenanceFacts> {
  const { env, root, signal } = context;
  const { vars, epoch, provenance } = stamp;
  const { go, plan } = build;
  const variables = PARAMETERS.filter((name) => env[name] !== undefined && env[name] !== "")
    .map((name) => [name, env[name]]);
  const sources: ProvenanceInput = {
    name: "sources",
    uri: golangPurl(checkout.goPackage.value, vars.gitVersion),
    digest: { gitCommit: vars.gitCommit ?? "" },
    annotations: { treeState: vars.gitTreeState ?? "" },
  };
  const lists = await Promise.all(
    [list.source, "go.sum"].map(async (name): Promise<ProvenanceInput[]> => {
      const path = join(root, name);
      if (await ifPresent(Deno.stat(path)) === undefined) return [];
      return [{ name, digest: { sha256: await digestOfFile(path, "sha256", { signal }) } }];
    }),
  );
  return Object.freeze({
    parameters: {
      version: vars.gitVersion,
      versionFrom: provenance.version,
      epoch,
      epochFrom: provenance.time,
      targets: Object.fromEntries(plan.platforms.map(({ platform, targets }) => [
        platform,
        targets,
      ])),
      variables: Object.fromEntries(variables),
    },
    internal: { go: go.description, era: checkout.era.name },
    inputs: [
      ...vars.gitCommit === undefined ? [] : [sources],
      ...lists.flat(),
      ...await goPrograms(context, build),
      ...basesOf(artifacts),
    ],
    tool,
  });
}

/** The programs of the Go that builds, by digest; in a container, the image that has them. */
async function goPrograms(
  { builder, shell, signal }: OpenCheckout["context"],
  { go, plan }: PreparedBuild,
): Promise<readonly ProvenanceInput[]> {
  const step = plan.platforms.flatMap(({ steps }) => steps)[0];
  if (step === undefined) return [];
  if (builder.image !== undefined) {
    return [{ name: "build image", digest: { sha256: builder.image.replace(/^sha256:/, "") } }];
  }
  const { stdout } = await shell.run([go.path, "env", "GOTOOLDIR"], {
    cwd: step.cwd,
    env: step.env,
  });
  const directory = stdout.trim();
  const programs = [go.path, ...GO_TOOLS.map((name) => join(directory, name))];
  const about = go.description.replace(/^go version /, "");
  const found = await Promise.all(programs.map(async (path): Promise<ProvenanceInput[]> => {
    // Releases build some of them when they are needed.
    if ((await ifPresent(Deno.stat(path)))?.isFile !== true) return [];
    const name = `${about}: ${path.slice(path.lastIndexOf("/") + 1)}`;
    return [{ name, digest: { sha256: await digestOfFile(path, "sha256", { signal }) } }];
  }));
  return found.flat();
}

/** The base images, each once. */
function basesOf(artifacts: readonly DescribedArtifact[]): readonly ProvenanceInput[] {
  const found = new Map<string, ProvenanceInput>();
  for (const { base } of artifacts) {
    if (base?.digest === undefined) continue;
    const { name, digest } = base;
    const sha256 = digest.replace(/^sha256:/, "");
    found.set(name, { name, uri: imagePurl(name, digest), digest: { sha256 } });
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
