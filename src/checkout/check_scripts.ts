import { readCheckoutFile } from "./files.ts";
import { readBash } from "./kubernetes_bash.ts";
import type { Checkout } from "./types.ts";

/** The script behind `make verify`. */
export const VERIFY_SCRIPT = "hack/make-rules/verify.sh";
/** The scripts behind `make update`; the second one up to 1.8. */
const UPDATE_SCRIPTS = ["hack/make-rules/update.sh", "hack/update-all.sh"] as const;

/** How a checkout's own `hack/make-rules/verify.sh` chooses checks. */
export interface VerifyLists {
  /** Names of scripts that only run when they are named: `verify-*-dockerized.sh`; `*` as in bash. */
  readonly excluded: readonly string[];
  /** Names of scripts that are quick; undefined where the script has no such list. */
  readonly quick: readonly string[] | undefined;
  /** Whether modules in `staging` have checks of their own: 1.33 and later. */
  readonly inModules: boolean;
  /** Whether the report has only lines that begin with `ERROR: ` of what failed: 1.28 and later. */
  readonly reportsErrors: boolean;
}

/** Excluded by every release: the first one would start all checks again. */
const ALWAYS = ["verify-all.sh", "verify-*-dockerized.sh"];

/**
 * Reads which checks the checkout's own `hack/make-rules/verify.sh` leaves out, and which it counts as quick.
 *
 * @param variables The environment: `EXCLUDE_TYPECHECK`, `EXCLUDE_GODEP` and the like.
 */
export async function readVerifyLists(
  { root }: Pick<Checkout, "root">,
  variables: Readonly<Record<string, string>>,
): Promise<VerifyLists> {
  const { text = "" } = await readCheckoutFile(root, VERIFY_SCRIPT);
  const read = readBash({
    files: [{ path: VERIFY_SCRIPT, text }],
    variables,
    hostArch: "amd64",
  });
  const listed = read.array("EXCLUDED_PATTERNS") ?? [];
  const quick = read.array("QUICK_PATTERNS");
  return Object.freeze({
    excluded: Object.freeze([...new Set([...ALWAYS, ...listed])]),
    quick: quick === undefined ? undefined : Object.freeze([...quick]),
    inModules: text.includes("./staging/**/go.mod"),
    reportsErrors: text.includes('-fail="^ERROR: "'),
  });
}

/**
 * Reads which scripts the checkout's `make update` runs, in order: `update-gofmt`.
 *
 * @returns The names, or why they are not known.
 */
export async function readUpdateList(
  { root }: Pick<Checkout, "root">,
): Promise<
  { readonly path: string; readonly names: readonly string[] } | { readonly why: string }
> {
  for (const path of UPDATE_SCRIPTS) {
    const { text } = await readCheckoutFile(root, path);
    const names = text === undefined ? undefined : listIn(path, text);
    if (names !== undefined) return Object.freeze({ path, names: Object.freeze(names) });
  }
  return { why: `${UPDATE_SCRIPTS[0]}: No list BASH_TARGETS` };
}

function listIn(path: string, text: string): readonly string[] | undefined {
  const read = readBash({ files: [{ path, text }], variables: {}, hostArch: "amd64" });
  const list = read.array("BASH_TARGETS") ?? read.get("BASH_TARGETS")?.split(/\s+/);
  const names = list?.filter((name) => name !== "") ?? [];
  return names.length === 0 ? undefined : names;
}
