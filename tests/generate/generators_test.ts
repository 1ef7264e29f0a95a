import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import type { GeneratorsPlan } from "../../src/generate/mod.ts";
import { noGo, openGenerators } from "./_generators.ts";

const API = "staging/src/k8s.io/api";
const COPY = "zz_generated.deepcopy.go";
const OPENAPI = "pkg/generated/openapi/zz_generated.openapi.go";
const BINDATA = "test/e2e/generated/bindata.go";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: noGo === undefined ? name : `${name} (skipped: ${noGo})`,
    ignore: noGo !== undefined,
    fn,
  });
}

/** Stale files with the reasons. */
function reasons({ stale }: GeneratorsPlan): Record<string, string> {
  return Object.fromEntries(stale.map(({ item, why }) => [item.output, why]));
}

test("runGenerators() makes all files, and nothing while no content changes", async () => {
  const sample = await openGenerators();
  const { root, plan, run, read, write } = sample;
  try {
    const first = await plan();
    assertEquals(first.generators.map(({ name, files, stale }) => [name, files, stale]), [
      ["prerelease-lifecycle", 0, 0],
      ["deepcopy", 6, 6],
      ["defaulter", 0, 0],
      ["conversion", 0, 0],
      ["openapi", 5, 5],
      ["bindata", 2, 2],
    ]);
    assertEquals(reasons(first)[OPENAPI], "it is missing");
    assertEquals(reasons(first)[`${API}/core/v1/${COPY}`], "it was not generated here yet");
    // What git has is what the generators make: a clean checkout stays clean.
    assertEquals(await run(), [OPENAPI, BINDATA]);
    const status = await sample.context.shell.$`git status --porcelain`.with({ cwd: root }).text();
    assertEquals(status, "");
    assertEquals(reasons(await plan()), {});
    assertEquals(await run(), []);

    // Deleted first, all are made with the same bytes.
    const outputs = first.stale.map(({ item }) => item.output);
    const before = await Promise.all(outputs.map(read));
    for (const output of outputs) await Deno.remove(`${root}/${output}`);
    assertEquals((await run()).toSorted(), outputs.toSorted());
    assertEquals(await Promise.all(outputs.map(read)), before);

    // Times, comments in functions and files that no generator reads change nothing.
    await Deno.utime(`${root}/${API}/core/v1/types.go`, new Date(), new Date());
    await write(`${API}/core/v1/extra_test.go`, "package v1\n");
    await write("README.md", "changed\n");
    assertEquals(reasons(await plan()), {});
    await write(`${API}/core/v1/helper.go`, "package v1\n\nfunc helper() int { return 1 }\n");
    assertEquals(Object.keys(reasons(await plan())).includes(`${API}/core/v1/${COPY}`), true);
    await run();
    await write(`${API}/core/v1/helper.go`, "package v1\n\nfunc helper() int { return 2 }\n");
    assertEquals(reasons(await plan()), {});

    // What only the body of a function uses counts for nothing.
    await write(
      `${API}/autoscaling/v1/helper.go`,
      'package v1\n\nimport core "k8s.io/api/core/v1"\n\nfunc helper() { _ = core.Pod{} }\n',
    );
    await run();
    await write(`${API}/core/v1/other.go`, "package v1\n\ntype Other struct {\n}\n");
    const affected = Object.keys(reasons(await plan()));
    assertEquals(affected.includes(`${API}/core/v1/${COPY}`), true);
    assertEquals(affected.includes(`${API}/autoscaling/v1/${COPY}`), false);
    await run();

    // A type counts for its package, and for those that import it.
    await write(
      `${API}/apps/v1/more.go`,
      'package v1\n\nimport core "k8s.io/api/core/v1"\n\ntype More struct {\n\tPod core.Pod\n}\n',
    );
    await run();
    assertStringIncludes(await read(`${API}/apps/v1/${COPY}`), "out.Pod = *in.Pod.DeepCopy()");
    await write(`${API}/core/v1/doc.go`, "// +k8s:openapi-gen=true\n\npackage v1\n");
    const stale = await plan();
    assertEquals(reasons(stale)[`${API}/apps/v1/${COPY}`], `${API}/core/v1 changed`);
    assertEquals(reasons(stale)[`${API}/autoscaling/v1/${COPY}`], undefined);
    assertEquals(stale.orphans, [`${API}/core/v1/${COPY}`]);
    await run();
    assertEquals((await read(`${API}/apps/v1/${COPY}`)).includes("Pod.DeepCopy"), false);
  } finally {
    await sample.remove();
  }
});

test("planGenerators() looks at functions of other packages, flags, and the generator", async () => {
  const sample = await openGenerators();
  const { plan, run, read, write } = sample;
  try {
    const tag = "// +k8s:defaulter-gen=TypeMeta\n\npackage v1\n";
    const [a, b] = ["pkg/apis/a/v1", "pkg/apis/b/v1"];
    await write(`${a}/doc.go`, tag);
    await write(`${a}/types.go`, "package v1\n\ntype A struct {\n}\n");
    await write(`${b}/doc.go`, tag);
    await write(`${b}/defaults.go`, "package v1\n\nfunc SetDefaults_A(a int) {\n}\n");
    const outputs = [a, b].map((directory) => `${directory}/zz_generated.defaults.go`);
    assertEquals(await run({ names: ["defaulter"] }), [outputs[0]!]);
    assertStringIncludes(await read(outputs[0]!), `defaults in k8s.io/kubernetes/${b}`);
    assertEquals(reasons(await plan({ names: ["defaulter"] })), {});
    await write(`${b}/defaults.go`, "package v1\n\nfunc SetDefaults_A(a int) {\n\tx()\n}\n");
    assertEquals(reasons(await plan({ names: ["defaulter"] })), {});
    await write(`${b}/defaults.go`, "package v1\n\nfunc SetDefaults_B(a int) {\n}\n");
    assertEquals(Object.keys(reasons(await plan({ names: ["defaulter"] }))), outputs);

    await run();
    const tool = "staging/src/k8s.io/code-generator/cmd/deepcopy-gen/main.go";
    await write(tool, (await read(tool)).replace("DeepCopy returns a copy", "DeepCopy is a copy"));
    const after = reasons(await plan());
    assertEquals(
      new Set(Object.values(after)),
      new Set(["the generator, its flags or Go changed"]),
    );
    assertEquals(Object.keys(after).length, 6);
    await run();
    assertStringIncludes(await read(`${API}/core/v1/${COPY}`), "DeepCopy is a copy");

    const makefile = "build/root/Makefile.generated_files";
    await write(makefile, (await read(makefile)).replace(',"k8s.io/api"', ',"k8s.io/other"'));
    assertEquals(Object.keys(reasons(await plan())).length, 6);
  } finally {
    await sample.remove();
  }
});

test("a generator that fails leaves the tree as it was", async () => {
  const sample = await openGenerators();
  const { root, run, read, write } = sample;
  try {
    await run();
    const copy = `${API}/core/v1/${COPY}`;
    const [before, openapi] = [await read(copy), await read(OPENAPI)];
    await write(`${API}/core/v1/more.go`, "package v1\n\ntype More struct {\n}\n");
    const tool = "vendor/k8s.io/kube-openapi/cmd/openapi-gen/openapi-gen.go";
    const whole = await read(tool);
    await write(
      tool,
      whole.replace("func main() {", 'func main() {\n\tprintln("half done")\n\tpanic("no")'),
    );
    const error = await assertRejects(() => run(), KbuildError, "openapi");
    assertStringIncludes(`${error.message}${error.output?.join("\n")}`, "half done");
    assertEquals([await read(copy), await read(OPENAPI)], [before, openapi]);
    assertEquals(
      Array.from(Deno.readDirSync(sample.context.output)).filter(({ name }) =>
        name.includes("tmp")
      ),
      [],
    );
    await write(tool, whole);
    assert((await run()).includes(copy));
    assertStringIncludes(await read(copy), "*More");

    // What nobody generated is not replaced, nor anything behind a link out of the checkout.
    await write(
      `${API}/new/v1/doc.go`,
      "// +k8s:deepcopy-gen=package\n\npackage v1\n\ntype T struct {\n}\n",
    );
    await write(`${API}/new/v1/${COPY}`, "package v1 // by hand\n");
    await assertRejects(() => run(), KbuildError, "no comment in it says that it is generated");
    assertEquals(await read(`${API}/new/v1/${COPY}`), "package v1 // by hand\n");
    await Deno.remove(`${root}/${API}/new/v1/${COPY}`);
    assertEquals(await run(), [`${API}/new/v1/${COPY}`]);

    // What somebody changed is made again.
    await Deno.writeTextFile(`${root}/${copy}`, "// Code generated. damaged\n");
    assertEquals(await run(), [copy]);
  } finally {
    await sample.remove();
  }
});

test("runGenerators() makes files without looking at those that they replace", async () => {
  const sample = await openGenerators();
  const { root, plan, run, read, verify, write } = sample;
  try {
    await run();
    const copy = `${API}/core/v1/${COPY}`;
    const before = await read(copy);
    const spoiled = "// Code generated by hand.\npackage v1\n\ntype Byhand struct {\n}\n";
    await write(copy, spoiled);
    const { differences } = await verify();
    assertEquals(differences.map(({ path }) => path), [copy]);
    assertEquals(await read(copy), spoiled);

    // It comes back when a generator fails.
    const tool = "staging/src/k8s.io/code-generator/cmd/deepcopy-gen/main.go";
    const whole = await read(tool);
    await write(tool, whole.replace("func main() {", 'func main() {\n\tpanic("no")'));
    await assertRejects(() => run(), KbuildError);
    assertEquals(await read(copy), spoiled);
    await write(tool, whole);

    // No type of it counts, and nothing is made a second time because of it.
    assertEquals(await run(), [copy]);
    assertEquals(await read(copy), before);
    assertEquals(reasons(await plan()), {});
    await assertRejects(
      () => Deno.stat(`${root}/_output/local/.kbuild/replaced`),
      Deno.errors.NotFound,
    );
  } finally {
    await sample.remove();
  }
});

test("a file that is made again is not named as one that nothing makes", async () => {
  const sample = await openGenerators();
  const { plan, run, read, write } = sample;
  try {
    await run();
    const [doc, copy] = [`${API}/core/v1/doc.go`, `${API}/core/v1/${COPY}`];
    const [tags, before] = [await read(doc), await read(copy)];
    await write(doc, "// +k8s:openapi-gen=true\n\npackage v1\n");
    await run();
    assertEquals((await plan()).orphans, [copy]);
    await write(doc, tags);
    await run();
    assertEquals((await plan()).orphans, []);
    assertEquals(await read(copy), before);

    // Changed by hand meanwhile, it is made again.
    await write(doc, "// +k8s:openapi-gen=true\n\npackage v1\n");
    await write(copy, `${before}// by hand\n`);
    await run();
    await write(doc, tags);
    assertEquals((await run()).includes(copy), true);
    assertEquals(await read(copy), before);
  } finally {
    await sample.remove();
  }
});

test("planGenerators() takes names of generators and patterns of packages", async () => {
  const sample = await openGenerators();
  const { plan, run } = sample;
  try {
    const stale = async (packages: readonly string[], names: readonly string[] = []) =>
      Object.keys(reasons(await plan({ packages, names })));
    const core = `${API}/core/v1/${COPY}`;
    assertEquals(await stale([`${API}/core/v1`]), [core]);
    assertEquals(await stale(["vendor/k8s.io/api/core/v1/"]), [core]);
    assertEquals(await stale(["k8s.io/kubernetes/vendor/k8s.io/api/core/v1"]), [core]);
    assertEquals(await stale(["./staging/src/k8s.io/api/*/v1"]), [
      `${API}/apps/v1/${COPY}`,
      `${API}/autoscaling/v1/${COPY}`,
      core,
    ]);
    assertEquals((await stale(["k8s.io/api/..."])).length, 3);
    assertEquals(await stale(["pkg/..."], ["openapi"]), [OPENAPI]);
    await assertRejects(() => stale(["k8s.io/nothing"]), KbuildError, "No generated file is in");
    await assertRejects(() => stale([], ["nothing"]), KbuildError, 'no generator "nothing"');
    // The rest is still to be made afterwards.
    assertEquals(await run({ names: ["bindata"] }), [BINDATA]);
    const { notes } = await assertRejects(() => plan({ names: ["bindta"] }), KbuildError);
    assertEquals(notes[0], 'Did you mean "bindata"?');
    await sample.write("hack/update-codecgen.sh", "exit 1\n");
    const own = await assertRejects(() => plan({ names: ["codecgen"] }), KbuildError);
    assertEquals(own.notes[0], "The checkout has a script for it: kbuild update codecgen");
    assertEquals(Object.keys(reasons(await plan())).length, 11);
  } finally {
    await sample.remove();
  }
});

test("UPDATE_API_KNOWN_VIOLATIONS accepts the violations of a run", async () => {
  const sample = await openGenerators();
  const { root, run, read } = sample;
  try {
    const list = "api/api-rules/violation_exceptions.list";
    const known = await read(list);
    await Deno.writeTextFile(`${root}/${list}`, "API rule violation: of another world\n");
    await assertRejects(() => run(), KbuildError, "Cannot accept the API rule violations of KUBE");
    const written = await run({}, { UPDATE_API_KNOWN_VIOLATIONS: "true" });
    assert(written.includes(list), written.join());
    assertEquals(await read(list), known);
  } finally {
    await sample.remove();
  }
});

test("verifyGenerators() finds what differs, and changes nothing", async () => {
  const sample = await openGenerators();
  const { root, plan, run, read, verify, write } = sample;
  try {
    const paths = async (options = {}) =>
      (await verify(options)).differences.map(({ path, why }) => `${path}: ${why}`);
    // On a clean checkout, what git ignores need not be there.
    assertEquals(await verify(), { differences: [], violations: [], newerGo: [] });
    await assertRejects(() => Deno.stat(`${root}/${OPENAPI}`), Deno.errors.NotFound);
    assertEquals(Object.keys(reasons(await plan())), [OPENAPI, BINDATA]);

    // Work that is not committed counts.
    const copy = `${API}/core/v1/${COPY}`;
    const before = await read(copy);
    await write(`${API}/core/v1/more.go`, "package v1\n\ntype More struct {\n}\n");
    const { differences } = await verify();
    assertEquals(differences.map(({ path, generator }) => [path, generator]), [[copy, "deepcopy"]]);
    assertEquals(differences[0]?.existing, before);
    assertStringIncludes(differences[0]?.made ?? "", "*More");
    assertEquals(await read(copy), before);
    assertEquals((await paths()).length, 1, "a difference was remembered as if it were none");
    assertEquals(reasons(await plan())[copy], `${API}/core/v1 changed`);
    await run();
    assertEquals(await paths(), []);

    // Changed by hand, missing, without a generator.
    await write(copy, `${await read(copy)}// by hand\n`);
    await Deno.remove(`${root}/${API}/apps/v1/${COPY}`);
    await write(`${API}/autoscaling/v1/doc.go`, "// +k8s:openapi-gen=true\n\npackage v1\n");
    assertEquals(await paths(), [
      `${API}/apps/v1/${COPY}: it is missing`,
      `${API}/autoscaling/v1/${COPY}: no generator makes it any more`,
      `${copy}: it is not what its generator makes`,
    ]);
    assertEquals((await paths({ fromNothing: true })).length, 3);

    const list = "api/api-rules/violation_exceptions.list";
    await write(list, "API rule violation: of another world\n");
    const { violations } = await verify();
    assertEquals(violations.map(({ message }) => message.includes("of KUBE")), [true]);
    assert((violations[0]?.added.length ?? 0) > 0);
  } finally {
    await sample.remove();
  }
});
