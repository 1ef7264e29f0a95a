import { dirname, join } from "@std/path";
import { ifPresent, readText } from "../../files/mod.ts";

/** What is compiled of a package by others than Go's compiler. */
export interface CPackage {
  /** Import path. */
  readonly path: string;
  /** Absolute. */
  readonly directory: string;
  /** Go files with cgo, C files, headers and assembly; absolute. */
  readonly files: readonly string[];
  /** Files of C++, Objective-C, Fortran and SWIG; absolute. */
  readonly foreign: readonly string[];
}

/** What a C compiler reads for the packages of a step. */
export interface CSources {
  /** Those with cgo. */
  readonly packages: readonly CPackage[];
  /** Flags of `#cgo CFLAGS` and `CPPFLAGS`. */
  readonly cFlags: readonly string[];
  /** Flags of `#cgo LDFLAGS`. */
  readonly linkFlags: readonly string[];
  /** Names of `#cgo pkg-config`. */
  readonly pkgConfig: readonly string[];
}

/** Flags of GCC that bring in no file, and that say all that they do (GCC's manual, Option Summary). */
const PLAIN_FLAG =
  /^-([DUOgW](?![alp],)[^@]*|w|std=[\w+]+|pedantic(-errors)?|ansi|pthread|pipe|m(?!specs)[\w=.,+-]+|f(?!plugin|profile|auto-profile|sanitize|use-ld|lto|openmp|openacc|dump|callgraph|compare)[\w=.,+-]+)$/;

/** Flags of the linker that bring in no file; libraries are looked for by name. */
const LINK_FLAG =
  /^-(l[\w+.-]+|static(-libgcc|-pie)?|s|rdynamic|(no-)?pie|Wl(,(-z,?[\w=-]+|-O\d|-s|-S|-B(static|dynamic|symbolic)|--(no-)?as-needed|--(no-)?gc-sections|--build-id(=none|=sha1)?|--hash-style=\w+|--no-undefined|--allow-multiple-definition|--export-dynamic|-E|--(start|end)-group))+)$/;

/** Whether a flag of a C compiler brings in no file. */
export function isPlainFlag(flag: string): boolean {
  return PLAIN_FLAG.test(flag);
}

/** The words of a variable like `CGO_CFLAGS`. */
export function flagsIn(value = ""): readonly string[] {
  return value.split(/\s+/).filter((word) => word !== "");
}

/**
 * Why it cannot be known what a C compiler reads for packages, as the end of a sentence; undefined: it can.
 */
export async function keylessCgo(
  { packages, cFlags, linkFlags, pkgConfig }: CSources,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (pkgConfig.length > 0) return "it has cgo with pkg-config";
  for (const { path, foreign: [file] } of packages) {
    if (file !== undefined) return `"${path}" has cgo with other languages than C`;
  }
  // Headers there are in the lists of the packages.
  const own = new Set(packages.map(({ directory }) => `-I${directory}`));
  const isKnown = (flag: string) => isPlainFlag(flag) || own.has(flag.replace(/\/\.?$/, ""));
  const given = ["CGO_CPPFLAGS", "CGO_CFLAGS"].flatMap((name) => flagsIn(env[name]));
  const linked = [...linkFlags, ...flagsIn(env["CGO_LDFLAGS"])];
  const flag = [...cFlags, ...given].find((flag) => !isKnown(flag)) ??
    linked.find((flag) => !isPlainFlag(flag) && !LINK_FLAG.test(flag));
  if (flag !== undefined) return `it has cgo, and what ${flag} brings in is not known`;
  const places = [...cFlags, ...given].flatMap((flag) => /^-I(.+)$/.exec(flag)?.[1] ?? []);
  return await unlistedInclude(packages, places);
}

/**
 * An `#include` of a file that Go does not list, as the end of a sentence.
 *
 * @param places Directories that the compiler looks in before those of the system; absolute.
 */
export async function unlistedInclude(
  packages: readonly CPackage[],
  places: readonly string[] = [],
): Promise<string | undefined> {
  const listed = new Set(packages.flatMap(({ files }) => files));
  for (const each of packages) {
    for (const { file, name, isQuoted } of await includesOf(each)) {
      if (name === "") return `what "${file}" includes is not known`;
      for (const place of [...isQuoted ? [dirname(file)] : [], ...places]) {
        const path = name.startsWith("/") ? name : join(place, name);
        if (listed.has(path) || await ifPresent(Deno.stat(path)) === undefined) continue;
        return `"${each.path}" includes "${name}", which is not one of its own files`;
      }
    }
  }
  return undefined;
}

/** An `#include` of a file. */
interface Include {
  /** Absolute. */
  readonly file: string;
  /** As it is written; empty if a macro says it. */
  readonly name: string;
  readonly isQuoted: boolean;
}

/** Everything that the files of a package include themselves, whatever the conditions. */
export async function includesOf({ files }: CPackage): Promise<readonly Include[]> {
  const found: Include[] = [];
  for (const file of files) {
    const text = await ifPresent(readText(file)) ?? "";
    const lines = text.matchAll(
      /^\s*(?:\/\/|\/\*)?\s*#\s*(?:include|include_next|import|embed)\b[ \t]*(.*)$/gm,
    );
    for (const [, rest = ""] of lines) {
      const [, quoted, system] = /^(?:"([^"\n]+)"|<([^>\n]+)>)/.exec(rest) ?? [];
      found.push({ file, name: quoted ?? system ?? "", isQuoted: quoted !== undefined });
    }
    if (/^\s*\.incbin\b|[";]\s*\.incbin\b/m.test(text)) {
      found.push({ file, name: "", isQuoted: true });
    }
  }
  return found;
}
