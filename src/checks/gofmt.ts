import { join } from "@std/path";
import { ifPossibleSync, ifPresent } from "../files/mod.ts";
import { askGit } from "../git/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram, mapConcurrently } from "../lib/util.ts";
import { filesBelow } from "./files_below.ts";
import { globExpression } from "./glob.ts";
import type { NativeScript } from "./native.ts";
import { openSeen } from "./seen.ts";

/** Which files a checkout's gofmt scripts format. */
export type GofmtFiles =
  /** `find . -not \( … -prune \) -name '*.go'`: patterns of what is left out, `*` for any letters and slashes. */
  | { readonly by: "find"; readonly leftOut: readonly string[] }
  /** `git ls-files`, with its arguments. */
  | { readonly by: "git"; readonly args: readonly string[] };

/** How the scripts of the releases look files up: 1.6 to today, and from 1.30 on. */
const FIND =
  /^find \. -not \\\( \\\( ((?:(?:-o )?-wholename '[^']*' )+)\\\) -prune \\\) -name '\*\.go'$/;
const GIT = /^git ls-files (-cmo --exclude-standard (?:':[^']*' )+)"\$@"$/;
/** Lines around that which decide nothing: where to run, which gofmt, what is printed. */
const PLAIN: readonly RegExp[] = [
  /^set -o (errexit|nounset|pipefail)$/,
  /^KUBE_ROOT=\$\(dirname "\$\{BASH_SOURCE(\[0\])?\}"\)\/\.\.$/,
  /^source "\$\{KUBE_ROOT\}\/hack\/lib\/(init|util)\.sh"$/,
  /^kube::golang::(verify_go_version|setup_env)$/,
  /^cd "\$\{KUBE_ROOT\}"$/,
  // Bazel's own gofmt; with it in the checkout the script decides.
  /^gofmt="external\/io_bazel_rules_go_toolchain\/bin\/gofmt"$/,
  /^if \[\[ ! -x "\$\{gofmt\}" \]\]; then$/,
  /^gofmt=\$\(which gofmt\)$/,
  /^GOFMT="gofmt -s -w"$/,
  /^(function )?(find_files|git_find)\(\) \{$/,
  /^\}$/,
  /^if \[\[ -n "\$\{diff\}" \]\]; then$/,
  /^echo( "[^"$`]*"| "\$\{diff\}")?( >&2)?$/,
  /^exit 1$/,
  /^fi$/,
];
const VERIFIES =
  /^diff=\$\((find_files \| xargs|git_find -z \| xargs -0) ("?\$\{gofmt\}"?|gofmt) (-d -s|-s -d) 2>&1\) \|\| true$/;
const UPDATES = /^(find_files \| xargs|git_find -z \| xargs -0) (gofmt -s -w|\$GOFMT)$/;

/**
 * Reads which files a checkout's `hack/verify-gofmt.sh` or `hack/update-gofmt.sh` formats.
 *
 * @returns undefined if there is anything else in the script.
 */
export function readGofmtScript(
  text: string,
  what: "verify" | "update",
): GofmtFiles | undefined {
  const lines = text.replaceAll(/`#[^`]*`/g, "").replaceAll(/\\\n/g, " ").split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "" && !line.startsWith("#"));
  let files: GofmtFiles | undefined;
  let works = 0;
  for (const line of lines) {
    const [, found] = FIND.exec(line) ?? [];
    const [, listed] = GIT.exec(line) ?? [];
    if (found !== undefined || listed !== undefined) {
      if (files !== undefined) return undefined;
      files = found === undefined
        ? { by: "git", args: [...listed!.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!) }
        : { by: "find", leftOut: [...found.matchAll(/'([^']*)'/g)].map((m) => m[1]!) };
    } else if ((what === "verify" ? VERIFIES : UPDATES).test(line)) {
      works++;
    } else if (!PLAIN.some((pattern) => pattern.test(line))) {
      return undefined;
    }
  }
  return works === 1 ? files : undefined;
}

/** Paths at a call of gofmt: far below what systems take as arguments. */
const BATCH = 400;
/** gofmt from Go 1.18 on works on several files at once by itself. */
const CALLS = 2;

/**
 * gofmt on the files of the checkout, as its script calls it. Files that were well formatted and have not changed
 * since are not looked at again.
 */
export async function gofmtScript(
  context: KubeContext,
  { path, text, env }: { path: string; text: string; env: Readonly<Record<string, string>> },
): Promise<NativeScript | undefined> {
  const { root, shell } = context;
  const what = path.includes("verify-") ? "verify" : "update";
  const chosen = readGofmtScript(text, what);
  if (chosen === undefined) return undefined;
  if (await ifPresent(Deno.stat(join(root, "external/io_bazel_rules_go_toolchain")))) {
    return undefined;
  }
  const gofmt = await findProgram("gofmt", env["PATH"]);
  if (gofmt === undefined) return undefined;
  const start = async (flags: readonly string[], paths: readonly string[]) => {
    const decoder = new TextDecoder();
    let errors = "";
    const { code, stdout } = await shell.run([gofmt, ...flags, ...paths], {
      ...{ cwd: root, env, allowed: "any", label: "gofmt" },
      onStderr(chunk) {
        errors += decoder.decode(chunk, { stream: true });
      },
    });
    // From Go 1.25 on the status is 1 where files differ.
    if (code > 1 && errors === "") errors = `gofmt exited with status ${code}\n`;
    return { stdout, errors };
  };
  return Object.freeze<NativeScript>({
    summary: "gofmt",
    async run(print) {
      const paths = await goFiles(context, chosen);
      if (paths === undefined) return undefined;
      const program = await Deno.stat(gofmt);
      const key = `${gofmt} ${program.size} ${program.mtime?.getTime()}`;
      const seen = await openSeen(context, { name: "gofmt", key });
      const infos = new Map<string, Deno.FileInfo>();
      const unseen: string[] = [];
      for (const each of paths) {
        const info = ifPossibleSync(() => Deno.statSync(join(root, each)));
        // gofmt also formats what is in a directory.
        if (info !== undefined && !info.isFile) return undefined;
        if (info !== undefined && seen.has(each, info)) continue;
        // What is deleted, or a link to nothing, is an error of gofmt.
        unseen.push(each);
        if (info !== undefined) infos.set(each, info);
      }
      const batches = inBatches(unseen);
      const flags = what === "verify" ? ["-l", "-d", "-s"] : ["-l", "-s", "-w"];
      const results = await mapConcurrently(batches, CALLS, async (batch) => {
        const { stdout, errors } = await start(flags, batch);
        // A path alone in a line is that of a file; lines of differences begin with other letters.
        const known = new Set(batch);
        const wrong = new Set(stdout.split("\n").filter((line) => known.has(line)));
        if (errors === "") {
          for (const each of batch) {
            const info = infos.get(each);
            if (info !== undefined && !wrong.has(each)) seen.add(each, info);
          }
        }
        return { stdout, wrong, errors };
      });
      await seen.save();
      const errors = results.map((result) => result.errors).join("");
      for (const { stdout } of results) print(stdout);
      const wrong = results.flatMap((result) => [...result.wrong]).sort();
      if (what === "update" || wrong.length === 0) {
        print(errors);
        return errors === "";
      }
      print(`\n${wrong.map((each) => `Not formatted: ${each}\n`).join("")}`);
      print(`${errors}\nRun kbuild update gofmt\n`);
      return false;
    },
  });
}

function inBatches(paths: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(paths.length / BATCH);
  return Array.from({ length: count }, (_, at) => paths.slice(at * BATCH, (at + 1) * BATCH));
}

/** Paths from the root, sorted; undefined if git cannot say, or `find` has more to say than paths of files. */
async function goFiles(
  context: KubeContext,
  chosen: GofmtFiles,
): Promise<readonly string[] | undefined> {
  if (chosen.by === "find") return found(context.root, chosen.leftOut)?.toSorted();
  const { text } = await askGit(context, [
    ...["--no-literal-pathspecs", "ls-files", "-z", ...chosen.args],
  ]);
  return text === undefined
    ? undefined
    : [...new Set(text.split("\0"))].filter((path) => path !== "").sort();
}

/** What `find` prints; undefined with errors or directories among it. */
function found(root: string, leftOut: readonly string[]): readonly string[] | undefined {
  const pruned = globExpression(leftOut);
  let isPlain = true;
  const files = filesBelow(
    root,
    (path, isDirectory) => {
      if (pruned.test(`./${path}`)) return false;
      if (isDirectory && path.endsWith(".go")) isPlain = false;
      return true;
    },
    () => void (isPlain = false),
  );
  return isPlain
    ? files.filter(({ path }) => path.endsWith(".go")).map(({ path }) => path)
    : undefined;
}
