import {
  type Client,
  createClient,
  downloadBytes,
  ifFound,
  type NetContext,
  type NetRequest,
  type RetryPolicy,
  type Send,
} from "../net/mod.ts";
import { BLOBS, ENTRIES } from "./folder.ts";
import { atServer, blobAtServer } from "./network_fault.ts";
import type { Backend, StoredBlob } from "./types.ts";

/**
 * A store at an HTTP server: `GET`, `HEAD` and `PUT` of `<url>/ac/<key>` and `<url>/cas/<SHA-256>`, the
 * protocol of Bazel's remote cache (https://bazel.build/remote/caching#http-caching). bazel-remote and its like serve it,
 * and so does whatever takes files by `PUT`.
 */
export class HttpBackend implements Backend {
  readonly #base: string;
  readonly #client: Client;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(client: Client, url: URL) {
    this.#client = client;
    this.#headers = authorizationOf(url);
    const { origin, pathname } = url;
    this.#base = `${origin}${pathname.replace(/\/+$/, "")}`;
  }

  /**
   * Makes one; asks nothing yet.
   *
   * @param url Also with a user and a password.
   * @throws {KbuildError} The certificates of `KBUILD_CA_FILE` cannot be read.
   */
  static async open(
    context: NetContext,
    url: URL,
    retryPolicy: Partial<RetryPolicy>,
  ): Promise<HttpBackend> {
    return new HttpBackend(await createClient(context, retryPolicy), url);
  }

  async readEntry(key: string, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await atServer(
      "read",
      () =>
        ifFound(downloadBytes(this.#client, this.#url(ENTRIES, key), {
          most,
          send: this.#send,
        })),
    );
    return found === undefined ? undefined : Uint8Array.from(found.bytes);
  }

  async writeEntry(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { length: size } = bytes;
    // In pieces, so that a slow line is not taken for a silent one.
    const body = { size, stream: () => ReadableStream.from(piecesOf(bytes)) };
    await this.#put(this.#url(ENTRIES, key), () => size === 0 ? bytes : body);
  }

  async hasBlob({ digest, size }: StoredBlob): Promise<boolean> {
    const url = this.#url(BLOBS, hexOf(digest));
    return await atServer("read", () =>
      this.#client.retry(async () => {
        const response = await this.#send(url, { method: "HEAD" });
        await response.body?.cancel();
        if (response.status === 404) return false;
        if (!response.ok) throw await this.#client.refusal(url, response);
        const length = response.headers.get("content-length");
        return length === null || Number(length) === size;
      }));
  }

  async readBlob({ digest, size }: StoredBlob): Promise<AsyncIterable<Uint8Array> | undefined> {
    const url = this.#url(BLOBS, hexOf(digest));
    return await blobAtServer(this.#client, { url, size, send: this.#send });
  }

  async writeBlob(
    { digest, size }: StoredBlob,
    read: () => AsyncIterable<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    await this.#put(
      this.#url(BLOBS, hexOf(digest)),
      () => size === 0 ? new Uint8Array() : { size, stream: () => ReadableStream.from(read()) },
    );
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  #url(directory: string, name: string): string {
    return `${this.#base}/${directory}/${name}`;
  }

  readonly #send: Send = (url, request) =>
    this.#client.send(url, { ...request, headers: { ...request.headers, ...this.#headers } });

  async #put(url: string, body: () => NonNullable<NetRequest["body"]>): Promise<void> {
    await atServer("write", () =>
      this.#client.retry(async () => {
        const response = await this.#send(url, {
          method: "PUT",
          body: body(),
          headers: { "content-type": "application/octet-stream" },
        });
        if (!response.ok) throw await this.#client.refusal(url, response);
        await response.body?.cancel();
      }));
  }
}

const PIECE = 1 << 16;

function* piecesOf(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** The hexadecimal part of a digest. */
function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}

function authorizationOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "" && password === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const bytes = new TextEncoder().encode(text);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}
