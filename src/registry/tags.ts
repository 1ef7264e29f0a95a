import { KbuildError } from "../errors.ts";
import { digestOf } from "../image/mod.ts";
import { NetworkError, readAll } from "../net/mod.ts";
import { ACCEPTED, type Descriptor, MAX_MANIFEST } from "./manifest.ts";
import { pushRefusal } from "./push_blob.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Access, Session } from "./session.ts";

/** What a registry says of a tag, or of a manifest's digest. */
export type TagState =
  | { readonly state: "there"; readonly digest: string }
  | { readonly state: "missing" }
  /** It refuses the question: Artifactory and Quay do for names that are not there yet. */
  | { readonly state: "unknown"; readonly why: NetworkError };

/**
 * What a tag stands for in a registry now: by HEAD, else by GET.
 *
 * @throws {NetworkError} The registry does not answer.
 */
export async function lookUpTag(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  access: Access = "pull,push",
): Promise<TagState> {
  const url = urlOf(endpoint, `manifests/${tag}`);
  const headers = { accept: ACCEPTED.join(", ") };
  const ask = async (method: "HEAD" | "GET"): Promise<TagState> => {
    const answer = await session.send(endpoint, access, url, { method, headers });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return { state: "missing" };
    }
    if (!answer.ok) throw await session.client.refusal(url, answer);
    const said = answer.headers.get("docker-content-digest");
    if (said?.startsWith("sha256:") === true) {
      await answer.body?.cancel();
      return { state: "there", digest: said };
    }
    if (method === "HEAD") {
      await answer.body?.cancel();
      return await ask("GET");
    }
    const bytes = await readAll(session.client, url, answer, MAX_MANIFEST);
    return { state: "there", digest: digestOf(bytes) };
  };
  try {
    return await session.client.retry(() =>
      ask("HEAD").catch((error: unknown) => {
        if (isRefusal(error) && !error.retry) return ask("GET");
        throw error;
      })
    );
  } catch (error) {
    if (isRefusal(error)) return { state: "unknown", why: error };
    throw error;
  }
}

function isRefusal(error: unknown): error is NetworkError {
  return error instanceof NetworkError && error.status !== undefined;
}

/** Whether a registry says that a tag stands for a manifest. */
export async function hasTag(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  digest: string,
): Promise<boolean> {
  const found = await lookUpTag(session, endpoint, tag);
  return found.state === "there" && found.digest === digest;
}

/**
 * Gives a tag to a manifest, unless it has it.
 *
 * @returns Whether it had it already.
 * @throws {NetworkError} The registry refuses.
 * @throws {KbuildError} The registry has made something else of it.
 */
export async function putManifest(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  { bytes, described }: { bytes: Uint8Array<ArrayBuffer>; described: Descriptor },
): Promise<boolean> {
  if (await hasTag(session, endpoint, tag, described.digest)) return true;
  await sendManifest(session, endpoint, tag, { bytes, described });
  return false;
}

/**
 * Gives a tag to a manifest, whatever had it.
 *
 * @returns Whether the registry says that it has listed the manifest as a referrer (`OCI-Subject`).
 * @throws As {@linkcode putManifest}.
 */
export async function sendManifest(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  { bytes, described }: { bytes: Uint8Array<ArrayBuffer>; described: Descriptor },
): Promise<boolean> {
  const { digest, mediaType } = described;
  const url = urlOf(endpoint, `manifests/${tag}`);
  return await session.client.retry(async () => {
    const answer = await session.send(endpoint, "pull,push", url, {
      ...{ method: "PUT", body: bytes },
      headers: { "content-type": mediaType },
    });
    if (!answer.ok) throw await manifestRefusal(session, url, answer);
    await answer.body?.cancel();
    const said = answer.headers.get("docker-content-digest");
    if (said === null || said === digest) return answer.headers.has("oci-subject");
    throw new KbuildError(`Cannot push "${url}": the registry made "${said}" of "${digest}"`);
  });
}

/**
 * The error of a refused manifest. Its blobs were sent, or found, before: where the registry does not know one,
 * somebody else is just putting the same blob (docker-registry 2.8 moves a new file over the old one) or
 * its store is late, and the same request may succeed.
 */
export async function manifestRefusal(
  session: Session,
  url: string,
  answer: Response,
): Promise<NetworkError> {
  const error = await pushRefusal(session, url, answer);
  const isLate = error.serverCodes.some((code) => BLOB_UNKNOWN.has(code));
  return isLate ? error.with({ retry: true }) : error;
}

/** Codes of the distribution specification for a manifest whose blobs are not there. */
const BLOB_UNKNOWN: ReadonlySet<string> = new Set(["BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]);
