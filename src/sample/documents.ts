/**
 * What nobody compiles: licenses, documents, the API's description, third-party files.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { link, script, type Tree, under } from "./tree.ts";

/** The rest of the root. `changes` are the versions that CHANGELOG/ tells of, newest first. */
export function documents(
  facts: EraFacts,
  options: { readonly changes: readonly string[]; readonly seed?: string },
): Tree {
  const minor = /^v(\d+\.\d+)/.exec(facts.version)![1]!;
  const notes = options.changes.map((version) => `## ${version}\n\n- The sample is as it was.\n`);
  return {
    ".gitattributes": "**/zz_generated.*.go linguist-generated=true\n",
    ".gitignore": gitignore(facts),
    ...(facts.godeps
      ? { "CHANGELOG.md": `# Changes in ${minor}\n\n${notes.join("\n")}` }
      : changeLogs(minor, notes)),
    "CONTRIBUTING.md": "# Contributing\n\nThis is a sample; change it as you like.\n",
    "LICENSE": LICENSE,
    "OWNERS": "approvers:\n- nobody\n",
    "README.md": readme(facts),
    "SUPPORT.md": "# Support\n\nAsk where you got kbuild from.\n",
    ...(facts.godeps ? ONLY_17 : LICENSES),
    "cmd/OWNERS": "approvers:\n- nobody\n",
    "api/api-rules/README.md": "# API rules\n\nKnown violations, one a line.\n",
    "api/openapi-spec/README.md": "# The API's description\n",
    "api/openapi-spec/swagger.json": `${
      JSON.stringify(
        { swagger: "2.0", info: { title: "Kubernetes", version: facts.version } },
        null,
        2,
      )
    }\n`,
    ...under("docs", DOCS),
    ...(options.seed === undefined ? {} : { "docs/seed.txt": `${options.seed}\n` }),
    "logo/logo.svg":
      raw`<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><circle cx="16" cy="16" r="12"/></svg>
`,
    "plugin/OWNERS": "approvers:\n- nobody\n",
    "staging/README.md": "# staging\n\nCode that is published as repositories of its own.\n",
    "third_party/forked/README.md": "# Forks\n\nThere are none.\n",
    "third_party/multiarch/qemu-user-static/register/register.sh": script(
      "#!/bin/sh\n\necho registered\n",
    ),
  };
}

function changeLogs(minor: string, notes: readonly string[]): Tree {
  return {
    "CHANGELOG.md": link("CHANGELOG/README.md"),
    [`CHANGELOG/CHANGELOG-${minor}.md`]: `# Changes in ${minor}\n\n${notes.join("\n")}`,
    "CHANGELOG/README.md": `# Changes\n\n- [${minor}](CHANGELOG-${minor}.md)\n`,
  };
}

const LICENSE = `The files of this sample checkout are part of kbuild.

SPDX-License-Identifier: Apache-2.0
`;

const LICENSES: Tree = under("LICENSES", {
  "LICENSE": LICENSE,
  "OWNERS": "approvers:\n- nobody\n",
  "vendor/github.com/onsi/ginkgo/LICENSE": "Stands in for a third-party license.\n",
  "vendor/golang.org/x/text/LICENSE": "Stands in for a third-party license.\n",
  "vendor/sigs.k8s.io/yaml/LICENSE": "Stands in for a third-party license.\n",
});

/** What only 1.7's final and test tarballs hold. */
const ONLY_17: Tree = {
  "Vagrantfile": "# -*- mode: ruby -*-\n",
  ...under("examples", {
    "README.md": "# Examples\n",
    "guestbook/frontend-deployment.yaml": "kind: Deployment\nmetadata:\n  name: frontend\n",
    "guestbook/README.md": "# Guestbook\n",
    "pod": "kind: Pod\nmetadata:\n  name: nginx\n",
  }),
  ...under("federation", {
    "OWNERS": "approvers:\n- nobody\n",
    "cluster/common.sh": "# Functions of federated clusters.\n",
    "cluster/federation-up.sh": script("#!/bin/sh\n\necho starts nothing\n"),
    "deploy/deploy.sh": script("#!/bin/sh\n\necho deploys nothing\n"),
    "develop/develop.sh": script("#!/bin/sh\n\necho develops nothing\n"),
    "manifests/federation-ns.yaml": "kind: Namespace\nmetadata:\n  name: federation\n",
  }),
  "third_party/htpasswd/COPYING": "Stands in for a third-party license.\n",
  "third_party/htpasswd/htpasswd.py": script("#!/usr/bin/python\n"),
};

/** Documents under odd names: tarballs must hold them as they are. */
const DOCS: Tree = {
  "OWNERS": "approvers:\n- nobody\n",
  "contributors.md": link("../CONTRIBUTING.md"),
  "user guide – größer.md": "# A name with spaces, a dash and an umlaut\n",
  "examples/run-me.sh": script("#!/bin/sh\n\necho ok\n"),
  // Longer than the 100 bytes that a ustar name holds.
  [`admin/${"a-folder-with-a-long-name/".repeat(4)}and-a-file-with-a-long-name.md`]: "# Deep\n",
};

function readme({ version }: EraFacts): string {
  return `# Kubernetes, the sample

A small look-alike of Kubernetes ${version} that kbuild makes for demonstrations and tests. Names,
paths and lists are Kubernetes' own; the programs are tiny and do nothing.

    kbuild all
    kbuild quick-release
`;
}

function gitignore({ goMode, godeps }: EraFacts): string {
  const committed = godeps
    ? ""
    : raw`!staging/src/k8s.io/apiextensions-apiserver/pkg/generated/openapi/zz_generated.openapi.go
!staging/src/k8s.io/kube-aggregator/pkg/generated/openapi/zz_generated.openapi.go
!staging/src/k8s.io/code-generator/_examples/apiserver/openapi/zz_generated.openapi.go
!staging/src/k8s.io/sample-apiserver/pkg/generated/openapi/zz_generated.openapi.go
`;
  const generated = raw`
# generated while building
zz_generated.openapi.go
zz_generated_*_test.go
${committed}/.make/
/test/e2e/generated/bindata.go
`;
  return raw`# what builds leave
/output*/
/_output*/
/_output
*.test
/junit*.xml
/_tmp/
/_artifacts/
/kubernetes/
kubernetes.tar.gz
.dockerized-kube-version-defs

# what editors and systems leave
._*
.DS_Store
*~
\#*\#
.\#*
.idea/
.vscode
[._]*.s[a-w][a-z]
${goMode === "gopath" ? generated : "\n# generated while building\nzz_generated_*_test.go\n"}`;
}
