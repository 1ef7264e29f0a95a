import { dirname, join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { binaryName, goWorkingDirectory } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GeneratedFile } from "./sources.ts";
import { copyFile, ifPresent, readText, writeFileAtomic } from "../files/mod.ts";

/** One file to make: from which packages, in which temporary directory. */
export interface Job {
  readonly file: GeneratedFile;
  /** Directories below the root; OpenAPI files alone have them. */
  readonly packages: readonly string[];
  /** Absolute path. */
  readonly work: string;
}

/** A generator's start, and the file that it makes. */
export interface ToolCommand {
  /** The generator and its arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** Absolute path, in the temporary directory. */
  readonly made: string;
}

/** The generator's command line, and the file that it makes. Pure. */
export function toolCommand(
  context: KubeContext,
  checkout: Checkout,
  host: string,
  { file, packages, work }: Job,
): ToolCommand {
  const program = join(context.binPath, host, binaryName(file.tool));
  const cwd = goWorkingDirectory(context, checkout);
  if (file.kind === "bindata") {
    const made = join(work, "bindata.go");
    return { argv: [program, "-o", made, ...file.args], cwd, made };
  }
  const prefix = checkout.goPackage.value;
  const outputBase = join(work, "src");
  const argv = [
    program,
    ...["--v", String(context.log.verbosity), "--logtostderr"],
    ...["-i", packages.map((path) => `${prefix}/${path}`).join(",")],
    ...["-p", `${prefix}/${file.outputPackage}`],
    ...["-O", binaryName(file.output).replace(/\.go$/, "")],
    ...(file.header === undefined ? [] : ["-h", file.header]),
    ...["-o", outputBase],
    ...(file.knownViolations === undefined ? [] : ["-r", reportPath(work)]),
  ];
  return { argv, cwd, made: join(outputBase, prefix, file.output) };
}

function reportPath(work: string): string {
  return join(work, "violations.report");
}

/**
 * The build of `make` fails where the violations differ from the known ones; so does ours.
 *
 * @throws {KbuildError} They differ; the report is kept in `_output`.
 */
export async function checkViolations(
  context: KubeContext,
  file: GeneratedFile & { kind: "openapi" },
  work: string,
): Promise<void> {
  const { name, knownViolations } = file;
  if (knownViolations === undefined) return;
  await compareViolations(context, { name, knownViolations, report: reportPath(work) });
}

/**
 * Compares a report of API rule violations with the known ones.
 *
 * @param options.name What the report is about: `KUBE`.
 * @param options.knownViolations Below the root; a list that does not exist is empty.
 * @param options.report Absolute.
 * @throws {KbuildError} They differ; the report is kept in `_output`.
 */
export async function compareViolations(
  context: KubeContext,
  { name, knownViolations, report }: { name: string; knownViolations: string; report: string },
): Promise<void> {
  const known = join(context.root, knownViolations);
  const [found, expected = ""] = await Promise.all([
    readText(report),
    ifPresent(readText(known)),
  ]);
  if (found === expected) return;
  const kept = join(context.outputRoot, `${name}_violations.report`);
  await Deno.mkdir(dirname(kept), { recursive: true });
  await copyFile(report, kept);
  const before = new Set(expected.split("\n"));
  const added = found.split("\n").filter((line) => line !== "" && !before.has(line));
  throw new KbuildError(
    `Cannot accept the API rule violations of ${name}: they differ from "${knownViolations}"`,
    {
      output: added.slice(0, 20),
      notes: [
        `Compare with "${kept}"; api/api-rules/README.md says how to resolve it`,
        `To accept them: copy that file over "${known}"`,
      ],
    },
  );
}

/**
 * Accepts the violations of a run as the known ones, as `UPDATE_API_KNOWN_VIOLATIONS=true` asks.
 *
 * @returns The list below the root, if it changed.
 */
export async function placeViolations(
  context: KubeContext,
  { knownViolations }: GeneratedFile & { kind: "openapi" },
  work: string,
): Promise<string | undefined> {
  if (knownViolations === undefined) return undefined;
  return await acceptViolations(context, { knownViolations, report: reportPath(work) });
}

/** As {@linkcode placeViolations}, for any report. */
export async function acceptViolations(
  context: KubeContext,
  { knownViolations, report }: { knownViolations: string; report: string },
): Promise<string | undefined> {
  const place = join(context.root, knownViolations);
  const [found, known] = await Promise.all([
    readText(report),
    ifPresent(readText(place)),
  ]);
  if (found === known) return undefined;
  await writeFileAtomic(place, found);
  return knownViolations;
}
