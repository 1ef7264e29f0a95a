/**
 * `cluster/` of the samples: manifests and addons for the manifests tarball, scripts for the last
 * tarball. Some names are odd on purpose.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { BASH_PROGRAM_HEAD } from "./scripts_targets.ts";
import { link, script, type Tree, under } from "./tree.ts";

/** `cluster/**` without Go programs. */
export function cluster(facts: EraFacts): Tree {
  return under("cluster", {
    "README.md": "# cluster\n\nScripts and configurations that start clusters.\n",
    "common.sh": script(
      `${BASH_PROGRAM_HEAD}KUBE_ROOT=$(cd "$(dirname "\${BASH_SOURCE[0]}")/.." && pwd)\n`,
    ),
    "get-kube-binaries.sh": script(
      raw`${BASH_PROGRAM_HEAD}# Says where the programs of this release are.
version=$(cat "$(dirname "\${BASH_SOURCE[0]}")/../version")
echo "https://dl.k8s.io/\${version}/kubernetes-client-linux-amd64.tar.gz"
echo "https://dl.k8s.io/\${version}/kubernetes-server-linux-amd64.tar.gz"
`,
    ),
    "get-kube.sh": script(
      `${BASH_PROGRAM_HEAD}echo "https://dl.k8s.io/stable/kubernetes.tar.gz"\n`,
    ),
    "kube-down.sh": script(`${BASH_PROGRAM_HEAD}echo "Nothing runs; nothing to stop."\n`),
    "kube-up.sh": script(`${BASH_PROGRAM_HEAD}echo "The sample starts no cluster."\n`),
    "kube-util.sh": "# Functions that all providers have.\n",
    "kubectl.sh": script(raw`${BASH_PROGRAM_HEAD}exec kubectl "$@"
`),
    "pre-existing/util.sh": "# Functions of clusters that already run.\n",
    "skeleton/util.sh": "# Functions that a provider has to write.\n",
    ...under("addons", ADDONS),
    ...under("gce", facts.godeps ? gce17() : gce(facts)),
    ...(facts.godeps ? under("saltbase", saltbase()) : {}),
    ...conformance(facts),
  });
}

/** A small object of the API, as YAML. */
function yaml(kind: string, name: string): string {
  return `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n  namespace: kube-system\n`;
}

const ADDONS: Tree = {
  "README.md": "# Addons\n\nWhat runs in a cluster besides the control plane.\n",
  "addon-manager/Makefile": 'all:\n\t@echo "addon-manager"\n',
  "addon-manager/kube-addons.sh": script(
    `${BASH_PROGRAM_HEAD}kubectl apply -f /etc/kubernetes/addons\n`,
  ),
  "calico-policy-controller/calico-node-daemonset.yaml": yaml("ConfigMap", "calico-node"),
  "cluster-loadbalancing/glbc/default-svc.yaml": yaml("Service", "default-http-backend"),
  "dashboard/dashboard.yaml": yaml("Service", "kubernetes-dashboard"),
  "dns/coredns/coredns.yaml.base": `${
    yaml("ConfigMap", "coredns")
  }data:\n  domain: __DNS__DOMAIN__\n`,
  "dns/coredns/coredns.yaml.in": `${
    yaml("ConfigMap", "coredns")
  }data:\n  domain: {{ pillar['dns_domain'] }}\n`,
  "dns/coredns/coredns.yaml.sed": `${yaml("ConfigMap", "coredns")}data:\n  domain: $DNS_DOMAIN\n`,
  "dns/kube-dns/kube-dns.yaml.in": `${
    yaml("Service", "kube-dns")
  }spec:\n  clusterIP: {{ pillar['dns_server'] }}\n`,
  "dns/nodelocaldns/nodelocaldns.yaml": yaml("ConfigMap", "node-local-dns"),
  "dns-horizontal-autoscaler/dns-horizontal-autoscaler.yaml": yaml(
    "ConfigMap",
    "kube-dns-autoscaler",
  ),
  "fluentd-gcp/event-exporter.yaml": yaml("ConfigMap", "event-exporter"),
  "fluentd-gcp/fluentd-gcp-ds.yaml": yaml("ConfigMap", "fluentd-gcp"),
  "ip-masq-agent/ip-masq-agent.yaml": yaml("ConfigMap", "ip-masq-agent"),
  "kube-proxy/kube-proxy-ds.yaml": yaml("ConfigMap", "kube-proxy"),
  "kube-proxy/kube-proxy-rbac.yaml": yaml("ServiceAccount", "kube-proxy"),
  "metadata-agent/dashboard demo – größer.json": '{"title": "left out: the name says demo"}\n',
  "metadata-agent/dashboard – größer.json": '{"title": "packed, with an odd name"}\n',
  "metadata-proxy/gce/metadata-proxy.yaml": yaml("ConfigMap", "metadata-proxy"),
  "metrics-server/metrics-server-deployment.yaml": yaml("ConfigMap", "metrics-server"),
  "metrics-server/metrics-server-service.yaml": yaml("Service", "metrics-server"),
  "node-problem-detector/npd.yaml": yaml("ConfigMap", "node-problem-detector"),
  "rbac/kubelet-api-auth/kubelet-api-admin-role.yaml": yaml("ConfigMap", "kubelet-api-admin"),
  "storage-class/gce/default.yaml": yaml("ConfigMap", "standard"),
  "storage-class/local/default.yaml": yaml("ConfigMap", "local"),
  "volumesnapshots/crd/snapshot.storage.k8s.io_volumesnapshots.yaml": yaml(
    "ConfigMap",
    "volumesnapshots",
  ),
  "volumesnapshots/demo-volume.yaml": yaml("ConfigMap", "left-out-its-name-says-demo"),
};

/** The manifests that `package_kube_manifests_tarball` names (T20:416-460, T35:382-430). */
const MANIFESTS = [
  "cluster-autoscaler.manifest",
  "etcd.manifest",
  "glbc.manifest",
  "kube-apiserver.manifest",
  "kube-controller-manager.manifest",
  "kube-proxy.manifest",
  "kube-scheduler.manifest",
];

/** What the directory of GCE holds in every era. */
function gceCommon(): Tree {
  return {
    "config-default.sh": script(`${BASH_PROGRAM_HEAD}NUM_NODES=\${NUM_NODES:-3}\n`),
    "config-test.sh": script(`${BASH_PROGRAM_HEAD}NUM_NODES=\${NUM_NODES:-1}\n`),
    "cos": link("gci"),
    "custom": link("gci"),
    "ubuntu": link("gci"),
    "gci/README.md": "# Container-Optimized OS\n",
    "gci/configure-helper.sh": script(`${BASH_PROGRAM_HEAD}echo "Configures a node."\n`),
    "gci/configure.sh": script(`${BASH_PROGRAM_HEAD}echo "Fetches what a node needs."\n`),
    "gci/master.yaml": "#cloud-config\n",
    "gci/mounter/Changelog": "1.0\n- The sample's first.\n",
    "gci/mounter/Dockerfile": 'FROM scratch\nCOPY mounter /mounter\nENTRYPOINT ["/mounter"]\n',
    "gci/mounter/Makefile": "all:\n\tgo build mounter.go\n",
    "gci/node.yaml": "#cloud-config\n",
    "util.sh": "# Functions of Google Compute Engine.\n",
  };
}

const HEALTH_MONITOR = script(`${BASH_PROGRAM_HEAD}echo "Watches the kubelet."\n`);

/** 1.7: the manifests are those of Salt, and a built mounter is in git. */
function gce17(): Tree {
  return {
    ...gceCommon(),
    "container-linux/configure-helper.sh": script(
      `${BASH_PROGRAM_HEAD}echo "Configures a node with Container Linux."\n`,
    ),
    "gci/health-monitor.sh": HEALTH_MONITOR,
    "gci/mounter/mounter": script("#!/bin/sh\n\necho mounts nothing\n"),
  };
}

/** The states of Salt: what the salt tarball holds, and the manifests of 1.7 (T7:343-402). */
function saltbase(): Tree {
  const manifests = [
    "cluster-autoscaler/cluster-autoscaler",
    "e2e-image-puller/e2e-image-puller",
    "etcd/etcd",
    "kube-apiserver/kube-apiserver",
    "kube-controller-manager/kube-controller-manager",
    "kube-proxy/kube-proxy",
    "kube-scheduler/kube-scheduler",
    "l7-gcp/glbc",
    "rescheduler/rescheduler",
  ].map((path) =>
    [`salt/${path}.manifest`, manifest(path.slice(path.indexOf("/") + 1) + ".manifest")] as const
  );
  return {
    "README.md": "# Salt\n\nStates of the machines of a cluster.\n",
    "install.sh": script(`${BASH_PROGRAM_HEAD}echo "Installs Salt's states."\n`),
    "pillar/README.md": "# Pillars\n",
    "reactor/highstate-new.sls": "highstate_run:\n  cmd.state.highstate: []\n",
    "salt/kube-addons/init.sls": "addon-dir-create:\n  file.directory: []\n",
    "salt/kube-addons/kube-addon-manager.yaml": yaml("Pod", "kube-addon-manager"),
    "salt/kube-admission-controls/limit-range/limit-range.yaml": yaml("LimitRange", "limits"),
    "salt/kube-apiserver/abac-authz-policy.jsonl": ABAC_POLICY,
    "salt/kube-registry-proxy/kube-registry-proxy.yaml": yaml("Pod", "kube-registry-proxy"),
    "salt/top.sls": "base: {}\n",
    ...Object.fromEntries(manifests),
  };
}

const ABAC_POLICY =
  '{"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy"}\n';

function gce({ goMode }: EraFacts): Tree {
  // 1.35 no longer has health-monitor.sh; cloud-controller-manager came by 1.28.
  const names = goMode === "gopath"
    ? MANIFESTS
    : [...MANIFESTS, "cloud-controller-manager.manifest"];
  return {
    ...gceCommon(),
    "addons/README.md": "# Addons of GCE\n",
    "addons/admission-resource-quota-critical-pods/resource-quota.yaml": yaml(
      "ResourceQuota",
      "gcp-critical-pods",
    ),
    "addons/konnectivity-agent/konnectivity-agent-ds.yaml": yaml("ConfigMap", "konnectivity-agent"),
    "addons/limit-range/limit-range.yaml": yaml("LimitRange", "limits"),
    "addons/loadbalancing/glbc-clusterrole.yaml": yaml("ConfigMap", "glbc"),
    "gci/configure-kubeapiserver.sh": script(
      `${BASH_PROGRAM_HEAD}echo "Configures kube-apiserver."\n`,
    ),
    ...(goMode === "workspace" ? {} : { "gci/health-monitor.sh": HEALTH_MONITOR }),
    ...Object.fromEntries(names.map((name) => [`manifests/${name}`, manifest(name)] as const)),
    "manifests/abac-authz-policy.jsonl": ABAC_POLICY,
    "manifests/internal-cluster-autoscaler-pod.yaml": yaml("Pod", "internal-cluster-autoscaler"),
    "manifests/internal-etcd.manifest": manifest("internal-etcd.manifest"),
    "manifests/konnectivity-server.yaml": yaml("Pod", "konnectivity-server"),
    "manifests/kube-addon-manager.yaml": yaml("Pod", "kube-addon-manager"),
    "windows/configure.ps1": 'Write-Host "Configures a node."\r\n',
  };
}

function manifest(file: string): string {
  const name = file.slice(0, file.lastIndexOf("."));
  return `${JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name } }, null, 2)}\n`;
}

/** In 1.20 the conformance image is in cluster/, later in test/; 1.7 has none. */
function conformance({ conformanceDir }: EraFacts): Tree {
  if (conformanceDir?.startsWith("cluster/") !== true) return { "images/README.md": "# Images\n" };
  return {
    "images/README.md": "# Images\n",
    ...under("images/conformance", {
      "Dockerfile": raw`# BASEIMAGE is filled in by the Makefile.
FROM BASEIMAGE

COPY run_e2e.sh /run_e2e.sh
COPY gorunner /gorunner
COPY kubectl /usr/local/bin/
COPY ginkgo /usr/local/bin/
COPY e2e.test /usr/local/bin/
COPY cluster /kubernetes/cluster

ENV RESULTS_DIR="/tmp/results"
ENV E2E_FOCUS="\[Conformance\]"
WORKDIR /usr/local/bin
CMD [ "/bin/bash", "-c", "/run_e2e.sh" ]
`,
      "Makefile": conformanceMakefile("k8s.gcr.io", "debian:stretch-slim"),
      ...CONFORMANCE_COMMON,
    }),
  };
}

/** What the conformance image's directory holds in both eras. */
export const CONFORMANCE_COMMON: Tree = {
  "README.md": "# The conformance image\n",
  "conformance-e2e.sh": script(`${BASH_PROGRAM_HEAD}kubectl create -f conformance-e2e.yaml\n`),
  "conformance-e2e.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: e2e-conformance-test\n",
  "run_e2e.sh": script(`${BASH_PROGRAM_HEAD}ginkgo /usr/local/bin/e2e.test\n`),
};

/**
 * The Makefile that copies the programs together and builds the image.
 *
 * @param runner Its base image, where the Dockerfile has build arguments; else the base
 * is put into it by sed.
 */
export function conformanceMakefile(registry: string, base: string, runner?: string): string {
  const build = runner === undefined
    ? raw`	sed -i.back "s|^FROM BASEIMAGE|FROM $(BASEIMAGE)|" $(TEMP_DIR)/Dockerfile
	docker build --pull --build-arg BASEIMAGE=$(BASEIMAGE) -t $(REGISTRY)/conformance-$(ARCH):$(VERSION) $(TEMP_DIR)
`
    : raw`	docker buildx build --platform linux/$(ARCH) --load --pull \
		-t $(REGISTRY)/conformance-$(ARCH):$(VERSION) \
		--build-arg BASEIMAGE=$(BASEIMAGE) \
		--build-arg RUNNERIMAGE=$(RUNNERIMAGE) \
		$(TEMP_DIR)
`;
  return raw`# Builds the conformance image: make build VERSION=v1.2.3
REGISTRY?=${registry}
ARCH?=amd64
OUT_DIR?=_output

LOCAL_OUTPUT_PATH=$(shell pwd)/../../../$(OUT_DIR)/local/bin/linux/$(ARCH)
DOCKERIZED_OUTPUT_PATH=$(shell pwd)/../../../$(OUT_DIR)/dockerized/bin/linux/$(ARCH)
find_bin=$(shell test -f $(LOCAL_OUTPUT_PATH)/$(1) && echo $(LOCAL_OUTPUT_PATH)/$(1) || echo $(DOCKERIZED_OUTPUT_PATH)/$(1))

BASEIMAGE?=${base}
${
    runner === undefined
      ? ""
      : `RUNNERIMAGE?=${runner}\n`
  }TEMP_DIR:=$(shell mktemp -d -t conformance-XXXXXX)

all: build

build:
	cp -r ./* $(TEMP_DIR)
	cp $(call find_bin,ginkgo) $(call find_bin,kubectl) $(call find_bin,e2e.test) $(TEMP_DIR)
	cp $(call find_bin,go-runner) $(TEMP_DIR)/gorunner
	cp -r ../../../cluster $(TEMP_DIR)/cluster
${build}
.PHONY: build all
`;
}
