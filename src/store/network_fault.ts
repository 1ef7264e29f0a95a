import {
  type Client,
  NetworkError,
  openBody,
  type ResumableBody,
  type RetryPolicy,
} from "../net/mod.ts";
import { eachChunk } from "./each_chunk.ts";
import { type FaultExtent, StoreFault } from "./types.ts";

/** How long a server is waited for: less than for what a build cannot do without. */
export const STORE_RETRY_POLICY: Partial<RetryPolicy> = Object.freeze({
  headersMs: 10_000,
  stallMs: 15_000,
  slowMs: 30_000,
  attempts: 2,
  backoffMs: 500,
  waitMs: 15_000,
});

/**
 * Does something at a server.
 *
 * @param doing What decides how much a refusal spoils.
 * @throws {StoreFault} The server does not answer, or refuses.
 */
export async function atServer<T>(doing: "read" | "write", work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    const { reason, notes } = error;
    throw new StoreFault(reason, extentOf(doing, error), { notes, cause: error });
  }
}

/**
 * A blob of a server, which is resumed where it breaks off; failures are as {@linkcode atServer} has them.
 *
 * @returns undefined: it is not there.
 */
export async function blobAtServer(
  client: Client,
  body: ResumableBody,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const chunks = await atServer("read", () => openBody(client, body));
  return chunks === undefined ? undefined : eachChunk(chunks, (next) => atServer("read", next));
}

function extentOf(doing: "read" | "write", { status, code }: NetworkError): FaultExtent {
  if (code === "too-long") return "one";
  if (status === undefined) return "all";
  // It takes no log-in, has no such method, nothing at this address, or no space.
  const lasting = [401, 403, 404, 405, 409, 501, 507].includes(status);
  if (!lasting) return "one";
  return doing === "write" ? "writing" : "reading";
}
