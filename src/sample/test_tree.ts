/**
 * `test/` of the samples without Go programs: images, manifests, fixtures, kubemark.
 *
 * @module
 */
import { CONFORMANCE_COMMON, conformanceMakefile } from "./cluster.ts";
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { BASH_PROGRAM_HEAD } from "./scripts_targets.ts";
import { link, script, type Tree, under } from "./tree.ts";

/** `test/**` without Go programs. */
export function testTree(facts: EraFacts): Tree {
  return under("test", {
    "conformance/testdata/conformance.yaml": "- testname: Sample\n  codename: does nothing\n",
    ...under("e2e/testing-manifests", MANIFESTS),
    "e2e_node/testing-manifests/sriovdp-cm.yaml": "kind: ConfigMap\nmetadata:\n  name: sriovdp\n",
    "e2e_node/testing-manifests/sriovdp-ds.yaml": "kind: DaemonSet\nmetadata:\n  name: sriovdp\n",
    "fixtures/doc-yaml/README.md": "# Left out of bindata: .md is ignored\n",
    "fixtures/doc-yaml/admin/namespaces/namespace-dev.json": '{"kind": "Namespace"}\n',
    "fixtures/doc-yaml/user-guide/deployment.yaml": "kind: Deployment\nmetadata:\n  name: nginx\n",
    "fixtures/pkg/kubectl/cmd/apply/rc.yaml": "kind: ReplicationController\n",
    ...under("images", IMAGES),
    ...under("kubemark", KUBEMARK),
    ...(facts.conformanceDir?.startsWith("test/") === true ? conformance() : {}),
  });
}

const MANIFESTS: Tree = {
  "flexvolume/dummy": script(`${BASH_PROGRAM_HEAD}echo '{"status": "Success"}'\n`),
  "guestbook/frontend-deployment.yaml.in": "kind: Deployment\nspec:\n  image: {{.Frontend}}\n",
  "guestbook/frontend-service.yaml": "kind: Service\nmetadata:\n  name: frontend\n",
  "pod": 'kind: Pod\nmetadata:\n  name: "quoted \\"name\\" – größer"\n',
};

const IMAGES: Tree = {
  "Makefile": "all:\n\t./image-util.sh build $(WHAT)\n",
  "README.md": "# Test images\n",
  "agnhost/Dockerfile": 'FROM BASEIMAGE\nCOPY agnhost /agnhost\nENTRYPOINT ["/agnhost"]\n',
  "agnhost/VERSION": "2.21\n",
  "agnhost/entrypoint-tester/README.md": "# entrypoint-tester\n",
  "agnhost/pause/README.md": "# pause\n",
  "busybox/Dockerfile": "FROM BASEIMAGE\n",
  "busybox/VERSION": "1.29\n",
  "image-util.sh": script(raw`${BASH_PROGRAM_HEAD}echo "$1 $2"
`),
  "pets/peer-finder/README.md": "# peer-finder\n",
  "volume/gluster/run_gluster.sh": script(`${BASH_PROGRAM_HEAD}echo "gluster"\n`),
  "volume/latest": link("gluster"),
};

const KUBEMARK: Tree = {
  "cloud-provider-config.sh": 'CLOUD_PROVIDER="${CLOUD_PROVIDER:-gce}"\n',
  "common/util.sh": "# Functions for hollow clusters.\n",
  "configure-kubectl.sh": script(`${BASH_PROGRAM_HEAD}echo "Configures kubectl."\n`),
  "resources/hollow-node_template.yaml":
    "kind: ReplicationController\nmetadata:\n  name: hollow-node\n",
  "run-e2e-tests.sh": script(`${BASH_PROGRAM_HEAD}echo "Runs tests."\n`),
  "start-kubemark.sh": script(`${BASH_PROGRAM_HEAD}echo "Starts hollow nodes."\n`),
  "stop-kubemark.sh": script(`${BASH_PROGRAM_HEAD}echo "Stops hollow nodes."\n`),
};

/** In 1.35 (T28 and later) the conformance image is in test/. */
function conformance(): Tree {
  const base = "${REGISTRY}/build-image/debian-base-${ARCH}:bookworm-v1.0.4";
  return under("conformance/image", {
    "Dockerfile": raw`ARG BASEIMAGE
ARG RUNNERIMAGE

FROM \${BASEIMAGE} as debbase

FROM \${RUNNERIMAGE}
COPY --from=debbase /bin/cat /bin/cp /bin/bash /bin/
COPY cluster /kubernetes/cluster
COPY ginkgo /usr/local/bin/
COPY e2e.test /usr/local/bin/
COPY kubectl /usr/local/bin/
COPY gorunner /usr/local/bin/kubeconformance

ENV E2E_FOCUS="\[Conformance\]"
ENV RESULTS_DIR="/tmp/results"

CMD [ "/usr/local/bin/kubeconformance" ]
`,
    "Makefile": conformanceMakefile("registry.k8s.io", base, "gcr.io/distroless/base-debian12"),
    ...CONFORMANCE_COMMON,
  });
}
