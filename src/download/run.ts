import { relative } from "@std/path";
import { createHashingThread, type Hasher } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  createClient,
  fetchFile,
  isFetched,
  isOffline,
  keptFile,
  type RetryPolicy,
} from "../net/mod.ts";
import { checkSignature, type SignatureContext } from "./signatures.ts";
import type { DownloadPlan, PlannedDownload } from "./types.ts";

/** A file that is there now. */
export interface DownloadedFile extends PlannedDownload {
  /** Bytes. */
  readonly size: number;
  /** Whether it was there before. */
  readonly isReused: boolean;
  /** Whether its signature was checked in this run. */
  readonly isVerifiedBySignature: boolean;
}

/** Options of {@linkcode downloadFiles}. */
export interface DownloadFilesOptions {
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
  /** What computes digests; default: a thread beside this one. The caller closes it. */
  readonly hasher?: Hasher;
}

/**
 * Downloads what {@linkcode DownloadPlan} says, one file after the other. Each appears complete and verified,
 * or not at all; nothing is replaced.
 *
 * @throws {KbuildError} A file cannot be fetched, is not what its digest says, or its place is taken.
 */
export async function downloadFiles(
  context: SignatureContext,
  { files, directory, version, signatures }: DownloadPlan,
  options: DownloadFilesOptions = {},
): Promise<readonly DownloadedFile[]> {
  const missing: PlannedDownload[] = [];
  // What is in the way is found before anything is fetched.
  for (const file of files) if (!await isFetched(file)) missing.push(file);
  const isMissing = (file: PlannedDownload) => missing.includes(file);
  if (missing.length > 0 && isOffline(context.env)) throw offline(version, directory, missing);
  const fetched: DownloadedFile[] = [];
  using client = await createClient(context, options.retryPolicy);
  const hasher = options.hasher ?? createHashingThread();
  try {
    for (const file of files) {
      let isVerifiedBySignature = false;
      const check = async (path: string) => {
        if (signatures.by !== "cosign" || !file.isSignatureChecked) return;
        isVerifiedBySignature = await checkSignature(context, client, signatures, file, path);
      };
      const { size, isReused } = isMissing(file)
        ? await fetchFile(client, { ...file, what: file.name, check }, { hasher })
        : await keptFile(context, file.path);
      fetched.push(Object.freeze({ ...file, size, isReused, isVerifiedBySignature }));
    }
    return Object.freeze(fetched);
  } finally {
    if (options.hasher === undefined) hasher.close();
  }
}

function offline(
  version: string,
  directory: string,
  missing: readonly PlannedDownload[],
): KbuildError {
  return new KbuildError(`Cannot download ${version}: nothing may be fetched (--offline)`, {
    output: missing.map(({ path }) => relative(directory, path)),
    notes: [`These files are not in "${directory}"`],
  });
}
