import {
  type BashCommands,
  type BashContext,
  type BashReader,
  type BashSource,
  type Builtin,
  type BuiltinHost,
  readArray,
  readBash as readAnyBash,
} from "../bash/mod.ts";

/** Options of {@linkcode readBash}. */
export interface ReadBashOptions extends BashContext {
  /** Scripts, sourced one after the other. */
  files: readonly BashSource[];
  /** Answer of `kube::util::host_arch` and `go env GOARCH`: `amd64`. */
  hostArch: string;
}

/**
 * Reads scripts of Kubernetes as if they were sourced. Never throws and never hangs on any text:
 * variables that depend on what is not understood are unknown, and `diagnostics` lists why.
 *
 * @example
 * ```ts
 * import { checkout } from "@k8s/kbuild";
 *
 * const files = [{ path: "a.sh", text: 'X=(cmd/a cmd/b)\nY=("${X[@]##*\/}")' }];
 * const reader = checkout.readBash({ files, variables: {}, hostArch: "amd64" });
 * console.log(reader.array("Y")); // [ "a", "b" ]
 * ```
 */
export function readBash({ hostArch, ...options }: ReadBashOptions): BashReader {
  return readAnyBash({ ...options, commands: kubernetesCommands(hostArch) });
}

/**
 * The functions of `hack/lib` that are built in, and `go env`.
 *
 * The overrides ask the machine or use what is not interpreted. The scripts' own definitions win over
 * the defaults (`hack/lib/util.sh` is not read, and neither are the libraries of forks).
 *
 * @param hostArch Answer of `kube::util::host_arch` and `go env GOARCH`: `amd64`.
 * @param overrides Answers of more commands.
 */
export function kubernetesCommands(
  hostArch: string,
  overrides: ReadonlyMap<string, Builtin> = new Map(),
): BashCommands {
  return {
    overrides: new Map<string, Builtin>([
      ["kube::util::host_arch", (host) => printLines(host, [hostArch])],
      ["kube::util::read-array", readArray],
      ...overrides,
    ]),
    defaults: new Map<string, Builtin>([
      ["go", (host, args) => goEnv(host, args, hostArch)],
      ["kube::golang::dedup", (host, args) => printLines(host, new Set(linesOf(args).sort()))],
      ["kube::golang::dups", (host, args) => {
        const lines = linesOf(args).sort();
        return printLines(host, new Set(lines.filter((line, i) => line === lines[i - 1])));
      }],
      [
        "kube::util::array_contains",
        (_host, [wanted, ...items]) => items.includes(wanted!) ? 0 : 1,
      ],
    ]),
    isIgnored: (name) => name.startsWith("kube::log::"),
    isSilent: (name) => name === "kube::util::array_contains" || name === "kube::util::read-array",
    assignsArguments: (name) => name.endsWith("read-array"),
  };
}

/**
 * `go env`: what is read from a checkout must not depend on the host's system, so the answer is
 * that of a Linux machine (images and the build container are Linux).
 */
function goEnv(host: BuiltinHost, args: readonly string[], hostArch: string): number {
  const answers = new Map([
    ["GOHOSTOS", "linux"],
    ["GOOS", "linux"],
    ["GOHOSTARCH", hostArch],
    ["GOARCH", hostArch],
  ]);
  const answer = args[0] === "env" && args.length === 2 ? answers.get(args[1]!) : undefined;
  return printLines(host, [answer ?? host.unsupported(`"go ${args.join(" ")}" is not run`)]);
}

/** Lines of `printf "%s\n" "$@"`: one empty line for no arguments. */
function linesOf(args: readonly string[]): string[] {
  return args.length === 0 ? [""] : args.flatMap((arg) => arg.split("\n"));
}

function printLines(host: BuiltinHost, lines: Iterable<string>): number {
  for (const line of lines) host.print(`${line}\n`);
  return 0;
}
