import { join } from "@std/path";
import { entriesOf } from "../files/mod.ts";
import { type CheckoutFile, isThere } from "./files.ts";
import type { EraTable } from "./tables.ts";
import type { ContainerNames, EraName, ImageDockerfile, Sourced } from "./types.ts";

/** Files that say by being there how a checkout is built. */
export interface BuildFiles {
  /** The Makefile that makes generated code, if there is one. */
  readonly generatedMakefile: string | undefined;
  /** `hack/update-codegen.sh`, if it is there. */
  readonly updateCodegen: string | undefined;
  /** Dockerfiles of server images, by binary; `""` is that of all others (1.21 and later). */
  readonly server: ReadonlyMap<string, string>;
  /** The Dockerfile of the conformance image (1.14 and later). */
  readonly conformance: string | undefined;
}

const SERVER_IMAGE = "build/server-image";
const RELEASE = "build/lib/release.sh";

/** Looks for them. */
export async function findBuildFiles(root: string): Promise<BuildFiles> {
  const first = async (...paths: string[]) => {
    for (const path of paths) if (await isThere(root, path)) return path;
    return undefined;
  };
  const [generatedMakefile, updateCodegen, server, conformance] = await Promise.all([
    first("Makefile.generated_files", "build/root/Makefile.generated_files"),
    first("hack/update-codegen.sh"),
    serverDockerfiles(root),
    first("test/conformance/image/Dockerfile", "cluster/images/conformance/Dockerfile"),
  ]);
  return { generatedMakefile, updateCodegen, server, conformance };
}

async function serverDockerfiles(root: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const names = [""];
  // Before 1.21 there is none.
  const entries = await entriesOf(join(root, SERVER_IMAGE)) ?? [];
  for (const { name, isDirectory } of entries) if (isDirectory) names.push(name);
  for (const name of names.sort()) {
    const path = [SERVER_IMAGE, name, "Dockerfile"].filter((part) => part !== "").join("/");
    if (await isThere(root, path)) found.set(name, path);
  }
  return found;
}

/** Which Dockerfile each release image has: {@linkcode ImageDockerfile}. */
export function imageDockerfiles(
  files: BuildFiles,
  release: CheckoutFile,
  binaries: readonly string[],
  table: EraTable,
): Sourced<readonly ImageDockerfile[]> {
  const images = binaries.map((image) => {
    const path = files.server.get(image) ?? files.server.get("");
    return Object.freeze({ image, ...(path === undefined ? {} : { path }) });
  });
  if (files.conformance !== undefined) {
    images.push(Object.freeze({ image: "conformance", path: files.conformance }));
  }
  const line = lineOf(release.text, /^[^#]*\bdocker_file_path=/);
  const source = line > 0 ? `${RELEASE}:${line}` : files.server.get("") ?? table.label;
  return Object.freeze({ value: Object.freeze(images), source });
}

/** Where generated code comes from: `Checkout.generated`. */
export function generatedCode(
  files: BuildFiles,
  table: EraTable,
): Sourced<"committed" | "makefile"> {
  const { generatedMakefile, updateCodegen } = files;
  return Object.freeze(
    generatedMakefile === undefined
      ? { value: "committed", source: updateCodegen ?? table.label }
      : { value: "makefile", source: generatedMakefile },
  );
}

/** How the build container gets at the sources: `Checkout.container`. */
export function containerSources(
  common: CheckoutFile,
  era: EraName,
  table: EraTable,
): Sourced<"bind-mount" | "rsync"> {
  if (common.text === undefined) {
    const value = era === "workspace-bind" ? "bind-mount" : "rsync";
    return Object.freeze({ value, source: table.label });
  }
  const line = lineOf(common.text, /^[^#]*rsync/i);
  if (line > 0) return Object.freeze({ value: "rsync", source: `${common.path}:${line}` });
  const mount = lineOf(common.text, /^[^#]*(--volume|--mount|-v)\b/);
  return Object.freeze({ value: "bind-mount", source: `${common.path}:${Math.max(mount, 1)}` });
}

/** The version of the build container where the scripts make no build image for it. */
const MOUNTED_VERSION = "6";

/**
 * How the build container is named: `Checkout.containerNames`.
 *
 * @param value Gives the value of a variable of `build/common.sh`.
 */
export function containerNames(
  common: CheckoutFile,
  way: "bind-mount" | "rsync",
  value: (name: string) => string | undefined,
  table: EraTable,
): Sourced<ContainerNames> {
  const { path, text } = common;
  const line = lineOf(text, /^[^#]*\bKUBE_BUILD_CONTAINER_NAME=/);
  const hasBranch = text === undefined || /^[^#]*git symbolic-ref/m.test(text);
  const literal = /\bKUBE_BUILD_CONTAINER_NAME="?\$\{?KUBE_BUILD_CONTAINER_NAME_BASE\}?-([\w.]+)/
    .exec(text ?? "")?.[1];
  const names: ContainerNames = way === "bind-mount"
    ? { version: literal ?? MOUNTED_VERSION, hasBranch }
    : {
      version: value("KUBE_BUILD_IMAGE_VERSION") ?? MOUNTED_VERSION,
      hasBranch,
      imageRepository: value("KUBE_BUILD_IMAGE_REPO") ?? "kube-build",
    };
  return Object.freeze({
    value: Object.freeze(names),
    source: text === undefined ? table.label : `${path}:${Math.max(line, 1)}`,
  });
}

/**
 * The image that `build/build-image/Dockerfile` starts from, in checkouts whose scripts name none.
 *
 * @param value Gives the value of a variable of `build/common.sh`.
 * @returns undefined where the file does not say, or a variable in it has no value.
 */
export function buildImageBase(
  { path, text }: CheckoutFile,
  value: (name: string) => string | undefined,
): Sourced<string> | undefined {
  const from = /^FROM\s+(?:--\S+\s+)*(\S+)/m.exec(text ?? "")?.[1];
  if (from === undefined) return undefined;
  // Up to 1.20 a plain name in the text is replaced, later it is an argument of the build.
  let isKnown = true;
  const name = from.replaceAll(
    /\$\{?(\w+)\}?|\bKUBE_BUILD_IMAGE_CROSS_TAG\b/g,
    (word, variable) => {
      const found = value(variable ?? word);
      if (found === undefined) isKnown = false;
      return found ?? word;
    },
  );
  if (!isKnown) return undefined;
  return Object.freeze({ value: name, source: `${path}:${lineOf(text, /^FROM\s/)}` });
}

/** Number of the first line that matches, from 1; 0: none. */
function lineOf(text: string | undefined, expression: RegExp): number {
  return (text?.split("\n") ?? []).findIndex((line) => expression.test(line)) + 1;
}
