import { basename } from "@std/path";
import { KbuildError, UsageError } from "../errors.ts";
import { ifPossible, removeTree, writeFileAtomic } from "../files/mod.ts";
import { findProgram } from "../lib/util.ts";
import {
  type Candidate,
  candidatesFor,
  type Client,
  downloadBytes,
  isOffline,
  MIRRORS,
  type NetContext,
  parseMirrors,
  tryCandidates,
} from "../net/mod.ts";
import type { Shell } from "../shell/mod.ts";
import { isMissing } from "./digests.ts";
import type { PlannedDownload, SignatureMode, SignaturePlan } from "./types.ts";
import { isBefore, isCiVersion } from "./version.ts";

/** The first minor version whose files are signed (kubernetes.io, "Verify Signed Kubernetes Artifacts"). */
const SIGNED_SINCE = 26;

/** Who signs, by the same page. */
const IDENTITY = "krel-staging@k8s-releng-prod.iam.gserviceaccount.com";
const ISSUER = "https://accounts.google.com";

/** What has no signature; `cmd/krel/cmd/sign_blobs.go` of kubernetes/release. */
const UNSIGNED = /\.docker_tag$/;

/** Signatures and certificates have some thousand bytes. */
const MAX_SIGNATURE = 1 << 16;

/** What checking signatures needs of a run. */
export interface SignatureContext extends NetContext {
  /** Starts cosign. */
  readonly shell: Shell;
}

/**
 * Plans how the signatures of a version are checked.
 *
 * @throws {KbuildError} They must be checked, and cannot be.
 */
export async function planSignatures(
  { env }: Pick<NetContext, "env">,
  version: string,
  mode: SignatureMode,
): Promise<SignaturePlan> {
  if (mode === "none") return nobody("--signatures none");
  const program = await findProgram("cosign", env["PATH"]);
  const why = isCiVersion(version)
    ? "builds of CI have none"
    : isBefore(version, SIGNED_SINCE)
    ? `Kubernetes has them from 1.${SIGNED_SINCE} on`
    : isOffline(env)
    ? "nothing may be fetched (--offline)"
    : program === undefined
    ? "cosign is not in PATH"
    : undefined;
  if (why === undefined) {
    return Object.freeze({ by: "cosign", program: program!, isRequired: mode === "require" });
  }
  if (mode === "auto") return nobody(why);
  throw new UsageError(`Cannot check the signatures of ${version}: ${why}`, [
    "Without them: --signatures none",
  ]);
}

function nobody(why: string): SignaturePlan {
  return Object.freeze({ by: "nobody", why });
}

/** Whether a file of a signed version has a signature. */
export function isSigned(name: string): boolean {
  return !UNSIGNED.test(name);
}

/**
 * The command line that checks a file.
 *
 * @param path The file; signature and certificate are beside it.
 */
export function verifyBlobArgv(program: string, path: string): readonly string[] {
  return Object.freeze([
    ...[program, "verify-blob", path],
    ...["--signature", `${path}.sig`, "--certificate", `${path}.cert`],
    ...["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER],
  ]);
}

/**
 * Checks the signature of a file by the user's cosign, which asks Sigstore's transparency log.
 *
 * @param path Where the file is now.
 * @returns Whether it was checked; false if no signature is published.
 * @throws {KbuildError} The signature is wrong, cannot be fetched, or is missing and required.
 */
export async function checkSignature(
  { env, shell, signal }: SignatureContext,
  client: Client,
  { program, isRequired }: SignaturePlan & { by: "cosign" },
  { name, url }: Pick<PlannedDownload, "name" | "url">,
  path: string,
): Promise<boolean> {
  const table = parseMirrors(env[MIRRORS] ?? "");
  const parts = [".sig", ".cert"].map((suffix) => `${path}${suffix}`);
  try {
    for (const part of parts) {
      const from = `${url}${part.slice(path.length)}`;
      const bytes = await fetchPart(client, basename(from), candidatesFor(table, from));
      if (bytes !== undefined) await writeFileAtomic(part, bytes);
      else if (isRequired) {
        throw new KbuildError(`Cannot verify "${name}": its signature is not published`);
      } else return false;
    }
    const argv = verifyBlobArgv(program, path);
    await shell.run(argv, { label: "Checking a signature", ...(signal && { signal }) })
      .catch((cause: unknown) => {
        signal?.throwIfAborted();
        throw new KbuildError(`Cannot verify "${name}": cosign does not accept its signature`, {
          output: cause instanceof KbuildError ? cause.output : [],
          notes: [
            "cosign asks Sigstore's transparency log, and needs a network for it",
            "With digests alone: --signatures none",
          ],
          cause,
        });
      });
    return true;
  } finally {
    for (const part of parts) await ifPossible(removeTree(part));
  }
}

async function fetchPart(
  client: Client,
  what: string,
  candidates: readonly Candidate[],
): Promise<Uint8Array | undefined> {
  // A mirror that lacks it does not say that there is none: the next one is asked.
  let isAbsent = false;
  try {
    return await tryCandidates(what, candidates, async ({ url }) => {
      try {
        return (await downloadBytes(client, url, { most: MAX_SIGNATURE })).bytes;
      } catch (error) {
        isAbsent ||= isMissing(error);
        throw error;
      }
    }, client);
  } catch (error) {
    client.signal?.throwIfAborted();
    if (isAbsent) return undefined;
    throw error;
  }
}
