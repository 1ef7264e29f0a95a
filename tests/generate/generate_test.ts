import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import {
  ensureGeneratedFiles,
  findTagged,
  missingFromGit,
  openapiPackages,
  readGeneratedFiles,
} from "../../src/generate/mod.ts";
import { getVersionVars } from "../../src/lib/version.ts";
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

Deno.test("findTagged() passes over vendor, hidden and output folders, and names staging as vendor", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-tagged-" });
  const put = async (path: string, text: string) => {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, text);
  };
  const tagged = "// +k8s:openapi-gen=true\npackage x\n";
  try {
    await put("pkg/a/doc.go", tagged);
    await put("pkg/a b/types.go", `package x\n\n//+k8s:openapi-gen=true\n`);
    await put("staging/src/k8s.io/api/core/v1/doc.go", tagged);
    await put("vendor/k8s.io/other/doc.go", tagged);
    await put("_output/x/doc.go", tagged);
    await put(".hidden/doc.go", tagged);
    await put("pkg/none/doc.go", "package x // not a tag: +k8s:openapi-gen=true\n");
    await put("pkg/text/doc.txt", tagged);
    assertEquals(await findTagged(root, "openapi-gen"), [
      "pkg/a",
      "pkg/a b",
      "vendor/k8s.io/api/core/v1",
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("openapiPackages() gives each target its packages", () => {
  const tagged = [
    "pkg/a",
    "vendor/k8s.io/api/autoscaling/v1",
    "vendor/k8s.io/apimachinery/pkg/version",
    "vendor/k8s.io/code-generator/examples/x",
    "vendor/k8s.io/kube-aggregator/pkg/apis/v1",
    "vendor/k8s.io/sample-apiserver/pkg/apis/v1",
  ];
  assertEquals(openapiPackages("KUBE", tagged), [
    "pkg/a",
    "vendor/k8s.io/api/autoscaling/v1",
    "vendor/k8s.io/apimachinery/pkg/version",
    "vendor/k8s.io/kube-aggregator/pkg/apis/v1",
  ]);
  assertEquals(openapiPackages("AGGREGATOR", tagged), [
    "vendor/k8s.io/apimachinery/pkg/version",
    "vendor/k8s.io/kube-aggregator/pkg/apis/v1",
  ]);
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
      const run = () => ensureGeneratedFiles(context, checkout, { vars, epoch: 0 });
      assertEquals(await run(), [OPENAPI, BINDATA]);
      const made = await Deno.readTextFile(output);
      const { mtime } = await Deno.stat(output);
      assertStringIncludes(made, "package openapi");
      assertEquals(await run(), []);

      // An output that somebody damaged is made anew.
      await Deno.writeTextFile(output, "damaged");
      assertEquals(await run(), [OPENAPI]);
      assertEquals(await Deno.readTextFile(output), made);

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
      await run();
      assertEquals((await Deno.stat(bindata)).mtime, bindataBefore);

      await Deno.remove(output);
      assertEquals(await run(), [OPENAPI]);
      const { stdout } = await context.shell.run(["git", "status", "--porcelain", "pkg", "test"], {
        cwd: context.root,
      });
      assertEquals(stdout, "");

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
