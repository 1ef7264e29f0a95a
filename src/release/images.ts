import { basename, join } from "@std/path";
import { type Checkout, readCheckoutFile } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { planDockerfile } from "../dockerfile/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { FetchedImage, WantedImage } from "../registry/mod.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { planDirectoryImage } from "./directory_images.ts";
import {
  contextNames,
  type DockerfileSource,
  type ImageInputs,
  type ImagePlan,
} from "./image_plan.ts";
import type { ReleaseLayout } from "./layout.ts";
import { MD5_TAG } from "./md5_tags.ts";
import { dockerTag } from "./plan.ts";

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
    const source: DockerfileSource = {
      text,
      path,
      args: {
        BASEIMAGE: baseImage,
        BINARY: binary,
        // What it does is done here: only its name is needed.
        SETCAP_IMAGE: checkout.setcapImage?.value ?? "setcap",
      },
    };
    const dockerfile = planDockerfile(text, { ...source, arch });
    // Since kubernetes/kubernetes#136954 an image also holds kube-log-runner.
    const programs = new Set([binary, ...contextNames(dockerfile)]);
    const isText = programs.delete(NSSWITCH);
    const binaries = [...programs].map((name) =>
      [name, join(inputs.binPath, `linux/${arch}`, name)] as const
    );
    plans.push(Object.freeze({
      name: binary,
      arch,
      path: `${arch}/${binary}.tar`,
      base: dockerfile.base,
      repoTags: repoTags(context, checkout, layout, binary, inputs),
      ...layout.md5Tags ? { md5Of: join(inputs.binPath, `linux/${arch}`, binary) } : {},
      dockerfile,
      source,
      context: Object.freeze({
        ...Object.fromEntries(binaries),
        ...isText ? { [NSSWITCH]: join(context.root, "build", NSSWITCH) } : {},
      }),
    }));
  }
  for (const image of inputs.directoryImages) {
    const plan = await planDirectoryImage(context, checkout, image, inputs);
    if (plan !== undefined) plans.push(plan);
  }
  return Object.freeze(plans);
}

const NSSWITCH = "nsswitch.conf";

/** Names of the built programs that an image holds. */
export function programsOf({ context }: ImagePlan, binPath: string): readonly string[] {
  return Object.values(context).filter((path) => path.startsWith(`${binPath}/`))
    .map((path) => basename(path));
}

/**
 * An image of a part of a release may need a program that is not part of it.
 *
 * @throws {KbuildError} It does.
 */
export function checkPrograms(
  images: readonly ImagePlan[],
  { binPath, only }: { readonly binPath: string; readonly only?: ReadonlySet<string> | undefined },
): void {
  if (only === undefined) return;
  for (const image of images) {
    const missing = programsOf(image, binPath).find((program) => !only.has(program));
    if (missing === undefined) continue;
    throw new KbuildError(`Cannot make the image of "${image.name}" without "${missing}"`, {
      notes: [`Add the target of "${missing}" to WHAT: kbuild targets lists them`],
      exitCode: 2,
    });
  }
}

/** The Dockerfile of a server image: the checkout's, or the one that the scripts write. */
async function serverDockerfile(
  root: string,
  layout: ReleaseLayout,
  binary: string,
  baseImage: string,
): Promise<{ text: string; path: string }> {
  for (const path of [`build/server-image/${binary}/Dockerfile`, "build/server-image/Dockerfile"]) {
    const { text } = await readCheckoutFile(root, path);
    if (text !== undefined) return { text, path };
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
 * The names in an archive: `<registry>/<name>-<arch>:<version>`, up to 1.14 without `-amd64`; in
 * 1.6 with the MD5 of the program for a tag; in 1.10-1.12 also in the former registry; then, since
 * 1.19, the one that `KUBE_DOCKER_REGISTRY` (or its default in `build/common.sh`) and
 * `KUBE_DOCKER_IMAGE_TAG` ask for, where it differs.
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
  const tag = layout.md5Tags ? MD5_TAG : dockerTag(inputs.version);
  const suffix = layout.plainAmd64 && arch === "amd64" ? "" : `-${arch}`;
  const own = [registry, layout.deprecatedRegistry].filter((registry) => registry !== undefined)
    .map((registry) => `${registry}/${name}${suffix}:${tag}`);
  if (!layout.secondTag) return Object.freeze(own);
  const second = env["KUBE_DOCKER_REGISTRY"] || checkout.dockerRegistry?.value || registry;
  const wanted = `${second}/${name}-${arch}:${env["KUBE_DOCKER_IMAGE_TAG"] ?? tag}`;
  return Object.freeze([...new Set([...own, wanted])]);
}

/**
 * Bases: reference or short name -> "scratch", a directory, a tar or `docker:IMAGE` that the user named,
 * or an image from a registry.
 */
export type BaseImages = ReadonlyMap<string, string | FetchedImage>;

/** Every image that an image is made from: its base, and those that files are taken out of. */
export function basesOf({ base, dockerfile }: ImagePlan): readonly string[] {
  return [...new Set([base, ...dockerfile.taken])].filter((reference) => reference !== "scratch");
}

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
): ReadonlyMap<string, string> {
  const known = [...new Set(plans.flatMap(basesOf).flatMap((base) => [base, shortName(base)]))];
  const bases = new Map<string, string>();
  for (const word of words) {
    const [, name, where] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (name === undefined || where === undefined) {
      throw new UsageError(`Cannot use --base-image "${word}": it must be NAME=WHERE`, [
        "WHERE is an OCI layout directory, a docker or OCI archive, docker:IMAGE, or scratch",
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

/** The base that there is for a reference; undefined means from scratch. */
export function baseFor(
  bases: BaseImages,
  reference: string,
): string | FetchedImage | undefined {
  return bases.get(reference) ?? bases.get(shortName(reference));
}

/** The images that others are made from and that the user did not name, with their architectures. */
export function wantedBases(
  plans: readonly ImagePlan[],
  bases: BaseImages,
): readonly WantedImage[] {
  const wanted = new Map<string, Set<string>>();
  for (const plan of plans) {
    for (const reference of basesOf(plan)) {
      if (baseFor(bases, reference) !== undefined) continue;
      const archs = wanted.get(reference) ?? new Set();
      const stages = plan.dockerfile.stages.filter(({ base }) => base === reference);
      for (const { arch } of stages) archs.add(arch ?? plan.arch);
      if (stages.length === 0) archs.add(plan.arch);
      wanted.set(reference, archs);
    }
  }
  return Object.freeze([...wanted].map(([reference, archs]) => ({ reference, archs: [...archs] })));
}
