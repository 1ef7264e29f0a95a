import { join } from "@std/path";
import { ifPresent, readText } from "../files/mod.ts";
import { type FetchedImageName, FIRST_COREDNS } from "./parts.ts";

/** Images that kubeadm starts, as a checkout's own kubeadm names them. */
export interface KubeadmImages {
  /** The default of `imageRepository`: `registry.k8s.io`. Undefined if the checkout does not say. */
  readonly repository: string | undefined;
  /** What names of Kubernetes' own images end in: `-amd64` up to 1.11, else "". */
  readonly suffix: string;
  /** References of images of others: `registry.k8s.io/pause:3.9`. What is missing the checkout does not say. */
  readonly images: Readonly<Partial<Record<FetchedImageName, string>>>;
}

/** What is built. */
export interface BuiltVersion {
  /** Minor version: etcd's version depends on it. */
  readonly minor: number;
  /** GOARCH value: up to 1.11 it is in the names of images. */
  readonly arch: string;
}

/** Texts of a checkout's files; "" for one that is missing. */
export interface KubeadmFiles {
  /** Constants of kubeadm. */
  readonly constants: string;
  /** `images.go`. */
  readonly images: string;
  /** Files with the default of `imageRepository`, the newest version of kubeadm's configuration first. */
  readonly defaults: readonly string[];
  /** Up to 1.11: where kubelet has its default of the pause image, and kubeadm the version of kube-dns. */
  readonly old?: { readonly pause: string; readonly dns: string };
}

const KUBEADM = "cmd/kubeadm/app";

/** Constants of kubeadm: those for Linux were in a file of their own up to 1.20. */
const CONSTANTS = [`${KUBEADM}/constants/constants.go`, `${KUBEADM}/constants/constants_unix.go`];

const IMAGES = `${KUBEADM}/images/images.go`;

/** Versions of kubeadm's configuration, the newest first: each has the default of `imageRepository`. */
const VERSIONS = ["v1beta4", "v1beta3", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"];

/** Up to 1.7 a variable of the environment has the default. */
const ENVIRONMENT = `${KUBEADM}/apis/kubeadm/env.go`;

const DEFAULTS = [
  ...VERSIONS.map((version) => `${KUBEADM}/apis/kubeadm/${version}/defaults.go`),
  ENVIRONMENT,
];

/** kubelet's default of the pause image: 1.7 to 1.11, and 1.6. kubeadm itself names none before 1.11. */
const PAUSE = [
  "cmd/kubelet/app/options/container_runtime.go",
  "pkg/apis/componentconfig/v1alpha1/defaults.go",
];

/** The version of kube-dns: 1.8 to 1.10, and up to 1.7. */
const KUBE_DNS = [
  `${KUBEADM}/phases/addons/dns/versions.go`,
  `${KUBEADM}/phases/addons/manifests.go`,
];

/**
 * Reads which images kubeadm of a checkout starts beside Kubernetes' own, as `kubeadm config images list` prints
 * them: `GetControlPlaneImages` in `cmd/kubeadm/app/images/images.go`. Up to 1.10 there is no such command, and what
 * counts are the manifests that kubeadm writes and the defaults of kubelet.
 *
 * @throws {KbuildError} One of the files cannot be read.
 */
export async function readKubeadmImages(
  root: string,
  version: BuiltVersion,
): Promise<KubeadmImages> {
  const read = async (path: string) => await ifPresent(readText(join(root, path))) ?? "";
  const all = async (paths: readonly string[]) => (await Promise.all(paths.map(read))).join("\n");
  return parseKubeadmImages({
    constants: await all(CONSTANTS),
    images: await read(IMAGES),
    defaults: await Promise.all(DEFAULTS.map(read)),
    old: { pause: await all(PAUSE), dns: await all(KUBE_DNS) },
  }, version);
}

/** {@linkcode readKubeadmImages} of the texts of the files. */
export function parseKubeadmImages(files: KubeadmFiles, version: BuiltVersion): KubeadmImages {
  const { images, defaults } = files;
  const repository =
    defaults.flatMap((text) =>
      /^\s*(?:const\s+)?DefaultImageRepository\s*=\s*"([\w.:/-]+)"/m.exec(text)?.[1] ??
        /^\s*"repo_prefix":\s*"([\w.:/-]+)"/m.exec(text)?.[1] ?? []
    )[0];
  const isOld = /runtime\.GOARCH/.test(images);
  const suffix = isOld ? `-${version.arch}` : "";
  const references = repository === undefined
    ? {}
    : isOld
    ? oldImages(files, { ...version, repository, suffix })
    : newImages(files, { ...version, repository });
  const known = Object.entries(references).filter(([, reference]) => reference !== undefined);
  return Object.freeze({
    repository,
    suffix,
    images: Object.freeze(Object.fromEntries(known)) as KubeadmImages["images"],
  });
}

type References = Partial<Record<FetchedImageName, string | undefined>>;

/** Names of 1.12 and later. */
function newImages(
  { constants, images }: KubeadmFiles,
  { repository, minor }: BuiltVersion & { repository: string },
): References {
  // Since 1.21 (kubernetes/kubernetes#99751) the image of CoreDNS is in a directory of the registry.
  const dns = /Sprintf\("%s\/coredns"/.test(images) ? "coredns/coredns" : "coredns";
  return {
    pause: tagged(`${repository}/pause`, constantIn(constants, "PauseVersion")),
    coredns: tagged(`${repository}/${dns}`, constantIn(constants, "CoreDNSVersion")),
    etcd: tagged(
      `${repository}/etcd`,
      etcdVersion(constants, minor) ?? constantIn(constants, "DefaultEtcdVersion"),
    ),
  };
}

/** Names up to 1.11, which have the architecture; CoreDNS never had it. */
function oldImages(
  { constants, images, old }: KubeadmFiles,
  { repository, minor, suffix }: BuiltVersion & { repository: string; suffix: string },
): References {
  const etcd = etcdVersion(constants, minor) ?? constantIn(constants, "DefaultEtcdVersion") ??
    constantIn(images, "etcdVersion");
  const others: References = {
    pause: pauseOf(old?.pause ?? "", suffix),
    etcd: tagged(`${repository}/etcd${suffix}`, etcd),
  };
  if (minor >= FIRST_COREDNS) {
    const version = constantIn(constants, "CoreDNSVersion");
    return { ...others, coredns: tagged(`${repository}/coredns`, version) };
  }
  const version = kubeDnsVersion(old?.dns ?? "", minor);
  const dns = (["k8s-dns-kube-dns", "k8s-dns-dnsmasq-nanny", "k8s-dns-sidecar"] as const)
    .map((name) => [name, tagged(`${repository}/${name}${suffix}`, version)]);
  return { ...others, ...Object.fromEntries(dns) };
}

function tagged(name: string, tag: string | undefined): string | undefined {
  return tag === undefined ? undefined : `${name}:${tag}`;
}

function constantIn(text: string, name: string): string | undefined {
  return new RegExp(`^\\s*(?:const\\s+)?${name}\\s*=\\s*"([\\w.-]+)"`, "m").exec(text)?.[1];
}

/** `defaultPodSandboxImage`, up to 1.6 `defaultPodInfraContainerImage`: its name, up to 1.10 the architecture, its version. */
function pauseOf(text: string, suffix: string): string | undefined {
  const name = /^\s*default(Pod\w+Image)Name\s*=\s*"([\w.:/-]+)"/m.exec(text);
  if (name === null) return undefined;
  const [, variable = "", repository = ""] = name;
  const sum = new RegExp(`^\\s*default${variable}\\s*=([^)]*)`, "m").exec(text)?.[1] ?? "";
  const arch = sum.includes("runtime.GOARCH") ? suffix : "";
  return tagged(`${repository}${arch}`, constantIn(text, `default${variable}Version`));
}

/** `KubeDNSVersion`, or the last of `kubeDNSv180AndAboveVersion` that is for the minor version. */
function kubeDnsVersion(text: string, minor: number): string | undefined {
  const pattern = /^\s*kubeDNSv1(\d+)0AndAboveVersion\s*=\s*"([\w.-]+)"/gm;
  const versions = Array.from(
    text.matchAll(pattern),
    ([, from, tag]) => ({ from: Number(from), tag }),
  )
    .filter(({ from }) => from <= minor).sort((a, b) => b.from - a.from);
  return versions[0]?.tag ?? constantIn(text, "KubeDNSVersion");
}

/** Port of `EtcdSupportedVersion`: what the table says of the minor version, or of the nearest that it has. */
function etcdVersion(constants: string, minor: number): string | undefined {
  const table = /\bSupportedEtcdVersion = map\[uint8\]string\{([^}]*)\}/.exec(constants)?.[1] ?? "";
  const byMinor = new Map(
    Array.from(table.matchAll(/(\d+):\s*"([\w.-]+)"/g), ([, key, tag]) => [Number(key), tag!]),
  );
  if (byMinor.size === 0) return undefined;
  const known = [...byMinor.keys()];
  const nearest = Math.min(Math.max(minor, Math.min(...known)), Math.max(...known));
  return byMinor.get(nearest);
}
