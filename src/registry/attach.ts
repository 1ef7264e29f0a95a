import { digestOf, isObject, type Json, parseJson } from "../image/mod.ts";
import { type Descriptor, getManifest, MEDIA } from "./manifest.ts";
import { pushBlob, type PushedBlob, type UploadWays } from "./push_blob.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import type { Session } from "./session.ts";
import { hasTag, lookUpTag, sendManifest } from "./tags.ts";

/** A document about an image. */
export interface Attachment {
  /** What it is, for whoever lists referrers: `application/spdx+json`. */
  readonly artifactType: string;
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The configuration of a manifest that has none (OCI image specification, "Guidance for an Empty Descriptor"). */
const EMPTY = new TextEncoder().encode("{}");
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** Whether registries list referrers, by their origin, as far as that is known. */
export type ReferrerListing = Map<string, boolean>;

/** Answers of registries without the interface: it does not exist, or nothing can be asked there. */
const NO_INTERFACE: readonly number[] = [404, 405];

/** An entry of a list of referrers. */
interface Referrer extends Descriptor {
  readonly artifactType: string;
}

/**
 * Attaches a document to a manifest in a registry, as a referrer (OCI distribution specification 1.1). For
 * registries that do not list referrers, the list is the tag `sha256-<digest>`, which is added to.
 *
 * @param subject The manifest; it need not be there yet.
 * @param ways What is known of the registry, which is added to.
 * @returns Whether it was there already.
 * @throws {NetworkError} The registry refuses.
 */
export async function attach(
  session: Session,
  endpoint: Endpoint,
  subject: Descriptor,
  { artifactType, bytes }: Attachment,
  ways: { readonly known: UploadWays; readonly listing: ReferrerListing },
): Promise<boolean> {
  const { known, listing } = ways;
  const blobs = [blobOf(EMPTY), blobOf(bytes)];
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    artifactType,
    config: { mediaType: EMPTY_TYPE, digest: digestOf(EMPTY), size: EMPTY.length },
    layers: [{ mediaType: artifactType, digest: digestOf(bytes), size: bytes.length }],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
  }));
  const referrer: Referrer = {
    mediaType: MEDIA.ociManifest,
    digest: digestOf(manifest),
    size: manifest.length,
    artifactType,
  };
  const { digest } = referrer;
  const unchanged = await hasTag(session, endpoint, digest, digest);
  if (!unchanged) {
    for (const blob of blobs) await pushBlob(session, endpoint, blob, { known });
    const described = referrer;
    const isListed = await sendManifest(session, endpoint, digest, { bytes: manifest, described });
    if (isListed) listing.set(endpoint.origin, true);
  }
  const isListing = listing.get(endpoint.origin) ??
    await listsReferrers(session, endpoint, subject.digest);
  listing.set(endpoint.origin, isListing);
  if (isListing) return unchanged;
  await addToTag(session, endpoint, subject.digest, referrer);
  return unchanged;
}

function blobOf(bytes: Uint8Array<ArrayBuffer>): PushedBlob {
  return {
    digest: digestOf(bytes),
    size: bytes.length,
    read: async function* (offset, size) {
      yield bytes.slice(offset, offset + size);
    },
  };
}

/**
 * Whether a registry has the interface for referrers: one that does not answers 404 for any digest.
 *
 * @throws {NetworkError} It refuses to say.
 */
async function listsReferrers(
  session: Session,
  endpoint: Endpoint,
  digest: string,
): Promise<boolean> {
  const url = urlOf(endpoint, `referrers/${digest}`);
  return await session.client.retry(async () => {
    const answer = await session.send(endpoint, "pull,push", url, {
      headers: { accept: MEDIA.ociIndex },
    });
    const isMissing = NO_INTERFACE.includes(answer.status);
    if (!answer.ok && !isMissing) throw await session.client.refusal(url, answer);
    await answer.body?.cancel();
    return answer.ok;
  });
}

/** The entries of an index as they are: those of others have fields of their own. */
function entriesOf(bytes: Uint8Array): readonly Json[] {
  const index = parseJson(bytes, "the list of referrers");
  const entries = isObject(index) ? index["manifests"] : undefined;
  return Array.isArray(entries) ? entries : [];
}

/** Adds a referrer to the list under the tag of a digest, which others may have begun. */
async function addToTag(
  session: Session,
  endpoint: Endpoint,
  digest: string,
  referrer: Referrer,
): Promise<void> {
  const tag = digest.replace(":", "-");
  const found = await lookUpTag(session, endpoint, tag);
  if (found.state === "unknown") throw found.why;
  const before = found.state === "missing"
    ? []
    : entriesOf((await getManifest(session, endpoint, found.digest)).bytes);
  if (before.some((entry) => isObject(entry) && entry["digest"] === referrer.digest)) return;
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.ociIndex,
    manifests: [...before, referrer],
  }));
  const described = { mediaType: MEDIA.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await sendManifest(session, endpoint, tag, { bytes, described });
}
