import { type Checkout, readVersionLdflags } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import { buildDate } from "./source_date.ts";
import { VARIABLES, type VersionVars } from "./types.ts";

/** Flags for Go's linker, and what there is to say of them. */
export interface VersionLdflags {
  /** `-X 'k8s.io/component-base/version.gitVersion=v1.20.2' …`. */
  readonly ldflags: string;
  /** Why the checkout's own function does not count, if it does not. */
  readonly note?: string;
}

/**
 * Port of `kube::version::ldflags`: one `-X` per key and package, in the scripts' order.
 *
 * @param checkout Says which packages take the stamp.
 * @param epoch Seconds since 1970 for `buildDate`.
 * @throws {KbuildError} A value holds both kinds of quotes, which no flag of Go can hold.
 */
export function ldflags(checkout: Checkout, vars: VersionVars, epoch: number): string {
  return findLdflags(checkout, vars, epoch).ldflags;
}

/**
 * {@linkcode ldflags} with what there is to say. What the checkout's own function prints more, or
 * differently, is followed.
 *
 * @throws {KbuildError} A value holds both kinds of quotes.
 */
export function findLdflags(
  checkout: Checkout,
  vars: VersionVars,
  epoch: number,
): VersionLdflags {
  const own = ownLdflags(checkout, vars, epoch);
  const { versionScript, versionPackages, goPackage, root } = checkout;
  // Packages that somebody else named beat the script; and it does not mind what a tag is named.
  const values = Object.fromEntries(
    VARIABLES.flatMap(([name, field]) => vars[field] === undefined ? [] : [[name, vars[field]]]),
  );
  const odd = Object.values(values).some((value) => /[\s'"\\]/.test(value));
  if (versionScript === undefined || odd || !FROM_SCRIPT.test(versionPackages.source)) {
    return { ldflags: own };
  }
  const read = readVersionLdflags(versionScript, {
    root,
    goPackage: goPackage.value,
    variables: {},
    vars: values,
    buildDate: buildDate(epoch),
  });
  if ("why" in read) {
    return { ldflags: own, note: `The version is stamped by Kubernetes' own rules: ${read.why}` };
  }
  const words = goWords(read.ldflags);
  if (words === undefined || words.length === 0) return { ldflags: own };
  return { ldflags: words.join("\0") === goWords(own)?.join("\0") ? own : read.ldflags };
}

/** The source of packages that are the checkout's own, or for want of those the era's. */
const FROM_SCRIPT = /^(hack\/lib\/version\.sh:\d+|built-in table[^:]*)$/;

function ownLdflags(checkout: Checkout, vars: VersionVars, epoch: number): string {
  const flags: string[] = [];
  const add = (key: string, value: string) => {
    for (const versionPackage of checkout.versionPackages.value) {
      flags.push(`-X ${inQuotes(`${versionPackage}.${key}=${value}`)}`);
    }
  };
  add("buildDate", buildDate(epoch));
  if (vars.gitCommit !== undefined) {
    add("gitCommit", vars.gitCommit);
    add("gitTreeState", vars.gitTreeState ?? "");
  }
  if (vars.gitVersion !== undefined) add("gitVersion", vars.gitVersion);
  if (vars.gitMajor !== undefined && vars.gitMinor !== undefined) {
    add("gitMajor", vars.gitMajor);
    add("gitMinor", vars.gitMinor);
  }
  return flags.join(" ");
}

/** The words of flags, as go divides them; undefined where a quote is not closed. */
function goWords(flags: string): readonly string[] | undefined {
  const words: readonly string[] = flags.match(/'[^']*'|"[^"]*"|[^\s'"][^\s]*|['"]/g) ?? [];
  if (words.includes("'") || words.includes('"')) return undefined;
  return words.map((word) => /^['"]/.test(word) ? word.slice(1, -1) : word);
}

/** A word for go, which divides flags at white space and at quotes (cmd/internal/quoted). */
function inQuotes(word: string): string {
  if (!word.includes("'")) return `'${word}'`;
  if (!word.includes('"')) return `"${word}"`;
  throw new KbuildError(`Cannot stamp "${word}": no flag of Go holds both kinds of quotes`, {
    notes: ["Say another version: KUBE_GIT_VERSION=v1.2.3"],
  });
}
