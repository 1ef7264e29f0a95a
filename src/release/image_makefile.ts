import { readMakefile } from "../checkout/mod.ts";

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

/** Variables that the scripts set on the command line of make. */
const SET_BY_SCRIPTS = ["ARCH", "REGISTRY", "VERSION"];

/**
 * Reads the Makefile of an image: the build arguments, the replacements in the Dockerfile, and the
 * archives of programs.
 *
 * @param env The environment of make, and the variables that the scripts set: `ARCH`, `REGISTRY` and
 * `VERSION`.
 */
export function readImageMakefile(
  text: string,
  env: Readonly<Record<string, string>>,
): ImageMakefile {
  const overrides = Object.fromEntries(SET_BY_SCRIPTS.map((name) => [name, env[name] ?? ""]));
  const makefile = readMakefile(text, { variables: env, overrides });
  const expand = (word: string): string => makefile.expand(word).text;
  const args: Record<string, string> = {};
  const replacements: [string, string][] = [];
  const archives: Record<string, readonly string[]> = {};
  for (const line of makefile.lines) {
    for (const [, name = "", value = ""] of line.matchAll(/--build-arg[ =]"?(\w+)=(\S+)/g)) {
      args[name] = expand(value.replaceAll(/["']/g, ""));
    }
    const [, from, to = ""] =
      /\bsed\b.*"s\|([^|]+)\|([^|]*)\|g?"\s+(?:\S*\/)?Dockerfile/.exec(line) ?? [];
    if (from !== undefined) replacements.push([from, expand(to)]);
    const [, name, directory = "", members = ""] =
      /^\s*tar\s+-?[a-z]*c[a-z]*f\s+(?:\S*\/)?(\S+)\s+-C\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (name !== undefined && isBinaries(expand(directory))) {
      archives[name] = Object.freeze(expand(members).trim().split(/\s+/));
    }
  }
  return Object.freeze({ args, replacements, archives });
}

/** Whether a directory is that of the programs: by name, or in `$(shell … || echo NAME)`. */
function isBinaries(directory: string): boolean {
  return /\/bin\/linux\/[a-z0-9]+\)?$/.test(directory);
}
