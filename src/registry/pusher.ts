import { format as formatBytes } from "@std/fmt/bytes";
import { ifPossible } from "../files/mod.ts";
import type { Unit } from "../events/mod.ts";
import { counted } from "../lib/counted.ts";
import type { Logger } from "../lib/logging.ts";
import { mapConcurrently } from "../lib/util.ts";
import type { ListedImage, PlannedPush } from "./prepare_push.ts";
import { type BlobResult, pushBlob, type PushedBlob, type UploadWays } from "./push_blob.ts";
import { attach, type ReferrerListing } from "./attach.ts";
import { hasTag, putManifest } from "./tags.ts";
import type { Endpoint } from "./reference.ts";
import type { Session } from "./session.ts";

/** One name in a registry, after pushing. */
export interface PushResult {
  /** "registry.example/kube-proxy-amd64:v1.35.0". */
  readonly name: string;
  /** Digest of the manifest, or of the list: `sha256:…`. */
  readonly digest: string;
  /** Digest of the configuration; undefined for a list. */
  readonly imageId: string | undefined;
  /** Go's words for its architectures: "amd64". */
  readonly archs: readonly string[];
  /** Whether it was there already. */
  readonly unchanged: boolean;
  /** Bytes of blobs that were sent. */
  readonly sent: number;
  /** Documents that are attached to it, those of a list's images included. */
  readonly attached: number;
}

/** Images on their way at a time. */
const CONCURRENCY = 3;

/** Sends what was planned. */
export class Pusher {
  readonly #session: Session;
  readonly #log: Logger;
  /** Origin and digest -> the repository that has it, or soon will. */
  readonly #placed = new Map<string, Promise<string>>();
  readonly #known: UploadWays = new Map();
  readonly #listing: ReferrerListing = new Map();
  #begun = false;

  constructor(session: Session, log: Logger) {
    this.#session = session;
    this.#log = log;
  }

  /** Whether anything may have been sent. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Some at a time; results in the order given. After a failure no further one is begun. */
  async push(items: readonly PlannedPush[]): Promise<readonly PushResult[]> {
    this.#begun = true;
    const waiting = items.map((item) => (
      { item, unit: this.#log.events.unit({ kind: "push", name: item.name }) }
    ));
    const results = await mapConcurrently(
      waiting,
      CONCURRENCY,
      ({ item, unit }, signal) => unit.run(() => this.#one(item, unit), signal),
    );
    return Object.freeze(results);
  }

  async #one(item: PlannedPush, unit: Unit): Promise<PushResult> {
    const { name, tag, endpoint, blobs, described, bytes, imageId, archs, parts } = item;
    if (parts.length > 0 && !await hasTag(this.#session, endpoint, tag, described.digest)) {
      for (const part of parts) await this.#listed(endpoint, part);
    }
    const about = [item, ...parts].flatMap(({ described, attachments }) =>
      attachments.map((attachment) => ({ described, attachment }))
    );
    const total = blobs.reduce((sum, { size }) => sum + size, 0);
    const results: BlobResult[] = [];
    let sent = 0;
    for (const blob of blobs) {
      const onSent = (bytes: number) => unit.progress({ done: sent + bytes, total, of: "bytes" });
      const result = await this.#blob(endpoint, blob, onSent);
      results.push(result);
      if (result === "sent") sent += blob.size;
    }
    const unchanged = await putManifest(this.#session, endpoint, tag, { bytes, described });
    for (const { described, attachment } of about) {
      await attach(this.#session, endpoint, described, attachment, {
        known: this.#known,
        listing: this.#listing,
      });
    }
    if (unchanged) unit.reuse("the registry has it");
    const count = (wanted: BlobResult) => results.filter((result) => result === wanted).length;
    const known = count("there") + count("mounted");
    const how = blobs.length === 0
      ? archs.join(", ")
      : `${formatBytes(sent)} sent, ${known} of ${counted(blobs.length, "blob")} already there`;
    const documents = about.length === 0 ? "" : `, ${counted(about.length, "document")} attached`;
    this.#log.status(`${unchanged ? "Unchanged" : "Pushed"} ${name}: ${how}${documents}`);
    const { digest } = described;
    const attached = about.length;
    return Object.freeze({ name, digest, imageId, archs, unchanged, sent, attached });
  }

  /** Brings an image of a list into the list's repository: its blobs are mounted from its own. */
  async #listed(endpoint: Endpoint, part: ListedImage): Promise<void> {
    const { described: { digest }, blobs } = part;
    if (await hasTag(this.#session, endpoint, digest, digest)) return;
    const options = { mountFrom: part.endpoint.repository, known: this.#known };
    for (const blob of blobs) await pushBlob(this.#session, endpoint, blob, options);
    await putManifest(this.#session, endpoint, digest, part);
  }

  /** A blob that another image is bringing is waited for, and mounted from there. */
  async #blob(
    endpoint: Endpoint,
    blob: PushedBlob,
    onSent: (bytes: number) => void,
  ): Promise<BlobResult> {
    const key = `${endpoint.origin} ${blob.digest}`;
    const other = this.#placed.get(key);
    if (other === undefined) {
      const result = pushBlob(this.#session, endpoint, blob, { onSent, known: this.#known });
      // Nothing may come between the look and this.
      const placed = result.then(() => endpoint.repository);
      void ifPossible(placed);
      this.#placed.set(key, placed);
      return await result;
    }
    const mountFrom = await ifPossible(other);
    return await pushBlob(this.#session, endpoint, blob, {
      ...{ mountFrom, onSent, known: this.#known },
    });
  }
}
