/** What kbuild answers to the make targets and scripts of Kubernetes. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { COMMANDS, TOPICS } from "../../src/commands/mod.ts";
import { ENTRY_POINTS, entryOfScript, entryOfTarget } from "../../src/commands/entry_points.ts";
import { inScratch, kbuild, makeSample, missingFor, unless } from "../e2e/_program.ts";

/** Targets of `build/root/Makefile` of 1.7, 1.20, 1.28 and 1.35. */
const TARGETS = "all ginkgo verify quick-verify update check test test-integration test-e2e " +
  "test-e2e-node test-e2e-kubeadm test-cmd clean clean_meta clean_generated vet lint release " +
  "release-in-a-container release-images release-skip-tests quick-release quick-release-images " +
  "package package-tarballs cross cross-in-a-container generated_files gen_openapi " +
  "verify_generated_files help bazel-build bazel-test bazel-test-integration bazel-release";

/** Scripts of those releases in the directories that users start scripts from. */
const SCRIPTS = {
  "build": "common copy-output make-build-image make-clean package-tarballs release-images " +
    "release-in-a-container release run shell util",
  "build/lib": "release",
  "hack":
    "_update-generated-protobuf-dockerized apidiff benchmark-go build-cross build-go build-ui " +
    "cherry_pick_pull dev-build-and-push dev-build-and-up dev-push-conformance dev-push-hyperkube " +
    "diff-protobuf e2e-node-test federated-ginkgo-e2e generate-bindata generate-docs get-build " +
    "ginkgo-e2e godep-restore godep-save grab-profiles install-etcd install-protoc " +
    "lint-dependencies list-feature-tests local-up-cluster module-graph pin-dependency " +
    "print-workspace-status run-in-gopath run-prometheus-on-etcd-scrapes serve-prom-scrapes " +
    "test-cmd test-go test-integration test-update-storage-objects update-all update-bazel " +
    "update-codegen update-gofmt update-vendor verify-all verify-bazel verify-golint verify-govet " +
    "verify-typecheck verify-vendor",
  "hack/lib": "etcd golang init logging protoc swagger test util version",
  "hack/make-rules": "build clean cross make-help test-cmd test-cmd-util test-e2e-kubeadm " +
    "test-e2e-node test-federation-cmd test-integration test-kubeadm-cmd test update verify vet",
};

Deno.test("every make target and script of Kubernetes is a command or has an entry", () => {
  const commands = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  // A checkout has ginkgo, kbuild itself has help.
  const known = new Set([...commands, "ginkgo", "help"]);
  const targets = TARGETS.split(" ").filter((name) => !known.has(name));
  assertEquals(targets.filter((name) => entryOfTarget(name) === undefined), []);
  assertEquals(
    ENTRY_POINTS.flatMap(({ targets = [] }) => targets).filter((name) => known.has(name)),
    [],
  );
  const paths = Object.entries(SCRIPTS).flatMap(([directory, names]) =>
    names.split(" ").map((name) => `${directory}/${name}.sh`)
  );
  const scripts = [...paths, "hack/lookup_pull.py", "hack/verify-publishing-bot.py"];
  assertEquals(scripts.filter((path) => entryOfScript(path) === undefined), []);
});

Deno.test("the commands that entries name exist", () => {
  const names = new Set(["help", ...COMMANDS.map(({ name }) => name)]);
  for (const { command } of ENTRY_POINTS) {
    if (command === undefined) continue;
    const called = `kbuild ${command}`.split(" && ").map((line) => line.split(" ")[1] ?? "");
    assertEquals(called.filter((name) => !names.has(name)), [], command);
  }
  assert(TOPICS.some(({ name }) => name === "scripts"));
});

const LISTS = '  -> "kbuild help" lists the commands, "kbuild help scripts" what they replace\n';

/** Word -> its explanation in a sample of 1.20. */
const INSIDE: readonly (readonly [word: string, stderr: string])[] = [
  [
    "test-e2e",
    ": it is a target of this checkout's Makefile (build/root/Makefile:NN)\n" +
    "  -> Runs end-to-end tests; kbuild cannot do that yet: run make test-e2e\n" +
    "  -> kbuild all e2e.test builds them\n",
  ],
  [
    "build/shell.sh",
    ": it is a script of this checkout\n" +
    "  -> Starts a shell in the build container; kbuild also does that: kbuild shell\n",
  ],
  [
    "build/copy-output.sh",
    ": it is a script of this checkout\n" +
    "  -> Copies what was built out of the container; kbuild also does that: kbuild copy-output\n",
  ],
  [
    "build/package-tarballs.sh",
    ": it is a script of this checkout\n  -> Packages existing binaries; " +
    "kbuild also does that: kbuild package-tarballs\n",
  ],
  [
    "./hack/build-go.sh",
    ": it is a script of this checkout (hack/build-go.sh)\n" +
    "  -> Builds WHAT or everything; kbuild also does that: kbuild all\n",
  ],
  [
    "e2e.test",
    ": it is a target of this checkout (test/e2e/e2e.test)\n  -> Run: kbuild all e2e.test\n",
  ],
  ["pkg/version", ": it is a directory of this checkout\n  -> Run: kbuild all pkg/version\n"],
  [
    "fork-target",
    ": it is a target of this checkout's Makefile (build/root/Makefile:NN)\n" +
    "  -> It runs: hack/fork.sh --fast; echo done\n" +
    "  -> kbuild does not know it: run make fork-target\n",
  ],
  [
    "hack/fork.sh",
    ": it is a script of this checkout\n  -> kbuild does not know it: run hack/fork.sh\n",
  ],
];

Deno.test({
  ...unless(missingFor("1.20"), "kbuild knows the targets and scripts that it does not have"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const makefile = join(root, "build/root/Makefile");
      const more = "\n.PHONY: fork-target\nfork-target: all\n\t@hack/fork.sh \\\n\t  --fast\n" +
        "\techo done\ntest-e2e:\n\techo tests\n";
      await Deno.writeTextFile(makefile, await Deno.readTextFile(makefile) + more);
      await Deno.writeTextFile(join(root, "hack/fork.sh"), "#!/bin/sh\n");
      for (const name of ["build/shell.sh", "build/copy-output.sh", "hack/build-go.sh"]) {
        await Deno.writeTextFile(join(root, name), "#!/bin/sh\n");
      }
      for (const [word, stderr] of INSIDE) {
        for (const args of [[word], ["help", word], ["plan", word]]) {
          const ended = await kbuild(args, { cwd: root });
          const shown = ended.stderr.replaceAll(/Makefile:\d+/g, "Makefile:NN");
          assertEquals([args, ended.code, shown], [
            args,
            2,
            `kbuild: Unknown command "${word}"${stderr}${LISTS}`,
          ]);
        }
      }
      const outside: readonly (readonly [word: string, words: string])[] = [
        ["test-e2e", ": it is a make target of Kubernetes\n"],
        ["build/run.sh", ": it is a script of Kubernetes\n"],
        [
          "kubectl",
          "\n  -> Names of directories in cmd/, such as kubectl, are commands inside of a",
        ],
      ];
      for (const [word, words] of outside) {
        for (const args of [[word], ["help", word]]) {
          const { code, stderr } = await kbuild(args, { cwd: dir });
          assertEquals(code, 2);
          assert(stderr.startsWith(`kbuild: Unknown command "${word}"${words}`), stderr);
        }
      }
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild kubectl builds it alone, with others that are named"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const built = async (args: readonly string[], env: Record<string, string> = {}) => {
        const { code, stdout, stderr } = await kbuild([...args, "--json", "--dry-run"], {
          cwd: root,
          env,
        });
        assertEquals([args, code], [args, 0], stderr);
        const { files } = JSON.parse(stdout) as { files: { kind: string; path: string }[] };
        const names = files.filter(({ kind }) => kind === "binary")
          .map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
        return [names.sort().join(" "), stderr.split("WARNING: ")[1]?.trim()];
      };
      assertEquals(await built(["kubectl", "kube-proxy"]), ["kube-proxy kubectl", undefined]);
      const ignored = 'WHAT="cmd/kubeadm" has no effect here: only cmd/kubectl is built';
      assertEquals(await built(["kubectl", "WHAT=cmd/kubeadm"]), ["kubectl", ignored]);
      assertEquals(await built(["kubectl"], { WHAT: "cmd/kubeadm" }), ["kubectl", ignored]);
      assertEquals(await built(["all"], { WHAT: "cmd/kubeadm" }), ["kubeadm", undefined]);
      const scheduler = join(root, "plugin/cmd/scheduler");
      await Deno.mkdir(scheduler, { recursive: true });
      await Deno.writeTextFile(join(scheduler, "main.go"), "package main\n\nfunc main() {}\n");
      assertEquals(await built(["scheduler"]), ["scheduler", undefined]);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild all compiles a library, and says that it is one"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const broken = join(root, "pkg/version/broken.go");
      const all = () => kbuild(["all", "pkg/version"], { cwd: root });
      for (const _again of [1, 2]) {
        const { code, stdout, stderr } = await all();
        assertEquals([code, stdout], [0, ""], stderr);
        assert(stderr.includes("k8s.io/kubernetes/pkg/version is a library: it is compiled, and"));
      }
      await Deno.writeTextFile(broken, "package version\n\nvar _ = nothing\n");
      const { code, stderr } = await all();
      assertEquals(code, 1);
      assert(stderr.includes("pkg/version/broken.go:3:9: undefined: nothing"), stderr);
      // A generator beside the package does not make it a program.
      await Deno.writeTextFile(broken, "// +build ignore\n\npackage main\n\nfunc main() {}\n");
      assertEquals((await all()).code, 0);
    }),
});
