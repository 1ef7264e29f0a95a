import { KbuildError } from "../errors.ts";
import { digestOf } from "../image/mod.ts";
import { readAll, statusError, withRetries } from "../net/mod.ts";
import { ACCEPTED, type Descriptor } from "./manifest.ts";
import { refusal } from "./push_blob.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Access, Session } from "./session.ts";

const MOST = 8 << 20;

/**
 * What a tag stands for in a registry now.
 *
 * @returns Undefined where there is no such tag.
 * @throws {NetworkError} The registry does not say.
 */
export async function headManifest(
  session: Session,
  endpoint: Endpoint,
  tag: string,
  access: Access = "pull,push",
): Promise<string | undefined> {
  const url = urlOf(endpoint, `manifests/${tag}`);
  const headers = { accept: ACCEPTED.join(", ") };
  return await withRetries(async () => {
    const head = await session.send(endpoint, access, url, { method: "HEAD", headers });
    await head.body?.cancel();
    if (head.status === 404) return undefined;
    if (!head.ok) throw await statusError(url, head);
    const said = head.headers.get("docker-content-digest");
    if (said?.startsWith("sha256:") === true) return said;
    const answer = await session.send(endpoint, access, url, { headers });
    if (!answer.ok) throw await statusError(url, answer);
    return digestOf(await readAll(session.client, url, answer, MOST));
  }, session.client);
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
  const { digest, mediaType } = described;
  if (await headManifest(session, endpoint, tag) === digest) return true;
  const url = urlOf(endpoint, `manifests/${tag}`);
  await withRetries(async () => {
    const answer = await session.send(endpoint, "pull,push", url, {
      ...{ method: "PUT", body: bytes },
      headers: { "content-type": mediaType },
    });
    if (!answer.ok) throw await refusal(session, url, answer);
    await answer.body?.cancel();
    const said = answer.headers.get("docker-content-digest");
    if (said === null || said === digest) return;
    throw new KbuildError(`Cannot push "${url}": the registry made "${said}" of "${digest}"`);
  }, session.client);
  return false;
}
