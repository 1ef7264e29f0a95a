import { KbuildError } from "../../errors.ts";
import { readText, reasonOf } from "../../files/mod.ts";
import { nonEmpty, VARIABLES, type VersionVars } from "./types.ts";

/** `NAME='value'`, where a quote in the value is written `'\''`; `NAME="value"`; `NAME=value`. */
const ASSIGNMENT =
  /^\s*(?:export\s+)?(KUBE_GIT_[A-Z_]+)=(?:'((?:[^']|'\\'')*)'|"([^"$`\\]*)"|([^\s'"$`\\;]*))\s*$/;

/**
 * Port of `kube::version::load_version_vars`, without running the file as a script.
 *
 * @throws {KbuildError} The file cannot be read.
 */
export async function loadVersionVars(
  path: string,
  env: Readonly<Record<string, string>>,
): Promise<VersionVars> {
  const text = await readText(path).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read KUBE_GIT_VERSION_FILE "${path}": ${reasonOf(cause)}`, {
      cause,
    });
  });
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, quoted, double, plain] = ASSIGNMENT.exec(line) ?? [];
    if (name !== undefined) {
      found.set(name, quoted?.replaceAll(`'\\''`, "'") ?? double ?? plain ?? "");
    }
  }
  // What the file does not name keeps its value, as with bash's "source".
  const value = (name: string) => nonEmpty(found.get(name) ?? env[name]);
  return Object.freeze({
    gitCommit: value("KUBE_GIT_COMMIT"),
    gitTreeState: value("KUBE_GIT_TREE_STATE"),
    gitVersion: value("KUBE_GIT_VERSION"),
    gitMajor: value("KUBE_GIT_MAJOR"),
    gitMinor: value("KUBE_GIT_MINOR"),
    dirtyPaths: Object.freeze([]),
    from: "KUBE_GIT_VERSION_FILE",
    notes: Object.freeze([`The version is that of KUBE_GIT_VERSION_FILE ("${path}")`]),
    problem: undefined,
  });
}

/** Port of `kube::version::save_version_vars`: the text of a version file. */
export function versionFile(vars: VersionVars): string {
  return shellVariables(vars).map((line) => `${line}\n`).join("");
}

/**
 * The variables as a shell can read them: `kbuild version --shell`. What a tag is named runs nothing,
 * whatever it holds.
 */
export function shellVariables(vars: VersionVars): readonly string[] {
  return Object.freeze(VARIABLES.map(([name, field]) => `${name}=${inQuotes(vars[field] ?? "")}`));
}

/** In single quotes also where none are needed: as the scripts write it. */
function inQuotes(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
