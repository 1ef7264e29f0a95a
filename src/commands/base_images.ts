import { KbuildError, UsageError } from "../errors.ts";
import type { Environment, KubeContext } from "../lib/init.ts";
import { isOffline } from "../net/mod.ts";
import { type FetchedImage, fetchImages, ImageError, type WantedImage } from "../registry/mod.ts";
import { type PackagePlan, wantedBases } from "../release/mod.ts";
import { BASES } from "./flags.ts";

/** Where bases come from that nobody named: `--bases`. */
export type BaseChoice = typeof BASES.choices[number];

/**
 * The bases that a release has to fetch: none with `--bases scratch`.
 *
 * @throws {UsageError} `KBUILD_BASES` has a value that it cannot have.
 */
export function basesToFetch(
  env: Environment,
  plan: PackagePlan,
  choice: BaseChoice | undefined,
): readonly WantedImage[] {
  const scratch = baseChoice(env, choice) === "scratch";
  return scratch ? [] : wantedBases(plan.images, plan.bases);
}

/**
 * What a command says of bases, else `KBUILD_BASES`, else "registry".
 *
 * @throws {UsageError} The variable has a value that it cannot have.
 */
export function baseChoice(env: Environment, choice: BaseChoice | undefined): BaseChoice {
  const text = choice ?? (env[BASES.variable] || "registry");
  const found = BASES.choices.find((known) => known === text);
  if (found !== undefined) return found;
  throw new UsageError(`Value "${text}" of ${BASES.variable} is not "registry" or "scratch"`);
}

/**
 * Fetches the bases of a release, or takes them from the cache.
 *
 * @param wanted From {@linkcode basesToFetch}.
 * @throws {KbuildError} One is unavailable: why, and the alternatives.
 */
export async function fetchBases(
  context: KubeContext,
  wanted: readonly WantedImage[],
): Promise<readonly FetchedImage[]> {
  const { env, log } = context;
  if (wanted.length === 0) return [];
  const pull = /[yY]/.test(env["KUBE_BUILD_PULL_LATEST_IMAGES"] || "y");
  log.status("Getting base images:", wanted.map(({ reference }) => reference), { v: 2 });
  const images = await fetchImages(context, wanted, { pull }).catch((error: unknown) => {
    throw error instanceof ImageError ? withWaysOut(error, isOffline(env)) : error;
  });
  log.status(
    "Base images:",
    images.map(({ reference, digest, digestFrom }) =>
      `${reference} ${digest} (digest from ${FROM[digestFrom]})`
    ),
  );
  return images;
}

const FROM: Readonly<Record<FetchedImage["digestFrom"], string>> = {
  "origin": "its registry",
  "lock": "a lock",
  "mirror": "the mirror, not verified",
  "built-in": "kbuild",
  "checksum-database": "a checksum database",
};

function withWaysOut(error: ImageError, offline: boolean): KbuildError {
  const { reference } = error;
  const short = reference.slice(reference.lastIndexOf("/") + 1).replace(/[:@].*$/, "");
  return new KbuildError(error.message, {
    notes: [
      ...error.notes,
      `Or give the base yourself: --base-image ${short}=WHERE (an OCI layout directory, or a tar)`,
      ...(offline ? [] : ["--offline takes what is in the cache"]),
      "--bases scratch makes images without bases",
    ],
    exitCode: error.exitCode,
    cause: error,
  });
}
