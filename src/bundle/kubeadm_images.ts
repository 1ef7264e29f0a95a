import { join } from "@std/path";
import { ifPresent, readText } from "../files/mod.ts";
import type { FetchedImageName } from "./parts.ts";

/** Images that kubeadm starts, as a checkout's own kubeadm names them. */
export interface KubeadmImages {
  /** The default of `imageRepository`: `registry.k8s.io`. Undefined if the checkout does not say. */
  readonly repository: string | undefined;
  /** References of images of others: `registry.k8s.io/pause:3.9`. What is missing the checkout does not say. */
  readonly images: Readonly<Partial<Record<FetchedImageName, string>>>;
}

const KUBEADM = "cmd/kubeadm/app";

/** Constants of kubeadm: those for Linux were in a file of their own up to 1.20. */
const CONSTANTS = [`${KUBEADM}/constants/constants.go`, `${KUBEADM}/constants/constants_unix.go`];

const IMAGES = `${KUBEADM}/images/images.go`;

/** Versions of kubeadm's configuration, the newest first: each has the default of `imageRepository`. */
const DEFAULTS = ["v1beta4", "v1beta3", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2"]
  .map((version) => `${KUBEADM}/apis/kubeadm/${version}/defaults.go`);

/**
 * Reads which images kubeadm of a checkout starts beside Kubernetes' own, as `kubeadm config images list` prints
 * them: `GetControlPlaneImages` in `cmd/kubeadm/app/images/images.go`, from 1.12 on, when names of images lost their
 * architecture.
 *
 * @param minor Minor version that is built: etcd's version depends on it.
 * @throws {KbuildError} One of the files cannot be read.
 */
export async function readKubeadmImages(root: string, minor: number): Promise<KubeadmImages> {
  const read = async (path: string) => await ifPresent(readText(join(root, path))) ?? "";
  const constants = (await Promise.all(CONSTANTS.map(read))).join("\n");
  const defaults = await Promise.all(DEFAULTS.map(read));
  return parseKubeadmImages({ constants, images: await read(IMAGES), defaults }, minor);
}

/** {@linkcode readKubeadmImages} of the texts of the files; an empty text is a missing file. */
export function parseKubeadmImages(
  { constants, images, defaults }: {
    constants: string;
    images: string;
    defaults: readonly string[];
  },
  minor: number,
): KubeadmImages {
  const constant = (name: string) =>
    new RegExp(`^\\s*(?:const\\s+)?${name}\\s*=\\s*"([\\w.-]+)"`, "m").exec(constants)?.[1];
  const repository =
    defaults.flatMap((text) =>
      /^\s*(?:const\s+)?DefaultImageRepository\s*=\s*"([\w.:/-]+)"/m.exec(text)?.[1] ?? []
    )[0];
  // Up to 1.11 images had the architecture in their names.
  if (repository === undefined || /runtime\.GOARCH/.test(images)) {
    return Object.freeze({ repository, images: Object.freeze({}) });
  }
  // Since 1.21 (kubernetes/kubernetes#99751) the image of CoreDNS is in a directory of the registry.
  const dns = /Sprintf\("%s\/coredns"/.test(images) ? "coredns/coredns" : "coredns";
  const tags: readonly (readonly [FetchedImageName, string, string | undefined])[] = [
    ["pause", "pause", constant("PauseVersion")],
    ["coredns", dns, constant("CoreDNSVersion")],
    ["etcd", "etcd", etcdVersion(constants, minor) ?? constant("DefaultEtcdVersion")],
  ];
  return Object.freeze({
    repository,
    images: Object.freeze(Object.fromEntries(
      tags.flatMap(([name, path, tag]) =>
        tag === undefined ? [] : [[name, `${repository}/${path}:${tag}`]]
      ),
    )),
  });
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
