import { compareNames } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { objectIn } from "../files/mod.ts";
import type { DigestFrom } from "../net/mod.ts";
import { BUNDLE_PARTS } from "./parts.ts";
import {
  BUNDLE_VERSION,
  type BundledFile,
  type BundledImage,
  type BundleManifest,
} from "./types.ts";

/** The list of what is in a bundle. */
export const MANIFEST_FILE = "bundle.json";

/** Digests of all other files, as `sha256sum -c` reads them. */
export const SUMS_FILE = "SHA256SUMS";

/** The script that installs. */
export const SCRIPT_FILE = "install.sh";

/** Paths in a bundle: plain names, so that a script can take them without quotes. */
const PATH = /^[A-Za-z0-9][\w.+~-]*(\/[A-Za-z0-9][\w.+~-]*)*$/;

/** Where the files of parts are. */
export const DIRECTORIES: Readonly<Record<string, string>> = Object.freeze({
  program: "bin",
  archive: "programs",
  image: "images",
  sbom: "sbom",
});

/** The name of a bundle, which is that of its directory, too. */
export function bundleName(
  { version, platform }: Pick<BundleManifest, "version" | "platform">,
): string {
  return `kubernetes-bundle-${version}-${platform.replace("/", "-")}`;
}

/** `bundle.json`. The same bundle gives the same text. */
export function manifestText(manifest: BundleManifest): string {
  const { version, platform, kbuild, leftOut, images, files } = manifest;
  const value = { bundle: BUNDLE_VERSION, version, platform, kbuild, leftOut, images, files };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** `SHA256SUMS` of `bundle.json` and the files that it lists. */
export function sumsText(files: readonly Pick<BundledFile, "path" | "sha256">[]): string {
  const sorted = files.toSorted((a, b) => compareNames(a.path, b.path));
  return sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
}

/**
 * Reads `bundle.json` of a bundle that nobody vouches for.
 *
 * @throws {KbuildError} It is not one, or of a later version of kbuild.
 */
export function parseManifest(text: string): BundleManifest {
  const value = objectIn(text);
  const version = value?.["bundle"];
  if (version !== BUNDLE_VERSION) {
    throw wrong(`its form is ${JSON.stringify(version)}, want ${BUNDLE_VERSION}`, [
      "A later kbuild may read it",
    ]);
  }
  const manifest: BundleManifest = Object.freeze({
    version: matching(value, "version", /^v\d+\.\d+\.\d+(?:[-+][\w.+-]*)?$/),
    platform: matching(value, "platform", /^linux\/[a-z0-9]+$/),
    kbuild: matching(value, "kbuild", /^[\w.+-]+$/),
    leftOut: list(value, "leftOut").map((each) => {
      const part = BUNDLE_PARTS.find(({ name }) => name === each);
      if (part === undefined) throw wrong(`it leaves out ${JSON.stringify(each)}`);
      return part.name;
    }),
    images: list(value, "images").map(imageIn),
    files: list(value, "files").map(fileIn),
  });
  const paths = manifest.files.map(({ path }) => path);
  const sorted = [...new Set(paths)].sort(compareNames);
  if (sorted.some((path, i) => path !== paths[i]) || sorted.length !== paths.length) {
    throw wrong("its files are not sorted, or a path comes twice");
  }
  return manifest;
}

function imageIn(value: unknown): BundledImage {
  const image = record(value, "images");
  const digest = /^sha256:[0-9a-f]{64}$/;
  const { digestFrom } = image;
  return Object.freeze({
    name: matching(image, "name", /^[a-z][a-z0-9-]*$/),
    reference: matching(image, "reference", /^[\w.:/-]+$/),
    path: matching(image, "path", PATH),
    imageId: matching(image, "imageId", digest),
    manifest: matching(image, "manifest", digest),
    ...(image["digest"] === undefined ? {} : { digest: matching(image, "digest", digest) }),
    ...(digestFrom === undefined
      ? {}
      : { digestFrom: matching(image, "digestFrom", /^[a-z-]+$/) as DigestFrom }),
  });
}

function fileIn(value: unknown): BundledFile {
  const file = record(value, "files");
  const { size } = file;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw wrong("a file has no size");
  }
  const path = matching(file, "path", PATH);
  if (path === MANIFEST_FILE || path === SUMS_FILE) throw wrong(`it lists "${path}"`);
  return Object.freeze({ path, size, sha256: matching(file, "sha256", /^[0-9a-f]{64}$/) });
}

function list(value: Readonly<Record<string, unknown>> | undefined, key: string) {
  const found = value?.[key];
  if (Array.isArray(found)) return found as readonly unknown[];
  throw wrong(`it has no list "${key}"`);
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw wrong(`"${where}" has something that is not an object`);
}

function matching(
  value: Readonly<Record<string, unknown>> | undefined,
  key: string,
  pattern: RegExp,
): string {
  const found = value?.[key];
  if (typeof found === "string" && found.length < 1000 && pattern.test(found)) return found;
  throw wrong(`"${key}" is ${JSON.stringify(found)?.slice(0, 100) ?? "missing"}`);
}

function wrong(reason: string, notes: readonly string[] = []): KbuildError {
  return new KbuildError(`Cannot read "${MANIFEST_FILE}" of the bundle: ${reason}`, { notes });
}
