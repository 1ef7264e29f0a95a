import { readBash } from "../checkout/mod.ts";

/** One `cp` into a stage directory. */
export interface StageCopy {
  /** Path below the root of the checkout; for a tarball its name. */
  readonly from: string;
  /** `cp -R` of a file or directory, `cp` of a file, or a tarball that was made before. */
  readonly kind: "tree" | "file" | "tarball";
  /** Path below `kubernetes/`. */
  readonly to: string;
  /** Copied only where it exists (`if [[ -e … ]]`). */
  readonly optional: boolean;
}

/** What a function of `build/lib/release.sh` brings into its stage directory. */
export interface StageCopies {
  /** What is copied, in the order of the script. */
  readonly copies: readonly StageCopy[];
  /** Paths below `kubernetes/` that it removes again. */
  readonly removed: readonly string[];
}

const ROOT = "/checkout";
const OUTPUT = "/output";

/**
 * Follows a function of `build/lib/release.sh` by interpretation, without running anything, and
 * notes its `cp`, `mkdir` and `rm`.
 *
 * @param script Text of `build/lib/release.sh`.
 * @param name `package_final_tarball`.
 */
export function followStage(script: string, name: string): StageCopies {
  const copies: StageCopy[] = [];
  const removed: string[] = [];
  const directories = new Set([""]);
  const reader = readBash({
    files: [{ path: "build/lib/release.sh", text: script }],
    variables: {},
    constants: { KUBE_ROOT: ROOT, LOCAL_OUTPUT_ROOT: OUTPUT },
    hostArch: "amd64",
    onCommand: (command, args) => {
      const paths = args.filter((word) => !word.startsWith("-"));
      if (command === "mkdir") {
        for (const path of paths) directories.add(inStage(path) ?? "");
      } else if (command === "rm") {
        removed.push(...paths.flatMap((path) => inStage(path) || []));
      } else if (command === "cp") {
        const target = paths.pop() ?? "";
        const recursive = args.some((word) => /^-[a-zA-Z]*[rRa]/.test(word));
        copies.push(...paths.flatMap((path) => copyOf(path, target, recursive, directories) ?? []));
      }
      return true;
    },
  });
  reader.call(`kube::release::${name}`);
  copies.push(...conditionalCopies(functionBody(script, name), copies));
  return Object.freeze({ copies: Object.freeze(copies), removed: Object.freeze(removed) });
}

/** The path below `kubernetes/` of a stage directory; "" is that directory, undefined lies elsewhere. */
function inStage(path: string): string | undefined {
  const found = /^\/output\/release-stage\/[^/]+\/kubernetes(?:\/(.*))?$/.exec(path);
  return found === null ? undefined : (found[1] ?? "").replace(/\/+$/, "");
}

function copyOf(
  path: string,
  target: string,
  recursive: boolean,
  directories: ReadonlySet<string>,
): StageCopy | undefined {
  const directory = inStage(target);
  if (directory === undefined) return undefined;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const into = target.endsWith("/") || directories.has(directory);
  const to = into ? (directory === "" ? name : `${directory}/${name}`) : directory;
  if (path.startsWith(`${OUTPUT}/release-tars/`)) {
    return Object.freeze({ from: name, kind: "tarball", to, optional: false });
  }
  if (!path.startsWith(`${ROOT}/`)) return undefined;
  const kind = recursive ? "tree" : "file";
  return Object.freeze({ from: path.slice(ROOT.length + 1), kind, to, optional: false });
}

/** The body of `if [[ -e … ]]` depends on the checkout's files, which the reader does not see. */
function conditionalCopies(body: string, known: readonly StageCopy[]): StageCopy[] {
  const conditional = /if \[\[ -e [^\n]*\n\s*cp "\$\{KUBE_ROOT\}\/([^"$]+)" "\$\{(\w+)\}\/?"/g;
  // The variable of the destination is that of the copies before: all of these go there.
  const directory = known.map(({ to }) => to).findLast((to) => to.includes("/"))?.split("/")[0];
  return [...body.matchAll(conditional)].map(([, from = ""]) => {
    const name = from.slice(from.lastIndexOf("/") + 1);
    const to = directory === undefined ? name : `${directory}/${name}`;
    return Object.freeze({ from, kind: "file" as const, to, optional: true });
  });
}

/** The lines between `name() {` and the `}` at the start of a line; "" where there is none. */
export function functionBody(script: string, name: string): string {
  const start = script.search(
    new RegExp(`^(function )?kube::release::${name} *(\\(\\))? *\\{$`, "m"),
  );
  if (start < 0) return "";
  const end = script.indexOf("\n}", start);
  return script.slice(start, end < 0 ? undefined : end);
}
