import { join } from "@std/path";
import { createHash } from "node:crypto";
import { readCheckoutFile } from "../checkout/mod.ts";
import { entriesOf, ifPossible, ifPresentSync, readFile } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { mapConcurrently } from "../lib/util.ts";
import { filesBelow } from "./files_below.ts";
import { type NativeScript, scriptDigest } from "./native.ts";
import { openSeen } from "./seen.ts";

/** What decides over headers of files: the rules of a checkout's `hack/boilerplate/boilerplate.py`. */
export interface HeaderRules {
  /** Files with one of these in their path, from the root, are left out. */
  readonly skipped: readonly string[];
  /** Whether directories are left out whose name begins with two underscores. */
  readonly skipsUnderscores: boolean;
  /** Paths with one of these in them are not generated, whatever is in the file. */
  readonly notGenerated: readonly string[];
  /**
   * How a generated file is known: `DO NOT EDIT` anywhere, as the end of a comment line, or none is. Generated files
   * have a header of their own, without a year.
   */
  readonly generated: "anywhere" | "line" | "never";
  /** What is left out before the header of Go files: `// +build`, or `//go:build` too. */
  readonly buildLines: "+build" | "both";
  /** Kinds of files that may begin with `#!`. */
  readonly shebangs: readonly string[];
  /** A year in the header. */
  readonly year: RegExp;
  /** Headers by kind: `go`, `sh`, `Dockerfile`; `generatego` of generated ones. A list of lines each. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

type Form = Pick<
  HeaderRules,
  "skipsUnderscores" | "generated" | "buildLines" | "shebangs"
>;

/** `boilerplate.py` of the releases without its lists, by {@linkcode scriptDigest}. */
const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  // 1.7.3.
  ["2b96f631907b1947e3e369dfc12b0b09172185d62a68554bef6fc9d726ce3e70", {
    ...{ skipsUnderscores: false, generated: "never", buildLines: "+build", shebangs: ["sh"] },
  }],
  // 1.20.2.
  ["f653d4a44260ef2526c9bf9fedf54f5cea4a28fbb48057b997e9042e30ee595f", {
    ...{ skipsUnderscores: false, generated: "anywhere", buildLines: "+build" },
    shebangs: ["sh", "py"],
  }],
  // 1.28.7, 1.35.
  ["27a80edc3051f8d206452cc5c67290209fe7b24287ca674d7b84b6aa503d99a3", {
    ...{ skipsUnderscores: true, generated: "line", buildLines: "both" },
    shebangs: ["sh", "py"],
  }],
]);
/** `hack/verify-boilerplate.sh`: 1.7.3; 1.20.2, 1.28.7, 1.35. */
const SCRIPTS: ReadonlySet<string> = new Set([
  "96ed21c4c5d8900fbedd2ec5afd778eb579f1295489af4c740005a89b119f41d",
  "8c06a69c614262fbe6a0c27c4625e42fda3d3c6f131fa9fbdf73c145feb8693c",
]);

const DIRECTORY = "hack/boilerplate";
const PROGRAM = `${DIRECTORY}/boilerplate.py`;
const LISTS = /skipped_(dirs|names|ungenerated_files) = \[([^\]]*)\]/g;
const YEARS = /\((?:20\d\d\|)+20\d\d\)/;

/**
 * Reads the rules of a checkout's `hack/boilerplate/boilerplate.py` and its headers.
 *
 * @param thisYear The last year that a header may have, from 1.13 on.
 * @returns undefined if the program is not one of Kubernetes' own, apart from its lists.
 */
export async function readHeaderRules(
  root: string,
  thisYear: number,
): Promise<HeaderRules | undefined> {
  const { text } = await readCheckoutFile(root, PROGRAM);
  if (text === undefined) return undefined;
  const code = text.replaceAll(/^[ \t]*#.*\n/gm, "");
  const form = FORMS.get(scriptDigest(code.replaceAll(LISTS, "").replace(YEARS, "(YEARS)")));
  if (form === undefined) return undefined;
  const lists = new Map([...code.matchAll(LISTS)].map(([, name = "", list = ""]) => {
    return [name, [...list.matchAll(/(["'])(.*?)\1/g)].map((match) => match[2]!)] as const;
  }));
  const [years] = YEARS.exec(code) ?? [];
  const all = Array.from({ length: thisYear - 2014 + 1 }, (_, at) => 2014 + at);
  const headers = new Map<string, readonly string[]>();
  for (const { name } of await entriesOf(join(root, DIRECTORY)) ?? []) {
    const [, kind] = /^boilerplate\.(.*)\.txt$/.exec(name) ?? [];
    if (kind === undefined || kind.includes(".")) continue;
    const { text } = await readCheckoutFile(root, `${DIRECTORY}/${name}`);
    if (text !== undefined) headers.set(kind, linesOf(text));
  }
  return Object.freeze({
    ...form,
    skipped: Object.freeze(lists.get("dirs") ?? lists.get("names") ?? []),
    notGenerated: Object.freeze(lists.get("ungenerated_files") ?? []),
    year: new RegExp(years ?? `(${all.join("|")})`, "g"),
    headers,
  });
}

/** As Python's `splitlines()` does it, after its reading of line ends. */
function linesOf(text: string): readonly string[] {
  // deno-lint-ignore no-control-regex -- these end lines for Python
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Kind of a file: that of its ending in small letters, else its name. */
function kindOf(path: string): { name: string; ending: string } {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const ending = /[^.].*\.([^.]*)$/.exec(name)?.[1] ?? "";
  return { name, ending: ending.toLowerCase() };
}

/**
 * Whether a file has the header that its kind has to have.
 *
 * @param path From the root.
 * @returns undefined where the program would fail.
 */
export function hasHeader(rules: HeaderRules, path: string, text: string): boolean | undefined {
  const { name, ending } = kindOf(path);
  text = text.replaceAll(/\r\n?/g, "\n");
  const isGenerated = isGeneratedFile(rules, path, text);
  const own = isGenerated && (ending === "go" || ending === "bzl") ? `generate${ending}` : ending;
  const header = rules.headers.get(own === "" ? name : own);
  if (header === undefined) return undefined;
  if (own === "go" || own === "generatego") {
    const lines = rules.buildLines === "both"
      ? /(?<![^\n])(?:\/\/(?:go:build| \+build)[^\n]*\n)+\n/
      : /(?<![^\n])(?:\/\/ \+build[^\n]*\n)+\n/;
    text = text.replace(lines, "");
  } else if (rules.shebangs.includes(own)) {
    text = text.replace(/(?<![^\n])#![^\n]*\n\n*/, "");
  }
  const lines = linesOf(text).slice(0, header.length);
  if (lines.length < header.length || lines.some((line) => line.includes("YEAR"))) return false;
  if (!isGenerated) {
    for (const [at, line] of lines.entries()) {
      const dated = line.replaceAll(rules.year, "YEAR");
      if (dated === line) continue;
      return header.every((wanted, index) => wanted === (index === at ? dated : lines[index]));
    }
  }
  return header.every((wanted, index) => wanted === lines[index]);
}

function isGeneratedFile(rules: HeaderRules, path: string, text: string): boolean {
  if (rules.notGenerated.some((part) => `/${path}`.includes(part))) return false;
  switch (rules.generated) {
    case "never":
      return false;
    case "anywhere":
      return text.includes("DO NOT EDIT");
    case "line":
      return /(?<![^\n])[/*#]+ +[^\n]* DO NOT EDIT\.(?![^\n])/.test(text);
  }
}

/** Files that are read at the same time. */
const READS = 16;

/**
 * The check of headers, by the rules of the checkout's own `boilerplate.py`, without Python. Files that passed and have
 * not changed since are not read again.
 */
export async function boilerplateCheck(
  context: KubeContext,
  text: string,
): Promise<NativeScript | undefined> {
  const { root, signal } = context;
  if (!SCRIPTS.has(scriptDigest(text))) return undefined;
  const rules = await readHeaderRules(root, new Date().getFullYear());
  if (rules === undefined) return undefined;
  return Object.freeze<NativeScript>({
    summary: "headers",
    async run(print) {
      const shown = { ...rules, year: String(rules.year), headers: [...rules.headers] };
      const key = createHash("sha256").update(JSON.stringify(shown)).digest("hex");
      const seen = await openSeen(context, { name: "boilerplate", key });
      const wrong: string[] = [];
      let isClear = true;
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      const unseen = filesOf(root, rules).flatMap((path) => {
        const info = ifPresentSync(() => Deno.statSync(join(root, path)));
        if (info?.isFile !== true) wrong.push(path);
        return info?.isFile !== true || seen.has(path, info) ? [] : [{ path, info }];
      });
      await mapConcurrently(unseen, READS, async ({ path, info }) => {
        signal?.throwIfAborted();
        const bytes = await readFile(join(root, path));
        const content = await ifPossible(Promise.resolve().then(() => decoder.decode(bytes)));
        const has = content === undefined ? undefined : hasHeader(rules, path, content);
        if (has === undefined) isClear = false;
        else if (has) seen.add(path, info);
        else wrong.push(path);
      });
      await seen.save();
      // The program would end here, in the middle of its list.
      if (!isClear) return undefined;
      for (const path of wrong.sort()) {
        print(`Boilerplate header is wrong for: ${join(root, path)}\n`);
      }
      return wrong.length === 0;
    },
  });
}

/** Files of the kinds that have headers; links to directories are not followed. */
function filesOf(root: string, rules: HeaderRules): readonly string[] {
  const takes = (path: string, isDirectory: boolean) => {
    if (rules.skipped.some((part) => `/${path}`.includes(part))) return false;
    return !(isDirectory && rules.skipsUnderscores) || !/(^|\/)__[^/]*$/.test(path);
  };
  return filesBelow(root, takes).filter(({ path, isLink }) => {
    const { name, ending } = kindOf(path);
    if (!rules.headers.has(ending) && !rules.headers.has(name)) return false;
    return !isLink || ifPresentSync(() => Deno.statSync(join(root, path)))?.isDirectory !== true;
  }).map(({ path }) => path);
}
