import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";

/** What a part of a bundle is. */
export type PartKind = "program" | "package" | "archive" | "image" | "sbom";

/** A part of a bundle, which is in it or is named as left out. */
export interface BundlePart {
  /** `kubelet`, `deb`, `coredns`. */
  readonly name: string;
  /** What it is. */
  readonly kind: PartKind;
  /** Whether the checkout's release has the image; else it is fetched. */
  readonly isReleased?: true;
  /** First minor version whose bundles have it; default: all. */
  readonly since?: number;
  /** Last one. */
  readonly until?: number;
}

/** Images of Kubernetes itself that kubeadm starts. */
const SERVERS = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];

/** Images of others that kubeadm starts. */
export const FETCHED_IMAGES = [
  "pause",
  "coredns",
  "k8s-dns-kube-dns",
  "k8s-dns-dnsmasq-nanny",
  "k8s-dns-sidecar",
  "etcd",
] as const;

/** Name of a fetched image. */
export type FetchedImageName = typeof FETCHED_IMAGES[number];

/** kubeadm starts CoreDNS since 1.11, where its feature gate became GA; before, it started the three of kube-dns. */
export const FIRST_COREDNS = 11;

function fetchedImagePart(name: FetchedImageName): BundlePart {
  if (name === "coredns") return { name, kind: "image", since: FIRST_COREDNS };
  return name.startsWith("k8s-dns-")
    ? { name, kind: "image", until: FIRST_COREDNS - 1 }
    : { name, kind: "image" };
}

/** Every part of a bundle of any version, in its order. */
export const BUNDLE_PARTS: readonly BundlePart[] = Object.freeze([
  ...["kubelet", "kubeadm", "kubectl"].map((name): BundlePart => ({ name, kind: "program" })),
  ...["deb", "rpm"].map((name): BundlePart => ({ name, kind: "package" })),
  ...["kubernetes-cni", "cri-tools"].map((name): BundlePart => ({ name, kind: "archive" })),
  ...SERVERS.map((name): BundlePart => ({ name, kind: "image", isReleased: true })),
  ...FETCHED_IMAGES.map(fetchedImagePart),
  { name: "sbom", kind: "sbom" },
]);

/** The parts of bundles of a minor version, in their order. */
export function partsOf(minor: number): readonly BundlePart[] {
  return BUNDLE_PARTS.filter(({ since = 0, until = Infinity }) => since <= minor && minor <= until);
}

/** Words for several parts. */
const GROUPS: Readonly<Record<string, PartKind>> = Object.freeze({
  packages: "package",
  images: "image",
});

/** What can be left out: parts, and words for several of them. */
const LEAVABLE: readonly string[] = Object.freeze([
  ...Object.keys(GROUPS),
  ...BUNDLE_PARTS.map(({ name }) => name),
]);

/**
 * The parts that words leave out.
 *
 * @returns Names of parts, in the order of {@linkcode BUNDLE_PARTS}.
 * @throws {UsageError} There is no such part.
 */
export function leftOutBy(words: readonly string[]): readonly string[] {
  const wrong = words.find((word) => !LEAVABLE.includes(word));
  if (wrong !== undefined) {
    throw new UsageError(`Cannot leave out "${wrong}": a bundle has no such part`, [
      ...didYouMean(nearest(wrong, LEAVABLE)),
      `There are: ${LEAVABLE.join(", ")}`,
    ]);
  }
  const isNamed = ({ name, kind }: BundlePart) =>
    words.includes(name) || words.some((word) => GROUPS[word] === kind);
  const isPackaged = ({ kind }: BundlePart) => kind === "program" || kind === "archive";
  // A package goes with its part: without any of the parts there are none.
  const hasPackages = BUNDLE_PARTS.some((part) => isPackaged(part) && !isNamed(part));
  const isLeft = (part: BundlePart) => isNamed(part) || (part.kind === "package" && !hasPackages);
  return Object.freeze(BUNDLE_PARTS.filter(isLeft).map(({ name }) => name));
}
