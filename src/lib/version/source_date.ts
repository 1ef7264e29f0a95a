import { join } from "@std/path";
import { VERSION_SCRIPT } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import { ifPresent } from "../../files/mod.ts";
import { askGit, type GitTree } from "../../git/mod.ts";
import type { KubeContext } from "../init.ts";
import type { VersionVars } from "./types.ts";

/** The time that is stamped. */
export interface SourceDate {
  /** Seconds since 1970. */
  readonly epoch: number;
  /** Where it is from: "SOURCE_DATE_EPOCH", "commit", "HEAD", "hack/lib/version.sh", "1970", "clock". */
  readonly from: string;
  /** What a user may not expect of it, one sentence each. */
  readonly notes: readonly string[];
}

/** The last second of the year 9999: dates after it do not have the form that scripts stamp. */
const LATEST = 253_402_300_799;

const SET_IT = "SOURCE_DATE_EPOCH sets another one";

/**
 * `SOURCE_DATE_EPOCH`, else the commit's time. Scripts take the present time instead, which makes
 * every build differ; `--strict-parity` brings that back.
 *
 * @param options.tree What git says of the checkout, if the caller asks more of it.
 * @throws {KbuildError} `SOURCE_DATE_EPOCH` is not a whole number of seconds, or after the year 9999.
 */
export async function findSourceDate(
  context: KubeContext,
  vars: VersionVars,
  { now = Date.now, tree }: { now?: () => number; tree?: GitTree } = {},
): Promise<SourceDate> {
  const given = context.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && given !== "") return sourceDate(seconds(given), "SOURCE_DATE_EPOCH");
  if (context.strictParity) return sourceDate(Math.floor(now() / 1000), "clock");
  const { gitCommit } = vars;
  const ofCommit = gitCommit === undefined ? undefined : await commitTime(context, gitCommit, tree);
  if (ofCommit !== undefined) return sourceDate(ofCommit, "commit");
  // The commit of a tree from `git archive` may be unknown to the repository it was put into.
  const ofHead = await commitTime(context, "HEAD", tree);
  if (ofHead !== undefined) {
    const why = gitCommit === undefined ? "" : `: git does not know ${gitCommit.slice(0, 12)}`;
    return sourceDate(ofHead, "HEAD", `The time is that of HEAD${why}; ${SET_IT}`);
  }
  // A tree from `git archive`: its files carry the commit's time.
  const info = await ifPresent(Deno.stat(join(context.root, VERSION_SCRIPT)));
  const modified = info?.mtime?.getTime();
  return modified === undefined
    ? sourceDate(0, "1970", `The time is 1970-01-01, because git does not say any; ${SET_IT}`)
    : sourceDate(
      Math.floor(modified / 1000),
      VERSION_SCRIPT,
      `The time is that of the file ${VERSION_SCRIPT}, because git does not say any; ${SET_IT}`,
    );
}

/**
 * The seconds of {@linkcode findSourceDate}.
 *
 * @throws {KbuildError} `SOURCE_DATE_EPOCH` is not a whole number of seconds, or after the year 9999.
 */
export async function sourceDateEpoch(
  context: KubeContext,
  vars: VersionVars,
  now: () => number = Date.now,
): Promise<number> {
  return (await findSourceDate(context, vars, { now })).epoch;
}

function sourceDate(epoch: number, from: string, ...notes: string[]): SourceDate {
  return Object.freeze({ epoch, from, notes: Object.freeze(notes) });
}

function seconds(given: string): number {
  const whole = /^\d+$/.test(given);
  if (whole && Number(given) <= LATEST) return Number(given);
  const why = whole ? "it is after the year 9999" : "it is not a number of seconds";
  throw new KbuildError(`Cannot use SOURCE_DATE_EPOCH="${given}": ${why}`, {
    notes: ["Give seconds since 1970, such as SOURCE_DATE_EPOCH=1700000000"],
    exitCode: 2,
  });
}

/** When a commit was made; undefined where git cannot say. */
async function commitTime(
  context: KubeContext,
  commit: string,
  tree?: GitTree,
): Promise<number | undefined> {
  const head = await tree?.head();
  const isHead = commit === "HEAD" || head?.commit === commit;
  if (head?.commit !== undefined && isHead) return head.time;
  const shown = await askGit(context, ["rev-list", "-1", "--timestamp", `${commit}^{commit}`]);
  const time = shown.text?.split(" ")[0] ?? "";
  return /^\d+$/.test(time) ? Number(time) : undefined;
}

/** The time as `date -u +'%Y-%m-%dT%H:%M:%SZ'` prints it. */
export function buildDate(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
