/** What a script that checks with a program of the checkout builds and starts. */
export interface ProgramScript {
  /** What `go build` takes: `./cmd/importverifier`, `test/typecheck/main.go`, an import path. */
  readonly program: string;
  /** Variables that the script sets for building it, and for starting it. */
  readonly env: {
    readonly build: Readonly<Record<string, string>>;
    readonly run: Readonly<Record<string, string>>;
  };
  /** Arguments of the program; `${KUBE_ROOT}` stands for the root. */
  readonly args: readonly string[];
  /** What follows them. */
  readonly packages:
    | { readonly of: "nothing" }
    /** `--input-dirs` with these, and the packages of each directory in `staging/src/k8s.io`. */
    | { readonly of: "staging"; readonly named: readonly string[] }
    /** `./staging/src/k8s.io/api/...` of each module of the workspace, before the arguments or behind them. */
    | { readonly of: "workspace"; readonly at: "front" | "end" };
  /** Whether generated files that git does not have are made before. */
  readonly isGenerated: boolean;
}

/** Lines that decide nothing: where to run, what is printed, what is looked for. */
const PLAIN: readonly RegExp[] = [
  /^set -o (errexit|nounset|pipefail)$/,
  /^KUBE_ROOT=\$\(dirname "\$\{BASH_SOURCE(\[0\])?\}"\)\/\.\.$/,
  /^source "\$\{KUBE_ROOT\}\/hack\/lib\/init\.sh"$/,
  /^kube::golang::(verify_go_version|setup_env)$/,
  /^kube::util::require-jq$/,
  /^cd "\$\{KUBE_ROOT\}"$/,
  /^ret=0$/,
  /^echo( "[^"`]*")?( >&2)?$/,
  /^TYPECHECK_SERIAL="\$\{TYPECHECK_SERIAL:-false\}"$/,
  // The program that was built is there.
  /^(\w+)=\$\(kube::util::find-binary "\1"\)$/,
];
/** Where a program that was built is missing, or did not pass. */
const FAILS =
  /^if \[\[ (?:! -x "\$(\w+)"|\$ret -ne 0) \]\]; then (?:\{ )?(?:echo(?: "[^"`]*")?(?: >&2)? )+(?:\} >&2 )?exit 1 fi$/;
const GENERATES = /^make (?:--no-print-directory )?-C "\$\{KUBE_ROOT\}" generated_files$/;
const BUILDS = /^make -C "\$\{KUBE_ROOT\}" WHAT=([\w./-]+)$/;
const INSTALLS = /^((?:GO\w+=\w+ )*)go install ((?!-)[\w./-]+)$/;
const RUNS =
  /^((?:GO\w+=\w+ )*)(?:hack\/run-in-gopath\.sh )?go run ((?!-)[\w./-]+)((?: (?:"[^"]*"|[\w=-]+))*)( \|\| ret=\$\?)?$/;
const STARTS =
  /^(?:"\$\{?(\w+)\}?"|\$\(kube::util::find-binary "([\w-]+)"\)|(importverifier))((?: (?:"[^"]*"|[\w=-]+))*)$/;
/** The array of packages, and what adds those of the staging directories. */
const NAMED = /^packages=\(((?:"[\w./-]+" ?)+)\)$/;
const STAGED =
  'for d in staging/src/k8s.io/*/; do if [ -d "$d" ]; then packages+=("./vendor/${d#"staging/src/"}...") fi done';
const INPUT_DIRS = ' --input-dirs "$(IFS=, ; echo "${packages[*]}")"';
/** The modules of the workspace; without arguments of the script, they are its arguments. */
const MODULES =
  "kube::util::read-array packages < <( go work edit -json | jq -r '.Use[].DiskPath + \"/...\"' )";
const AS_ARGUMENTS = `if [[ $# == 0 ]]; then packages=() ${MODULES} set -- "\${packages[@]}" fi`;

/**
 * Reads which program of the checkout a check builds and starts: `hack/verify-typecheck.sh`, `verify-imports.sh`,
 * `verify-import-boss.sh` and `verify-import-aliases.sh`, as 1.6 to 1.35 have them.
 *
 * @param variables The environment: `TYPECHECK_SERIAL`.
 * @returns undefined if there is anything else in the script.
 */
export function readProgramScript(
  text: string,
  variables: Readonly<Record<string, string>>,
): ProgramScript | undefined {
  let [isGenerated, isListed, isStaged, isWorkspace] = [false, false, false, false];
  let [mayFail, fails] = [false, false];
  let named: readonly string[] = [];
  let built: { program: string; env: Readonly<Record<string, string>> } | undefined;
  let started: { name: string | undefined; words: string; isRun: boolean } | undefined;
  for (const line of statements(text)) {
    const [fail, guarded] = FAILS.exec(line) ?? [];
    const [, target] = BUILDS.exec(line) ?? [];
    const [, installEnv, installed] = INSTALLS.exec(line) ?? [];
    const [, runEnv, run, words, orFails] = RUNS.exec(line) ?? [];
    const [, inVariable, found, bare, args] = STARTS.exec(line) ?? [];
    const [, listed] = NAMED.exec(line) ?? [];
    // Nothing may follow but what a failure comes to.
    if (fail !== undefined) {
      if (guarded === undefined) fails = started !== undefined;
    } else if (PLAIN.some((pattern) => pattern.test(line))) continue;
    else if (started !== undefined) return undefined;
    else if (GENERATES.test(line)) isGenerated = true;
    else if (target !== undefined) built = { program: `./${target}`, env: {} };
    else if (installed !== undefined) built = { program: installed, env: assigned(installEnv) };
    else if (listed !== undefined) named = wordsOf(listed);
    else if (line === STAGED) isStaged = true;
    else if (line === "packages=()") isListed = true;
    else if (line === AS_ARGUMENTS || (line === MODULES && isListed)) isWorkspace = true;
    else if (run !== undefined && built === undefined) {
      built = { program: run, env: assigned(runEnv) };
      mayFail = orFails !== undefined;
      started = { name: undefined, words: words ?? "", isRun: true };
    } else if (args !== undefined) {
      started = { name: inVariable ?? found ?? bare, words: args, isRun: false };
    } else if (line.endsWith(INPUT_DIRS) && isStaged) {
      const [, , program, , more = ""] = STARTS.exec(line.slice(0, -INPUT_DIRS.length)) ?? [];
      if (program === undefined) return undefined;
      started = { name: program, words: more, isRun: false };
    } else return undefined;
  }
  if (built === undefined || started === undefined || mayFail !== fails) return undefined;
  const name = built.program.replace(/^.*\//, "");
  if (!started.isRun && started.name !== name) return undefined;
  const serial = variables["TYPECHECK_SERIAL"] || "false";
  const all = wordsOf(started.words.replace("$TYPECHECK_SERIAL", () => serial));
  // Checks have no arguments: "$@" is nothing, or the modules.
  const args = all.filter((word) => word !== "$@" && word !== "${packages[@]}");
  if (
    args.some((word) => /[$`]/.test(word.replace(/^\$\{KUBE_ROOT\}\//, "").replace(VERBOSE, "")))
  ) {
    return undefined;
  }
  const shown = args.map((word) => word.replace(VERBOSE, () => variables["KUBE_VERBOSE"] || "0"));
  const takes = all.length > args.length;
  if (isWorkspace && !takes) return undefined;
  return Object.freeze({
    program: built.program,
    env: Object.freeze({ build: built.env, run: started.isRun ? built.env : {} }),
    args: Object.freeze(shown),
    packages: isWorkspace
      ? { of: "workspace", at: all[0] === "$@" ? "front" : "end" } as const
      : isStaged
      ? { of: "staging", named } as const
      : { of: "nothing" } as const,
    isGenerated,
  });
}

const VERBOSE = "${KUBE_VERBOSE:-0}";

/** Lines without comments; one for each `if`, `for`, list of packages and continued line. */
function statements(text: string): readonly string[] {
  const lines = text.replaceAll(/\\\n/g, " ").split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "" && !line.startsWith("#"));
  const found: string[] = [];
  let open = "";
  for (const line of lines) {
    const whole = open === "" ? line : `${open} ${line}`;
    if (isOpen(whole)) open = whole;
    else {
      found.push(whole.replace(/\( (?=")/, "(").replace(/" \)$/, '")'));
      open = "";
    }
  }
  return open === "" ? found : [...found, open];
}

function isOpen(text: string): boolean {
  const count = (pattern: RegExp) => [...text.matchAll(pattern)].length;
  return count(/(^| )if (?=\[)/g) > count(/ fi( |$)/g) ||
    count(/(^| )for /g) > count(/ done( |$)/g) ||
    /^packages=\((?!.*\))/.test(text) || /< <\((?!.*\))/.test(text);
}

function assigned(text = ""): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=(\w+)/g)].map(([, name, value]) => [name, value]),
  );
}

function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|([^\s"]+)/g)].map((match) => match[1] ?? match[2]!);
}
