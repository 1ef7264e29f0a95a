import { basename } from "@std/path";
import { KbuildError } from "../errors.ts";
import {
  candidatesFor,
  isOffline,
  MIRRORS,
  type NetContext,
  parseMirrors,
  type RetryPolicy,
} from "../net/mod.ts";
import { findDigestBeside } from "./digests.ts";
import { askOrigin } from "./origin.ts";
import type { KnownDigest, PlannedDownload } from "./types.ts";

/** A file that is published with its digest beside it, outside of releases of Kubernetes. */
export interface SingleFile {
  /** Where it is published. */
  readonly url: string;
  /** Absolute path that it gets. */
  readonly path: string;
  /** Its digest, where that is known without asking. */
  readonly known?: KnownDigest | undefined;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
}

/**
 * Plans the download of a file with a digest that is known, or that is published beside it (`.sha512`,
 * `.sha256`).
 *
 * @throws {KbuildError} There is no digest, or it cannot be asked for.
 */
export async function planSingleFile(
  context: NetContext,
  { url, path, known, retryPolicy }: SingleFile,
): Promise<PlannedDownload> {
  const name = basename(url);
  const table = parseMirrors(context.env[MIRRORS] ?? "");
  if (known === undefined && isOffline(context.env)) {
    throw new KbuildError(`Cannot verify "${name}" without a network: no digest of it is known`);
  }
  const digest = known ?? await askOrigin(
    context,
    { table, url, what: name, retryPolicy },
    (client) => findDigestBeside(client, url),
  );
  if (digest === undefined) {
    throw new KbuildError(`Cannot verify "${name}": no digest of it is published`, {
      notes: [`Neither ${url}.sha512 nor .sha256 is there`],
    });
  }
  return Object.freeze({
    ...{ name, url, candidates: candidatesFor(table, url), path, digest },
    ...{ mode: 0o644, isSignatureChecked: false },
  });
}
