import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { readCheckout, readGoModes } from "../../src/checkout/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";
import type { GeneratedFile } from "../../src/generate/mod.ts";
import { neededFiles } from "../../src/generate/needed.ts";
import {
  buildBinaries,
  checkCompilers,
  prepareBuild,
  selectTargets,
  verifyGoVersion,
} from "../../src/lib/golang/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { findProgram } from "../../src/lib/util.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { missingFor } from "../e2e/_program.ts";
import { type OpenSample, openSample } from "./_open.ts";

const go = await findProgram("go", Deno.env.get("PATH"));

Deno.test({
  name: `buildBinaries() links only what has changed${go ? "" : " (skipped: needs go)"}`,
  ignore: go === undefined,
  fn: async (t) => {
    const sample = await openSample("1.20");
    const { context: plain, checkout } = sample;
    const starts: string[] = [];
    const context = createContext({
      root: plain.root,
      env: plain.env,
      log: createLogger({ write: () => {} }),
      shell: createShell({
        cwd: plain.root,
        env: plain.env,
        onStart: ({ argv }) => void starts.push(argv[1] ?? ""),
      }),
    });
    try {
      const vars = await getVersionVars(context);
      const tool = await verifyGoVersion(context, checkout);
      const matrix = [{ platform: tool.host, targets: ["cmd/kubectl"] }];
      /** Whether a build started `go install`. */
      const links = async (epoch = 0) => {
        starts.length = 0;
        const request = { matrix, vars, epoch, go: tool };
        await buildBinaries(context, checkout, await prepareBuild(context, checkout, request));
        return starts.includes("install");
      };
      const built = `${context.gopath}/bin/kubectl`;
      const placed = `${context.binPath}/${tool.host}/kubectl`;

      await t.step("at first", async () => assert(await links()));
      await t.step("not again", async () => assertEquals(await links(), false));
      await t.step("not when only a time changed", async () => {
        await Deno.utime(built, 1, 1);
        assertEquals(await links(), false);
      });
      await t.step("when a source changed", async () => {
        const path = `${context.root}/staging/src/k8s.io/component-base/version/extra.go`;
        await Deno.writeTextFile(path, "package version\n\nvar extra = gitVersion\n");
        assert(await links());
        assertEquals(await links(), false);
      });
      await t.step("when the stamp changed", async () => {
        assert(await links(1));
        assertEquals(await links(1), false);
      });
      await t.step("when the binary is not what was built", async () => {
        await Deno.writeTextFile(built, "x".repeat((await Deno.stat(built)).size));
        assert(await links(1));
      });
      await t.step("and places the binary anew when it is gone", async () => {
        await Deno.remove(placed);
        assertEquals(await links(1), false);
        const { stdout } = await context.shell.run([placed, "--version"]);
        assert(stdout.includes("v1.20.2"), stdout);
        assertEquals(
          await Deno.readLink(context.thisPlatformBin),
          `${context.binPath}/${tool.host}`,
        );
      });
      await t.step("and shows what Go compiles with -v", async () => {
        let log = "";
        const verbose = createContext({
          root: plain.root,
          env: { ...plain.env, GOFLAGS: "-v" },
          log: createLogger({ write: (text) => void (log += text), verbosity: 3 }),
          shell: createShell({ cwd: plain.root, env: plain.env, write: () => {} }),
        });
        const source = `${context.root}/cmd/kubectl/kubectl.go`;
        const build = async () => {
          log = "";
          const request = { matrix, vars, epoch: 0, go: tool };
          await buildBinaries(verbose, checkout, await prepareBuild(verbose, checkout, request));
        };
        await Deno.writeTextFile(source, `${await Deno.readTextFile(source)}\nvar extra = 1\n`);
        await build();
        const [starts, others] = [/^(\+\+\+ | {4})/, "k8s.io/kubernetes/cmd/kubectl"];
        const lines = log.trimEnd().split("\n");
        assertEquals(lines.filter((line) => !starts.test(line)), [others]);
        // It can be pasted into a shell.
        assertMatch(log, /^ {4}\S+go install .* -ldflags '-s -w .*'/m);
        await build();
        assertEquals(log.split("\n").includes(others), false);
        // The build itself prints this, once.
        await Deno.writeTextFile(source, "package main\n\nfunc main() { undefinedFunction() }\n");
        await assertRejects(build, KbuildError);
        assertEquals(log.includes("undefinedFunction"), false);
      });
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  name: "buildBinaries() builds programs as modules where Makefile.generated_files is still there" +
    (go === undefined ? " (skipped: needs go)" : ""),
  ignore: go === undefined,
  fn: async () => {
    // 1.25 has the files of 1.24, and the build_binaries of 1.26.
    const sample = await openSample("1.28");
    const { context } = sample;
    try {
      await Deno.writeTextFile(`${context.root}/Makefile.generated_files`, "");
      const checkout = await readCheckout(context.root, { variables: {}, hostArch: "amd64" });
      assertEquals(checkout.era.name, "gopath");
      assertEquals(readGoModes(checkout), { programs: "modules", tests: "gopath" });
      const vars = await getVersionVars(context);
      const tool = await verifyGoVersion(context, checkout);
      const build = (targets: readonly string[]) => ({
        matrix: [{ platform: tool.host, targets }],
        vars,
        epoch: 0,
        go: tool,
      });
      const all = await prepareBuild(context, checkout, build(checkout.targets.all.value));
      assertEquals(all.plan.notes, []);
      const steps = all.plan.platforms.flatMap(({ steps }) => steps);
      for (const { kind, argv, env } of steps) {
        assertEquals(env["GO111MODULE"], kind === "test" ? "off" : "on");
        assert(!argv.some((word) => /^k8s\.io\/kubernetes\/(vendor|ginkgo)/.test(word)));
      }
      const { targets } = await selectTargets(checkout, ["ginkgo", "kube-log-runner"]);
      const prepared = await prepareBuild(context, checkout, build(targets));
      const built = await buildBinaries(context, checkout, prepared);
      assertEquals(built.map(({ name }) => name).sort(), ["ginkgo", "kube-log-runner"]);
      const needed = await neededFiles(context, checkout, tool, {
        files: [openapi("pkg/generated"), openapi("staging/src/k8s.io/component-base/version")],
        targets,
      });
      assertEquals(needed.map(({ output }) => output), [
        "staging/src/k8s.io/component-base/version/zz_generated.openapi.go",
      ]);
    } finally {
      await sample.remove();
    }
  },
});

/** A generated file in a directory. */
function openapi(directory: string): GeneratedFile {
  return {
    kind: "openapi",
    name: "KUBE",
    output: `${directory}/zz_generated.openapi.go`,
    outputPackage: directory,
    tagFiles: { keep: false, patterns: [] },
    header: undefined,
    knownViolations: undefined,
    tool: "cmd/gen",
  };
}

/** A context whose programs are written down: the words after `go`. */
function watched(
  { context: plain }: OpenSample,
  more: Record<string, string>,
  starts: string[],
): KubeContext {
  const env = { ...plain.env, ...more };
  const shell = createShell({
    cwd: plain.root,
    env,
    onStart: ({ argv }) => void starts.push(argv[1] ?? ""),
  });
  return createContext({ root: plain.root, env, log: createLogger({ write: () => {} }), shell });
}

Deno.test({
  name: "buildBinaries() builds patterns, with coverage, and stops early without a C compiler" +
    (go === undefined ? " (skipped: needs go)" : ""),
  ignore: go === undefined,
  fn: async (t) => {
    // Debian 12 has Go 1.19.
    const sample = await openSample(missingFor("1.35") === undefined ? "1.35" : "1.28");
    // Go 1.19 lists no test of the 1.28 sample, so nothing is known of its cgo before it is built.
    const seesTests = missingFor("1.35") === undefined;
    const { checkout } = sample;
    const { root } = sample.context;
    const starts: string[] = [];
    const tool = await verifyGoVersion(sample.context, checkout);
    const vars = await getVersionVars(sample.context);
    // The standard library is compiled already, where Go keeps it for everybody.
    const cache = await new Deno.Command(tool.path, { args: ["env", "GOCACHE"] }).output();
    const GOCACHE = new TextDecoder().decode(cache.stdout).trim();
    const build = async (
      more: Record<string, string>,
      platform: string,
      targets: readonly string[],
    ) => {
      starts.length = 0;
      const context = watched(sample, { GOCACHE, ...more }, starts);
      const matrix = [{ platform, targets }];
      const request = { matrix, vars, epoch: 0, go: tool };
      const prepared = await prepareBuild(context, checkout, request);
      return await buildBinaries(context, checkout, prepared);
    };
    try {
      await t.step("a pattern stands for the programs below it", async () => {
        await Deno.mkdir(`${root}/cmd/more/lib`, { recursive: true });
        const program = "package main\n\nfunc main() {}\n";
        await Deno.mkdir(`${root}/cmd/more/one`);
        await Deno.mkdir(`${root}/cmd/more/windows`);
        await Deno.writeTextFile(`${root}/cmd/more/one/main.go`, program);
        await Deno.writeTextFile(`${root}/cmd/more/windows/main_windows.go`, program);
        await Deno.writeTextFile(`${root}/cmd/more/lib/lib.go`, "package lib\n");
        for (
          const pattern of ["cmd/more/...", "./cmd/more/...", "k8s.io/kubernetes/cmd/more/..."]
        ) {
          const built = await build({}, tool.host, [pattern]);
          assertEquals(built.map(({ name }) => name), ["one"], pattern);
        }
        const error = await assertRejects(
          () => build({}, tool.host, ["cmd/more/lib/..."]),
          UsageError,
        );
        assertStringIncludes(error.message, 'Cannot find a program below "cmd/more/lib/..."');
      });
      await t.step("a binary that is up to date is not placed anew", async () => {
        const [binary] = await build({}, tool.host, ["cmd/more/one"]);
        const before = await Deno.stat(binary?.path ?? "");
        await new Promise((done) => setTimeout(done, 20));
        await build({}, tool.host, ["cmd/more/one"]);
        assert(starts.includes("install"));
        const after = await Deno.stat(binary?.path ?? "");
        assertEquals([after.mtime, after.ino], [before.mtime, before.ino]);
        await Deno.writeTextFile(
          `${root}/cmd/more/one/main.go`,
          'package main\n\nfunc main() { println("changed") }\n',
        );
        await build({}, tool.host, ["cmd/more/one"]);
        assert((await Deno.stat(binary?.path ?? "")).ino !== before.ino);
      });
      await t.step("a coverage binary needs no file in the source tree", async () => {
        const env = { KUBE_BUILD_WITH_COVERAGE: "y" };
        const [binary] = await build(env, tool.host, ["cmd/kube-scheduler"]);
        assertEquals(binary?.name, "kube-scheduler");
        const directory = await Array.fromAsync(Deno.readDir(`${root}/cmd/kube-scheduler`));
        assertEquals(directory.filter(({ name }) => name.endsWith("_test.go")), []);
        const { stdout } = await sample.context.shell.run([binary?.path ?? "", "--version"]);
        assertStringIncludes(stdout, vars.gitVersion ?? "no version");
      });
      await t.step("what has no cgo in it needs no C compiler", async () => {
        const context = watched(sample, { KUBE_LINUX_S390X_CC: "/gone/s390x-cc" }, starts);
        const matrix = [{ platform: "linux/s390x", targets: ["cmd/kubelet"] }];
        const options = { matrix, vars, epoch: 0, go: tool };
        const { plan } = await prepareBuild(context, checkout, options);
        assertEquals(plan.platforms[0]?.steps[0]?.env["CC"], "/gone/s390x-cc");
        await checkCompilers(context, checkout, tool, plan);
      });
      await t.step("a missing C compiler is found before anything is built", async () => {
        const text = 'package main\n\nimport _ "os/user"\n';
        await Deno.writeTextFile(`${root}/cmd/kubelet/user.go`, text);
        await Deno.writeTextFile(`${root}/test/e2e/user_test.go`, text.replace("main", "e2e"));
        const error = await assertRejects(
          () =>
            build({ KUBE_LINUX_S390X_CC: "/gone/s390x-cc" }, "linux/s390x", [
              "cmd/kubectl",
              "cmd/kubelet",
              "cmd/more/one",
              "test/e2e/e2e.test",
            ]),
          KbuildError,
        );
        assertEquals(
          error.message,
          `Cannot build "kubelet"${seesTests ? ', "e2e.test"' : ""} for linux/s390x: ` +
            'the C compiler "/gone/s390x-cc" is missing',
        );
        assertEquals(error.notes, [
          "To use another compiler, set KUBE_LINUX_S390X_CC",
          'To build without cgo: KUBE_STATIC_OVERRIDES="kubelet"',
          ...seesTests ? ['Or leave "e2e.test" out; test binaries have cgo'] : [],
        ]);
        assertEquals(starts.filter((word) => word === "install" || word === "test"), []);
      });
    } finally {
      await sample.remove();
    }
  },
});
