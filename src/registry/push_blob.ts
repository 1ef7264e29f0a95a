import { ifPossible } from "../files/mod.ts";
import { type NetworkError, readAll, statusError, withRetries } from "../net/mod.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Session } from "./session.ts";

/** Something to push. */
export interface PushedBlob {
  readonly digest: string;
  readonly size: number;
  /** A part of it. */
  read(offset: number, size: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a registry needed to have a blob. */
export type BlobResult = "there" | "mounted" | "sent";

/** Bytes of one request: some registries want at least 5 MiB, all have a limit. */
const PART = 8 << 20;
/** The slowest line that an upload is waited for, in bytes a millisecond. */
const SLOWEST = 64;
/** The slowest store behind a registry, which takes a whole blob over at the end: 1 MB/s. */
const SLOWEST_STORE = 1000;

/**
 * Sees to it that a registry has a blob: asks for it, has it mounted from another repository there,
 * or sends it, in parts. A broken upload starts anew.
 *
 * @param mountFrom A repository of the same registry that has it.
 * @throws {NetworkError} The registry refuses it, or does not answer.
 */
export async function pushBlob(
  session: Session,
  endpoint: Endpoint,
  blob: PushedBlob,
  { mountFrom, onSent }: { mountFrom?: string | undefined; onSent?: (bytes: number) => void } = {},
): Promise<BlobResult> {
  const { client } = session;
  const { digest, size } = blob;
  const there = urlOf(endpoint, `blobs/${digest}`);
  return await withRetries(async () => {
    const head = await session.send(endpoint, "pull,push", there, { method: "HEAD" });
    await head.body?.cancel();
    if (head.ok) return "there";
    if (head.status !== 404) throw await statusError(there, head);

    const query = mountFrom === undefined
      ? ""
      : `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(mountFrom)}`;
    const begin = urlOf(endpoint, `blobs/uploads/${query}`);
    const started = await session.send(
      endpoint,
      "pull,push",
      begin,
      { method: "POST", body: new Uint8Array() },
      mountFrom,
    );
    if (started.status === 201) {
      await started.body?.cancel();
      return "mounted";
    }
    if (started.status !== 202) throw await refusal(session, begin, started);
    await started.body?.cancel();
    const part = Math.max(PART, Number(started.headers.get("oci-chunk-min-length")) || 0);
    let where = locationOf(begin, started);
    const send = async (
      method: "PATCH" | "PUT",
      url: string,
      body: Uint8Array<ArrayBuffer>,
      headers: Record<string, string>,
    ) => {
      const finish = method === "PUT" ? size / SLOWEST_STORE : 0;
      const headersMs = client.patience.headersMs + body.length / SLOWEST + finish;
      const answer = await session.send(endpoint, "pull,push", url, {
        ...{ method, body, headersMs },
        headers: { "content-type": "application/octet-stream", ...headers },
      });
      if (!answer.ok) throw await refusal(session, url, answer);
      await answer.body?.cancel();
      onSent?.(body.length);
      return answer;
    };
    let at = 0;
    for (; size > part && at < size; at = Math.min(at + part, size)) {
      const body = await blob.read(at, Math.min(part, size - at));
      const range = { "content-range": `${at}-${at + body.length - 1}` };
      where = locationOf(where, await send("PATCH", where, body, range));
    }
    const end = new URL(where);
    end.searchParams.set("digest", digest);
    await send("PUT", end.href, await blob.read(at, size - at), {});
    return "sent";
  }, client);
}

function locationOf(url: string, answer: Response): string {
  const location = answer.headers.get("location") ?? "";
  return URL.canParse(location, url) ? new URL(location, url).href : url;
}

/** The error of a refusal, with the registry's own words. */
export async function refusal(
  session: Session,
  url: string,
  answer: Response,
): Promise<NetworkError> {
  const text = new TextDecoder().decode(
    await ifPossible(readAll(session.client, url, answer, 1 << 16)),
  );
  const { status, headers } = answer;
  return await statusError(url, new Response(null, { status, headers }), wordsIn(text));
}

/** `{"errors":[{"code":"DENIED","message":"…"}]}` -> "DENIED: …". */
function wordsIn(text: string): string {
  try {
    const { errors } = JSON.parse(text);
    const words = (errors as { code?: string; message?: string }[]).map(({ code, message }) =>
      [code, message].filter((word) => word).join(": ")
    );
    return words.join("; ").replaceAll(/\s+/g, " ").slice(0, 300);
  } catch {
    return "";
  }
}
