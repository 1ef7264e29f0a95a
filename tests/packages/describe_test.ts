import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import {
  type BuiltPackageName,
  checkMaintainer,
  type DescribedFile,
  describePackage,
  packageFileName,
  type PackageFormat,
} from "../../src/packages/mod.ts";

function describe(name: BuiltPackageName, format: PackageFormat, gitVersion: string) {
  const options = { gitVersion, platform: "linux/ppc64le", epoch: 0, demanded: [], license: "L" };
  return describePackage(name, format, options).description;
}

/** `/etc/default/kubelet 644 config`; programs are 755. */
function line({ path, mode, config, kind, source }: DescribedFile): string {
  const words = [path, mode.toString(8)];
  if (source === undefined) words.push("directory");
  if (config === true) words.push("config");
  if (kind !== undefined) words.push(kind);
  return words.join(" ");
}

function files(name: BuiltPackageName, format: PackageFormat, version: string): readonly string[] {
  const { files } = describe(name, format, version);
  return files.filter(({ path }) => !path.startsWith("/usr/share")).map(line).sort();
}

Deno.test("describePackage() kubelet has its files where the packages of the time had them", () => {
  assertEquals(files("kubelet", "deb", "v1.20.2"), [
    "/etc/kubernetes/manifests 755 directory",
    "/lib/systemd/system/kubelet.service 644",
    "/usr/bin/kubelet 755",
  ]);
  assertEquals(files("kubelet", "deb", "v1.28.7"), [
    "/etc/default/kubelet 644 config",
    "/etc/kubernetes 755 directory",
    "/etc/kubernetes/manifests 755 directory",
    "/etc/kubernetes/manifests/.kubelet-keep 644 config",
    "/lib/systemd/system/kubelet.service 644",
    "/usr/bin/kubelet 755",
    "/var/lib/kubelet 755 directory",
    "/var/lib/kubelet/.kubelet-keep 644",
  ]);
  assertEquals(files("kubelet", "rpm", "v1.7.3"), [
    "/etc/kubernetes/manifests 755 directory",
    "/etc/systemd/system/kubelet.service 644",
    "/usr/bin/kubelet 755",
  ]);
  assertEquals(files("kubelet", "rpm", "v1.14.0"), [
    "/etc/kubernetes/manifests 755 directory",
    "/etc/sysconfig/kubelet 644 config",
    "/usr/bin/kubelet 755",
    "/usr/lib/systemd/system/kubelet.service 644",
  ]);
  assertEquals(files("kubelet", "rpm", "v1.28.7"), [
    "/etc/kubernetes 755 directory",
    "/etc/kubernetes/manifests 755 directory",
    "/etc/sysconfig/kubelet 644 config",
    "/usr/bin/kubelet 755",
    "/usr/lib/systemd/system/kubelet.service 644",
    "/var/lib/kubelet 755 directory",
  ]);
});

Deno.test("describePackage() kubeadm and kubectl have theirs", () => {
  const conf = (version: string, format: PackageFormat) =>
    files("kubeadm", format, version).filter((each) => !each.startsWith("/usr/bin"));
  const dropIn = "kubelet.service.d/10-kubeadm.conf";
  assertEquals(conf("v1.23.0", "deb"), [`/etc/systemd/system/${dropIn} 644 config`]);
  assertEquals(conf("v1.24.0", "deb"), [
    "/lib/systemd/system/kubelet.service.d 755 directory",
    `/lib/systemd/system/${dropIn} 644`,
  ]);
  assertEquals(conf("v1.7.3", "rpm"), [`/etc/systemd/system/${dropIn} 644`]);
  assertEquals(conf("v1.20.2", "rpm"), [`/usr/lib/systemd/system/${dropIn} 644`]);
  assertEquals(files("kubectl", "rpm", "v1.28.7"), ["/usr/bin/kubectl 755"]);
});

Deno.test("describePackage() has licence and changelog", () => {
  const documents = (format: PackageFormat) =>
    describe("kubectl", format, "v1.28.7").files.map(line)
      .filter((each) => each.startsWith("/usr/share"));
  assertEquals(documents("deb"), [
    "/usr/share/doc/kubectl/changelog.Debian.gz 644 doc",
    "/usr/share/doc/kubectl/copyright 644 license",
  ]);
  assertEquals(documents("rpm"), [
    "/usr/share/licenses/kubectl 755 directory license",
    "/usr/share/licenses/kubectl/LICENSE 644 license",
  ]);
});

/** Lines of kubeadm's addition to the unit. */
function dropIn(version: string, format: PackageFormat): readonly string[] {
  const { files } = describe("kubeadm", format, version);
  const { source } = files.find(({ path }) => path.endsWith(".conf"))!;
  assert(source !== undefined && "text" in source);
  return source.text.split("\n").filter((each) => !each.startsWith("#"));
}

/** The variables that the last line gives to kubelet, without KUBELET_ and _ARGS. */
function variables(version: string, format: PackageFormat): string {
  const last = dropIn(version, format).filter((each) => each !== "").at(-1)!;
  assert(last.startsWith("ExecStart=/usr/bin/kubelet $"), last);
  return last.replaceAll(/\$KUBELET_|_ARGS/g, "").replace("ExecStart=/usr/bin/kubelet ", "");
}

Deno.test("describePackage() kubeadm's addition to the unit is that of its generation", () => {
  const table: readonly (readonly [string, PackageFormat, string])[] = [
    ["v1.6.3", "deb", "KUBECONFIG SYSTEM_PODS NETWORK DNS AUTHZ EXTRA"],
    ["v1.7.3", "deb", "KUBECONFIG SYSTEM_PODS NETWORK DNS AUTHZ CADVISOR EXTRA"],
    ["v1.7.3", "rpm", "KUBECONFIG SYSTEM_PODS NETWORK DNS AUTHZ CADVISOR CGROUP EXTRA"],
    ["v1.8.0", "deb", "KUBECONFIG SYSTEM_PODS NETWORK DNS AUTHZ CADVISOR CERTIFICATE EXTRA"],
    [
      "v1.10.9",
      "rpm",
      "KUBECONFIG SYSTEM_PODS NETWORK DNS AUTHZ CADVISOR CGROUP CERTIFICATE EXTRA",
    ],
    ["v1.11.0-alpha.0", "rpm", "KUBECONFIG CONFIG KUBEADM EXTRA"],
    ["v1.35.0", "deb", "KUBECONFIG CONFIG KUBEADM EXTRA"],
  ];
  for (const [version, format, wanted] of table) {
    assertEquals([version, format, variables(version, format)], [version, format, wanted]);
  }
  assertEquals(dropIn("v1.28.7", "deb"), [
    "[Service]",
    'Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf' +
    ' --kubeconfig=/etc/kubernetes/kubelet.conf"',
    'Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"',
    "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env",
    "EnvironmentFile=-/etc/default/kubelet",
    "ExecStart=",
    "ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS" +
    " $KUBELET_EXTRA_ARGS",
    "",
  ]);
  assert(dropIn("v1.28.7", "rpm").includes("EnvironmentFile=-/etc/sysconfig/kubelet"));
  assert(
    dropIn("v1.7.3", "deb").includes(
      'Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf --require-kubeconfig=true"',
    ),
  );
});

Deno.test("describePackage() scripts are those of the generation", () => {
  const scripts = (name: BuiltPackageName, format: PackageFormat, version: string) =>
    Object.keys(describe(name, format, version).scripts).join(" ");
  assertEquals(scripts("kubelet", "deb", "v1.20.2"), "postinst prerm postrm");
  assertEquals(scripts("kubelet", "rpm", "v1.20.2"), "");
  assertEquals(scripts("kubelet", "rpm", "v1.28.7"), "post preun");
  assertEquals(scripts("kubeadm", "deb", "v1.28.7"), "postinst");
  assertEquals(scripts("kubectl", "deb", "v1.28.7"), "");
  const postinst = (name: BuiltPackageName, version: string) =>
    describe(name, "deb", version).scripts["postinst"] ?? "";
  assertStringIncludes(postinst("kubelet", "v1.20.2"), "deb-systemd-invoke");
  assertEquals(postinst("kubelet", "v1.28.7").includes("deb-systemd-invoke"), false);
  assertStringIncludes(postinst("kubeadm", "v1.20.2"), "restart kubelet.service");
  assertEquals(postinst("kubeadm", "v1.28.7").includes("restart"), false);
});

Deno.test("packageFileName() is that of the repositories", () => {
  const names = (name: BuiltPackageName, version: string) =>
    (["deb", "rpm"] as const).map((format) => packageFileName(describe(name, format, version)));
  assertEquals(names("kubelet", "v1.20.2"), [
    "kubelet_1.20.2-00_ppc64el.deb",
    "kubelet-1.20.2-0.ppc64le.rpm",
  ]);
  assertEquals(names("kubectl", "v1.28.0-rc.1"), [
    "kubectl_1.28.0~rc.1-1.1_ppc64el.deb",
    "kubectl-1.28.0~rc.1-1.1.ppc64le.rpm",
  ]);
});

Deno.test("checkMaintainer() wants a name and an address", () => {
  checkMaintainer("Jane Doe <jane@example.com>");
  for (const bad of ["Jane", "<jane@example.com>", "Jane <jane>", "Jane\nX: y <j@x.y>", ""]) {
    assertThrows(() => checkMaintainer(bad), KbuildError, "as the maintainer");
  }
});
