import { type Makefile, readCheckoutFile, readMakefile } from "../checkout/mod.ts";

/** A generator that writes one file into each package that asks for it with a tag. */
export interface PackageGenerator {
  /** `deepcopy`, `defaulter` …: the name of its rule without `gen_`, with dashes. */
  readonly name: string;
  /** What is built for it, as the checkout writes it. */
  readonly tool: string;
  /** `zz_generated.deepcopy.go`. */
  readonly fileName: string;
  /** Which packages ask for it. */
  readonly tag: PackageTag;
  /** Its flags, in order, but for `-o` and the file with the header. */
  readonly flags: readonly GeneratorFlag[];
  /** Where that was read: `Makefile.generated_files:210`. */
  readonly source: string;
}

/** What `grep` looks for in the files that have tags. */
export interface PackageTag {
  /** `+k8s:deepcopy-gen=`. */
  readonly text: string;
  /** Whether only a comment at the beginning of a line counts. */
  readonly isAtStart: boolean;
}

/** A flag of a generator. */
export interface GeneratorFlag {
  /** `--bounding-dirs`. */
  readonly name: string;
  /** Its value: text; the packages to generate for; all packages that ask for the generator. */
  readonly value: { readonly text: string } | "verbosity" | "requested" | "all" | undefined;
}

/** A generator that is not run, and why: it would be wrong to be silent about it. */
export interface LeftOut {
  /** `deepcopy`, `protobuf`. */
  readonly name: string;
  /** For people: `its rule cannot be read: no tag is found`. */
  readonly why: string;
  /** Where it is started: `Makefile.generated_files:210`. */
  readonly source: string;
}

/** What a makefile says of generators. */
export interface MakefileGenerators {
  /** In the order in which `make generated_files` runs them. */
  readonly generators: readonly PackageGenerator[];
  /** Those that cannot be read. */
  readonly unreadable: readonly LeftOut[];
  /** Names of all that `generated_files` depends on, without `gen_`. */
  readonly wanted: readonly { readonly name: string; readonly source: string }[];
}

const NOTHING: MakefileGenerators = { generators: [], unreadable: [], wanted: [] };

const MAKEFILES = ["build/root/Makefile.generated_files", "Makefile.generated_files"];

/**
 * Reads the generators of `Makefile.generated_files` that write one file into each package: which tag they look
 * for, the name of the file, the program, its flags (v1.7.3: lines 110-450; v1.20.2: lines 110-490). A generator
 * is one that has `X_GEN`, `X_FILENAME` and `X_DIRS`; OpenAPI definitions of one package are elsewhere
 * ({@linkcode readGeneratedFiles}).
 *
 * @returns Nothing where there is no such file.
 */
export async function readPackageGenerators(root: string): Promise<MakefileGenerators> {
  for (const path of MAKEFILES) {
    const { text } = await readCheckoutFile(root, path);
    if (text !== undefined) return Object.freeze(packageGenerators(text, path));
  }
  return NOTHING;
}

function packageGenerators(source: string, path: string): MakefileGenerators {
  const makefile = readMakefile(source, {
    // Those of the Makefile that calls this one.
    variables: { GENERATED_FILE_PREFIX: "zz_generated.", PRJ_SRC_PATH: "k8s.io/kubernetes" },
  });
  const order = makefile.rules.find(({ targets }) => targets.includes("generated_files"));
  const wanted = lineAt(source, order?.line).replace(/^[^:]*:/, "").trim().split(/\s+/)
    .filter((target) => target.startsWith("gen_"))
    .map((target) => target.slice("gen_".length).replaceAll("_", "-"));
  const found = [...makefile.variables.keys()].flatMap((variable) => {
    const prefix = /^(\w+)_DIRS$/.exec(variable)?.[1];
    if (prefix === undefined || prefix.includes("OPENAPI")) return [];
    return packageGenerator(makefile, prefix, { source, path }) ?? [];
  });
  const rank = ({ name }: PackageGenerator) => {
    const at = wanted.indexOf(name);
    return at < 0 ? wanted.length : at;
  };
  return {
    generators: Object.freeze(
      found.filter((each) => "flags" in each).toSorted((a, b) => rank(a) - rank(b)),
    ),
    unreadable: Object.freeze(found.filter((each) => "why" in each)),
    wanted: wanted.map((name) => ({ name, source: `${path}:${order?.line}` })),
  };
}

function packageGenerator(
  makefile: Makefile,
  prefix: string,
  { source, path }: { source: string; path: string },
): PackageGenerator | LeftOut | undefined {
  // A variable of another kind.
  if (!makefile.variables.has(`${prefix}_GEN`)) return undefined;
  const { text: fileName, isComplete } = makefile.expand(`$(${prefix}_FILENAME)`);
  const tool = toolOf(makefile, `$(${prefix}_GEN)`);
  const tag = tagOf(makefile.variables.get(`${prefix}_DIRS`) ?? "");
  const call = callOf(makefile, prefix);
  const rule = makefile.rules.find(({ recipe, targets }) =>
    targets.some((target) => target.startsWith("gen_")) &&
    recipe.some((line) => line.includes(`$(${prefix}_GEN)`) || line.includes(`_${prefix})`))
  );
  const name = rule?.targets.find((target) => target.startsWith("gen_"))?.slice("gen_".length) ??
    prefix.toLowerCase();
  const place = {
    name: name.replaceAll("_", "-"),
    source: `${path}:${rule?.line ?? lineOf(source, `${prefix}_GEN`)}`,
  };
  const unread = (what: string): LeftOut =>
    Object.freeze({ ...place, why: `its rule cannot be read: ${what} is not understood` });
  if (!isComplete || fileName === "") return unread(`${prefix}_FILENAME`);
  if (tag === undefined) return unread(`the tag in ${prefix}_DIRS`);
  if (tool === undefined) return unread(`what builds ${prefix}_GEN`);
  if (call === undefined) return unread(`the start of ${prefix}_GEN`);
  const flags = flagsOf(makefile, prefix, call);
  return Object.freeze({ ...place, tool, fileName, tag, flags: Object.freeze(flags) });
}

function lineAt(source: string, line: number | undefined): string {
  return line === undefined ? "" : source.split("\n")[line - 1] ?? "";
}

function lineOf(source: string, word: string): number {
  return source.slice(0, Math.max(source.indexOf(word), 0)).split("\n").length;
}

/** What a makefile gives to `hack/make-rules/build.sh` in a rule. */
function toolOf(makefile: Makefile, rule: string): string | undefined {
  const recipe = makefile.rules.flatMap(({ targets, recipe }) =>
    targets.includes(rule) ? recipe : []
  );
  return /build\.sh +(\S+)/.exec(recipe.join("\n"))?.[1];
}

/** `grep -l '+k8s:deepcopy-gen=' $(ALL_K8S_TAG_FILES)`. */
function tagOf(directories: string): PackageTag | undefined {
  const [, anchor, text] = /grep [^']*'(\^\/\/ \*)?(\+[\w:.-]+=\w*)'/.exec(directories) ?? [];
  return text === undefined ? undefined : { text, isAtStart: anchor !== undefined };
}

/** The words between the program and the end of its command, in a recipe or in a variable for recipes. */
function callOf(makefile: Makefile, prefix: string): string | undefined {
  const texts = [
    ...makefile.rules.flatMap(({ recipe }) => recipe),
    ...makefile.variables.values(),
  ];
  for (const text of texts) {
    const [, words] = new RegExp(
      `run-in-gopath\\.sh +\\$+\\(${prefix}_GEN\\)((?:[^;"]|"[^"]*")*)`,
    ).exec(text) ?? [];
    if (words !== undefined) return words;
  }
  return undefined;
}

function flagsOf(makefile: Makefile, prefix: string, call: string): GeneratorFlag[] {
  const words = wordsOf(call);
  const flags: GeneratorFlag[] = [];
  for (let at = 0; at < words.length; at++) {
    const name = words[at] ?? "";
    if (!/^--?\w/.test(name)) continue;
    const next = words[at + 1];
    const value = next === undefined || /^--?\w/.test(next) ? undefined : next;
    if (value !== undefined) at++;
    flags.push({ name, value: valueOf(makefile, prefix, name, value) });
  }
  return flags;
}

/** Words of a command; what is in parentheses or quotes stays together. */
function wordsOf(call: string): string[] {
  const words: string[] = [];
  let word = "";
  let depth = 0;
  let isQuoted = false;
  for (const letter of call) {
    if (letter === "(") depth++;
    if (letter === ")") depth--;
    if (letter === '"' && depth === 0) isQuoted = !isQuoted;
    else if (/\s/.test(letter) && depth === 0 && !isQuoted) {
      if (word !== "") words.push(word);
      word = "";
    } else word += letter;
  }
  if (word !== "") words.push(word);
  return words;
}

function valueOf(
  makefile: Makefile,
  prefix: string,
  name: string,
  text: string | undefined,
): GeneratorFlag["value"] {
  if (text === undefined) return undefined;
  if (text === "$(KUBE_VERBOSE)") return "verbosity";
  if (name === "-i" || name === "--input-dirs") return "requested";
  const inner = /^\$+\(echo (.*) \| *sed .*\)$/.exec(text)?.[1] ?? text;
  const isList = inner !== text;
  const filled = followed(makefile, inner);
  if (filled.includes(`$(${prefix}_DIRS)`)) return "all";
  const { text: value } = makefile.expand(filled);
  return { text: isList ? value.trim().split(/\s+/).join(",") : value };
}

/** Follows a variable to the expression that it is. */
function followed(makefile: Makefile, text: string): string {
  const name = /^\$\((\w+)\)$/.exec(text.trim())?.[1];
  const value = name === undefined ? undefined : makefile.variables.get(name);
  return value === undefined ? text : value;
}

/** Whether the run of a generator for a few packages gives the same files as one for all of them. */
export function isPartial({ flags, name }: PackageGenerator): boolean {
  // Conversions that are written by hand count wherever they are: all packages have to be read for them.
  return name !== "conversion" || flags.some(({ value }) => value === "all");
}
