/** A `go` that writes down how it was started, and what it wrote down. */
import { join } from "@std/path";

/** The variables that decide what `go` builds. */
const VARIABLES = [
  "GOOS",
  "GOARCH",
  "CGO_ENABLED",
  "CC",
  "GOPATH",
  "GO111MODULE",
  "GOCACHE",
  "GOFLAGS",
  "GOPROXY",
  "GOWORK",
  "GOBIN",
] as const;

/** One start of `go`. */
export interface GoCall {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A directory for `PATH` with a `go` that is watched. */
export interface WatchedGo {
  /** Directory that holds it. */
  readonly bin: string;
  /** What was started since the last call, of the words that build: install, test, list. */
  take(): Promise<readonly GoCall[]>;
}

/**
 * Makes a `go` that writes down its start and then is the real one.
 *
 * @param dir An empty directory.
 * @param options.version What it says to be, where scripts refuse the real one.
 * @param options.builds With false, `install` and `test -c` compile nothing and leave empty
 * programs where the real ones would be: command lines without the minutes behind them.
 */
export async function watchGo(
  dir: string,
  go: string,
  options: { builds: boolean; version?: string },
): Promise<WatchedGo> {
  const [bin, log] = [join(dir, "bin"), join(dir, "log")];
  await Deno.mkdir(bin, { recursive: true });
  await Deno.mkdir(log, { recursive: true });
  const record = VARIABLES.map((name) => `"\${${name}-}"`).join(" ");
  const script = `#!/bin/bash
${options.version === undefined ? "" : `[[ "$*" != version ]] || exec echo '${options.version}'`}
case \${1-} in install|test|list|build|run)
  file=$(mktemp '${log}/XXXXXXXXXX')
  printf '%s\\0' "$PWD" ${record} "$@" >"$file"
esac
${options.builds ? "" : PRETEND}
exec '${go}' "$@"
`;
  await Deno.writeTextFile(join(bin, "go"), script, { mode: 0o755 });
  return { bin, take: () => take(log) };
}

/** Puts programs in place without building them; go itself cannot say what would be linked. */
const PRETEND = `
name() { basename "$1" | sed 's/$/'"$([[ \${GOOS-} == windows ]] && echo .exe)/"; }
case \${1-} in
list) exit 1 ;;
generate) exit 0 ;;
install)
  directory=\${GOPATH%%:*}/bin
  if [[ -n \${GOOS-} && "$GOOS/$GOARCH" != "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" ]]; then
    directory+="/\${GOOS}_$GOARCH"
  fi
  mkdir -p "$directory"
  for word; do
    if [[ $word == k8s.io/* ]]; then echo x >"$directory/$(name "$word")"; fi
  done
  exit 0 ;;
test)
  while [[ $1 != -o ]]; do shift; done
  mkdir -p "$(dirname "$2")"
  echo x >"$2"
  exit 0 ;;
esac
`;

async function take(log: string): Promise<readonly GoCall[]> {
  const calls: GoCall[] = [];
  for await (const { name } of Deno.readDir(log)) {
    const path = join(log, name);
    const words = (await Deno.readTextFile(path)).split("\0").slice(0, -1);
    await Deno.remove(path);
    const values = words.slice(1, VARIABLES.length + 1);
    calls.push({
      cwd: words[0] ?? "",
      env: Object.fromEntries(VARIABLES.map((variable, index) => [variable, values[index] ?? ""])),
      args: words.slice(VARIABLES.length + 1),
    });
  }
  return calls;
}

/** Whether a start makes binaries. */
export function builds({ args }: GoCall): boolean {
  return args[0] === "install" || (args[0] === "test" && args.includes("-c"));
}

/**
 * A start as text, with what is left to go's own default filled in: both sides say the same when
 * the texts are equal. Without cgo, `CC` is not used.
 *
 * @param host The platform that runs it.
 */
export function describe(call: GoCall, host: string): string {
  const { GOOS = "", GOARCH = "", CGO_ENABLED = "", CC = "" } = call.env;
  const platform = GOOS === "" ? host : `${GOOS}/${GOARCH}`;
  const cgo = CGO_ENABLED !== "" ? CGO_ENABLED : platform === host ? "1" : "0";
  const env = {
    ...call.env,
    GOOS: platform.split("/")[0] ?? "",
    GOARCH: platform.split("/")[1] ?? "",
    CGO_ENABLED: cgo,
    CC: cgo === "0" ? "" : CC,
  };
  const set = Object.entries(env).filter(([, value]) => value !== "");
  const words = [`cd ${call.cwd}`, ...set.map(([name, value]) => `${name}=${value}`)];
  return [...words, ...call.args.map((word) => JSON.stringify(word))].join("\n");
}

/** One `go install` for each package of one that has several. */
export function perPackage(call: GoCall): readonly GoCall[] {
  const packages = call.args.filter((word) => word.startsWith("k8s.io/"));
  if (call.args[0] !== "install" || packages.length < 2) return [call];
  const rest = call.args.filter((word) => !word.startsWith("k8s.io/"));
  return packages.map((name) => ({ ...call, args: [...rest, name] }));
}

/** Each package once; the scripts' lists of all targets name ginkgo twice, and go builds it once. */
export function eachOnce(call: GoCall): GoCall {
  const args = call.args.filter((word, index) =>
    !word.startsWith("k8s.io/") || call.args.indexOf(word) === index
  );
  return { ...call, args };
}

/**
 * A `go test -c` of the scripts without the `-trimpath` in its `-gcflags`, which kbuild leaves out:
 * it lets the random name of a work directory into the binary, which then differs from build to build.
 */
export function untrimmedTest(call: GoCall): GoCall {
  if (call.args[0] !== "test") return call;
  const at = call.args.indexOf("-gcflags") + 1;
  const args = call.args.map((word, index) =>
    index === at && at > 0
      ? word.replace(/ ?-trimpath=.*$/s, "")
      : word.startsWith("-gcflags=")
      ? word.replace(/all=-trimpath=\S*\s*/, "")
      : word
  );
  return { ...call, args };
}
