import { join, resolve } from "@std/path";
import { type VerifiedArtifact, verifyRelease } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPresent } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import { checkPlace } from "./check_place.ts";
import type { CommandContext } from "./context.ts";
import { findingWords } from "./finding_words.ts";
import { checkPublished, namedRelease, verifyPublished } from "./verify_published_run.ts";

/** Problems shown of one artifact; --json has all. */
const SHOWN = 20;

/** Checks a release and shows, artifact by artifact, what was found. */
export async function showVerifiedRelease(command: CommandContext, input: Input): Promise<void> {
  const [path, directory] = input.args;
  refuseFlagsOfBuilds(input);
  const named = path === undefined ? undefined : await namedRelease(path, command.cwd);
  if (named !== undefined) {
    const kept = input.string("published");
    if (kept !== undefined) await checkPlace(command, resolve(command.cwd, kept), "download to");
    const release = await releaseFor(command, input, { version: named, directory });
    return await verifyPublished(command, input, { version: named, ...release });
  }
  for (const name of ["published", "build"]) {
    if (input.string(name) === undefined) continue;
    throw new UsageError(`Cannot use --${name} without a version`, [
      `Name it: kbuild verify-release v1.30.2 --${name} DIR`,
    ]);
  }
  if (directory !== undefined) {
    throw new UsageError(
      `Cannot hold "${directory}" against "${path}": it is not a published version`,
      [
        "With a version: kbuild verify-release v1.30.2 DIR",
        "Two releases that are here: kbuild compare A B",
      ],
    );
  }
  const root = path === undefined ? await ownRelease(command) : resolve(command.cwd, path);
  const stamped = input.string("stamped");
  const { json } = command.globals;
  const report = await verifyRelease(root, {
    signal: command.signal,
    ...(stamped === undefined ? {} : { version: stamped }),
    onArtifact: (artifact) => {
      if (!json) showArtifact(command, artifact);
    },
  });
  const bad = report.artifacts.filter(({ problems }) => problems.length > 0).length;
  const { artifacts, problems, notes, version } = report;
  const summary =
    `${counted(artifacts.length, "artifact")}: ${artifacts.length - bad} sound, ${bad} bad` +
    (problems.length === 0 ? "" : `; ${counted(problems.length, "other problem")}`);
  if (json) {
    const sound = bad === 0 && problems.length === 0;
    command.printJson({ sound, ...report });
  } else {
    for (const problem of problems) command.print(`bad   ${findingWords(problem)}`);
    for (const text of notes) command.print(`note  ${findingWords({ path: [], text })}`);
    command.print(`${report.root}${version === undefined ? "" : ` ${version}`}: ${summary}`);
  }
  if (bad > 0 || problems.length > 0) throw new KbuildError(`The release is not sound: ${summary}`);
}

/** @throws {UsageError} A flag of builds is given, and nothing is built. */
function refuseFlagsOfBuilds(input: Input): void {
  if (input.string("build") !== undefined) return;
  const given = {
    platform: input.list("platform"),
    bases: input.string("bases"),
    jobs: input.number("jobs"),
    go: input.string("go"),
  };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    throw new UsageError(`Cannot use --${name} without --build: nothing is built`, [
      "Build a tag: kbuild verify-release v1.30.2 --build DIR",
    ]);
  }
}

/** The release that is held against a published one: that in a directory, one that is built now, or the checkout's. */
async function releaseFor(
  command: CommandContext,
  input: Input,
  { version, directory }: { version: string; directory: string | undefined },
): Promise<{ directory: string; isOwn: boolean }> {
  const build = input.string("build");
  if (build !== undefined) {
    if (directory !== undefined) {
      throw new UsageError(`Cannot use both --build and the directory "${directory}"`);
    }
    await checkPublished(command, version);
    const { buildTag } = await import("./build_tag.ts");
    const options = { tag: version, jobs: input.number("jobs") };
    const root = await buildTag(command, { ...options, directory: resolve(command.cwd, build) });
    return { directory: root, isOwn: false };
  }
  if (directory !== undefined) return { directory: resolve(command.cwd, directory), isOwn: false };
  return { directory: await ownRelease(command), isOwn: true };
}

/**
 * The output root of the checkout around.
 *
 * @throws {KbuildError} It has no release.
 */
async function ownRelease(command: CommandContext): Promise<string> {
  const { outputRoot } = (await command.open()).context;
  for (const name of ["release-tars", "release-images"]) {
    if (await ifPresent(Deno.stat(join(outputRoot, name))) !== undefined) return outputRoot;
  }
  throw new KbuildError(`Cannot find a release in "${outputRoot}"`, {
    notes: ["Make one: kbuild quick-release", "Or name another one: kbuild verify-release PATH"],
  });
}

function showArtifact(command: CommandContext, artifact: VerifiedArtifact): void {
  const { members, programs, images, checksums, problems } = artifact;
  const name = findingWords({ path: [], text: artifact.name });
  if (problems.length === 0) {
    const found = ([
      [members, "member"],
      [programs, "program"],
      [images.length, "image"],
      [checksums.length, "checksum"],
    ] as const).flatMap(([count, what]) => count === 0 ? [] : [counted(count, what)]);
    command.print(`ok    ${[name, ...found.length === 0 ? [] : [found.join(", ")]].join(": ")}`);
    return;
  }
  command.print(`bad   ${name}`);
  for (const problem of problems.slice(0, SHOWN)) command.print(`      ${findingWords(problem)}`);
  const more = problems.length - SHOWN;
  if (more > 0) command.print(`      … and ${more} more (--json has all)`);
}
