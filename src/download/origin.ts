import { KbuildError } from "../errors.ts";
import {
  candidatesFor,
  type Client,
  createClient,
  hostOf,
  type MirrorTable,
  type NetContext,
  NetworkError,
  type RetryPolicy,
} from "../net/mod.ts";

/** Whoever names a mirror may have no way to the origin: it must not cost minutes to find out. */
const BRIEF: Partial<RetryPolicy> = { attempts: 1, headersMs: 5000 };

/** What helps where a site cannot be reached. */
export function otherWays(url: string): string {
  return `Behind a firewall: a mirror (--mirror ${hostOf(url)}=…) with a lock file, or HTTPS_PROXY`;
}

/** A question to an origin. */
export interface OriginQuestion {
  /** Mirrors, which are not asked. */
  readonly table: MirrorTable;
  /** Address of what is asked about. */
  readonly url: string;
  /** What the user knows it by. */
  readonly what: string;
  /** How long the origin is waited for; where there is a mirror, briefly. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
}

/**
 * Asks an origin for digests: whatever mirrors carry is checked against them.
 *
 * @param ask Asks, through a client.
 * @throws {KbuildError} The origin cannot be reached, and mirrors cannot vouch for themselves.
 */
export async function askOrigin<T>(
  context: NetContext,
  { table, url, what, retryPolicy }: OriginQuestion,
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  const isMirrored = candidatesFor(table, url).some(({ rule }) => rule !== undefined);
  using client = await createClient(
    context,
    isMirrored ? { ...retryPolicy, ...BRIEF } : retryPolicy,
  );
  try {
    return await ask(client);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    if (!isMirrored) throw error.with({ notes: [...error.notes, otherWays(url)] });
    throw new KbuildError(`Cannot verify what mirrors serve of ${what}: ${error.message}`, {
      notes: [
        `Digests come from "${hostOf(url)}" itself, or from a lock file, never from a mirror`,
        "Make the lock file where that can be reached: kbuild download VERSION --lock",
        ...error.notes,
      ],
      cause: error,
    });
  }
}
