/** What kbuild has for one or several make targets and scripts of Kubernetes. */
export interface EntryPoint {
  /** Targets of the root Makefile, of any release. */
  readonly targets?: readonly string[];
  /** Scripts that do the same, from the root of the checkout; a `*` stands for any letters. */
  readonly scripts?: readonly string[];
  /** What they do, as a sentence begins: "Runs the unit tests". */
  readonly does: string;
  /** The command of kbuild that does it; undefined where there is none. */
  readonly command?: string;
  /**
   * Why there is no command: `later` (default) there will be one, `needless` kbuild works without,
   * `outside` it is not about building.
   */
  readonly without?: "later" | "needless" | "outside";
  /** An additional note: what comes close. */
  readonly note?: string;
}

/**
 * Every make target and entry script of Kubernetes from 1.6 on that is not a command of kbuild by the
 * same name. Of several entries for one script the first counts.
 */
export const ENTRY_POINTS: readonly EntryPoint[] = Object.freeze<EntryPoint[]>([
  {
    scripts: ["hack/make-rules/build.sh", "hack/build-go.sh"],
    does: "Builds WHAT or everything",
    command: "all",
  },
  {
    scripts: ["hack/make-rules/cross.sh", "hack/build-cross.sh"],
    does: "Builds every target for every platform of its group",
    command: "cross",
  },
  {
    scripts: ["build/release.sh"],
    does: "Builds for all platforms and packages",
    command: "release",
  },
  {
    scripts: ["build/release-in-a-container.sh"],
    does: "Makes a release inside a container",
    command: "release-in-a-container",
    note: "it starts no container: that is kbuild release --container",
  },
  {
    scripts: ["build/package-tarballs.sh"],
    does: "Packages existing binaries",
    command: "package-tarballs",
  },
  {
    scripts: ["build/release-images.sh"],
    does: "Makes only the image archives",
    command: "release-images",
  },
  {
    scripts: ["hack/dev-push-conformance.sh"],
    does: "Builds the conformance image and pushes it",
    command:
      "quick-release KUBE_BUILD_CONFORMANCE=y && kbuild images push --registry REG conformance",
  },
  {
    scripts: ["hack/dev-build-and-push.sh", "hack/dev-push-*.sh"],
    does: "Makes a release and pushes its images",
    command: "quick-release && kbuild images push --registry REG",
  },
  {
    scripts: ["hack/make-rules/clean.sh"],
    does: "Removes what was built",
    command: "clean",
  },
  {
    scripts: ["build/make-clean.sh"],
    does: "Removes the build containers and what was built",
    command: "make-clean",
  },
  {
    scripts: ["hack/print-workspace-status.sh"],
    does: "Prints the version to stamp",
    command: "version --shell",
  },
  {
    scripts: ["hack/make-rules/make-help.sh"],
    does: "Lists the targets",
    command: "help",
  },
  {
    scripts: ["build/copy-output.sh"],
    does: "Copies what was built out of the container",
    command: "copy-output",
  },
  {
    scripts: ["build/make-build-image.sh"],
    does: "Makes the image of the build container",
    command: "make-build-image",
  },
  {
    scripts: ["build/run.sh"],
    does: "Runs a command in the build container",
    command: "run",
  },
  {
    scripts: ["build/shell.sh"],
    does: "Starts a shell in the build container",
    command: "shell",
  },
  {
    targets: ["gen_openapi"],
    does: "Makes the definitions of OpenAPI",
    command: "generated_files openapi",
  },
  {
    scripts: ["hack/generate-bindata.sh"],
    does: "Packs files into Go sources",
    command: "generated_files bindata",
  },
  {
    scripts: ["hack/update-codegen.sh"],
    does: "Renews generated files",
    command: "update-codegen",
  },
  {
    scripts: ["hack/verify-codegen.sh"],
    does: "Checks that generated files are what their generators make",
    command: "verify-codegen",
  },
  {
    scripts: ["hack/verify-generated-files.sh", "hack/verify-generated-files-remake.sh"],
    does: "Checks that generated files are up to date",
    command: "verify_generated_files",
  },
  {
    scripts: ["hack/make-rules/test.sh", "hack/test-go.sh"],
    does: "Runs the unit tests",
    command: "test",
  },
  {
    scripts: ["hack/benchmark-go.sh"],
    does: "Runs benchmarks",
    command: "test GOFLAGS=-bench=. KUBE_TEST_ARGS='-run=XXX'",
  },
  {
    scripts: ["hack/make-rules/test-integration.sh", "hack/test-integration.sh"],
    does: "Runs the integration tests",
    command: "test-integration",
  },
  {
    scripts: [
      ...["hack/make-rules/test-*cmd.sh", "hack/test-cmd.sh"],
      "hack/test-update-storage-objects.sh",
    ],
    does: "Runs the tests of the command line",
    command: "test-cmd",
  },
  {
    scripts: ["hack/make-rules/test-e2e-node.sh", "hack/e2e-node-test.sh"],
    does: "Runs end-to-end tests of a node",
    command: "test-e2e-node",
  },
  {
    scripts: ["hack/make-rules/test-e2e-kubeadm.sh"],
    does: "Runs end-to-end tests of kubeadm",
    command: "test-e2e-kubeadm",
  },
  {
    targets: ["test-e2e"],
    scripts: ["hack/*ginkgo-e2e.sh"],
    does: "Runs end-to-end tests",
    note: "kbuild all e2e.test builds them",
  },
  {
    scripts: ["hack/make-rules/verify.sh", "hack/verify-*.sh", "hack/verify-*.py"],
    does: "Checks the sources before they are merged",
    command: "verify",
  },
  {
    scripts: ["hack/make-rules/vet.sh"],
    does: "Looks for suspicious code",
    command: "vet",
  },
  {
    scripts: ["hack/make-rules/update.sh", "hack/update*", "hack/_update-*.sh"],
    does: "Regenerates generated files that git has",
    command: "update",
  },
  {
    targets: ["bazel-build", "bazel-test", "bazel-test-integration", "bazel-release"],
    does: "Builds or tests with bazel",
    without: "outside",
    note: "kbuild needs no bazel: kbuild all, kbuild quick-release",
  },
  {
    scripts: [
      ...["hack/lib/*.sh", "build/common.sh", "build/util.sh", "build/lib/*.sh"],
      "hack/make-rules/test-cmd-util.sh",
    ],
    does: "Contains functions for other scripts",
    without: "outside",
    note: "kbuild is also a library: golang, version, init, release and others",
  },
  {
    scripts: ["hack/local-up-cluster.sh", "hack/dev-build-and-up.sh"],
    does: "Starts a cluster",
    without: "outside",
  },
  {
    scripts: ["hack/run-in-gopath.sh"],
    does: "Runs a command in the GOPATH of a build",
    note: "kbuild env has its path",
  },
  {
    scripts: ["hack/generate-docs.sh", "hack/build-ui.sh", "hack/diff-protobuf.sh"],
    does: "Makes documents and similar files",
  },
  {
    scripts: [
      ...[
        "hack/apidiff.sh",
        "hack/cherry_pick_pull.sh",
        "hack/godep-*.sh",
        "hack/grab-profiles.sh",
      ],
      ...["hack/lint-dependencies.sh", "hack/list-feature-tests.sh", "hack/lookup_pull.py"],
      ...["hack/module-graph.sh", "hack/pin-dependency.sh", "hack/serve-prom-scrapes.sh"],
      "hack/run-prometheus-on-etcd-scrapes.sh",
    ],
    does: "Helps to develop Kubernetes",
    without: "outside",
  },
  {
    scripts: ["hack/install-*.sh"],
    does: "Installs a tool of the tests",
    without: "outside",
  },
  {
    scripts: ["hack/get-build.sh"],
    does: "Downloads a build",
    command: "download ci/latest",
  },
  {
    scripts: ["cluster/get-kube.sh", "cluster/get-kube-binaries.sh"],
    does: "Downloads a release",
    command: "download",
    note: "kbuild verifies it, and neither unpacks it nor makes a cluster",
  },
]);

/** The entry of a make target. */
export function entryOfTarget(name: string): EntryPoint | undefined {
  return ENTRY_POINTS.find(({ targets }) => targets?.includes(name));
}

/**
 * The entry of a script.
 *
 * @param path From the root of the checkout.
 */
export function entryOfScript(path: string): EntryPoint | undefined {
  return ENTRY_POINTS.find(({ scripts }) => scripts?.some((pattern) => fits(pattern, path)));
}

function fits(pattern: string, path: string): boolean {
  const [start = "", end] = pattern.split("*");
  if (end === undefined) return path === pattern;
  return path.length >= start.length + end.length && path.startsWith(start) && path.endsWith(end) &&
    !path.slice(start.length).includes("/");
}

/** Directories of scripts that users start, and of what those are called without them. */
const SCRIPT_DIRECTORIES = ["build", "hack", "hack/make-rules"] as const;

/**
 * Paths that a word may mean as a script: `build/run.sh` itself, and for `run.sh` and `copy-output`
 * those in the directories of scripts.
 */
export function scriptPaths(word: string): readonly string[] {
  const path = word.replace(/^\.\//, "");
  if (path.includes("/")) return [path];
  const names = /\.\w+$/.test(path) ? [path] : [`${path}.sh`];
  return SCRIPT_DIRECTORIES.flatMap((directory) => names.map((name) => `${directory}/${name}`));
}
