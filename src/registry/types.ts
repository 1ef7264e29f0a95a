import type { ImageFiles } from "../image/mod.ts";
import type { DigestFrom, NetContext } from "../net/mod.ts";
import type { Shell } from "../shell/mod.ts";

/** What registries need of a run. */
export interface RegistryContext extends NetContext {
  /** Starts credential helpers. */
  readonly shell: Shell;
}

/** An image in the cache, complete for the requested architectures. */
export interface FetchedImage {
  /** As it was asked for. */
  readonly reference: string;
  /** What the name stands for: the digest of a manifest or an index. */
  readonly digest: string;
  /** Who says that the name stands for that. */
  readonly digestFrom: DigestFrom;
  /** The digest of the image itself, by architecture. */
  readonly images: Readonly<Record<string, string>>;
  /** It as an OCI layout, for `openBase`. */
  readonly files: ImageFiles;
}

/** An image to fetch. */
export interface WantedImage {
  /** "registry.k8s.io/build-image/go-runner:v2.3.1", also with a digest. */
  readonly reference: string;
  /** Go's words: ["amd64", "arm64"]. */
  readonly archs: readonly string[];
}
