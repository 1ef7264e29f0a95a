import { join, resolve } from "@std/path";
import { type Finding, type VerifiedArtifact, verifyRelease } from "../audit/mod.ts";
import type { Input } from "../cli/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPresent } from "../files/mod.ts";
import { counted } from "../lib/counted.ts";
import type { CommandContext } from "./context.ts";
import { namesRelease, verifyPublished } from "./verify_published_run.ts";

/** Problems shown of one artifact; --json has all. */
const SHOWN = 20;

/** Checks a release and shows, artifact by artifact, what was found. */
export async function showVerifiedRelease(command: CommandContext, input: Input): Promise<void> {
  const [path] = input.args;
  if (path !== undefined && await namesRelease(path, command.cwd)) {
    const outputRoot = await ownRelease(command);
    return await verifyPublished(command, input, { version: path, outputRoot });
  }
  if (input.string("published") !== undefined) {
    throw new UsageError("Cannot use --published without a version", [
      "Name it: kbuild verify-release v1.30.2 --published DIR",
    ]);
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
    for (const problem of problems) command.print(`bad   ${wordsOf(problem)}`);
    for (const note of notes) command.print(`note  ${note}`);
    command.print(`${report.root}${version === undefined ? "" : ` ${version}`}: ${summary}`);
  }
  if (bad > 0 || problems.length > 0) throw new KbuildError(`The release is not sound: ${summary}`);
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
  const { name, members, programs, images, checksums, problems } = artifact;
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
  for (const problem of problems.slice(0, SHOWN)) command.print(`      ${wordsOf(problem)}`);
  const more = problems.length - SHOWN;
  if (more > 0) command.print(`      … and ${more} more (--json has all)`);
}

function wordsOf({ path, text }: Finding): string {
  return [...path, text].join(": ");
}
