import { expandMakeVariables } from "../checkout/mod.ts";

/** What an image's Makefile does with the Dockerfile beside it. */
export interface ImageMakefile {
  /** `--build-arg NAME=VALUE`. */
  readonly args: Readonly<Record<string, string>>;
  /** `sed "s|FROM|TO|g" Dockerfile`, in their order: plain words, `^` in front for a line's start. */
  readonly replacements: readonly (readonly [from: string, to: string])[];
  /** `tar -czf NAME -C BINARIES PROGRAM…`: archive beside the Dockerfile -> programs in it. */
  readonly archives: Readonly<Record<string, readonly string[]>>;
}

/**
 * The Dockerfile after the Makefile's replacements. ADD of an archive that the Makefile makes is a
 * COPY of the programs in it, which is what ADD comes to: no archive has to be made.
 */
export function replaceIn(text: string, { archives, replacements }: ImageMakefile): string {
  const copied = text.replaceAll(
    /^ADD[ \t]+((?:--\S+[ \t]+)*)(?:\.\/)?(\S+)[ \t]+(\S+?)\/?[ \t]*$/gm,
    (line: string, flags: string, name: string, target: string) => {
      const programs = Object.hasOwn(archives, name) ? archives[name] : undefined;
      return programs === undefined ? line : `COPY ${flags}${programs.join(" ")} ${target}/`;
    },
  );
  return replacements.reduce((text, [from, to]) => {
    if (!from.startsWith("^")) return text.replaceAll(from, to);
    const word = from.slice(1);
    const lines = text.split("\n");
    return lines.map((line) => line.startsWith(word) ? to + line.slice(word.length) : line)
      .join("\n");
  }, copied);
}

/**
 * Reads the Makefile of an image: variables (`=`, `:=`, `?=`, conditions by `ifeq`), the build
 * arguments, the replacements in the Dockerfile and the archives of programs. What only a shell knows (`$(shell …)`) is empty.
 *
 * @param env What make is started with; it beats `?=`, and those three that the scripts set beat all.
 */
export function readMakefile(text: string, env: Readonly<Record<string, string>>): ImageMakefile {
  const fixed = ["ARCH", "REGISTRY", "VERSION"];
  const values = new Map(Object.entries(env));
  const expand = (word: string): string => expandMakeVariables(word, values).text;
  /** Of the conditions around a line, which hold. */
  const conditions: boolean[] = [];
  const joined = text.replaceAll(/\\\n\s*/g, " ");
  const lines: string[] = [];
  for (const line of joined.split("\n")) {
    const [, negated, left = "", right = ""] =
      /^\s*if(n?)eq\s+\((.*),\s*([^,]*)\)\s*$/.exec(line) ?? [];
    if (negated !== undefined) {
      conditions.push((expand(left).trim() === expand(right).trim()) === (negated === ""));
    } else if (/^\s*ifn?def\b/.test(line)) {
      const [, not, name = ""] = /^\s*if(n?)def\s+(\S+)/.exec(line) ?? [];
      conditions.push(((values.get(name) ?? "") !== "") === (not === ""));
    } else if (/^\s*else\b/.test(line)) conditions.push(!conditions.pop());
    else if (/^\s*endif\b/.test(line)) conditions.pop();
    else if (!conditions.includes(false)) {
      const [, name, operator, value = ""] = /^(\w+)\s*(\?=|:=|=)\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined) lines.push(line);
      else if (!fixed.includes(name) && !(operator === "?=" && values.has(name))) {
        values.set(name, value);
      }
    }
  }
  const args: Record<string, string> = {};
  const replacements: [string, string][] = [];
  const archives: Record<string, readonly string[]> = {};
  for (const line of lines) {
    for (const [, name = "", value = ""] of line.matchAll(/--build-arg[ =]"?(\w+)=(\S+)/g)) {
      args[name] = expand(value.replaceAll(/["']/g, ""));
    }
    const [, from, to = ""] =
      /\bsed\b.*"s\|([^|]+)\|([^|]*)\|g?"\s+(?:\S*\/)?Dockerfile/.exec(line) ?? [];
    if (from !== undefined) replacements.push([from, expand(to)]);
    const [, name, folder = "", members = ""] =
      /^\s*tar\s+-?[a-z]*c[a-z]*f\s+(?:\S*\/)?(\S+)\s+-C\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (name !== undefined && isBinaries(expand(folder))) {
      archives[name] = Object.freeze(expand(members).trim().split(/\s+/));
    }
  }
  return Object.freeze({ args, replacements, archives });
}

/** Whether a directory is that of the programs: by name, or in `$(shell … || echo NAME)`. */
function isBinaries(folder: string): boolean {
  return /\/bin\/linux\/[a-z0-9]+\)?$/.test(folder);
}
