import type { DigestFrom } from "../net/mod.ts";

/** The version of the form of `bundle.json`. */
export const BUNDLE_VERSION = 1;

/** An image in a bundle. */
export interface BundledImage {
  /** Name of the part: `kube-proxy`. */
  readonly name: string;
  /** The name that kubeadm starts it by: `registry.k8s.io/kube-proxy:v1.30.2`. */
  readonly reference: string;
  /** Path in the bundle: `images/kube-proxy.tar`. */
  readonly path: string;
  /** Digest of the configuration, docker's image ID: `sha256:…`. */
  readonly imageId: string;
  /** Digest of the manifest: `sha256:…`. */
  readonly manifest: string;
  /** Of a fetched image: what its name stands for in the registry, `sha256:…`. */
  readonly digest?: string;
  /** Of a fetched image: who says so. */
  readonly digestFrom?: DigestFrom;
}

/** A file in a bundle. */
export interface BundledFile {
  /** Path in the bundle: `bin/kubelet`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Digest, hexadecimal. */
  readonly sha256: string;
}

/** What `bundle.json` says. */
export interface BundleManifest {
  /** The version that the programs are stamped with: `v1.30.2`. */
  readonly version: string;
  /** In Go's spelling: `linux/amd64`. */
  readonly platform: string;
  /** Version of kbuild that made the bundle. */
  readonly kbuild: string;
  /** Names of parts that are left out, in the order of parts. */
  readonly leftOut: readonly string[];
  /** In the order of parts. */
  readonly images: readonly BundledImage[];
  /** All files except `bundle.json` and `SHA256SUMS`, sorted by path. */
  readonly files: readonly BundledFile[];
}
