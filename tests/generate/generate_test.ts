import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import {
  ensureGeneratedFiles,
  findTagged,
  missingFromGit,
  openapiPackages,
  parseGoDirectories,
  planGeneratedFiles,
  readGeneratedFiles,
} from "../../src/generate/mod.ts";
import { verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { createShell, type Start } from "../../src/shell/mod.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { findProgram } from "../../src/lib/util.ts";
import { openSample } from "../lib/_open.ts";

const OPENAPI = "pkg/generated/openapi/zz_generated.openapi.go";
const BINDATA = "test/e2e/generated/bindata.go";
const go = await findProgram("go", Deno.env.get("PATH"));

Deno.test("readGeneratedFiles() reads the OpenAPI targets and the go-bindata calls", async () => {
  const sample = await openSample("1.20");
  try {
    const files = await readGeneratedFiles(sample.context.root);
    const outputs = files.map((file) => file.output);
    assert(outputs.includes(OPENAPI), outputs.join());
    assert(outputs.includes(BINDATA), outputs.join());
    const bindata = files.find((file) => file.output === BINDATA);
    assert(bindata?.kind === "bindata");
    assertEquals(bindata.args.includes("-o"), false);
    assert(bindata.args.includes("test/images/..."));
    assertEquals((await missingFromGit(sample.context)).map((file) => file.output), [
      OPENAPI,
      BINDATA,
    ]);
  } finally {
    await sample.remove();
  }
});

Deno.test("readGeneratedFiles() finds nothing to do where all is in git", async () => {
  const sample = await openSample("1.35");
  try {
    assertEquals(await readGeneratedFiles(sample.context.root), []);
    assertEquals(await missingFromGit(sample.context), []);
  } finally {
    await sample.remove();
  }
});

/** A directory with files by path. */
async function withFiles(
  files: Readonly<Record<string, string>>,
  check: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kbuild-generate-" });
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await check(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const TAGGED = "// +k8s:openapi-gen=true\npackage x\n";

Deno.test("findTagged() passes over vendor, hidden and output directories, and names staging as vendor", async () => {
  await withFiles({
    "pkg/a/doc.go": TAGGED,
    "pkg/a b/types.go": "package x\n\n//+k8s:openapi-gen=true\n",
    "staging/src/k8s.io/api/core/v1/doc.go": TAGGED,
    "vendor/k8s.io/other/doc.go": TAGGED,
    "_output/x/doc.go": TAGGED,
    ".hidden/doc.go": TAGGED,
    "pkg/none/doc.go": "package x // not a tag: +k8s:openapi-gen=true\n",
    "pkg/text/doc.txt": TAGGED,
  }, async (root) => {
    assertEquals(await findTagged(root, "openapi-gen"), [
      "pkg/a b/types.go",
      "pkg/a/doc.go",
      "vendor/k8s.io/api/core/v1/doc.go",
    ]);
  });
});

Deno.test("findTagged() looks where the checkout's cache_go_dirs.sh looks", async () => {
  const script = `function kfind() {
    # find nothing here
    find -H . ./vendor/k8s.io/lib ./vendor/k8s.io/gone \\
        \\(                         \\
        -not \\(                    \\
            \\(                     \\
                -path ./vendor -o  \\
                -path ./staging -o \\
                -path ./_\\* -o     \\
                -path ./docs       \\
            \\) -prune              \\
        \\)                         \\
        \\)                         \\
        "$@"
}
`;
  await withFiles({
    "hack/make-rules/helpers/cache_go_dirs.sh": script,
    "pkg/a/doc.go": TAGGED,
    "docs/doc.go": TAGGED,
    "pkg/docs/doc.go": TAGGED,
    "_x/doc.go": TAGGED,
    "staging/src/k8s.io/lib/v1/doc.go": TAGGED,
    "vendor/k8s.io/other/doc.go": TAGGED,
  }, async (root) => {
    await Deno.symlink("../../staging/src/k8s.io/lib", `${root}/vendor/k8s.io/lib`);
    assertEquals(await findTagged(root, "openapi-gen"), [
      "pkg/a/doc.go",
      "pkg/docs/doc.go",
      "vendor/k8s.io/lib/v1/doc.go",
    ]);
  });
});

Deno.test("parseGoDirectories() reads what find passes over", () => {
  const rules = parseGoDirectories(
    `find -H . \\( -not \\( \\( -name '_*' -o -name '.[^.]*' -o \\( -name "vendor" -type d \\) \\) -prune \\) \\) "$@" \\
       | sed 's|^./staging/src|vendor|'`,
  );
  assertEquals(rules, {
    starts: [""],
    pruned: [
      { test: "name", pattern: "_*", directoriesOnly: false },
      { test: "name", pattern: ".[^.]*", directoriesOnly: false },
      { test: "name", pattern: "vendor", directoriesOnly: true },
    ],
    stagingAsVendor: true,
  });
  assertEquals(parseGoDirectories("echo none\n"), undefined);
});

/** Makefiles of the three kinds that releases have. */
const MAKEFILES = {
  oldest: `
OPENAPI_BASENAME := $(GENERATED_FILE_PREFIX)openapi
OPENAPI_OUTPUT_PKG := pkg/generated/openapi
$(OPENAPI_OUTFILE): $(OPENAPI_GEN)
\tfunction run() { \\
        ./hack/run-in-gopath.sh $(OPENAPI_GEN) \\
            --logtostderr -p $(PRJ_SRC_PATH)/$(OPENAPI_OUTPUT_PKG) \\
            "$$@"; }; run
$(OPENAPI_GEN):
\thack/make-rules/build.sh cmd/libs/go2idl/openapi-gen
\ttouch $@
`,
  one: `
OPENAPI_BASENAME := $(GENERATED_FILE_PREFIX)openapi
OPENAPI_OUTPUT_PKG := pkg/generated/openapi # where
BOILERPLATE_FILENAME := vendor/k8s.io/code-generator/hack/boilerplate.go.txt
KNOWN_VIOLATION_FILENAME := api/api-rules/violation_exceptions.list
ifeq ($(UPDATE_API_KNOWN_VIOLATIONS),true)
    KNOWN_VIOLATION_FILENAME := elsewhere
endif
$(OPENAPI_OUTFILE): $(OPENAPI_GEN)
\t./hack/run-in-gopath.sh $(OPENAPI_GEN) \\
\t    -h $(BOILERPLATE_FILENAME) \\
\t    -r $(REPORT_FILENAME) "$$@"
$(OPENAPI_GEN): $(deps)
\tKUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
`,
  several: `
BOILERPLATE_FILENAME := vendor/k8s.io/code-generator/hack/boilerplate.go.txt
DEFAULTS := vendor/k8s.io/m/v1/% vendor/k8s.io/m/v2/%
KUBE_KNOWN_VIOLATION_FILENAME := api/kube.list
AGG_KNOWN_VIOLATION_FILENAME := api/agg.list
KUBE_OPENAPI_TAG_FILES :=  $(filter-out vendor/k8s.io/gen/% vendor/k8s.io/sample/%, $(ALL_K8S_TAG_FILES))
AGG_OPENAPI_TAG_FILES := $(filter $(DEFAULTS) vendor/k8s.io/agg/%, $(ALL_K8S_TAG_FILES))
KUBE_OPENAPI_OUTPUT_PKG := pkg/generated/openapi
AGG_OPENAPI_OUTPUT_PKG := staging/src/k8s.io/agg/openapi
OPENAPI_TARGETS := KUBE AGG
define OPENAPI_TARGETS_DEF
KUBE_OPENAPI_OUTPUT_PKG := not/this
\t./hack/run-in-gopath.sh $(OPENAPI_GEN) -h $(BOILERPLATE_FILENAME) -r $$($(prefix)_REPORT) "$$$$@"
endef
$(OPENAPI_GEN): $(deps)
\tKUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
`,
};
const KUBE_OPENAPI = "./vendor/k8s.io/kube-openapi/cmd/openapi-gen";
const HEADER = "vendor/k8s.io/code-generator/hack/boilerplate.go.txt";

Deno.test("readGeneratedFiles() reads the makefile of each release", async () => {
  const all = { keep: false, patterns: [] };
  const kube = { kind: "openapi", name: "KUBE", output: OPENAPI };
  const expected = {
    oldest: [{
      ...kube,
      outputPackage: "pkg/generated/openapi",
      tagFiles: all,
      header: undefined,
      knownViolations: undefined,
      tool: "cmd/libs/go2idl/openapi-gen",
    }],
    one: [{
      ...kube,
      outputPackage: "pkg/generated/openapi",
      tagFiles: all,
      header: HEADER,
      knownViolations: "api/api-rules/violation_exceptions.list",
      tool: KUBE_OPENAPI,
    }],
    several: [{
      ...kube,
      outputPackage: "pkg/generated/openapi",
      tagFiles: { keep: false, patterns: ["vendor/k8s.io/gen/%", "vendor/k8s.io/sample/%"] },
      header: HEADER,
      knownViolations: "api/kube.list",
      tool: KUBE_OPENAPI,
    }, {
      kind: "openapi",
      name: "AGG",
      output: "staging/src/k8s.io/agg/openapi/zz_generated.openapi.go",
      outputPackage: "staging/src/k8s.io/agg/openapi",
      tagFiles: {
        keep: true,
        patterns: ["vendor/k8s.io/m/v1/%", "vendor/k8s.io/m/v2/%", "vendor/k8s.io/agg/%"],
      },
      header: HEADER,
      knownViolations: "api/agg.list",
      tool: KUBE_OPENAPI,
    }],
  } as const;
  for (const name of ["oldest", "one", "several"] as const) {
    await withFiles({ "Makefile.generated_files": MAKEFILES[name] }, async (root) => {
      assertEquals<unknown>(await readGeneratedFiles(root), expected[name], name);
    });
  }
});

Deno.test("readGeneratedFiles() finds go-bindata in the script, the makefile or golang.sh", async () => {
  const script =
    'BINDATA_OUTPUT="a/bindata.go"\ngo-bindata -nometadata -o "${BINDATA_OUTPUT}.tmp" \\\n' +
    "\t-ignore 'BUILD(\\.bazel)?' \\\n\t\"test/images/...\"\n";
  const tool = "vendor/github.com/x/go-bindata/go-bindata";
  const table: [Record<string, string>, string | undefined][] = [
    [
      { "hack/generate-bindata.sh": `go install k8s.io/kubernetes/${tool}\n${script}` },
      `./${tool}`,
    ],
    [{
      "hack/generate-bindata.sh": script,
      "Makefile.generated_files": `$(BINDATA_GEN): $(deps)\n\thack/make-rules/build.sh ./${tool}\n`,
    }, `./${tool}`],
    [{
      "hack/generate-bindata.sh": script,
      "hack/lib/golang.sh": `  local targets=(\n    hack/cmd/teststale\n    ${tool}\n  )\n`,
    }, tool],
    [{ "hack/generate-bindata.sh": script }, undefined],
  ];
  for (const [files, expected] of table) {
    await withFiles(files, async (root) => {
      const [file] = await readGeneratedFiles(root);
      assertEquals(file?.tool, expected);
      if (file?.kind !== "bindata") return;
      assertEquals(file.output, "a/bindata.go");
      assertEquals(file.args, ["-nometadata", "-ignore", "BUILD(\\.bazel)?", "test/images/..."]);
    });
  }
});

Deno.test("openapiPackages() filters files as make does", () => {
  const tagged = [
    "pkg/a/doc.go",
    "pkg/a/types.go",
    "vendor/k8s.io/gen/x/doc.go",
    "vendor/k8s.io/m/v1/doc.go",
    "vendor/k8s.io/m/v10/doc.go",
  ];
  const out = { keep: false, patterns: ["vendor/k8s.io/gen/%"] };
  assertEquals(openapiPackages(out, tagged), [
    "pkg/a",
    "vendor/k8s.io/m/v1",
    "vendor/k8s.io/m/v10",
  ]);
  const only = { keep: true, patterns: ["vendor/k8s.io/m/v1/%", "pkg/a/types.go"] };
  assertEquals(openapiPackages(only, tagged), ["pkg/a", "vendor/k8s.io/m/v1"]);
});

Deno.test({
  name: "ensureGeneratedFiles() makes files once, and again when an input or an output changes" +
    (go === undefined ? " (skipped: needs go)" : ""),
  ignore: go === undefined,
  fn: async () => {
    const sample = await openSample("1.20");
    const { context, checkout } = sample;
    const output = `${context.root}/${OPENAPI}`;
    const bindata = `${context.root}/${BINDATA}`;
    try {
      const vars = await getVersionVars(context);
      const stamp = () => ({ vars, epoch: 0 });
      const make = async (targets?: readonly string[]) => {
        const plan = await planGeneratedFiles(context, checkout, { stamp, targets });
        return await ensureGeneratedFiles(context, checkout, plan);
      };
      const run = () => make();
      const only = (...targets: string[]) => make(targets);
      assertEquals(await only("cmd/kubectl"), []);
      assertEquals(await only("cmd/kubectl", "cmd/kube-apiserver"), [OPENAPI]);
      assertEquals(await only("test/e2e/e2e.test"), [BINDATA]);
      await Deno.remove(output);
      await Deno.remove(bindata);
      assertEquals(await only("cmd/kubectl"), []);
      assertEquals(await run(), [OPENAPI, BINDATA]);
      const made = await Deno.readTextFile(output);
      const { mtime } = await Deno.stat(output);
      assertStringIncludes(made, "package openapi");
      assertEquals(await run(), []);

      // An output that somebody damaged is made anew.
      await Deno.writeTextFile(output, "damaged");
      assertEquals(await run(), [OPENAPI]);
      assertEquals(await Deno.readTextFile(output), made);

      // What nobody generated is not replaced, nor anything behind a link.
      await Deno.remove(`${context.output}/.kbuild/generated.json`);
      await Deno.writeTextFile(output, "package openapi // by hand\n");
      await assertRejects(run, KbuildError, "no comment in it says that it is generated");
      assertEquals(await Deno.readTextFile(output), "package openapi // by hand\n");
      await Deno.remove(output);
      await Deno.symlink(`${context.output}/.kbuild/builds.json`, output);
      await assertRejects(run, KbuildError, "it is not a regular file");
      await Deno.remove(output);
      assertEquals(await run(), [OPENAPI]);

      // A change that no generator reads makes nothing.
      await Deno.writeTextFile(`${context.root}/README.md`, "changed");
      const before = await Deno.stat(output);
      assertEquals(await run(), []);
      assertEquals((await Deno.stat(output)).mtime, before.mtime);
      assert(mtime !== null);

      // A new type changes the definitions; bindata stays.
      const doc = `${context.root}/staging/src/k8s.io/api/core/v1/new_type.go`;
      await Deno.writeTextFile(doc, "package v1\n\n// New is new.\ntype New struct{}\n");
      const bindataBefore = (await Deno.stat(bindata)).mtime;
      assertEquals(await only("cmd/kubectl"), []);
      assertEquals((await Deno.stat(output)).mtime, before.mtime);
      await run();
      assertEquals((await Deno.stat(bindata)).mtime, bindataBefore);

      await Deno.remove(output);
      assertEquals(await run(), [OPENAPI]);
      const status = context.shell.$`git status --porcelain pkg test`.with({ cwd: context.root });
      assertEquals(await status.text(), "");

      // Violations of the API rules that are not known fail the build, as with make.
      const known = `${context.root}/api/api-rules/violation_exceptions.list`;
      await Deno.writeTextFile(known, "API rule violation: of another world\n");
      await Deno.remove(output);
      const error = await assertRejects(
        run,
        KbuildError,
        "Cannot accept the API rule violations of KUBE",
      );
      assertStringIncludes(error.notes.join("\n"), "_output/KUBE_violations.report");
      const report = await Deno.readTextFile(`${context.outputRoot}/KUBE_violations.report`);
      assertEquals(report.includes("another world"), false);
      await assertRejects(() => Deno.stat(output), Deno.errors.NotFound);
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  name: "planGeneratedFiles() has exactly the processes that ensureGeneratedFiles() starts" +
    (go === undefined ? " (skipped: needs go)" : ""),
  ignore: go === undefined,
  fn: async () => {
    const sample = await openSample("1.20");
    try {
      const { checkout, context: plain } = sample;
      const starts: Start[] = [];
      const shell = createShell({
        cwd: plain.root,
        env: plain.env,
        onStart: (start) => void starts.push(start),
      });
      const context = { ...plain, shell, builder: { ...plain.builder, shell } };
      const tool = await verifyGoVersion(context, checkout);
      const before = [...Deno.readDirSync(context.root)].length;
      const vars = await getVersionVars(context);
      const plan = await planGeneratedFiles(context, checkout, {
        stamp: () => ({ vars, epoch: 0 }),
        go: tool,
      });
      const { tools, files } = plan;
      assertEquals([...Deno.readDirSync(context.root)].length, before, "planning wrote something");
      assertEquals(files.map(({ file }) => file.output), [OPENAPI, BINDATA]);
      assertEquals(tools?.plan.platforms[0]?.targets.length, 2);
      starts.length = 0;
      await ensureGeneratedFiles(context, checkout, plan);
      const wanted = files.flatMap(({ processes }) => processes)
        .map(({ argv, cwd, env }) => ({ argv, cwd, env }));
      const programs = new Set(wanted.map(({ argv }) => argv[0]));
      const started = starts.filter(({ argv }) => programs.has(argv[0]))
        .map(({ argv, cwd, env }) => ({ argv, cwd, env }));
      assertEquals(started, wanted);
      for (const { shownEnv, env } of files.flatMap(({ processes }) => processes)) {
        for (const [name, value] of Object.entries(shownEnv)) assertEquals(env[name], value);
      }
      assertEquals(
        Array.from(Deno.readDirSync(context.output)).filter(({ name }) => name.includes("tmp")),
        [],
      );
    } finally {
      await sample.remove();
    }
  },
});
