import { objectIn } from "../files/mod.ts";
import { digestOf, isDigest } from "../image/mod.ts";
import {
  type Client,
  createClient,
  downloadBytes,
  ifFound,
  NetworkError,
  type Send,
} from "../net/mod.ts";
import type { Shell } from "../shell/mod.ts";
import {
  atServer,
  type Backend,
  blobAtServer,
  type RegistryOpener,
  type StoredBlob,
} from "../store/mod.ts";
import { MAX_MANIFEST, MEDIA } from "./manifest.ts";
import { pushBlob, type PushedBlob, type UploadWays } from "./push_blob.ts";
import { pushEndpoint } from "./push_names.ts";
import { type Endpoint, urlOf } from "./reference.ts";
import { openSession, type Session } from "./session.ts";
import { manifestRefusal } from "./tags.ts";

/** Tags of entries, so that a registry's rules for removing old ones can name them. */
const RESULT_TAG = "kbuild-";

/** What an entry is, for whoever looks at the repository. */
const ENTRY_TYPE = "application/vnd.kbuild.result.v1";
const BLOB_TYPE = "application/octet-stream";

/** Bytes of an entry that is in its manifest as well, which spares a request. */
const MAX_INLINE = 64 << 10;

/**
 * Opens a repository of a registry as a store of results (`store.openStore`). An entry is a manifest with the tag
 * `kbuild-<key>`: its configuration is the entry, its layers are the blobs that the entry names, so the
 * registry keeps them as long as the tag. Log-ins are those of images.
 *
 * @param shell Starts credential helpers.
 */
export function registryOpener(shell: Shell): RegistryOpener {
  return async ({ repository, insecure }, context, retryPolicy) => {
    const scheme = insecure ? "http" : undefined;
    const endpoint = pushEndpoint(`${repository}:kbuild`, { scheme });
    const client = await createClient(context, retryPolicy);
    return new RegistryBackend(client, openSession(client, { ...context, shell }), endpoint);
  };
}

/** A repository of a registry as a store. */
class RegistryBackend implements Backend {
  readonly #client: Client;
  readonly #session: Session;
  readonly #endpoint: Endpoint;
  readonly #ways: UploadWays = new Map();

  constructor(client: Client, session: Session, endpoint: Endpoint) {
    this.#client = client;
    this.#session = session;
    this.#endpoint = endpoint;
  }

  async readEntry(key: string, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const manifest = await this.#document(`manifests/${RESULT_TAG}${key}`, MAX_MANIFEST);
    if (manifest === undefined) return undefined;
    const entry = entryIn(manifest);
    // Something else has that tag: an entry that is not one.
    if (entry === undefined || entry.size > most) return new Uint8Array();
    return entry.bytes ?? await this.#document(`blobs/${entry.digest}`, most);
  }

  async writeEntry(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    blobs: readonly StoredBlob[],
  ): Promise<void> {
    const entry = { mediaType: ENTRY_TYPE, digest: digestOf(bytes), size: bytes.length };
    const data = bytes.length > MAX_INLINE ? {} : { data: btoa(String.fromCharCode(...bytes)) };
    const layers = blobs.map(({ digest, size }) => ({ mediaType: BLOB_TYPE, digest, size }));
    const manifest = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: ENTRY_TYPE,
      config: { ...entry, ...data },
      // A manifest has a layer at least.
      layers: layers.length === 0 ? [entry] : layers,
    }));
    await this.writeBlob(entry, () => ReadableStream.from([bytes]));
    const url = urlOf(this.#endpoint, `manifests/${RESULT_TAG}${key}`);
    await atServer("write", () =>
      this.#client.retry(async () => {
        const answer = await this.#session.send(this.#endpoint, "pull,push", url, {
          ...{ method: "PUT", body: manifest },
          headers: { "content-type": MEDIA.ociManifest },
        });
        if (!answer.ok) throw await manifestRefusal(this.#session, url, answer);
        await answer.body?.cancel();
      }));
  }

  async hasBlob({ digest }: StoredBlob): Promise<boolean> {
    const url = urlOf(this.#endpoint, `blobs/${digest}`);
    const ask = () =>
      this.#client.retry(async () => {
        const answer = await this.#session.send(this.#endpoint, "pull,push", url, {
          method: "HEAD",
        });
        await answer.body?.cancel();
        return answer.ok;
      }).catch((error: unknown) => {
        // Some refuse the question where nothing is yet: the upload counts.
        if (error instanceof NetworkError && error.status !== undefined) return false;
        throw error;
      });
    return await atServer("read", ask);
  }

  async readBlob({ digest, size }: StoredBlob): Promise<AsyncIterable<Uint8Array> | undefined> {
    const url = urlOf(this.#endpoint, `blobs/${digest}`);
    return await blobAtServer(this.#client, { url, size, send: this.#send });
  }

  async writeBlob(
    { digest, size }: StoredBlob,
    read: () => AsyncIterable<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    const blob: PushedBlob = {
      ...{ digest, size },
      read: (offset, length) => part(read(), offset, length),
    };
    await atServer(
      "write",
      () => pushBlob(this.#session, this.#endpoint, blob, { known: this.#ways }),
    );
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  readonly #send: Send = (url, request) => this.#session.send(this.#endpoint, "pull", url, request);

  async #document(path: string, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const url = urlOf(this.#endpoint, path);
    return await atServer("read", () =>
      ifFound(downloadBytes(this.#client, url, {
        ...{ most, send: this.#send },
        headers: { accept: MEDIA.ociManifest },
      }))).then((found) => found === undefined ? undefined : Uint8Array.from(found.bytes));
  }
}

/** The entry that a manifest stands for, with its bytes if they are in it. */
function entryIn(
  manifest: Uint8Array,
): { digest: string; size: number; bytes: Uint8Array<ArrayBuffer> | undefined } | undefined {
  const config = objectIn(new TextDecoder().decode(manifest))?.["config"];
  if (typeof config !== "object" || config === null) return undefined;
  const { mediaType, digest, size, data } = config as Record<string, unknown>;
  if (mediaType !== ENTRY_TYPE || !isDigest(digest) || !Number.isSafeInteger(size)) {
    return undefined;
  }
  const bytes = typeof data === "string" ? base64(data) : undefined;
  return { digest, size: size as number, bytes };
}

function base64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** A part of what is read from the beginning. */
async function* part(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  offset: number,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let at = 0;
  for await (const chunk of chunks) {
    const from = Math.max(offset - at, 0);
    const to = Math.min(offset + size - at, chunk.length);
    if (from < to) yield chunk.subarray(from, to);
    at += chunk.length;
    if (at >= offset + size) return;
  }
}
