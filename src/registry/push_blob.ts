import { type NetRequest, NetworkError, type StreamedBody } from "../net/mod.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Session } from "./session.ts";

/** Something to push. */
export interface PushedBlob {
  readonly digest: string;
  readonly size: number;
  /** Reads a part of it, anew each time. */
  read(offset: number, size: number): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** What a registry needed to have a blob. */
export type BlobResult = "there" | "mounted" | "sent";

/** A way to send the bytes of a blob. */
type Way =
  /** One PUT: the specification's monolithic upload, as containerd does it. */
  | { readonly method: "PUT" }
  /** One PATCH without a range, then an empty PUT, as docker does it. */
  | { readonly method: "PATCH" }
  /** PATCH after PATCH, each with its range: for servers that limit the size of a request. */
  | { readonly method: "parts"; readonly size: number };

const WHOLE: readonly Way[] = [{ method: "PUT" }, { method: "PATCH" }];
const PART_SIZES: readonly number[] = [64, 32, 16, 8, 4, 2, 1].map((mebibytes) => mebibytes << 20);

/** What is known of the registries of a run, by origin. */
export type UploadWays = Map<string, {
  /** Ways to send a blob as a whole, those left out that were refused. */
  readonly whole: readonly Way[];
  /** Size of parts that was taken after more at once was refused. */
  readonly partSize: number | undefined;
}>;

/** Options of {@linkcode pushBlob}. */
export interface PushBlobOptions {
  /** What registries take, as far as is known; it is added to. */
  readonly known: UploadWays;
  /** A repository of the same registry that has the blob. */
  readonly mountFrom?: string | undefined;
  /** Receives the bytes of the blob that are under way; less than before if it begins anew. */
  onSent?(bytes: number): void;
}

/**
 * Makes sure that a registry has a blob: asks for it, has it mounted from another repository there, or
 * sends it. Refused queries do not matter, only the upload counts. What is sent is
 * streamed, as a whole; only where that is refused in another way, in parts at last.
 *
 * @throws {NetworkError} The registry refuses it, or does not answer.
 */
export async function pushBlob(
  session: Session,
  endpoint: Endpoint,
  blob: PushedBlob,
  options: PushBlobOptions,
): Promise<BlobResult> {
  const { mountFrom } = options;
  return await session.client.retry(async () => {
    if (await isThere(session, endpoint, blob)) return "there";
    const mount = mountFrom === undefined
      ? undefined
      : await tryMount(session, endpoint, blob, mountFrom);
    if (mount === "mounted") return "mounted";
    await upload(session, endpoint, blob, { ...options, begun: mount });
    return "sent";
  });
}

/** An upload that a registry has begun. */
interface BegunUpload {
  /** URL to send to. */
  readonly where: string;
  /** Bytes of the smallest part that it takes. */
  readonly smallest: number;
}

async function isThere(
  session: Session,
  endpoint: Endpoint,
  { digest }: PushedBlob,
): Promise<boolean> {
  const head = await whatever(() =>
    session.send(endpoint, "pull,push", urlOf(endpoint, `blobs/${digest}`), { method: "HEAD" })
  );
  await head?.body?.cancel();
  return head?.ok === true;
}

/**
 * Only 201 is a mount. 202 begins an upload in its place; all else, also a refused token for the other
 * repository, is nothing.
 */
async function tryMount(
  session: Session,
  endpoint: Endpoint,
  { digest }: PushedBlob,
  from: string,
): Promise<"mounted" | BegunUpload | undefined> {
  const query = new URLSearchParams({ mount: digest, from });
  const url = urlOf(endpoint, `blobs/uploads/?${query}`);
  const answer = await whatever(() =>
    session.send(endpoint, "pull,push", url, { method: "POST", body: new Uint8Array() }, from)
  );
  await answer?.body?.cancel();
  if (answer?.status === 202) return begunBy(url, answer);
  return answer?.status === 201 ? "mounted" : undefined;
}

/** The answer to a question that may be refused; undefined if the log-in for it is refused. */
async function whatever(ask: () => Promise<Response>): Promise<Response | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof NetworkError && error.status !== undefined) return undefined;
    throw error;
  }
}

/** Begins an upload. */
async function beginUpload(session: Session, endpoint: Endpoint): Promise<BegunUpload> {
  const url = urlOf(endpoint, "blobs/uploads/");
  const started = await session.send(endpoint, "pull,push", url, {
    method: "POST",
    body: new Uint8Array(),
  });
  if (started.status !== 202) throw await pushRefusal(session, url, started);
  await started.body?.cancel();
  return begunBy(url, started);
}

function begunBy(url: string, { headers }: Response): BegunUpload {
  return {
    where: locationOf(url, headers.get("location")),
    smallest: Number(headers.get("oci-chunk-min-length")) || 0,
  };
}

/**
 * Asks whether a push would be taken, by beginning an upload and dropping it.
 *
 * @throws {NetworkError} It would not, in the registry's own words.
 */
export async function checkPush(session: Session, endpoint: Endpoint): Promise<void> {
  const { where } = await session.client.retry(() => beginUpload(session, endpoint));
  const dropped = await whatever(() =>
    session.send(endpoint, "pull,push", where, { method: "DELETE" })
  );
  await dropped?.body?.cancel();
}

/** Statuses of servers that do not take this way of sending, but maybe another one. */
const OTHER_WAY: ReadonlySet<number> = new Set([400, 404, 405, 411, 413, 415, 416, 422, 501]);
/** Codes of the distribution specification that no other way of sending helps against. */
const HOPELESS: ReadonlySet<string> = new Set([
  ...["DENIED", "DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "UNAUTHORIZED"],
]);

async function upload(
  session: Session,
  endpoint: Endpoint,
  blob: PushedBlob,
  { known, onSent, begun }: PushBlobOptions & { begun: BegunUpload | undefined },
): Promise<void> {
  const { origin } = endpoint;
  const { whole, partSize = Infinity } = known.get(origin) ?? { whole: WHOLE };
  const parts = PART_SIZES.filter((size) => size < blob.size && size <= partSize)
    .map((size): Way => ({ method: "parts", size }));
  let left = blob.size > partSize ? parts : [...whole, ...parts];
  let first: NetworkError | undefined;
  let next = begun;
  for (let way = left[0]; way !== undefined; way = left[0]) {
    try {
      const started = next ?? await beginUpload(session, endpoint);
      next = undefined;
      await sendBy(way, session, endpoint, blob, { begun: started, onSent });
      known.set(origin, {
        whole: way.method === "parts" ? whole : whole.slice(whole.indexOf(way)),
        partSize: way.method === "parts" ? way.size : known.get(origin)?.partSize,
      });
      return;
    } catch (error) {
      if (!(error instanceof NetworkError) || !OTHER_WAY.has(error.status ?? 0)) throw error;
      if (error.serverCodes.some((code) => HOPELESS.has(code))) throw error;
      first ??= error;
      const others = left.slice(1);
      // As much at once in another way is too much as well.
      left = error.status === 413 ? others.filter(({ method }) => method === "parts") : others;
    }
  }
  throw first!;
}

/** Sends a blob in one way, to an upload of its own. */
async function sendBy(
  way: Way,
  session: Session,
  endpoint: Endpoint,
  blob: PushedBlob,
  { begun, onSent }: { begun: BegunUpload; onSent: PushBlobOptions["onSent"] },
): Promise<void> {
  const { digest, size } = blob;
  let where = begun.where;
  let done = 0;
  const send = async (method: "PATCH" | "PUT", length: number, range: boolean) => {
    const url = method === "PUT" ? withDigest(where, digest) : where;
    const answer = await session.send(endpoint, "pull,push", url, {
      method,
      body: partOf(blob, done, length, (bytes) => onSent?.(bytes)),
      headers: {
        "content-type": "application/octet-stream",
        ...(range ? { "content-range": `${done}-${done + length - 1}` } : {}),
      },
    });
    if (!answer.ok) throw await pushRefusal(session, url, answer);
    await answer.body?.cancel();
    // Its Range is not looked at: some give an old one. The digest decides at the end.
    where = locationOf(where, answer.headers.get("location"));
    done += length;
  };
  if (way.method === "PATCH") await send("PATCH", size, false);
  if (way.method === "parts") {
    const part = Math.max(way.size, begun.smallest);
    while (done < size) await send("PATCH", Math.min(part, size - done), true);
  }
  await send("PUT", size - done, false);
}

/** A part of a blob as a body. `onSent` receives how far into the blob it got. */
function partOf(
  blob: PushedBlob,
  offset: number,
  size: number,
  onSent: (bytes: number) => void,
): NonNullable<NetRequest["body"]> {
  if (size === 0) return new Uint8Array();
  async function* chunks() {
    let at = offset;
    for await (const chunk of blob.read(offset, size)) {
      yield chunk;
      at += chunk.length;
      onSent(at);
    }
  }
  return { size, stream: () => ReadableStream.from(chunks()) } satisfies StreamedBody;
}

function withDigest(url: string, digest: string): string {
  const end = new URL(url);
  end.searchParams.set("digest", digest);
  return end.href;
}

function locationOf(url: string, location: string | null): string {
  return location !== null && URL.canParse(location, url) ? new URL(location, url).href : url;
}

/** The error of a refused push, with the registry's own words and what helps. */
export async function pushRefusal(
  session: Session,
  url: string,
  answer: Response,
): Promise<NetworkError> {
  const error = await session.client.refusal(url, answer);
  if (error.status !== 413) return error;
  return error.with({
    notes: [
      ...error.notes,
      "The registry, or a proxy in front of it, limits the size of a request, and smaller parts are " +
      "refused as well: its limit has to be raised (nginx: client_max_body_size)",
    ],
  });
}
