import { assertEquals } from "@std/assert";
import {
  demandedPrograms,
  dependenciesOf,
  type PackageFormat,
  parseKubernetesVersion,
} from "../../src/packages/mod.ts";

function dependencies(
  name: "kubelet" | "kubeadm" | "kubectl",
  version: string,
  format: PackageFormat,
  demanded: readonly string[] = [],
): string {
  const { depends } = dependenciesOf(name, parseKubernetesVersion(version), format, { demanded });
  return depends.map(({ name, minimum }) => minimum === undefined ? name : `${name} ${minimum}`)
    .join(", ");
}

Deno.test("dependenciesOf() kubelet has what its published packages had", () => {
  const table: readonly (readonly [string, PackageFormat, string])[] = [
    [
      "v1.6.3",
      "deb",
      "iptables 1.4.21, kubernetes-cni 0.5.1, iproute2, socat, util-linux, mount, ebtables, ethtool",
    ],
    [
      "v1.10.0",
      "rpm",
      "iptables 1.4.21, kubernetes-cni 0.6.0, iproute, socat, util-linux, ebtables, ethtool",
    ],
    [
      "v1.20.2",
      "rpm",
      "iptables 1.4.21, kubernetes-cni 0.8.7, iproute, socat, util-linux, ebtables, ethtool, conntrack",
    ],
    [
      "v1.28.7",
      "deb",
      "iptables 1.4.21, kubernetes-cni 1.2.0, iproute2, socat, util-linux, mount, ebtables, ethtool, " +
      "conntrack",
    ],
    [
      "v1.33.0",
      "rpm",
      "iptables 1.4.21, kubernetes-cni 1.2.0, iproute, util-linux, ethtool, conntrack-tools",
    ],
    ["v1.35.0", "deb", "iptables 1.4.21, kubernetes-cni 1.2.0, util-linux, mount"],
  ];
  for (const [version, format, wanted] of table) {
    assertEquals([version, dependencies("kubelet", version, format)], [version, wanted]);
  }
});

Deno.test("dependenciesOf() kubeadm follows the minor and patch versions of the repositories", () => {
  const table: readonly (readonly [string, string])[] = [
    ["v1.6.3", "kubelet 1.6.0, kubectl 1.6.0, kubernetes-cni"],
    ["v1.11.3", "kubelet 1.6.0, kubectl 1.6.0, kubernetes-cni 0.7.5, cri-tools 1.11.0"],
    ["v1.20.2", "kubelet 1.13.0, kubectl 1.13.0, kubernetes-cni 0.8.6, cri-tools 1.13.0"],
    ["v1.24.1", "kubelet 1.19.0, kubectl 1.19.0, kubernetes-cni 0.8.7, cri-tools 1.23.0"],
    ["v1.24.5", "kubelet 1.19.0, kubectl 1.19.0, kubernetes-cni 1.1.1, cri-tools 1.25.0"],
    ["v1.25.0", "kubelet 1.19.0, kubectl 1.19.0, kubernetes-cni 0.8.7, cri-tools 1.24.2"],
    ["v1.28.7", "kubelet 1.19.0, kubectl 1.19.0, kubernetes-cni 1.2.0, cri-tools 1.28.0"],
    ["v1.30.0", "cri-tools 1.30.0"],
    ["v1.32.0", ""],
  ];
  for (const [version, wanted] of table) {
    assertEquals([version, dependencies("kubeadm", version, "rpm")], [version, wanted]);
  }
  assertEquals(dependencies("kubeadm", "v1.6.3", "deb"), "kubelet 1.6.0, kubectl 1.6.0");
  for (const version of ["v1.6.3", "v1.20.2", "v1.35.0"]) {
    assertEquals(dependencies("kubectl", version, "deb"), "");
  }
});

const DEMANDED = ["conntrack", "crictl", "ip", "iptables", "mount", "nsenter"];

Deno.test("dependenciesOf() adds what the checkout's kubeadm demands and nothing brings", () => {
  assertEquals(
    dependencies("kubeadm", "v1.20.2", "deb", DEMANDED),
    dependencies("kubeadm", "v1.20.2", "deb"),
  );
  // 1.35's kubelet no longer brings ip, which kubeadm still demands.
  const demanded = ["ip", "iptables", "mount", "nsenter"];
  const version = parseKubernetesVersion("v1.35.0");
  const { added, depends } = dependenciesOf("kubeadm", version, "deb", { demanded });
  assertEquals(added, [{ program: "ip", name: "iproute2" }]);
  assertEquals(depends, [{ name: "iproute2" }]);
  assertEquals(dependencies("kubeadm", "v1.35.0", "rpm", demanded), "iproute");
  // A fork whose kubeadm wants conntrack in a version whose kubelet does not bring it.
  assertEquals(dependencies("kubeadm", "v1.36.0", "rpm", ["conntrack"]), "conntrack-tools");
  assertEquals(dependencies("kubeadm", "v1.36.0", "rpm", ["nobody-knows"]), "");
  assertEquals(
    dependencies("kubelet", "v1.36.0", "rpm", ["conntrack"]).includes("conntrack"),
    false,
  );
});

/** In the shape of checks.go and checks_linux.go: literals, one of them inside of conditions. */
const CHECKS = `
func add(checks []Checker, version string) []Checker {
	if v, err := parse(version); err == nil {
		if v.LessThan(utilversion.MustParseSemantic("1.32.0")) {
			checks = append(checks, InPathCheck{executable: "conntrack", mandatory: true, exec: e})
		}
	}
	if isSocket {
		checks = append(checks, InPathCheck{executable: "crictl", mandatory: true, exec: e})
	}
	return append(checks,
		InPathCheck{executable: "ip", mandatory: true, exec: e},
		InPathCheck{executable: "socat", mandatory: false, exec: e},
		InPathCheck{executable: "touch"})
}
`;

Deno.test("demandedPrograms() reads kubeadm's checks, conditions of the version included", () => {
  const demanded = (version: string) => demandedPrograms(CHECKS, parseKubernetesVersion(version));
  assertEquals(demanded("v1.31.9"), ["conntrack", "crictl", "ip"]);
  assertEquals(demanded("v1.32.0"), ["crictl", "ip"]);
  assertEquals(demandedPrograms("", parseKubernetesVersion("v1.20.2")), []);
});
