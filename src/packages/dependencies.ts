import type { PackageFormat, PackageName, Relation } from "./types.ts";
import { isAtLeast, type KubernetesVersion } from "./version.ts";

/**
 * A dependency that packages of some versions have. The versions are those of the packages that the project
 * published when a minor version was new; later changes for old versions are not followed. Sources are
 * paths and commits of kubernetes/release.
 */
interface Rule {
  readonly package: PackageName;
  /** What is needed; names by format where the distributions differ. */
  readonly needs: string | Readonly<Record<PackageFormat, string>>;
  readonly minimum?: string;
  /** First version with it. */
  readonly from?: string;
  /** First version without it. */
  readonly below?: string;
  /** The only format that has it. */
  readonly only?: PackageFormat;
}

const IPROUTE = { deb: "iproute2", rpm: "iproute" } as const;
const CONNTRACK_TOOLS = { deb: "conntrack", rpm: "conntrack-tools" } as const;

const RULES: readonly Rule[] = Object.freeze<Rule[]>([
  // rpm/kubelet.spec and debian/xenial/kubelet/debian/control of 2017; cmd/krel/templates/latest/kubelet.
  { package: "kubelet", needs: "iptables", minimum: "1.4.21" },

  // 140145ad (0.6.0), 55e67316 (0.7.5), af8551ab (0.8.6), cad95630 (0.8.7). "=" in the specs of 2017 and 2018
  // is ">=" here, which 5a47f27f came back to.
  ...kubeletCni("0.5.1", undefined, "1.9"),
  ...kubeletCni("0.6.0", "1.9", "1.11"),
  ...kubeletCni("0.7.5", "1.11", "1.19"),
  ...kubeletCni("0.8.6", "1.19", "1.20"),
  // cmd/krel/templates/latest/metadata.yaml from here on.
  ...kubeletCni("0.8.7", "1.20", "1.24.5"),
  ...kubeletCni("1.1.1", "1.24.5", "1.25"),
  ...kubeletCni("0.8.7", "1.25", "1.25.1"),
  ...kubeletCni("1.1.1", "1.25.1", "1.28"),
  ...kubeletCni("1.2.0", "1.28", undefined),

  // d2a7ae37 (Sep 2025) took the last of these away, 98122cf8 (Aug 2024) socat and ebtables.
  { package: "kubelet", needs: IPROUTE, below: "1.35" },
  { package: "kubelet", needs: "socat", below: "1.32" },
  { package: "kubelet", needs: "util-linux" },
  { package: "kubelet", needs: "mount", only: "deb" },
  { package: "kubelet", needs: "ebtables", below: "1.32" },
  { package: "kubelet", needs: "ethtool", below: "1.35" },
  // 932d5546 (Nov 2018); bc7d5340 (Aug 2024) named the rpm's as Fedora does.
  { package: "kubelet", needs: "conntrack", from: "1.14", below: "1.32" },
  { package: "kubelet", needs: CONNTRACK_TOOLS, from: "1.32", below: "1.35" },

  // 7517f352 (June 2019, 1.13.0), eb883f20 (Oct 2021, 1.19.0); the same for cri-tools, from 37615776 on.
  ...kubeadmPeers("1.6.0", undefined, "1.16"),
  ...kubeadmPeers("1.13.0", "1.16", "1.22.3"),
  ...kubeadmPeers("1.19.0", "1.22.3", "1.30"),

  { package: "kubeadm", needs: "kubernetes-cni", below: "1.11", only: "rpm" },
  ...kubeadm("kubernetes-cni", "0.7.5", "1.11", "1.19"),
  ...kubeadm("kubernetes-cni", "0.8.6", "1.19", "1.24"),
  ...kubeadm("kubernetes-cni", "0.8.7", "1.24", "1.24.5"),
  ...kubeadm("kubernetes-cni", "1.1.1", "1.24.5", "1.25"),
  ...kubeadm("kubernetes-cni", "0.8.7", "1.25", "1.25.1"),
  ...kubeadm("kubernetes-cni", "1.1.1", "1.25.1", "1.28"),
  ...kubeadm("kubernetes-cni", "1.2.0", "1.28", "1.30"),

  ...kubeadm("cri-tools", "1.11.0", "1.11", "1.16"),
  ...kubeadm("cri-tools", "1.13.0", "1.16", "1.22.3"),
  ...kubeadm("cri-tools", "1.19.0", "1.22.3", "1.24"),
  ...kubeadm("cri-tools", "1.23.0", "1.24", "1.24.2"),
  ...kubeadm("cri-tools", "1.24.2", "1.24.2", "1.24.5"),
  ...kubeadm("cri-tools", "1.25.0", "1.24.5", "1.25"),
  ...kubeadm("cri-tools", "1.24.2", "1.25", "1.25.1"),
  ...kubeadm("cri-tools", "1.25.0", "1.25.1", "1.28"),
  ...kubeadm("cri-tools", "1.28.0", "1.28", "1.30"),
  ...kubeadm("cri-tools", "1.30.0", "1.30", "1.32"),
]);

function rule(
  name: PackageName,
  needs: string,
  minimum: string,
  from: string | undefined,
  below: string | undefined,
): Rule {
  return {
    ...{ package: name, needs, minimum },
    ...(from === undefined ? {} : { from }),
    ...(below === undefined ? {} : { below }),
  };
}

function kubeletCni(minimum: string, from: string | undefined, below: string | undefined): Rule[] {
  return [rule("kubelet", "kubernetes-cni", minimum, from, below)];
}

function kubeadm(needs: string, minimum: string, from: string, below: string): Rule[] {
  return [rule("kubeadm", needs, minimum, from, below)];
}

function kubeadmPeers(minimum: string, from: string | undefined, below: string): Rule[] {
  return [
    rule("kubeadm", "kubelet", minimum, from, below),
    rule("kubeadm", "kubectl", minimum, from, below),
  ];
}

/** Programs that kubeadm looks for, and the packages of the distributions that have them. */
const PROVIDERS: Readonly<Record<string, string | Readonly<Record<PackageFormat, string>>>> = Object
  .freeze({
    conntrack: CONNTRACK_TOOLS,
    crictl: "cri-tools",
    ebtables: "ebtables",
    ethtool: "ethtool",
    ip: IPROUTE,
    iptables: "iptables",
    mount: { deb: "mount", rpm: "util-linux" },
    nsenter: "util-linux",
    socat: "socat",
    tc: IPROUTE,
    touch: "coreutils",
  });

/** Packages that have the same program: `conntrack` was Fedora's other name for its `conntrack-tools`. */
const SAME: Readonly<Record<string, string>> = { conntrack: "conntrack-tools" };

/** Dependencies of a package, and what was added to them. */
export interface Dependencies {
  /** What must be installed as well. */
  readonly depends: readonly Relation[];
  /** Programs that the checkout's kubeadm demands and the table did not bring, with their packages. */
  readonly added: readonly { readonly program: string; readonly name: string }[];
}

/**
 * What a package of a version depends on: the table of the published packages, and for kubeadm the packages
 * of the programs without which the checkout's own `kubeadm init` stops.
 *
 * @param options.demanded Names of those programs ({@linkcode readDemandedPrograms}).
 */
export function dependenciesOf(
  name: PackageName,
  version: KubernetesVersion,
  format: PackageFormat,
  options: { demanded: readonly string[] },
): Dependencies {
  const depends = tableFor(name, version, format);
  if (name !== "kubeadm") return Object.freeze({ depends, added: Object.freeze([]) });
  const known = [...depends, ...tableFor("kubelet", version, format)];
  const has = (wanted: string) =>
    known.some((each) => each.name === wanted || SAME[each.name] === wanted);
  const added = options.demanded.flatMap((program) => {
    const provider = PROVIDERS[program];
    if (provider === undefined) return [];
    const needs = nameIn(provider, format);
    // Every Debian has util-linux, and the policy asks not to name such packages without a version.
    if (has(needs) || (format === "deb" && needs === "util-linux")) return [];
    return [{ program, name: needs }];
  });
  const names = [...new Set(added.map((each) => each.name))];
  return Object.freeze({
    depends: Object.freeze([...depends, ...names.map((each) => Object.freeze({ name: each }))]),
    added: Object.freeze(added),
  });
}

function tableFor(
  name: PackageName,
  version: KubernetesVersion,
  format: PackageFormat,
): readonly Relation[] {
  const found = RULES.filter((rule) =>
    rule.package === name && (rule.only === undefined || rule.only === format) &&
    (rule.from === undefined || isAtLeast(version, rule.from)) &&
    (rule.below === undefined || !isAtLeast(version, rule.below))
  );
  return Object.freeze(found.map(({ needs, minimum }): Relation =>
    Object.freeze({
      name: nameIn(needs, format),
      ...(minimum === undefined ? {} : { minimum }),
    })
  ));
}

function nameIn(
  needs: string | Readonly<Record<PackageFormat, string>>,
  format: PackageFormat,
): string {
  return typeof needs === "string" ? needs : needs[format];
}
