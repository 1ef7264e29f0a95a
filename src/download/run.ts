import { relative } from "@std/path";
import { KbuildError } from "../errors.ts";
import {
  createClient,
  fetchFile,
  isFetched,
  isOffline,
  type NetContext,
  type RetryPolicy,
} from "../net/mod.ts";
import type { DownloadPlan, PlannedDownload } from "./types.ts";

/** A file that is there now. */
export interface DownloadedFile extends PlannedDownload {
  /** Bytes. */
  readonly size: number;
  /** Whether it was there before. */
  readonly isReused: boolean;
}

/**
 * Downloads what {@linkcode DownloadPlan} says, one file after the other. Each appears complete and verified,
 * or not at all; nothing is replaced.
 *
 * @throws {KbuildError} A file cannot be fetched, is not what its digest says, or its place is taken.
 */
export async function downloadFiles(
  context: NetContext,
  { files, directory, version }: DownloadPlan,
  options: { retryPolicy?: Partial<RetryPolicy> | undefined } = {},
): Promise<readonly DownloadedFile[]> {
  const missing: PlannedDownload[] = [];
  // What is in the way is found before anything is fetched.
  for (const file of files) if (!await isFetched(file)) missing.push(file);
  if (missing.length > 0 && isOffline(context.env)) throw offline(version, directory, missing);
  const fetched: DownloadedFile[] = [];
  using client = await createClient(context, options.retryPolicy);
  for (const file of files) {
    const { size, isReused } = await fetchFile(client, { ...file, what: file.name });
    fetched.push(Object.freeze({ ...file, size, isReused }));
  }
  return Object.freeze(fetched);
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
