/**
 * Random edits of a checkout from 1.26 on: after each, what `update-codegen` makes incrementally is compared with
 * everything made from nothing in a second copy. `KBUILD_TEST_EDITS` says how many (4), `KBUILD_TEST_SEED` which.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { planCodegen, renewCodegen } from "../../src/generate/mod.ts";
import { verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { FILES, MESSAGES, PROTOC, writeFiles } from "../generate/_codegen.ts";
import { noGo } from "../generate/_generators.ts";
import { type OpenSample, openSample } from "../lib/_open.ts";
import { commit, type Edit, pick, randomOf, treeOf } from "./_edits.ts";

const EDITS = Number(Deno.env.get("KBUILD_TEST_EDITS") ?? 4);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1e6);
const LABEL =
  `after ${EDITS} random edits, update-codegen makes what everything from nothing gives (seed ${SEED})`;

const COPY = "// +k8s:deepcopy-gen=package\n";
const MESSAGE = "// +k8s:protobuf-gen=package\n";
/** Without `pkg/a`, whose types the script reads by name. */
const PACKAGES = ["pkg/b", "pkg/c", "pkg/p", "pkg/q", "sub/one/apis/v1", "sub/one/apis/v2"];
const NOTES = ["codegen.json", "go_sources.json"];

const EDITS_OF: readonly Edit[] = [
  function addTypes(tree, random) {
    const place = pick([...PACKAGES, "pkg/a"], random);
    const name = pick(["One", "Two", "Three"], random);
    const tags = [COPY, MESSAGE].filter(() => random() < 0.7).join("");
    const isImported = random() < 0.4 && place !== "pkg/a" && place.startsWith("pkg/");
    const imports = isImported ? '\nimport "k8s.io/kubernetes/pkg/a"\n\nvar _ a.First\n' : "";
    const first = place === "pkg/a" ? "\ntype First struct {\n}\n" : "";
    const types = `\ntype ${name} struct {\n\tName string\n}\n`;
    const text = `${tags}\npackage ${place.split("/").at(-1)}\n${imports}${first}${types}`;
    tree.write(`${place}/types.go`, text);
    return `type ${name} in ${place}, ${tags.replaceAll("\n", " ")}${isImported}`;
  },
  function removePackage(tree, random) {
    const place = pick(PACKAGES, random);
    tree.write(`${place}/types.go`, undefined);
    return `removed the types of ${place}`;
  },
  function changeTags(tree, random) {
    const path = `${pick(PACKAGES, random)}/types.go`;
    const tags = [COPY, MESSAGE].filter(() => random() < 0.6).join("");
    const text = tree.read(path);
    if (text !== undefined) tree.write(path, text.replace(/^(\/\/ \+k8s.*\n)*/, tags));
    return `tags of ${path}: ${tags.replaceAll("\n", " ")}`;
  },
  function changeBody(tree, random) {
    const place = pick(PACKAGES, random);
    const text = `package ${place.split("/").at(-1)}\n\nfunc helper() int {\n\treturn `;
    tree.write(`${place}/helper.go`, `${text}${Math.floor(random() * 9)}\n}\n`);
    return `a body in ${place}`;
  },
  function changeGenerator(tree, random) {
    const [name, word] = [
      pick(["deepcopy-gen", "client-gen"], random),
      pick(["Types", "All"], random),
    ];
    const path = `cmd/${name}/main.go`;
    tree.write(path, (tree.read(path) ?? "").replace(/\/\/ (Types|All)\b/g, `// ${word}`));
    return `${name} writes "${word}"`;
  },
  function changePrinter(tree, random) {
    const word = pick(["Docs", "Notes"], random);
    const path = "cmd/printdocs/main.go";
    tree.write(path, (tree.read(path) ?? "").replace(/\/\/ (Docs|Notes):/, `// ${word}:`));
    return `printdocs prints "${word}"`;
  },
  function changeHeader(tree, random) {
    const path = pick([
      "hack/boilerplate/boilerplate.generatego.txt",
      "sub/one/hack/boilerplate.go.txt",
    ], random);
    tree.write(path, `/*\nCopyright ${Math.floor(random() * 3)}.\n*/\n`);
    return `the header ${path}`;
  },
  function changeScript(tree, random) {
    const level = 1 + Math.floor(random() * 3);
    const path = "hack/update-codegen.sh";
    tree.write(path, (tree.read(path) ?? "").replace(/KUBE_VERBOSE:-\d/, `KUBE_VERBOSE:-${level}`));
    return `the script's verbosity is ${level}`;
  },
  function changeDefinition(tree, random) {
    const path = pick(["pkg/proto/v1/api.proto", "pkg/proto/v2/api.proto"], random);
    if (random() < 0.3) tree.write(path, undefined);
    else tree.write(path, `import "common.proto";\nmessage M${Math.floor(random() * 5)} {}\n`);
    return `the definition ${path}`;
  },
  function changeImported(tree, random) {
    tree.write("third_party/protobuf/common.proto", `message C${Math.floor(random() * 5)} {}\n`);
    return "the imported definition";
  },
  function movePackage(tree, random) {
    const [from, to] = [pick(PACKAGES, random), pick(PACKAGES, random)];
    tree.move(from, to);
    return `moved ${from} to ${to}`;
  },
  function removeOutput(tree, random) {
    const path = pick(outputs(random), random);
    tree.write(path, undefined);
    return `removed ${path}`;
  },
  function spoilOutput(tree, random) {
    const path = pick(outputs(random), random);
    if (tree.read(path) !== undefined) tree.write(path, "// Code generated by hand.\npackage a\n");
    return `spoiled ${path}`;
  },
  commit,
  async function goBack(tree, random) {
    await commit(tree);
    const back = 1 + Math.floor(random() * 2);
    // Not to a commit that the sample began with.
    await tree.git("cat-file", "-e", `HEAD~${back}:hack/update-codegen.sh`)
      .then(() => tree.git("checkout", "-q", "--detach", `HEAD~${back}`, "--"))
      .catch(() => {});
    return `went back ${back} commits`;
  },
];

function outputs(random: () => number): readonly string[] {
  const place = pick([...PACKAGES, "pkg/a"], random);
  return [
    ...["zz_generated.deepcopy.go", "generated.pb.go", "generated.proto"].map((name) =>
      `${place}/${name}`
    ),
    ...["pkg/a/docs_generated.go", "pkg/client/a.go", "pkg/proto/v1/api.pb.go"],
  ];
}

/** All files below `pkg` and `sub`, and their texts. */
function filesOf(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(root, directory))) {
      const path = `${directory}/${name}`;
      if (isDirectory) visit(path);
      else found[path] = Deno.readTextFileSync(join(root, path));
    }
  };
  for (const directory of ["pkg", "sub"]) visit(directory);
  return found;
}

interface CodegenSample extends Pick<OpenSample, "context" | "remove"> {
  run(): Promise<number>;
  /** What is not up to date, and why. */
  stale(): Promise<readonly string[]>;
}

async function open(bin: string): Promise<CodegenSample> {
  const sample = await openSample("1.35");
  const cache = Deno.env.get("GOCACHE");
  const context = sample.withEnv({
    ...cache === undefined ? {} : { GOCACHE: cache },
    PATH: `${bin}:${Deno.env.get("PATH")}`,
  });
  const { checkout } = sample;
  await writeFiles(context.root, { ...FILES, ...MESSAGES });
  const go = await verifyGoVersion(context, checkout);
  const plan = () => planCodegen(context, checkout, { go });
  return {
    context,
    remove: sample.remove,
    async run() {
      const { written, removed } = await renewCodegen(context, checkout, await plan(), { go });
      return written.length + removed.length;
    },
    async stale() {
      const { stale, leftOut } = await plan();
      assertEquals(leftOut, []);
      return stale.map(({ task, why }) => `${task.name}: ${why}`);
    },
  };
}

Deno.test({
  name: noGo === undefined ? LABEL : `${LABEL} (skipped: ${noGo})`,
  ignore: noGo !== undefined,
  fn: async () => {
    const bin = await Deno.makeTempDir({ prefix: "kbuild protoc-" });
    await Deno.writeTextFile(join(bin, "protoc"), PROTOC);
    await Deno.chmod(join(bin, "protoc"), 0o755);
    const samples = [await open(bin), await open(bin)] as const;
    const [one, other] = samples;
    try {
      const trees = samples.map(({ context: { root, shell } }) =>
        treeOf(root, async (args) => {
          const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
          await shell.run(["git", ...identity, ...args], { cwd: root });
        })
      );
      let made = 0;
      for (let step = 0; step < EDITS; step++) {
        const edit = pick(EDITS_OF, randomOf(SEED + step * 7919));
        const done: string[] = [];
        for (const tree of trees) {
          done.push(await edit(tree, randomOf(SEED + step)));
          // The script lists what git tracks, removed or not.
          await tree.git("add", "-A");
        }
        const what = `seed ${SEED}, edit ${step}: ${done[0]}`;
        try {
          made += await one.run();
          assertEquals(await one.stale(), [], what);
          await forget(other);
          await other.run();
        } catch (error) {
          throw new Error(what, { cause: error });
        }
        assertEquals(filesOf(one.context.root), filesOf(other.context.root), what);
      }
      assertEquals(made > 0, true, `seed ${SEED}: nothing was made`);
    } finally {
      for (const { remove } of samples) await remove();
      await Deno.remove(bin, { recursive: true });
    }
  },
});

/** Removes every generated file, and what is remembered of them. */
async function forget({ context: { root, output } }: CodegenSample): Promise<void> {
  const note = await Deno.readTextFile(`${output}/.kbuild/codegen.json`).catch(() => undefined);
  const tasks: Record<string, { outputs: object }> = note === undefined
    ? {}
    : JSON.parse(note).state.tasks;
  const paths = Object.values(tasks).flatMap(({ outputs }) => Object.keys(outputs));
  for (const path of new Set(paths)) await Deno.remove(join(root, path)).catch(() => {});
  for (const name of NOTES) await Deno.remove(`${output}/.kbuild/${name}`).catch(() => {});
}
