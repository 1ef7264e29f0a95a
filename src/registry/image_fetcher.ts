import { format as formatBytes } from "@std/fmt/bytes";
import { KbuildError } from "../errors.ts";
import { mapConcurrently } from "../lib/util.ts";
import { choosePlatform, hexOf, isObject, parseJson, type Platform } from "../image/mod.ts";
import {
  type DigestFrom,
  downloadInto,
  isOffline,
  MIRRORS,
  NetworkError,
  parseMirrors,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import type { BlobStore } from "./blob_store.ts";
import { cachedLayout, type ImageDescriptor } from "./cached_layout.ts";
import {
  type Descriptor,
  getManifest,
  type Manifest,
  MAX_MANIFEST,
  parseManifest,
  platformOf,
} from "./manifest.ts";
import { lockedDigest, type LockedDigests } from "./locked_digests.ts";
import {
  type Endpoint,
  endpointsFor,
  isOrigin,
  originOf,
  parseReference,
  type Reference,
  urlOf,
} from "./reference.ts";
import { lookUpTag } from "./tags.ts";
import { recall, remember, type Remembered } from "./remembered.ts";
import type { Session } from "./session.ts";
import type { FetchedImage, RegistryContext, WantedImage } from "./types.ts";

/** Bytes of a configuration: those of Kubernetes' images have some thousands. */
const MAX_CONFIG = 8 << 20;

/** Blobs that come at a time. */
const CONCURRENCY = 3;

/** What the images of one run share. */
export interface FetchRun {
  readonly context: RegistryContext;
  readonly cache: string;
  readonly store: BlobStore;
  readonly session: Session;
  /** For asking origins what a tag stands for, in a hurry. */
  readonly originSession: Session;
  /** What tags must stand for. */
  readonly digests: LockedDigests;
  readonly pull: boolean;
  /** Registries that did not answer: other ones are asked first. */
  readonly dead: Set<string>;
}

/** What a name stands for. */
interface Resolved {
  readonly manifest: Manifest;
  readonly digestFrom: DigestFrom;
}

/** "2026-01-31". */
function dayOf({ at }: Remembered): string {
  return at.slice(0, 10);
}

/** Fetches one image. */
export class ImageFetcher {
  readonly #shared: FetchRun;
  readonly #name: Reference;
  readonly #archs: readonly string[];
  /** The one that answered last comes first. */
  #endpoints: readonly Endpoint[];

  constructor(shared: FetchRun, { reference, archs }: WantedImage) {
    this.#shared = shared;
    this.#name = parseReference(reference);
    this.#archs = archs;
    const { env } = shared.context;
    this.#endpoints = endpointsFor(parseMirrors(env[MIRRORS] ?? ""), this.#name);
  }

  async fetch(): Promise<FetchedImage> {
    const { store } = this.#shared;
    const { manifest: top, digestFrom } = await this.#resolve();
    const chosen: ImageDescriptor[] = [];
    const images: Record<string, string> = {};
    for (const arch of this.#archs) {
      const image = await this.#imageFor(top, arch);
      images[arch] = image.digest;
      if (!chosen.some(({ digest }) => digest === image.digest)) chosen.push(image);
    }
    return Object.freeze({
      reference: this.#name.text,
      digest: top.digest,
      digestFrom,
      images: Object.freeze(images),
      files: cachedLayout(store, { label: this.#name.text, digest: top.digest, images: chosen }),
    });
  }

  /** The manifest or index that the name stands for, and who says so. */
  async #resolve(): Promise<Resolved> {
    const { cache, context, pull, digests } = this.#shared;
    const name = this.#name;
    const locked = name.digest ?? lockedDigest(digests, name);
    if (locked !== undefined) {
      return { manifest: await this.#topManifest(locked), digestFrom: "lock" };
    }
    const known = await recall(cache, name);
    const offline = isOffline(context.env);
    if (known !== undefined && (offline || !pull)) {
      return { manifest: await this.#manifest(known.digest), digestFrom: known.digestFrom };
    }
    if (offline) throw this.#notCached(`what "${name.tag}" stands for`);
    if (this.#endpoints.every((endpoint) => isOrigin(endpoint, name))) {
      return await this.#ask(known);
    }
    const origin = originOf(name);
    const said = await this.#askOrigin(origin);
    if (said.digest !== undefined) {
      const manifest = await this.#topManifest(said.digest);
      await this.#remember(said.digest, origin.url, "origin");
      return { manifest, digestFrom: "origin" };
    }
    const { host } = new URL(origin.url);
    if (known?.digestFrom === "origin") {
      context.log.status(`"${name.text}" is taken for what "${host}" said on ${dayOf(known)}:`, [
        `${known.digest}; now ${said.reason}`,
      ]);
      return { manifest: await this.#topManifest(known.digest), digestFrom: "lock" };
    }
    const asked = await this.#ask(known);
    if (asked.digestFrom === "mirror") {
      context.log.warn(
        `The tag of "${name.text}" is resolved by the mirror "${asked.host}", not verified against ` +
          `"${host}": ${said.reason}`,
        [`To have it checked, write its digest into kbuild.toml, [digests]: ${asked.manifest.digest}`],
      );
    }
    return asked;
  }

  /** What the tag's own registry says, in a hurry; or why it does not. */
  async #askOrigin(
    origin: Endpoint,
  ): Promise<{ digest: string } | { digest: undefined; reason: string }> {
    const { originSession, dead, context } = this.#shared;
    if (dead.has(origin.origin)) return { digest: undefined, reason: "it did not answer before" };
    try {
      const found = await lookUpTag(originSession, origin, this.#name.tag!, "pull");
      if (found.state === "there") return { digest: found.digest };
      const reason = found.state === "missing" ? "it has no such tag" : found.why.reason;
      return { digest: undefined, reason };
    } catch (error) {
      context.signal?.throwIfAborted();
      if (!(error instanceof NetworkError)) throw error;
      dead.add(origin.origin);
      return { digest: undefined, reason: error.reason };
    }
  }

  /** What the registry says that the rules lead to. */
  async #ask(known: Remembered | undefined): Promise<Resolved & { host: string }> {
    const { session, store } = this.#shared;
    const name = this.#name;
    const { manifest, endpoint } = await this.#try(
      name.text,
      async (endpoint) => {
        // Asking costs nothing of what Docker Hub counts; getting does.
        if (known !== undefined && await store.has(known.digest)) {
          const found = await lookUpTag(session, endpoint, name.tag!, "pull");
          if (found.state === "there" && found.digest === known.digest) {
            return { manifest: await this.#manifest(found.digest), endpoint };
          }
        }
        return { manifest: await getManifest(session, endpoint, name.tag!), endpoint };
      },
      known === undefined ? [] : [
        `What it stood for on ${dayOf(known)} is in the cache: --offline takes that`,
      ],
    );
    await store.put(manifest.bytes);
    const digestFrom = isOrigin(endpoint, name) ? "origin" : "mirror";
    await this.#remember(manifest.digest, endpoint.url, digestFrom);
    return { manifest, digestFrom, host: new URL(endpoint.url).host };
  }

  async #remember(digest: string, from: string, digestFrom: "origin" | "mirror"): Promise<void> {
    const at = new Date().toISOString();
    await remember(this.#shared.cache, this.#name, { digest, from, at, digestFrom });
  }

  /** The manifest that the name must stand for; a mirror may know it by the tag alone. */
  async #topManifest(digest: string): Promise<Manifest> {
    const { tag } = this.#name;
    return await this.#manifest(digest, undefined, async (endpoint, error) => {
      if (tag === undefined || error.status !== 404) throw error;
      const found = await getManifest(this.#shared.session, endpoint, tag);
      if (found.digest === digest) return found;
      throw new WrongContentError(`Its digest is "${found.digest}", want "${digest}"`, {
        notes: ["That mirror has another image under this name, or an older one"],
      });
    });
  }

  async #manifest(
    digest: string,
    described?: Descriptor,
    otherwise: (endpoint: Endpoint, error: NetworkError) => Promise<Manifest> = (_, error) =>
      Promise.reject(error),
  ): Promise<Manifest> {
    const { store, session } = this.#shared;
    if (await store.has(digest)) {
      const bytes = await store.document(digest, MAX_MANIFEST);
      return parseManifest(bytes, described?.mediaType);
    }
    this.#refuseOffline(digest);
    const manifest = await this.#try(
      `${this.#name.name}@${digest}`,
      (endpoint) =>
        getManifest(session, endpoint, digest).catch((error: unknown) => {
          if (error instanceof NetworkError) return otherwise(endpoint, error);
          throw error;
        }),
    );
    await store.put(manifest.bytes);
    return manifest;
  }

  /** Fetches the image for an architecture. */
  async #imageFor(
    top: Manifest,
    arch: string,
  ): Promise<ImageDescriptor> {
    const label = this.#name.text;
    let manifest = top;
    let platform: Platform | undefined;
    for (let depth = 0; manifest.images !== undefined; depth++) {
      if (depth > 3) {
        throw new KbuildError(`Cannot use "${label}": its indexes are nested too deep`);
      }
      const images = manifest.images.map((image) => ({
        ...image,
        platform: image.platform ?? UNKNOWN,
      }));
      const only = images.length === 1 && images[0]?.platform === UNKNOWN ? images[0] : undefined;
      const next = only ?? choosePlatform(images, arch, label);
      if (next.platform !== UNKNOWN) platform = next.platform;
      manifest = await this.#manifest(next.digest, next);
    }
    const { config, layers } = manifest;
    if (config!.size > MAX_CONFIG) {
      throw new KbuildError(
        `Cannot use "${label}": its configuration has ${formatBytes(config!.size)}`,
      );
    }
    const blobs = new Map([config!, ...layers].map((blob) => [blob.digest, blob]));
    await mapConcurrently([...blobs.values()], CONCURRENCY, (blob) => this.#blob(blob));
    platform ??= await this.#platformIn(config!.digest);
    choosePlatform([{ platform }], arch, label);
    const { digest, mediaType, bytes } = manifest;
    return { digest, mediaType, size: bytes.length, platform };
  }

  async #platformIn(config: string): Promise<Platform> {
    const bytes = await this.#shared.store.document(config, MAX_CONFIG);
    const value = parseJson(bytes, `the configuration of "${this.#name.text}"`);
    return (isObject(value) ? platformOf(value) : undefined) ?? UNKNOWN;
  }

  async #blob({ digest, size }: Descriptor): Promise<void> {
    const { store, session, context } = this.#shared;
    if (await store.has(digest)) return;
    this.#refuseOffline(digest);
    const what = `${this.#name.name}@${digest}`;
    await store.ensure(digest, (partial) =>
      this.#try(what, async (endpoint) => {
        const url = urlOf(endpoint, `blobs/${digest}`);
        const get = () =>
          downloadInto(session.client, url, partial, {
            send: (asked, request) => session.send(endpoint, "pull", asked, request),
            label: `${this.#name.text} ${hexOf(digest).slice(0, 12)}`,
            size,
          });
        const resumed = (await partial.file.stat()).size > 0;
        let found = await get();
        if (found !== hexOf(digest) && resumed) {
          // The existing content came from somebody else.
          await partial.file.truncate(0);
          found = await get();
        }
        if (found === hexOf(digest)) return found;
        await partial.file.truncate(0);
        throw new WrongContentError(`Its digest is "sha256:${found}", want "${digest}"`, {
          notes: ["Nothing of it was kept; that server serves something else, or damages it"],
        });
      }), context.signal);
  }

  async #try<T>(
    what: string,
    work: (endpoint: Endpoint) => Promise<T>,
    notes: readonly string[] = [],
  ): Promise<T> {
    const { context: { log, signal }, dead } = this.#shared;
    const isDead = ({ origin }: Endpoint) => dead.has(origin) ? 1 : 0;
    const candidates = this.#endpoints.toSorted((a, b) => isDead(a) - isDead(b));
    return await tryCandidates(what, candidates, async (endpoint) => {
      const result = await work(endpoint).catch((error: unknown) => {
        const silent = error instanceof NetworkError && error.status === undefined;
        if (silent) dead.add(endpoint.origin);
        throw error;
      });
      const others = this.#endpoints.filter((other) => other !== endpoint);
      if (this.#endpoints[0] !== endpoint) this.#endpoints = [endpoint, ...others];
      return result;
    }, { log, signal, notes: [...notes, this.#mirrorNote()] });
  }

  #mirrorNote(): string {
    return `Name a mirror: --mirror ${this.#name.host}=WHERE (KBUILD_MIRRORS); ` +
      "proxies: HTTPS_PROXY, NO_PROXY";
  }

  #refuseOffline(digest: string): void {
    if (isOffline(this.#shared.context.env)) throw this.#notCached(digest);
  }

  #notCached(what: string): KbuildError {
    return new KbuildError(
      `Cannot get "${this.#name.text}": ${what} is not in the cache, and --offline forbids downloads`,
      { notes: ["Run once without --offline, or copy a cache: KBUILD_CACHE names its directory"] },
    );
  }
}

const UNKNOWN: Platform = Object.freeze({ os: "unknown", architecture: "unknown" });
