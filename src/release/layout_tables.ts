/**
 * What a release is laid out as where a checkout has no readable `build/lib/release.sh`.
 *
 * @module
 */
import { basename } from "@std/path";
import type { StageCopy } from "./follow.ts";

function copy(from: string, to: string, kind: StageCopy["kind"] = "file"): StageCopy {
  return Object.freeze({ from, to, kind, optional: false });
}

function named(directory: string, names: readonly string[]): StageCopy[] {
  return names.map((name) => copy(`${directory}/${name}`, `gci-trusty/${basename(name)}`));
}

const HELPER = copy("cluster/gce/gci/configure-helper.sh", "gci-trusty/gci-configure-helper.sh");

/** The manifests of v1.20.2 (release.sh:425-452). */
export const MANIFESTS_120: readonly StageCopy[] = Object.freeze([
  ...named("cluster/gce/manifests", [
    "kube-proxy.manifest",
    "cluster-autoscaler.manifest",
    "etcd.manifest",
    "kube-scheduler.manifest",
    "kube-apiserver.manifest",
    "konnectivity-server.yaml",
    "abac-authz-policy.jsonl",
    "kube-controller-manager.manifest",
    "kube-addon-manager.yaml",
    "glbc.manifest",
  ]),
  HELPER,
]);

const SALT = "cluster/saltbase/salt";

/** The manifests of v1.7.3 (release.sh:365-402). */
export const MANIFESTS_17: readonly StageCopy[] = Object.freeze([
  copy(`${SALT}/kube-registry-proxy/kube-registry-proxy.yaml`, "kube-registry-proxy.yaml"),
  copy(`${SALT}/kube-proxy/kube-proxy.manifest`, "kube-proxy.manifest"),
  ...named(SALT, [
    "cluster-autoscaler/cluster-autoscaler.manifest",
    "etcd/etcd.manifest",
    "kube-scheduler/kube-scheduler.manifest",
    "kube-apiserver/kube-apiserver.manifest",
    "kube-apiserver/abac-authz-policy.jsonl",
    "kube-controller-manager/kube-controller-manager.manifest",
    "kube-addons/kube-addon-manager.yaml",
    "l7-gcp/glbc.manifest",
    "rescheduler/rescheduler.manifest",
    "e2e-image-puller/e2e-image-puller.manifest",
  ]),
  HELPER,
  copy("cluster/gce/gci/mounter/mounter", "gci-trusty/gci-mounter"),
  copy("cluster/gce/gci/health-monitor.sh", "gci-trusty/health-monitor.sh"),
  copy(
    "cluster/gce/container-linux/configure-helper.sh",
    "gci-trusty/container-linux-configure-helper.sh",
  ),
  copy(`${SALT}/kube-admission-controls/limit-range`, "gci-trusty/limit-range", "tree"),
]);

const tree = (path: string) => copy(path, path, "tree");
const MANIFESTS_TARBALL = copy(
  "kubernetes-manifests.tar.gz",
  "server/kubernetes-manifests.tar.gz",
  "tarball",
);

/** The last tarball of v1.20.2 (release.sh:530-580). */
export const FINAL_120: readonly StageCopy[] = Object.freeze([
  tree("cluster"),
  MANIFESTS_TARBALL,
  tree("hack/lib"),
  tree("docs"),
  copy("README.md", "README.md"),
  tree("LICENSES"),
]);

/** The last tarball of v1.7.3 (release.sh:459-530). */
export const FINAL_17: readonly StageCopy[] = Object.freeze([
  tree("cluster"),
  copy("kubernetes-salt.tar.gz", "server/kubernetes-salt.tar.gz", "tarball"),
  MANIFESTS_TARBALL,
  ...["third_party/htpasswd", "federation/cluster", "federation/manifests", "federation/deploy"]
    .map(tree),
  ...["hack/lib", "examples", "docs"].map(tree),
  copy("README.md", "README.md"),
  copy("Godeps/LICENSES", "LICENSES"),
  copy("Vagrantfile", "Vagrantfile"),
]);

/** What the salt tarball of 1.7 starts from. */
export const SALT_17: readonly StageCopy[] = Object.freeze([
  copy("cluster/saltbase", "saltbase", "tree"),
]);
