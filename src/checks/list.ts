import { basename, dirname, join } from "@std/path";
import { type Checkout, readUpdateList, readVerifyLists } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { entriesOf } from "../files/mod.ts";
import { globExpression } from "./glob.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { workspaceModules } from "../lib/golang/mod.ts";

/** A script of a checkout that checks it, or brings it up to date. */
export interface Check {
  /** `gofmt`. */
  readonly name: string;
  /** `verify-gofmt.sh`. */
  readonly file: string;
  /** From the root: `hack/verify-gofmt.sh`. */
  readonly path: string;
  /** Program and arguments, from {@linkcode Check.directory}. */
  readonly argv: readonly string[];
  /** Where it runs, from the root; "" is the root. */
  readonly directory: string;
  /** Why it does not run; undefined: it does. */
  readonly skipped?: "excluded" | "slow";
}

/** Which checks are asked for. */
export interface CheckRequest {
  /** Names without `verify-` and ending; none: all that the checkout's own driver runs. */
  readonly names: readonly string[];
  /** Only quick ones; has no effect on named ones. */
  readonly isQuick: boolean;
  /** The environment: `EXCLUDE_TYPECHECK` and the like. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The checks of a checkout, in the order of its own driver: `hack/verify-*.sh`, then `hack/verify-*.py`, and
 * from 1.33 on those of the modules in `staging`. Named ones are left in that order, and others out.
 *
 * @throws {UsageError} A name is not a check's; names the nearest.
 */
export async function listChecks(
  checkout: Pick<Checkout, "root">,
  { names, isQuick, variables }: CheckRequest,
): Promise<readonly Check[]> {
  const { root } = checkout;
  const lists = await readVerifyLists(checkout, variables);
  const modules = lists.inModules ? [...(await workspaceModules(root)).keys()].sort() : [];
  const all: Check[] = [];
  for (const directory of ["", ...modules]) {
    const found = (await entriesOf(join(root, directory, "hack")) ?? []).map(({ name }) => name)
      .filter((name) => /^verify-.*\.(sh|py)$/.test(name)).sort();
    for (const ending of [".sh", ".py"]) {
      for (const file of found.filter((each) => each.endsWith(ending))) {
        all.push(checkOf("verify-", directory, file));
      }
    }
  }
  if (names.length === 0) {
    const excluded = globExpression(lists.excluded);
    const quick = isQuick && lists.quick !== undefined ? globExpression(lists.quick) : undefined;
    return all.map((check) => {
      if (excluded.test(check.file)) return { ...check, skipped: "excluded" };
      const isSlow = quick?.test(check.file) === false;
      return isSlow ? { ...check, skipped: "slow" } : check;
    });
  }
  const chosen = new Set(names.map((name) => chosenOf(all, name, "verify")));
  return all.filter((check) => chosen.has(check));
}

/**
 * The scripts that `make update` of a checkout runs, in order.
 *
 * @param names Without `update-` and ending; none: all. Any `hack/update-*.sh` may be named.
 * @throws {UsageError} A name is not such a script's; names the nearest.
 * @throws {KbuildError} None is named, and the checkout's own driver cannot be read.
 */
export async function listUpdates(
  checkout: Pick<Checkout, "root">,
  names: readonly string[],
): Promise<readonly Check[]> {
  const entries = await entriesOf(join(checkout.root, "hack")) ?? [];
  const all = entries.map(({ name }) => name).filter((name) => /^update-.*\.sh$/.test(name)).sort()
    .map((file) => checkOf("update-", "", file));
  if (names.length > 0) return [...new Set(names.map((name) => chosenOf(all, name, "update")))];
  const read = await readUpdateList(checkout);
  if ("why" in read) {
    throw new KbuildError(`Cannot tell what to update: ${read.why}`, {
      notes: [
        all.length === 0
          ? "The checkout has no hack/update-*.sh: there is nothing to update"
          : `Name the scripts: kbuild update ${all.map(({ name }) => name).join(" ")}`,
      ],
    });
  }
  return read.names.map((name) => checkOf("update-", "", `${name}.sh`));
}

function checkOf(prefix: "verify-" | "update-", directory: string, file: string): Check {
  const script = `hack/${file}`;
  return Object.freeze({
    name: file.slice(prefix.length).replace(/\.\w+$/, ""),
    file,
    path: join(directory, script),
    argv: Object.freeze([file.endsWith(".py") ? "python3" : "bash", script]),
    directory,
  });
}

/** The check that a name means: `gofmt`, `verify-gofmt`, `hack/verify-gofmt.sh`; of several the first. */
function chosenOf(all: readonly Check[], word: string, what: "verify" | "update"): Check {
  const plain = basename(word).replace(/\.(sh|py)$/, "").replace(new RegExp(`^${what}-`), "");
  const inside = word.includes("/") ? dirname(word).replace(/(^|\/)hack$/, "") : undefined;
  const found = all.find(({ name, directory }) =>
    name === plain && (inside === undefined || inside === "." || directory === inside)
  );
  if (found !== undefined) return found;
  throw new UsageError(`Cannot ${what} "${word}": this checkout has no hack/${what}-${plain}`, [
    ...didYouMean(nearest(plain, all.map(({ name }) => name))),
    `All of them: ls hack/${what}-*`,
  ]);
}
