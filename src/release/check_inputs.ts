import { relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import { checkBase, engineReference } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { ImagePlan } from "./image_plan.ts";
import { baseFor, basesOf } from "./images.ts";
import { missingError, type MissingInput } from "./missing.ts";
import type { PackageOptions, PackagePlan } from "./prepare.ts";
import { requiredBinaries } from "./plan.ts";
import { ifPresent } from "../files/mod.ts";

/**
 * Checks that a release can be packaged, before anything is built for it.
 *
 * @param options.checkBinaries Whether the binaries must be there already.
 * @param options.basesToCome Whether bases that were not given are fetched afterwards.
 * @throws {KbuildError} Something is missing: all of it, each with what it is for.
 */
export async function checkInputs(
  context: KubeContext,
  plan: PackagePlan,
  { checkBinaries, basesToCome = false }: { checkBinaries: boolean; basesToCome?: boolean },
): Promise<void> {
  await checkBases(plan);
  await checkContexts(context.root, plan.images, plan.options);
  if (!basesToCome) checkTaken(plan);
  refuseMissing(plan, checkBinaries ? await missingBinaries(context.root, plan) : []);
}

/**
 * Checks the rest, when binaries are built and bases are fetched.
 *
 * @throws {KbuildError} Something is missing.
 */
export async function checkBuilt(context: KubeContext, plan: PackagePlan): Promise<void> {
  checkTaken(plan);
  refuseMissing(plan, await missingBinaries(context.root, plan));
}

function refuseMissing(
  { missing, options: { allowMissing = false } }: PackagePlan,
  binaries: readonly MissingInput[],
): void {
  if (binaries.length === 0 && (missing.length === 0 || allowMissing)) return;
  throw missingError([...missing, ...binaries], { allowed: allowMissing });
}

/** A file beside a Dockerfile that is not there would be noticed only after the build. */
async function checkContexts(
  root: string,
  images: readonly ImagePlan[],
  { binPath }: PackageOptions,
): Promise<void> {
  for (const { name, context, dockerfile } of images) {
    for (const [file, path] of Object.entries(context)) {
      if (path.startsWith(`${binPath}/`) || await ifPresent(Deno.stat(path)) !== undefined) {
        continue;
      }
      const skip = `KUBE_BUILD_${name.toUpperCase()}`;
      throw new KbuildError(
        `Cannot make the image of "${name}": "${dockerfile.path}" copies "${file}", ` +
          `and "${relative(root, path)}" does not exist`,
        {
          notes: [
            "Restore the file from git; of what the image's Makefile makes, kbuild makes archives " +
            "of programs only",
            ...OPTIONAL.includes(skip) ? [`Or leave the image out: ${skip}=n`] : [],
          ],
          exitCode: 2,
        },
      );
    }
  }
}

/** Variables that leave an image out. */
const OPTIONAL: readonly string[] = ["KUBE_BUILD_CONFORMANCE", "KUBE_BUILD_HYPERKUBE"];

/** Absolute paths of the binaries that a release packages, sorted. */
export function packagedBinaries({ images, options, tarballs }: PackagePlan): readonly string[] {
  const inImages = images.flatMap(({ context }) =>
    Object.values(context).filter((path) => path.startsWith(`${options.binPath}/`))
  );
  const required = requiredBinaries(options.binPath, tarballs);
  return Object.freeze([...new Set([...required, ...inImages])].sort());
}

async function missingBinaries(root: string, plan: PackagePlan): Promise<MissingInput[]> {
  const wanted = packagedBinaries(plan);
  const there = await Promise.all(wanted.map((path) => ifPresent(Deno.lstat(path))));
  return wanted.filter((_, index) => there[index] === undefined).map((path) =>
    Object.freeze({ path: relative(root, path), problem: "not built", neededFor: [] })
  );
}

/** An image may be made on an empty base, but not without files that it takes out of another one. */
function checkTaken({ bases, images }: PackagePlan): void {
  for (const { name, dockerfile } of images) {
    const missing = dockerfile.taken.find((reference) => baseFor(bases, reference) === undefined);
    if (missing === undefined) continue;
    throw new KbuildError(`Cannot make the image of "${name}" without files of "${missing}"`, {
      notes: [
        `Give that image: --base-image ${missing}=WHERE`,
        ...name === "conformance" ? ["Or leave it out: KUBE_BUILD_CONFORMANCE=n"] : [],
      ],
      exitCode: 2,
    });
  }
}

/** A base that cannot be used would be noticed only after the build. */
async function checkBases({ bases, images }: PackagePlan): Promise<void> {
  const checked = new Set<string>();
  for (const [name, where] of bases) {
    if (typeof where !== "string" || where === "scratch") continue;
    // Those of an engine were asked for when they were pinned.
    if (engineReference(where) !== undefined) continue;
    const notes = [
      `--base-image ${name}=WHERE takes an OCI layout directory, an archive, docker:IMAGE or "scratch"`,
    ];
    if (await ifPresent(Deno.stat(where)) === undefined) {
      throw new KbuildError(`Cannot open base image "${where}": no such file or directory`, {
        notes,
        exitCode: 2,
      });
    }
    const users = images.filter((image) =>
      basesOf(image).some((reference) => baseFor(bases, reference) === where)
    );
    for (const { arch } of users) {
      const key = `${arch} ${where}`;
      if (checked.has(key)) continue;
      checked.add(key);
      await checkBase(where, { arch }).catch((cause: unknown) => {
        if (!(cause instanceof KbuildError)) throw cause;
        const more = { notes: [...cause.notes, ...notes], exitCode: 2, cause };
        throw new KbuildError(cause.message, more);
      });
    }
  }
}
