/** What tests of integration tests share: the script of the releases, and a package that talks to etcd. */
import { join } from "@std/path";
import { which } from "./_program.ts";

/** Why integration tests cannot run here; undefined when they can. */
export const NO_ETCD: string | undefined = which("etcd") === undefined ? "needs etcd" : undefined;

/** `hack/make-rules/test-integration.sh` in the form of 1.20. */
export const INTEGRATION_SCRIPT = `#!/usr/bin/env bash
set -o errexit
set -o nounset
set -o pipefail
KUBE_ROOT=$(dirname "\${BASH_SOURCE[0]}")/../..
source "\${KUBE_ROOT}/hack/lib/init.sh"
kube::etcd::start() { :; }
KUBE_TIMEOUT=\${KUBE_TIMEOUT:--timeout=600s}
KUBE_TEST_ARGS=\${KUBE_TEST_ARGS:-}
KUBE_TEST_VMODULE=\${KUBE_TEST_VMODULE:-"garbagecollector*=6,graph_builder*=6"}
kube::test::find_integration_test_dirs() {
  (
    cd "\${KUBE_ROOT}"
    find test/integration/ -name '*_test.go' -print0 \\
      | xargs -0n1 dirname | sed "s|^|\${KUBE_GO_PACKAGE}/|" \\
      | LC_ALL=C sort -u
  )
}
runTests() {
  kube::etcd::start
  make -C "\${KUBE_ROOT}" test \\
      WHAT="\${WHAT:-$(kube::test::find_integration_test_dirs | paste -sd' ' -)}" \\
      GOFLAGS="\${GOFLAGS:-}" \\
      KUBE_TEST_ARGS="\${KUBE_TEST_ARGS:-} \${SHORT:--short=true}" \\
      KUBE_RACE="" \\
      KUBE_TIMEOUT="\${KUBE_TIMEOUT}"
}
checkEtcdOnPath() {
  which etcd && return
  return 1
}
checkEtcdOnPath
runTests
`;

/** Puts a key into etcd, reads it again, and fails where \`KBUILD_FAIL\` says so. */
const TALKS = `package etcd

import (
	"bytes"
	"io/ioutil"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, path, body string) string {
	url := os.Getenv("KUBE_INTEGRATION_ETCD_URL") + path
	response, err := http.Post(url, "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := ioutil.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestKeys(t *testing.T) {
	ask(t, "/v3/kv/put", \`{"key": "Zm9v", "value": "YmFy"}\`)
	if text := ask(t, "/v3/kv/range", \`{"key": "Zm9v"}\`); !strings.Contains(text, "YmFy") {
		t.Error(text)
	}
}

func TestFails(t *testing.T) {
	if os.Getenv("KBUILD_FAIL") == "sleep" {
		time.Sleep(time.Hour)
	}
	if os.Getenv("KBUILD_FAIL") != "" {
		t.Error("as asked")
	}
}
`;

/** Gives a sample integration tests. */
export async function addIntegrationTests(root: string): Promise<void> {
  await Deno.writeTextFile(join(root, "hack/make-rules/test-integration.sh"), INTEGRATION_SCRIPT);
  const directory = join(root, "test/integration/etcd");
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "etcd_test.go"), TALKS);
}
