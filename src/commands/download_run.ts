import { format as formatBytes } from "@std/fmt/bytes";
import { resolve } from "@std/path";
import type { Input } from "../cli/mod.ts";
import {
  addToLockFile,
  type DownloadedFile,
  downloadFiles,
  type DownloadPlan,
  type DownloadRequest,
  downloadUrls,
  findLockFile,
  LOCK_FILE,
  type PlannedDownload,
  prepareDownload,
  readLockFile,
  type SignatureContext,
  type SignatureMode,
  verifyBlobArgv,
} from "../download/mod.ts";
import { UsageError } from "../errors.ts";
import { counted } from "../lib/counted.ts";
import { partialPath } from "../net/mod.ts";
import { checkPlace, downloadPlace } from "./check_place.ts";
import type { CommandContext, CommandPlan } from "./context.ts";
import { netContext } from "./net_context.ts";
import type { PlanStep } from "./plan_steps.ts";
import { shortDigest } from "./short_digest.ts";
import { shortPath } from "./short_path.ts";

/** What was typed. */
interface AskedDownload {
  readonly request: DownloadRequest;
  /** Absolute path of the lock file. */
  readonly lockFile: string;
  /** Whether digests are added to it. */
  readonly isLocking: boolean;
}

/** `kbuild download`: downloads files of a release, and shows them. */
export async function download(command: CommandContext, input: Input): Promise<void> {
  const context = await netContext(command);
  const asked = await parseRequest(command, input);
  if (input.boolean("print-urls") === true) {
    const urls = await downloadUrls(context, asked.request);
    if (command.globals.json) return command.printJson({ urls });
    for (const url of urls) command.print(url);
    return;
  }
  if (isSkipped(command)) {
    if (!command.globals.json) return;
    const nothing = { version: null, marker: null, directory: null, signatures: null };
    return command.printJson({ ...nothing, files: [] });
  }
  const plan = await prepare(command, context, asked);
  for (const note of plan.notes) command.log.warn(note);
  const files = await downloadFiles(context, plan);
  if (asked.isLocking) await lock(asked, plan);
  command.log.status(signatureWords(plan, files));
  command.logSummary();
  if (command.globals.json) {
    return command.printJson({
      ...{ version: plan.version, marker: plan.marker ?? null, directory: plan.directory },
      signatures: plan.signatures,
      files: files.map(({ path, url, size, digest, isReused, isVerifiedBySignature }) => ({
        ...{ path, url, size, reused: isReused, signatureChecked: isVerifiedBySignature },
        ...{ digest: `${digest.algorithm}:${digest.hex}`, digestFrom: digest.digestFrom },
      })),
    });
  }
  const rows = files.map(({ path, size, digest }) => [
    ...[shortPath(path, command.cwd), formatBytes(size)],
    ...[shortDigest(`${digest.algorithm}:${digest.hex}`), digest.digestFrom],
  ]);
  command.printTable([["FILE", "SIZE", "DIGEST", "DIGEST FROM"], ...rows], {
    align: ["left", "right"],
    cut: ["start", undefined, "end", "end"],
  });
}

/** A plan whose directory may be written to. */
async function prepare(
  command: CommandContext,
  context: SignatureContext,
  { request }: AskedDownload,
): Promise<DownloadPlan> {
  const plan = await prepareDownload(context, request);
  // The usual one has the version in its name.
  if (request.to === undefined) await checkPlace(command, plan.directory, "download to");
  return plan;
}

/** `get-kube.sh` then only makes a cluster. */
function isSkipped({ env, log }: CommandContext): boolean {
  if (!env["KUBERNETES_SKIP_DOWNLOAD"]) return false;
  log.status("Nothing is downloaded: KUBERNETES_SKIP_DOWNLOAD is set");
  return true;
}

/** What the user should know of signatures. */
function signatureWords({ signatures }: DownloadPlan, files: readonly DownloadedFile[]): string {
  if (signatures.by === "nobody") return `Signatures were not checked: ${signatures.why}`;
  const others = files.filter(({ isVerifiedBySignature }) => !isVerifiedBySignature);
  if (others.length === 0) {
    return `Signatures of ${counted(files.length, "file")} checked by cosign`;
  }
  const names = others.map(({ name, isReused }) => isReused ? `${name} (was there)` : name);
  return `Signatures checked by cosign, but not of: ${names.join(", ")}`;
}

/** What {@linkcode download} would do. */
export async function planDownload(command: CommandContext, input: Input): Promise<CommandPlan> {
  const asked = await parseRequest(command, input);
  if (input.boolean("print-urls") === true) {
    throw new UsageError("Cannot plan --print-urls: it downloads nothing");
  }
  if (isSkipped(command)) return Object.freeze({ steps: Object.freeze([]) });
  const plan = await prepare(command, await netContext(command), asked);
  for (const note of plan.notes) command.log.warn(note);
  const steps = plan.files.flatMap((file): readonly PlanStep[] => [
    downloadStep(plan, file),
    ...signatureSteps(command, plan, file),
  ]);
  const locking: readonly PlanStep[] = asked.isLocking
    ? [{ group: "lock file", kind: "checksums", path: asked.lockFile }]
    : [];
  return Object.freeze({ steps: Object.freeze([...steps, ...locking]) });
}

function downloadStep(
  plan: DownloadPlan,
  { name, candidates, path, digest }: PlannedDownload,
): PlanStep {
  return {
    group: plan.version,
    kind: "download",
    what: `${plan.version}/${name}`,
    urls: candidates.map(({ url, rule }, i) => ({
      ...{ url, rule },
      when: i === 0 ? "first" : "if the one before fails",
    })),
    path,
    digest: `${digest.algorithm}:${digest.hex}`,
  };
}

function signatureSteps(
  { cwd }: CommandContext,
  { version, signatures }: DownloadPlan,
  file: PlannedDownload,
): readonly PlanStep[] {
  if (signatures.by !== "cosign" || !file.isSignatureChecked) return [];
  const argv = verifyBlobArgv(signatures.program, partialPath(file));
  return [{ group: version, kind: "process", argv, cwd, env: {} }];
}

async function lock({ lockFile }: AskedDownload, { files }: DownloadPlan): Promise<void> {
  await addToLockFile(lockFile, new Map(files.map(({ url, digest }) => [url, digest])));
}

async function parseRequest(command: CommandContext, input: Input): Promise<AskedDownload> {
  const { cwd, env } = command;
  const platforms = input.list("platform");
  for (const platform of platforms ?? []) checkPlatform(platform);
  const isLocking = input.boolean("lock") === true;
  const named = env["KBUILD_LOCK_FILE"];
  // One that is to be made need not be there.
  const path = resolve(cwd, named || LOCK_FILE);
  const { path: lockFile, files } = isLocking
    ? { path, files: await readLockFile(path) }
    : await findLockFile(named, cwd);
  const to = input.string("to");
  if (to !== undefined) await checkPlace(command, resolve(cwd, to), "download to");
  const place = to === undefined ? await downloadPlace(command) : cwd;
  const request: DownloadRequest = {
    ...{ version: input.args[0], what: input.list("what"), platforms, to, cwd: place },
    signatures: input.string("signatures") as SignatureMode | undefined,
    ...(files === undefined ? {} : { locked: { path: lockFile, files } }),
  };
  return Object.freeze({ request, lockFile, isLocking });
}

/** @throws {UsageError} It is not `OS/ARCH`. */
function checkPlatform(platform: string): void {
  if (/^[a-z0-9]+\/[a-z0-9]+$/.test(platform)) return;
  throw new UsageError(`Value "${platform}" is not a platform`, ["Example: linux/arm64"]);
}
