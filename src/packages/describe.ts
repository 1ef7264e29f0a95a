import { KbuildError } from "../errors.ts";
import { packageArch } from "./architecture.ts";
import { changelogText, copyrightText } from "./documents.ts";
import { type Dependencies, dependenciesOf } from "./dependencies.ts";
import { scriptsOf } from "./scripts.ts";
import type {
  BuiltPackageName,
  DescribedFile,
  PackageDescription,
  PackageFormat,
  PackageName,
} from "./types.ts";
import {
  dropInDirectory,
  environmentFile,
  kubeadmDropIn,
  KUBELET_SERVICE,
  kubeletUnit,
  unitDirectory,
} from "./units.ts";
import {
  defaultRevision,
  isAtLeast,
  type KubernetesVersion,
  packageVersion,
  parseKubernetesVersion,
} from "./version.ts";

/** Who maintains the published packages, and ours unless the user says otherwise. */
export const DEFAULT_MAINTAINER = "Kubernetes Authors <dev@kubernetes.io>";

/** What a package is made of, apart from its name and format. */
export interface DescribeOptions {
  /** The release: `v1.20.2`. It decides on files, units, dependencies and scripts. */
  readonly gitVersion: string;
  /** `linux/amd64`. */
  readonly platform: string;
  /** Time of every file, in seconds since 1970. */
  readonly epoch: number;
  /** Programs without which the checkout's kubeadm stops. */
  readonly demanded: readonly string[];
  /** The text of the licence; the package has no copy if undefined. */
  readonly license?: string | undefined;
  /** Default: {@linkcode defaultRevision}. */
  readonly revision?: string | undefined;
  /** Default: {@linkcode DEFAULT_MAINTAINER}. */
  readonly maintainer?: string | undefined;
  /** For packages of a published tarball: its version and the names of its programs. */
  readonly tarball?: { readonly version: string; readonly programs: readonly string[] };
  /** For the changelog: the commit that the programs are built from. */
  readonly commit?: string | undefined;
}

interface About {
  readonly summary: string;
  readonly description: string;
  readonly section: { readonly deb: string; readonly rpm: string };
}

const ABOUT: Readonly<Record<PackageName, About>> = Object.freeze({
  kubelet: {
    summary: "node agent of Kubernetes",
    description:
      "kubelet runs on every node of a Kubernetes cluster. It starts the containers of the " +
      "node's pods, watches them, and reports to the API server.",
    section: { deb: "net", rpm: "System Environment/Daemons" },
  },
  kubeadm: {
    summary: "sets up and upgrades Kubernetes clusters",
    description:
      "kubeadm makes a machine the first node of a Kubernetes cluster, lets other machines " +
      "join it, and upgrades the nodes. The package starts kubelet with the flags that this needs.",
    section: { deb: "admin", rpm: "Applications/System" },
  },
  kubectl: {
    summary: "command line of Kubernetes clusters",
    description:
      "kubectl shows, creates, changes and removes the objects of Kubernetes clusters, and " +
      "gives access to their containers and logs.",
    section: { deb: "admin", rpm: "Applications/System" },
  },
  "kubernetes-cni": {
    summary: "network plugins of Kubernetes' nodes",
    description:
      "Programs that connect the pods of a node to its network, as the Container Network " +
      "Interface (CNI) defines them.",
    section: { deb: "net", rpm: "Applications/System" },
  },
  "cri-tools": {
    summary: "looks into container runtimes",
    description:
      "crictl shows and changes pods, containers and images of a container runtime that has " +
      "Kubernetes' Container Runtime Interface (CRI).",
    section: { deb: "admin", rpm: "Applications/System" },
  },
});

/** Packages whose programs a checkout builds. */
export const BUILT_PACKAGES: readonly BuiltPackageName[] = Object.freeze([
  "kubelet",
  "kubeadm",
  "kubectl",
]);

/** A description, and what a user may want to know about it. */
export interface Described {
  /** The package. */
  readonly description: PackageDescription;
  /** Dependencies that only the checkout's kubeadm asks for. */
  readonly added: Dependencies["added"];
}

/**
 * Describes a package: its files, units, scripts and dependencies by the version of Kubernetes, as the
 * project's own packages of that version had them. Pure.
 *
 * - up to 1.23: kubernetes/release, `rpm/` and `debian/` (later `packages/`)
 * - from 1.24 on: kubernetes/release, `cmd/krel/templates/latest`
 *
 * @example
 * ```ts
 * import { packages } from "@k8s/kbuild";
 *
 * const { description } = packages.describePackage("kubelet", "deb", {
 *   gitVersion: "v1.28.2",
 *   platform: "linux/amd64",
 *   epoch: 0,
 *   demanded: [],
 * });
 * console.log(packages.packageFileName(description)); // kubelet_1.28.2-1.1_amd64.deb
 * ```
 *
 * @throws {KbuildError} The version is not one, or there are no packages for the platform.
 */
export function describePackage(
  name: PackageName,
  format: PackageFormat,
  options: DescribeOptions,
): Described {
  const { gitVersion, platform, epoch, demanded } = options;
  const number = parseKubernetesVersion(gitVersion);
  const { maintainer = DEFAULT_MAINTAINER, revision = defaultRevision(number, format) } = options;
  const { depends, added } = dependenciesOf(name, number, format, { demanded });
  const { section, ...about } = ABOUT[name];
  const { programs, version, from } = programsOf(name, options);
  const files = [
    ...programs,
    ...filesOf(name, number, format),
    ...documentsOf(name, format, {
      ...{ version, revision, maintainer, epoch, from, license: options.license },
    }),
  ];
  const description = Object.freeze({
    ...{ name, format, version, revision, maintainer, depends, epoch },
    ...about,
    section: section[format],
    arch: packageArch(platform, format),
    homepage: "https://kubernetes.io",
    files: Object.freeze(files.map((file) => Object.freeze(file))),
    scripts: scriptsOf(name, number, format),
  });
  return Object.freeze({ description, added });
}

/** Where packages of tarballs have their programs. */
const PLUGINS = "/opt/cni/bin";

/** The programs of a package, its version, and what the changelog says that they are from. */
function programsOf(
  name: PackageName,
  { gitVersion, commit, tarball }: DescribeOptions,
): { programs: readonly DescribedFile[]; version: string; from: string } {
  const program = (directory: string, name: string): DescribedFile => (
    { path: `${directory}/${name}`, mode: 0o755, source: { program: name } }
  );
  if (name !== "kubernetes-cni" && name !== "cri-tools") {
    const from = commit === undefined ? gitVersion : `${gitVersion}\n    (commit ${commit})`;
    return {
      programs: [program("/usr/bin", name)],
      version: packageVersion(gitVersion),
      from: `Kubernetes ${from}`,
    };
  }
  if (tarball === undefined) throw new TypeError(`No tarball of ${name}`);
  const programs = name === "cri-tools"
    ? [program("/usr/bin", "crictl")]
    : tarball.programs.map((each) => program(PLUGINS, each));
  const what = name === "cri-tools" ? "crictl" : "CNI plugins";
  return {
    programs,
    version: packageVersion(tarball.version),
    from: `${what} ${tarball.version}, as published`,
  };
}

/** Files and directories of a package beside its program and documents. */
function filesOf(
  name: PackageName,
  version: KubernetesVersion,
  format: PackageFormat,
): readonly DescribedFile[] {
  const directory = (path: string): DescribedFile => ({ path, mode: 0o755 });
  const isDeb = format === "deb";
  const isNew = isAtLeast(version, "1.24");
  if (name === "kubeadm") {
    const path = dropInDirectory(version, format);
    const text = kubeadmDropIn(version, format);
    return [
      ...(isNew ? [directory(path)] : []),
      {
        path: `${path}/10-kubeadm.conf`,
        mode: 0o644,
        source: { text },
        config: isDeb && isInEtc(path),
      },
    ];
  }
  // A deb's directory that is empty does not count as the package's.
  const keep = (path: string, file: string): DescribedFile[] =>
    isDeb && isNew
      ? [{
        path: `${path}/${file}`,
        mode: 0o644,
        source: { text: "" },
        config: isInEtc(path),
      }]
      : [];
  if (name === "kubernetes-cni") {
    const configuration = isNew ? ["/etc/cni", "/etc/cni/net.d"] : [];
    return [
      ...["/opt/cni", PLUGINS, ...configuration].map(directory),
      ...keep("/etc/cni/net.d", ".kubernetes-cni-keep"),
    ];
  }
  if (name !== "kubelet") return [];
  const unit = `${unitDirectory(version, format)}/${KUBELET_SERVICE}`;
  // Debs up to 1.23 had none: the unit reads the file only if there is one (2241c89a, f2d86498).
  const hasEnvironment = isDeb ? isNew : isAtLeast(version, "1.11");
  return [
    { path: unit, mode: 0o644, source: { text: kubeletUnit(version) } },
    ...(hasEnvironment
      ? [{
        path: environmentFile(format),
        mode: 0o644,
        source: { text: "KUBELET_EXTRA_ARGS=\n" },
        config: true,
      }]
      : []),
    ...(isNew ? ["/etc/kubernetes"] : []).map(directory),
    directory("/etc/kubernetes/manifests"),
    ...keep("/etc/kubernetes/manifests", ".kubelet-keep"),
    ...(isNew ? [directory("/var/lib/kubelet"), ...keep("/var/lib/kubelet", ".kubelet-keep")] : []),
  ];
}

/** Debian asks that all files of /etc keep what administrators changed in them. */
function isInEtc(path: string): boolean {
  return path.startsWith("/etc/");
}

interface Documented {
  readonly version: string;
  readonly revision: string;
  readonly maintainer: string;
  readonly epoch: number;
  readonly from: string;
  readonly license: string | undefined;
}

function documentsOf(
  name: PackageName,
  format: PackageFormat,
  about: Documented,
): readonly DescribedFile[] {
  if (format === "rpm") {
    if (about.license === undefined) return [];
    const directory = `/usr/share/licenses/${name}`;
    return [
      { path: directory, mode: 0o755, kind: "license" },
      {
        path: `${directory}/LICENSE`,
        mode: 0o644,
        source: { text: about.license },
        kind: "license",
      },
    ];
  }
  const directory = `/usr/share/doc/${name}`;
  const text = changelogText(name, about);
  return [
    {
      path: `${directory}/changelog.Debian.gz`,
      mode: 0o644,
      source: { text, gzip: true },
      kind: "doc",
    },
    {
      path: `${directory}/copyright`,
      mode: 0o644,
      source: { text: copyrightText(name) },
      kind: "license",
    },
  ];
}

/**
 * The name of a package's file, as repositories have it: `kubelet_1.20.2-00_amd64.deb`,
 * `kubelet-1.20.2-0.x86_64.rpm`.
 */
export function packageFileName(
  { name, format, version, revision, arch }: Pick<
    PackageDescription,
    "name" | "format" | "version" | "revision" | "arch"
  >,
): string {
  return format === "deb"
    ? `${name}_${version}-${revision}_${arch}.deb`
    : `${name}-${version}-${revision}.${arch}.rpm`;
}

/**
 * Checks the maintainer of packages.
 *
 * @param text `Jane Doe <jane@example.com>`.
 * @throws {KbuildError} It is not a name with an address.
 */
export function checkMaintainer(text: string): void {
  if (/^[^<>\n\r]*[^<>\s] <[^<>\s]+@[^<>\s]+>$/.test(text)) return;
  throw new KbuildError(`Cannot use "${text}" as the maintainer of packages`, {
    notes: [`Write a name and an address: "${DEFAULT_MAINTAINER}"`],
    exitCode: 2,
  });
}
