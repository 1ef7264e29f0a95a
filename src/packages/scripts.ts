import type { PackageFormat, PackageName, PackageScripts } from "./types.ts";
import { isAtLeast, type KubernetesVersion } from "./version.ts";
import { KUBELET_SERVICE } from "./units.ts";

/**
 * Scripts of a package. What they do is what the published ones do:
 *
 * | package | deb | rpm |
 * | --- | --- | --- |
 * | kubelet up to 1.23 | enabled and started, restarted by upgrades, stopped before removal | nothing |
 * | kubelet from 1.24 on | enabled, stopped before removal | the same, as the presets say |
 * | kubeadm up to 1.23 | units read again, kubelet restarted | nothing |
 * | kubeadm from 1.24 on | units read again | nothing: rpm's systemd does it |
 *
 * None of them fails where systemd does not run: in a chroot, in an image.
 */
export function scriptsOf(
  name: PackageName,
  version: KubernetesVersion,
  format: PackageFormat,
): PackageScripts {
  const isOld = !isAtLeast(version, "1.24");
  if (name === "kubelet") return format === "deb" ? kubeletDeb(isOld) : kubeletRpm(isOld);
  if (name === "kubeadm" && format === "deb") return kubeadmDeb(isOld);
  return Object.freeze({});
}

/** A script of a deb. Helpers of Debian's `init-system-helpers`, which each Debian and Ubuntu has. */
function debScript(condition: string, lines: readonly string[]): string {
  return [
    ...["#!/bin/sh", "set -e", ""],
    `if ${condition}; then`,
    ...lines.map((line) => `  ${line}`),
    ...["fi", ""],
  ].join("\n");
}

/** Whether systemd runs the machine that the package is installed on, not another root of dpkg's. */
const SYSTEMD_RUNS = '[ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]';

/** Does something only where systemd runs the machine. */
function whereSystemdRuns(lines: readonly string[]): readonly string[] {
  return [`if ${SYSTEMD_RUNS}; then`, ...lines.map((line) => `  ${line}`), "fi"];
}

const READ_UNITS = "systemctl --system daemon-reload >/dev/null || true";
const CONFIGURING = '[ "$1" = configure ]';

function kubeletDeb(starts: boolean): PackageScripts {
  const start = [
    "# Nothing is started where an administrator forbids it (policy-rc.d)",
    'if [ -n "$2" ]; then action=restart; else action=start; fi',
    `deb-systemd-invoke "$action" ${KUBELET_SERVICE} >/dev/null || true`,
  ];
  return Object.freeze({
    postinst: debScript(CONFIGURING, [
      "# On if it is new, and as the administrator left it if it is not",
      `deb-systemd-helper unmask ${KUBELET_SERVICE} >/dev/null || true`,
      `if deb-systemd-helper --quiet was-enabled ${KUBELET_SERVICE}; then`,
      `  deb-systemd-helper enable ${KUBELET_SERVICE} >/dev/null || true`,
      "else",
      `  deb-systemd-helper update-state ${KUBELET_SERVICE} >/dev/null || true`,
      "fi",
      ...whereSystemdRuns([READ_UNITS, ...(starts ? start : [])]),
    ]),
    prerm: debScript(
      `[ "$1" = remove ] && ${SYSTEMD_RUNS}`,
      [`deb-systemd-invoke stop ${KUBELET_SERVICE} >/dev/null || true`],
    ),
    postrm: [
      ...["#!/bin/sh", "set -e", ""],
      'case "$1" in',
      "remove)",
      ...whereSystemdRuns([READ_UNITS]).map((line) => `  ${line}`),
      "  ;;",
      "purge)",
      "  if command -v deb-systemd-helper >/dev/null; then",
      `    deb-systemd-helper purge ${KUBELET_SERVICE} >/dev/null || true`,
      `    deb-systemd-helper unmask ${KUBELET_SERVICE} >/dev/null || true`,
      "  fi",
      "  ;;",
      ...["esac", ""],
    ].join("\n"),
  });
}

function kubeadmDeb(restarts: boolean): PackageScripts {
  const restart = `deb-systemd-invoke restart ${KUBELET_SERVICE} >/dev/null || true`;
  return Object.freeze({
    postinst: debScript(CONFIGURING, [
      "# The package adds to kubelet's unit",
      ...whereSystemdRuns([READ_UNITS, ...(restarts ? [restart] : [])]),
    ]),
  });
}

/** A script of an rpm: with systemd's helper where there is one (249 and later), else by systemctl. */
function rpmScript(condition: string, helper: string, systemctl: string): string {
  return [
    `if ${condition}; then`,
    "  if [ -x /usr/lib/systemd/systemd-update-helper ]; then",
    `    /usr/lib/systemd/systemd-update-helper ${helper} ${KUBELET_SERVICE} || :`,
    "  elif [ -x /usr/bin/systemctl ]; then",
    `    systemctl --no-reload ${systemctl} ${KUBELET_SERVICE} || :`,
    ...["  fi", "fi", ":", ""],
  ].join("\n");
}

function kubeletRpm(isOld: boolean): PackageScripts {
  if (isOld) return Object.freeze({});
  return Object.freeze({
    post: rpmScript("[ $1 -eq 1 ]", "install-system-units", "preset"),
    preun: rpmScript("[ $1 -eq 0 ]", "remove-system-units", "disable --now"),
  });
}
