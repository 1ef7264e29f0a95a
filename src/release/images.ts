import { basename, join } from "@std/path";
import { directoryEntry, fileEntry, listTree, type TarEntry } from "../archive/mod.ts";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import {
  type ConfigChanges,
  copyLayer,
  type DockerfilePlan,
  type ImageCopy,
  type ImageLayer,
  landing,
  openBase,
  planDockerfile,
  writeImageArchive,
} from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { FolderImage, ReleaseLayout } from "./layout.ts";
import { isLfsPointer } from "./lfs.ts";
import { dockerTag } from "./plan.ts";

/** One image archive: what it is named, on what it stands, what it gets. */
export interface ImagePlan {
  /** `kube-apiserver`, `conformance`. */
  readonly name: string;
  readonly arch: string;
  /** Where the archive goes, below `release-images`: `amd64/kube-apiserver.tar`. */
  readonly path: string;
  /** Image reference of the base, as upstream writes it. */
  readonly base: string;
  /** Names in the archive, in order: an interface of krel. */
  readonly repoTags: readonly string[];
  readonly dockerfile: DockerfilePlan;
  /** Name in the build context -> path of the file or folder. */
  readonly context: Readonly<Record<string, string>>;
}

/** What images depend on. */
export interface ImageInputs {
  readonly version: string;
  readonly arch: string;
  /** Server images to make. */
  readonly names: readonly string[];
  /** Folder of the binaries. */
  readonly binPath: string;
  /** Images with folders of their own to make: `conformance`, `hyperkube`. */
  readonly folderImages: readonly FolderImage[];
}

/**
 * Port of `kube::release::create_docker_images_for_server` as a plan: the Dockerfiles that upstream
 * generates (up to 1.20) or keeps in `build/server-image`, carried out on paper.
 */
export async function planImages(
  context: KubeContext,
  checkout: Checkout,
  layout: ReleaseLayout,
  inputs: ImageInputs,
): Promise<readonly ImagePlan[]> {
  const plans: ImagePlan[] = [];
  const { arch } = inputs;
  for (const wrapped of checkout.wrappedBinaries.value) {
    const { binary } = wrapped;
    if (!inputs.names.includes(binary)) continue;
    const baseImage = wrapped.baseImages?.[arch] ?? wrapped.baseImage;
    const { text, path } = await serverDockerfile(context.root, layout, binary, baseImage);
    const dockerfile = planDockerfile(text, {
      path,
      args: {
        BASEIMAGE: baseImage,
        BINARY: binary,
        SETCAP_IMAGE: "setcap",
        TARGETARCH: arch,
        BUILDARCH: arch,
      },
    });
    // Since kubernetes/kubernetes#136954 an image holds kube-log-runner besides.
    const programs = new Set([binary, ...dockerfile.copies.map(({ source }) => source)]);
    programs.delete(NSSWITCH);
    plans.push(Object.freeze({
      name: binary,
      arch,
      path: `${arch}/${binary}.tar`,
      base: dockerfile.base,
      repoTags: repoTags(context, checkout, layout, binary, inputs),
      dockerfile,
      context: {
        ...Object.fromEntries(
          [...programs].map((name) => [name, join(inputs.binPath, `linux/${arch}`, name)]),
        ),
        [NSSWITCH]: join(context.root, "build", NSSWITCH),
      },
    }));
  }
  for (const image of inputs.folderImages) {
    const plan = await planFolderImage(context, checkout, image, inputs);
    if (plan !== undefined) plans.push(plan);
  }
  return Object.freeze(plans);
}

const NSSWITCH = "nsswitch.conf";

/** The Dockerfile of a server image: the checkout's, or the one that the scripts write. */
async function serverDockerfile(
  root: string,
  layout: ReleaseLayout,
  binary: string,
  baseImage: string,
): Promise<{ text: string; path: string }> {
  for (const path of [`build/server-image/${binary}/Dockerfile`, "build/server-image/Dockerfile"]) {
    const text = await Deno.readTextFile(join(root, path)).catch(() => undefined);
    if (text !== undefined && !isLfsPointer(text)) return { text, path };
  }
  const lines = [
    `FROM ${baseImage}`,
    `${layout.addInstruction} ${binary} /usr/local/bin/${binary}`,
  ];
  // Without the file Go's resolver does not look at /etc/hosts (v1.20.2 release.sh:357-360).
  if (layout.nsswitch && baseImage.includes("busybox")) lines.push(`COPY ${NSSWITCH} /etc/`);
  return { text: lines.join("\n"), path: "build/lib/release.sh" };
}

/**
 * The names in an archive: `<registry>/<name>-<arch>:<version>`, up to 1.14 without `-amd64`; then,
 * since 1.19, the one that `KUBE_DOCKER_REGISTRY` and `KUBE_DOCKER_IMAGE_TAG` ask for, where it
 * differs.
 */
function repoTags(
  context: KubeContext,
  checkout: Checkout,
  layout: ReleaseLayout,
  name: string,
  inputs: ImageInputs,
): readonly string[] {
  const { env } = context;
  const { arch } = inputs;
  const registry = checkout.imageRegistry.value;
  const tag = dockerTag(inputs.version);
  const suffix = layout.plainAmd64 && arch === "amd64" ? "" : `-${arch}`;
  const own = `${registry}/${name}${suffix}:${tag}`;
  if (!layout.secondTag) return Object.freeze([own]);
  const wanted = `${env["KUBE_DOCKER_REGISTRY"] || registry}/${name}-${arch}:${
    env["KUBE_DOCKER_IMAGE_TAG"] ?? tag
  }`;
  return Object.freeze([...new Set([own, wanted])]);
}

/** The conformance or hyperkube image: the files that its Makefile puts beside its Dockerfile. */
async function planFolderImage(
  context: KubeContext,
  checkout: Checkout,
  { name, folder }: FolderImage,
  inputs: ImageInputs,
): Promise<ImagePlan | undefined> {
  const path = `${folder}/Dockerfile`;
  const [text, makefile] = await Promise.all(
    [path, `${folder}/Makefile`].map((file) =>
      Deno.readTextFile(join(context.root, file)).catch(() => undefined)
    ),
  );
  const base = /^BASEIMAGE\s*[?:]?=\s*(\S+)/m.exec(makefile ?? "")?.[1];
  if (text === undefined || isLfsPointer(text) || base === undefined) return undefined;
  const baseImage = base.replaceAll(/\$[({]?ARCH[)}]?/g, inputs.arch);
  const dockerfile = planDockerfile(text.replaceAll(/^FROM BASEIMAGE$/gm, `FROM ${baseImage}`), {
    path,
    args: { BASEIMAGE: baseImage, TARGETARCH: inputs.arch, BUILDARCH: inputs.arch },
  });
  const bin = (program: string) => join(inputs.binPath, `linux/${inputs.arch}`, program);
  const files: Record<string, string> = { cluster: join(context.root, "cluster") };
  for (const program of ["ginkgo", "e2e.test", "kubectl", "hyperkube"]) {
    files[program] = bin(program);
  }
  files["gorunner"] = bin("go-runner");
  files["go-runner"] = bin("go-runner");
  for (const { source } of dockerfile.copies) {
    files[source] ??= join(context.root, folder, source);
  }
  return Object.freeze({
    name,
    arch: inputs.arch,
    path: `${inputs.arch}/${name}-${inputs.arch}.tar`,
    base: dockerfile.base,
    repoTags: Object.freeze([
      `${checkout.imageRegistry.value}/${name}-${inputs.arch}:${dockerTag(inputs.version)}`,
    ]),
    dockerfile,
    context: files,
  });
}

/** Bases that the user named: reference or short name -> "scratch", a folder, or a tar. */
export type BaseImages = ReadonlyMap<string, string>;

/** `k8s.gcr.io/build-image/go-runner:v2` -> `go-runner`. */
function shortName(reference: string): string {
  return basename(reference).replace(/[:@].*$/, "");
}

/**
 * Reads `--base-image NAME=WHERE`.
 *
 * @throws {UsageError} No "=", or no image of this release has such a base.
 */
export function parseBaseImages(
  words: readonly string[],
  plans: readonly ImagePlan[],
): BaseImages {
  const known = [...new Set(plans.flatMap(({ base }) => [base, shortName(base)]))];
  const bases = new Map<string, string>();
  for (const word of words) {
    const [, name, where] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (name === undefined || where === undefined) {
      throw new UsageError(`Cannot use --base-image "${word}": it must be NAME=WHERE`, [
        "WHERE is an OCI layout folder, a docker or OCI archive, or scratch",
      ]);
    }
    if (!known.includes(name)) {
      throw new UsageError(`Unknown base image "${name}"`, [
        ...didYouMean(nearest(name, known)),
        `The bases of this release: ${known.join(", ") || "none"}`,
      ]);
    }
    bases.set(name, where);
  }
  return bases;
}

/** The base that the user gave for a reference; undefined means from scratch. */
export function baseFor(bases: BaseImages, reference: string): string | undefined {
  return bases.get(reference) ?? bases.get(shortName(reference));
}

/** A written image archive. */
export interface ImageArchive {
  readonly name: string;
  readonly arch: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly imageId: string;
  readonly repoTags: readonly string[];
}

/** Writes one image archive. */
export async function writeImage(
  plan: ImagePlan,
  options: {
    folder: string;
    bases: BaseImages;
    created: number;
    signal?: AbortSignal | undefined;
  },
): Promise<ImageArchive> {
  const { folder, bases, created, signal } = options;
  const out = join(folder, plan.path);
  const { dockerfile } = plan;
  await using base = await openBase(baseFor(bases, plan.base) ?? "scratch", { arch: plan.arch });
  const layers: ImageLayer[] = [];
  for (const copied of dockerfile.copies) {
    const entries = await copyEntries(copied, plan.context, created);
    layers.push({
      entries: copyLayer(base.tree, entries, { created }),
      createdBy: `COPY ${copied.source} ${copied.target}`,
    });
  }
  const written = await writeImageArchive({
    out,
    base,
    arch: plan.arch,
    created,
    layers,
    config: configChanges(dockerfile),
    repoTags: plan.repoTags,
    ...(signal === undefined ? {} : { signal }),
  });
  return Object.freeze({
    name: plan.name,
    arch: plan.arch,
    path: out,
    size: written.size,
    sha256: written.sha256,
    imageId: written.imageId,
    repoTags: plan.repoTags,
  });
}

function configChanges(dockerfile: DockerfilePlan): ConfigChanges {
  const { entrypoint, cmd, user, workingDir, env, labels } = dockerfile;
  return {
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(cmd === undefined ? {} : { cmd }),
    ...(user === undefined ? {} : { user }),
    ...(workingDir === undefined ? {} : { workdir: workingDir }),
    env,
    labels,
  };
}

/** The members that one COPY brings; directories that the base lacks are added later. */
async function copyEntries(
  copied: ImageCopy,
  context: Readonly<Record<string, string>>,
  mtime: number,
): Promise<readonly TarEntry[]> {
  const from = context[copied.source] ?? copied.source;
  const target = landing(copied).replace(/^\/+/, "");
  const info = await Deno.stat(from).catch((cause: unknown) => {
    throw new KbuildError(`Cannot find "${from}", which belongs into an image`, { cause });
  });
  if (info.isDirectory) {
    const folder = copied.target.replace(/^\/+|\/+$/g, "");
    const entries = await listTree(from, { prefix: folder, mtime });
    return [directoryEntry(folder, { mtime }), ...entries.slice(1)];
  }
  const mode = ((info.mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
  const entry = await fileEntry(target, from, { mtime, mode });
  return copied.capability === undefined
    ? [entry]
    : [{ ...entry, xattrs: { "security.capability": copied.capability } }];
}
