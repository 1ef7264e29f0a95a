import type { PackageFormat } from "./types.ts";
import { isAtLeast, type KubernetesVersion } from "./version.ts";

/** The service of the node agent, which kubelet brings and kubeadm adds to. */
export const KUBELET_SERVICE = "kubelet.service";

/** Where the unit is in packages of a version. */
export function unitDirectory(version: KubernetesVersion, format: PackageFormat): string {
  if (format === "deb") return "/lib/systemd/system";
  // kubernetes/release 6968f3b9, Mar 2019.
  return isAtLeast(version, "1.14") ? "/usr/lib/systemd/system" : "/etc/systemd/system";
}

/** Where kubeadm's addition to the unit is: in debs up to 1.23, a file for the administrator. */
export function dropInDirectory(version: KubernetesVersion, format: PackageFormat): string {
  const units = format === "deb" && !isAtLeast(version, "1.24")
    ? "/etc/systemd/system"
    : unitDirectory(version, format);
  return `${units}/${KUBELET_SERVICE}.d`;
}

/** The file with additional flags for kubelet, which the unit reads from 1.11 on. */
export function environmentFile(format: PackageFormat): string {
  return format === "deb" ? "/etc/default/kubelet" : "/etc/sysconfig/kubelet";
}

type Section = readonly [title: string, lines: readonly string[]];

/** The text of a unit, as systemd reads it. */
function unitText(sections: readonly Section[]): string {
  return sections.map(([title, lines]) => [`[${title}]`, ...lines, ""].join("\n")).join("\n");
}

/**
 * The unit that starts kubelet. It waits for the network from 1.19 on (kubernetes/release 4b6d890e,
 * Apr 2020).
 */
export function kubeletUnit(version: KubernetesVersion): string {
  const network = isAtLeast(version, "1.19")
    ? ["Wants=network-online.target", "After=network-online.target"]
    : [];
  return unitText([
    ["Unit", [
      "Description=kubelet: The Kubernetes Node Agent",
      "Documentation=https://kubernetes.io/docs/",
      ...network,
    ]],
    ["Service", [
      "ExecStart=/usr/bin/kubelet",
      "Restart=always",
      "StartLimitInterval=0",
      "RestartSec=10",
    ]],
    ["Install", ["WantedBy=multi-user.target"]],
  ]);
}

/** Variables of kubeadm's addition, by their middle part: `KUBELET_<NAME>_ARGS`. */
interface DropInVariable {
  readonly name: string;
  readonly flags: readonly string[];
  readonly from?: string;
  readonly below?: string;
  readonly only?: PackageFormat;
}

/**
 * Flags that kubeadm's clusters need, in their order, by version: kubernetes/release, rpm/10-kubeadm-*.conf
 * and debian/xenial/kubeadm (b09830c1 chose by version). `--cadvisor-port` came with 8e0089e5 (June 2017),
 * the driver of control groups is systemd's where rpms are used (64bd84b5).
 */
const VARIABLES: readonly DropInVariable[] = Object.freeze<DropInVariable[]>([
  {
    name: "KUBECONFIG",
    flags: ["--kubeconfig=/etc/kubernetes/kubelet.conf", "--require-kubeconfig=true"],
    below: "1.8",
  },
  {
    name: "KUBECONFIG",
    flags: [
      "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
      "--kubeconfig=/etc/kubernetes/kubelet.conf",
    ],
    from: "1.8",
  },
  {
    name: "SYSTEM_PODS",
    flags: ["--pod-manifest-path=/etc/kubernetes/manifests", "--allow-privileged=true"],
    below: "1.11",
  },
  {
    name: "NETWORK",
    flags: ["--network-plugin=cni", "--cni-conf-dir=/etc/cni/net.d", "--cni-bin-dir=/opt/cni/bin"],
    below: "1.11",
  },
  {
    name: "DNS",
    flags: ["--cluster-dns=10.96.0.10", "--cluster-domain=cluster.local"],
    below: "1.11",
  },
  {
    name: "AUTHZ",
    flags: ["--authorization-mode=Webhook", "--client-ca-file=/etc/kubernetes/pki/ca.crt"],
    below: "1.11",
  },
  { name: "CADVISOR", flags: ["--cadvisor-port=0"], from: "1.7", below: "1.11" },
  { name: "CGROUP", flags: ["--cgroup-driver=systemd"], below: "1.11", only: "rpm" },
  {
    name: "CERTIFICATE",
    flags: ["--rotate-certificates=true", "--cert-dir=/var/lib/kubelet/pki"],
    from: "1.8",
    below: "1.11",
  },
  { name: "CONFIG", flags: ["--config=/var/lib/kubelet/config.yaml"], from: "1.11" },
]);

/** The flags that `kubeadm init` and `join` write, from 1.11 on. */
const KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env";

/** kubeadm's addition to the unit, `10-kubeadm.conf`: the flags of a node of its clusters. */
export function kubeadmDropIn(version: KubernetesVersion, format: PackageFormat): string {
  const variables = VARIABLES.filter(({ from, below, only }) =>
    (from === undefined || isAtLeast(version, from)) &&
    (below === undefined || !isAtLeast(version, below)) &&
    (only === undefined || only === format)
  );
  const readsFiles = isAtLeast(version, "1.11");
  const files = readsFiles
    ? [
      "# Flags that kubeadm decides on, written by kubeadm init and kubeadm join",
      `EnvironmentFile=-${KUBEADM_FLAGS}`,
      "# Flags of the administrator; nodeRegistration.kubeletExtraArgs of kubeadm is the better place",
      `EnvironmentFile=-${environmentFile(format)}`,
    ]
    : [];
  const names = [
    ...variables.map(({ name }) => `KUBELET_${name}_ARGS`),
    ...(readsFiles ? ["KUBELET_KUBEADM_ARGS"] : []),
    "KUBELET_EXTRA_ARGS",
  ];
  return unitText([["Service", [
    ...variables.map(({ name, flags }) => `Environment="KUBELET_${name}_ARGS=${flags.join(" ")}"`),
    ...files,
    "ExecStart=",
    `ExecStart=/usr/bin/kubelet ${names.map((name) => `$${name}`).join(" ")}`,
  ]]]);
}
