/**
 * Random edits of a part of real 1.20.2 (three groups of the API, their internal packages, apimachinery): after each,
 * what is made incrementally is compared with everything generated from nothing in a second copy. `KBUILD_TEST_EDITS`
 * says how many (20), `KBUILD_TEST_SEED` which, `KBUILD_TEST_COMPARED` after how many of them everything is generated from
 * nothing and compared (1). Half a minute for an edit that is compared, on two processors.
 */
import { commit, type Edit, goBack, pick, type Tree } from "../e2e/_edits.ts";
import { compareEdits } from "../e2e/_generated_edits.ts";
import { API, CODE_GENERATOR, GROUPS, inside, MACHINERY, openPart, outside } from "./_part.ts";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";

const EDITS = Number(Deno.env.get("KBUILD_TEST_EDITS") ?? 20);
const COMPARED = Number(Deno.env.get("KBUILD_TEST_COMPARED") ?? 1);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1e6);

/** Names of types that edits add. */
const TYPES = ["One", "Two", "Three"] as const;
/** Files with tags, and what is changed in them. */
const TAGS: readonly (readonly [string, RegExp])[] = GROUPS.flatMap((group) => [
  [`${outside(group)}/doc.go`, /^\/\/ \+k8s:(deepcopy|openapi)-gen.*\n/gm] as const,
  [`${inside(group)}/v1/doc.go`, /^\/\/ \+k8s:(conversion|defaulter)-gen=.*\n/gm] as const,
  [`${inside(group)}/doc.go`, /^\/\/ \+k8s:deepcopy-gen.*\n/gm] as const,
]);

/** Sources of generators, and words that they write. */
const TOOLS: readonly (readonly [string, RegExp])[] = [
  [
    "vendor/k8s.io/gengo/examples/deepcopy-gen/generators/deepcopy.go",
    /(DeepCopy is an )\w+( deepcopy function)/,
  ],
  [
    `${CODE_GENERATOR}/cmd/conversion-gen/generators/conversion.go`,
    /(is an )\w+( conversion function)/g,
  ],
];

/** A file as the part began with it. */
const first = new Map<string, string>();
function firstText(tree: Tree, path: string): string {
  const text = first.get(path) ?? tree.read(path) ?? "";
  first.set(path, text);
  return text;
}

const EDITS_OF: readonly Edit[] = [
  function addType(tree, random) {
    const [group, other, name] = [pick(GROUPS, random), pick(GROUPS, random), pick(TYPES, random)];
    const isObject = random() < 0.4;
    const isImported = group !== other && random() < 0.7;
    const field = random() < 0.5 ? "*int32" : "[]string";
    const lines = (isInternal: boolean) => {
      const json = (name: string) => isInternal ? "" : ` \`json:"${name},omitempty"\``;
      const peer = isInternal ? `k8s.io/kubernetes/${inside(other)}` : `k8s.io/api/${other}/v1`;
      const [package_, type] = isInternal ? [group, other] : ["v1", `${other}v1`];
      return [
        `package ${package_}`,
        ...isObject ? ['import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"'] : [],
        ...isImported ? [`import ${type} "${peer}"`] : [],
        `// ${name} is a type.`,
        ...isObject
          ? ["// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object"]
          : [],
        `type ${name} struct {`,
        ...isObject
          ? [`\tmetav1.TypeMeta${json("")}`, `\tmetav1.ObjectMeta${json("metadata")}`]
          : [],
        `\t// First is a field.\n\tFirst ${field}${json("first")}`,
        ...isImported
          ? [`\tOther ${type}.${other === "batch" ? "JobSpec" : "Scale"}${json("other")}`]
          : [],
        "}",
        "",
      ].join("\n");
    };
    const file = `${name.toLowerCase()}.go`;
    if (random() < 0.8) tree.write(`${outside(group)}/${file}`, lines(false));
    if (random() < 0.8) tree.write(`${inside(group)}/${file}`, lines(true));
    return `type ${name} in ${group}, ${field}, ${isObject}, ${isImported ? other : ""}`;
  },
  function removeType(tree, random) {
    const [group, file] = [pick(GROUPS, random), `${pick(TYPES, random).toLowerCase()}.go`];
    const place = pick([outside(group), inside(group)], random);
    tree.write(`${place}/${file}`, undefined);
    return `removed ${place}/${file}`;
  },
  function changeField(tree, random) {
    const group = pick(GROUPS, random);
    const type = { apps: "DeploymentSpec", autoscaling: "ScaleSpec", batch: "JobSpec" }[group];
    const field = pick(["", "\tEdited string\n", "\tEdited map[string][]string\n"], random);
    const places = [`${outside(group)}/types.go`, `${inside(group)}/types.go`]
      .filter(() => random() < 0.7);
    for (const path of places) {
      const text = tree.read(path);
      const own = path.startsWith(API) ? field.replace("\n", ' `json:"edited"`\n') : field;
      const pattern = new RegExp(`^type ${type} struct \\{\\n(\\tEdited .*\\n)?`, "m");
      if (text !== undefined) {
        tree.write(path, text.replace(pattern, `type ${type} struct {\n${own}`));
      }
    }
    return `${type} has "${field.trim()}" in ${places.join(" and ")}`;
  },
  function changeTag(tree, random) {
    const [path, pattern] = pick(TAGS, random);
    const text = firstText(tree, path);
    const isThere = random() < 0.6;
    tree.write(path, isThere ? text : text.replace(pattern, ""));
    return `tags of ${path}: ${isThere}`;
  },
  function changeDefaults(tree, random) {
    const [group, name] = [pick(GROUPS, random), pick([...TYPES, "Scale"], random)];
    const isThere = random() < 0.7;
    const text = `package v1\n\nimport "k8s.io/api/${group}/v1"\n\n` +
      `func SetDefaults_${name}(obj *v1.${name}) {\n}\n`;
    tree.write(`${inside(group)}/v1/more_defaults.go`, isThere ? text : undefined);
    return `defaults of ${name} in ${group}: ${isThere}`;
  },
  function changeConversion(tree, random) {
    const [group, name] = [pick(GROUPS, random), pick([...TYPES, "Scale"], random)];
    const isThere = random() < 0.7;
    const text = `package v1\n\nimport (\n\t"k8s.io/api/${group}/v1"\n` +
      `\t"k8s.io/apimachinery/pkg/conversion"\n\t"k8s.io/kubernetes/${inside(group)}"\n)\n\n` +
      `func Convert_v1_${name}_To_${group}_${name}(in *v1.${name}, out *${group}.${name}, s conversion.Scope) error {\n` +
      "\treturn nil\n}\n";
    tree.write(`${inside(group)}/v1/more_conversions.go`, isThere ? text : undefined);
    return `conversion of ${name} in ${group}: ${isThere}`;
  },
  function changeBody(tree, random) {
    const place = pick([outside("apps"), inside("batch"), `${MACHINERY}/pkg/version`], random);
    const package_ = place.split("/").at(-1);
    const text = `package ${package_}\n\nfunc edited() int {\n\treturn ${
      Math.floor(random() * 9)
    }\n}\n`;
    tree.write(`${place}/edited.go`, text);
    return `a body in ${place}`;
  },
  function changeMachinery(tree, random) {
    const path = `${MACHINERY}/pkg/apis/meta/v1/types.go`;
    const field = pick(["", '\tEdited []string `json:"edited"`\n'], random);
    tree.write(
      path,
      firstText(tree, path).replace(/^type ListMeta struct \{\n/m, (line) => line + field),
    );
    return `ListMeta has "${field.trim()}"`;
  },
  function changeGenerator(tree, random) {
    const [path, pattern] = pick(TOOLS, random);
    const word = pick(["autogenerated", "made"], random);
    tree.write(path, (tree.read(path) ?? "").replace(pattern, `$1${word}$2`));
    return `${path} writes "${word}"`;
  },
  function changeHeader(tree, random) {
    const path = `${CODE_GENERATOR}/hack/boilerplate.go.txt`;
    tree.write(path, `/*\nCopyright ${Math.floor(random() * 3)}.\n*/\n\n`);
    return "the header";
  },
  function movePackage(tree, random) {
    const [from, to] = pick([
      [outside("apps", "v1beta1"), outside("apps", "v1beta9")],
      [`${inside("apps")}/v1beta2`, `${inside("apps")}/v1beta8`],
      [outside("batch", "v2alpha1"), outside("batch", "v2alpha9")],
    ], random);
    const isBack = random() < 0.5;
    tree.move(isBack ? to! : from!, isBack ? from! : to!);
    return `moved ${isBack ? `${to} back` : from}`;
  },
  function removeOutput(tree, random) {
    const path = pick(outputs(random), random);
    tree.write(path, undefined);
    return `removed ${path}`;
  },
  function spoilOutput(tree, random) {
    const path = pick(outputs(random), random);
    const types = pick(["", "\ntype Byhand struct {\n}\n"], random);
    const package_ = path.split("/").at(-2);
    const text = `// Code generated by hand.\npackage ${package_}\n${types}`;
    if (tree.read(path) !== undefined) tree.write(path, text);
    return `spoiled ${path}`;
  },
  function changeAsset(tree, random) {
    tree.write("test/images/random.txt", `${Math.floor(random() * 9)}\n`);
    return "an asset";
  },
  commit,
  goBack,
];

function outputs(random: () => number): readonly string[] {
  const group = pick(GROUPS, random);
  return [
    `${outside(group)}/zz_generated.deepcopy.go`,
    `${outside("apps", "v1beta1")}/zz_generated.prerelease-lifecycle.go`,
    `${inside(group)}/zz_generated.deepcopy.go`,
    ...["conversion", "defaults"].map((name) => `${inside(group)}/v1/zz_generated.${name}.go`),
    "pkg/generated/openapi/zz_generated.openapi.go",
  ];
}

const tree = findRealTree({ fetch: false });
const bin = goBin();
const LABEL =
  `after ${EDITS} random edits of a part of 1.20.2, what is made is what everything from nothing gives (seed ${SEED})`;

Deno.test({
  name: tree === undefined || bin === undefined ? `${LABEL} (skipped: ${NEEDS_TREE})` : LABEL,
  ignore: tree === undefined || bin === undefined,
  fn: async () => {
    const cache = await Deno.makeTempDir({ prefix: "kbuild go cache-" });
    try {
      await compareEdits({
        open: () => openPart(tree!, bin!, cache),
        edits: EDITS_OF,
        count: EDITS,
        seed: SEED,
        every: COMPARED,
        onEdit: (what, made) => console.log(`${what}: ${made} files`),
      });
    } finally {
      await Deno.remove(cache, { recursive: true });
    }
  },
});
