/** What one run of generators leaves for the next: later passes, what was edited meanwhile, files of others. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { planCodegen, renewCodegen, runCodegen, verifyCodegen } from "../../src/generate/mod.ts";
import { verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { FILES, MESSAGES, PROTOC, writeFiles } from "../generate/_codegen.ts";
import { missingFor, unless } from "./_program.ts";
import { openSample } from "../lib/_open.ts";

const COPY = "zz_generated.deepcopy.go";
const COPIER = "cmd/deepcopy-gen/main.go";
const HEADER = "hack/boilerplate/boilerplate.generatego.txt";

/** A checkout from 1.26 on with some files, its generators, and git. */
async function open(files: Readonly<Record<string, string>>, path: readonly string[] = []) {
  const sample = await openSample("1.35");
  const cache = Deno.env.get("GOCACHE");
  const context = sample.withEnv({
    ...cache === undefined ? {} : { GOCACHE: cache },
    PATH: [...path, Deno.env.get("PATH")].join(":"),
  });
  const { checkout } = sample;
  const { root, shell } = context;
  await writeFiles(root, files);
  const go = await verifyGoVersion(context, checkout);
  const git = async (...args: string[]) => {
    const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    await shell.run(["git", ...identity, ...args], { cwd: root });
  };
  const plan = (names: readonly string[] = []) => planCodegen(context, checkout, { go, names });
  return {
    root,
    remove: sample.remove,
    plan,
    write: (path: string, text: string) => writeFiles(root, { [path]: text }),
    read: (path: string) => Deno.readTextFile(`${root}/${path}`),
    async commit() {
      await git("add", "-A");
      await git("commit", "-q", "-m", "edits");
    },
    renew: async (names: readonly string[] = []) =>
      await renewCodegen(context, checkout, await plan(names), { go, names }),
    run: async (names: readonly string[] = []) =>
      await runCodegen(context, checkout, await plan(names)),
    verify: async () => await verifyCodegen(context, checkout, await plan()),
    /** Key of the tree in which everything was up to date. */
    async key(): Promise<string | undefined> {
      const note = await Deno.readTextFile(`${context.output}/.kbuild/codegen.json`);
      return JSON.parse(note).state.key;
    },
  };
}

/** A text of the sample with a part replaced. */
function changed(path: string, from: string, to: string): string {
  const text = FILES[path]!;
  assertStringIncludes(text, from);
  return text.replaceAll(from, to);
}

Deno.test({
  ...unless(
    missingFor("1.35"),
    "renewCodegen() makes what reads the files that it has made, though git reports no change",
  ),
  fn: async () => {
    const copier = (name: string) =>
      changed(COPIER, "// Types: %s\\n", `// Types: %s\\ntype ${name} struct {\\n}\\n`);
    const { root: _, ...sample } = await open({
      ...FILES,
      [COPIER]: copier("One"),
      // It reads what deepcopy-gen has made.
      "cmd/client-gen/main.go": changed(
        "cmd/client-gen/main.go",
        'filepath.Join(dir, "types.go")',
        `filepath.Join(dir, "${COPY}")`,
      ),
    });
    const { write, read, commit, renew, plan, key } = sample;
    try {
      await renew();
      await commit();
      assertEquals((await renew()).written, []);
      assert(await key() !== undefined, "git gives a key");

      await write(COPIER, copier("Two"));
      await commit();
      const { written } = await renew();
      assert(written.includes("pkg/client/b.go"), `only ${written} were made`);
      assertStringIncludes(await read("pkg/client/b.go"), "Two");
      assert(await key() !== undefined, "the last pass has found nothing to do");
      assertEquals((await plan()).stale, []);

      // A later pass fails: what the first has made stays, and is named.
      await write(COPIER, copier("Broken"));
      await commit();
      const { notes } = await assertRejects(() => renew(), KbuildError, "client-gen");
      assertStringIncludes(notes.join("\n"), `pkg/b/${COPY}`);
      assertStringIncludes(await read(`pkg/b/${COPY}`), "Broken");
      await write(COPIER, copier("Three"));
      await renew();
      assertStringIncludes(await read("pkg/client/b.go"), "Three");
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "renewCodegen() makes what has a report of API rules in a later pass, too",
  ),
  fn: async () => {
    const names = ["deepcopy", "clients"];
    const copier = (name: string) =>
      changed(COPIER, "// Types: %s\\n", `// Types: %s\\ntype ${name} struct {\\n}\\n`);
    const path = "cmd/client-gen/main.go";
    const sample = await open({
      ...FILES,
      [COPIER]: copier("One"),
      [path]: changed(path, 'filepath.Join(dir, "types.go")', `filepath.Join(dir, "${COPY}")`)
        .replace("\tmust(err)\n", '\tmust(err)\n\twrite("_output/api.report", "")\n'),
      "hack/update-codegen.sh": FILES["hack/update-codegen.sh"]!.replace(
        '--input %s" "${pkgs[@]}") \\\n        "$@"\n',
        '--input %s" "${pkgs[@]}") \\\n        "$@"\n' +
          '    if ! diff -u "hack/known.list" "_output/api.report"; then\n        echo ERROR\n    fi\n',
      ),
      "hack/known.list": "",
    });
    try {
      await sample.renew(names);
      assertEquals((await sample.plan(names)).stale, []);
      await sample.write(COPIER, copier("Two"));
      assert((await sample.renew(names)).written.includes("pkg/client/b.go"));
      assertEquals((await sample.plan(names)).stale, []);
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  ...unless(missingFor("1.35"), "runCodegen() makes again what was edited while generators ran"),
  fn: async () => {
    const sample = await open({
      ...FILES,
      "pkg/b/more.go": "package b\n\ntype More struct {\n}\n",
    });
    const { root, write, run, plan } = sample;
    const reasons = async () => (await plan(["deepcopy"])).stale.map(({ why }) => why);
    const edits = [
      `os.WriteFile("${root}/${HEADER}", []byte("// Another.\\n"), 0644)`,
      `os.WriteFile("${root}/cmd/deepcopy-gen/more.go", []byte("package main\\n"), 0644)`,
      `os.Remove("${root}/pkg/b/more.go")`,
    ];
    try {
      for (const edit of edits) {
        await write(COPIER, FILES[COPIER]!);
        await write(HEADER, FILES[HEADER]!);
        await Deno.remove(`${root}/cmd/deepcopy-gen/more.go`).catch(() => {});
        await run(["deepcopy"]);
        assertEquals(await reasons(), [], "as it was left");
        await write(COPIER, changed(COPIER, "\tmust(err)\n\tfor", `\tmust(err)\n\t${edit}\n\tfor`));
        await run(["deepcopy"]);
        assertEquals((await reasons()).length, 1, edit);
      }
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "verifyCodegen() counts no file as gone that another generator makes",
  ),
  fn: async () => {
    // A sub-project among the packages whose files deepcopy removes before; deepcopy itself does not see its tag.
    const files = Object.entries(FILES).map(([path, text]) => [
      path.replaceAll("sub/one", "pkg/sub"),
      text.replaceAll("sub/one", "pkg/sub"),
    ]);
    const sample = await open({
      ...Object.fromEntries(files),
      "pkg/sub/apis/v1/types.go":
        " // +k8s:deepcopy-gen=package\n\npackage v1\n\ntype Sub struct {\n}\n",
    });
    try {
      const of = `pkg/sub/apis/v1/${COPY}`;
      assert((await sample.renew()).written.includes(of));
      assertEquals((await sample.plan()).stale, []);
      await sample.write("pkg/b/types.go", FILES["pkg/b/types.go"] + "\ntype Third struct {\n}\n");
      assert((await sample.plan()).stale.every(({ task }) => task.generator !== "subprojects"));
      assertEquals((await sample.verify()).differences.map(({ path }) => path), [
        `pkg/b/${COPY}`,
        "pkg/client/b.go",
      ]);
      assertEquals((await sample.run()).removed, []);
      assertStringIncludes(await sample.read(of), "Types: Sub");
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  ...unless(
    missingFor("1.35"),
    "runCodegen() numbers the fields of packages that are built into go-to-protobuf",
  ),
  fn: async () => {
    const bin = await Deno.makeTempDir({ prefix: "kbuild protoc-" });
    const path = "cmd/go-to-protobuf/main.go";
    const sample = await open({
      ...FILES,
      ...MESSAGES,
      [path]: changed(
        path,
        "\tfor _, dir := range inputs {",
        '\tinputs = append(inputs, "pkg/builtin")\n\tfor _, dir := range inputs {',
      ),
      "pkg/builtin/types.go": "package builtin\n\ntype Message struct {\n\tName string\n}\n",
      "pkg/builtin/generated.proto": "// Generated before.\n",
    }, [bin]);
    try {
      await Deno.writeTextFile(`${bin}/protoc`, PROTOC);
      await Deno.chmod(`${bin}/protoc`, 0o755);
      const differing = (await sample.verify()).differences.map(({ path }) => path);
      assert(differing.includes("pkg/builtin/types.go"), `only ${differing} differ`);
      assert((await sample.run(["protobuf"])).written.includes("pkg/builtin/types.go"));
      assertStringIncludes(
        await sample.read("pkg/builtin/types.go"),
        '\tName string `protobuf:"1"`\n',
      );
      assertEquals((await sample.plan(["protobuf"])).stale, []);
    } finally {
      await Deno.remove(bin, { recursive: true });
      await sample.remove();
    }
  },
});
