import type { GoCall, Platform } from "../../checkout/mod.ts";

/** Options of {@linkcode adjustCall}. */
export interface AdjustInputs {
  /** What is built for. */
  readonly platform: Platform;
  /** What is built on. */
  readonly host: Platform;
  /** The environment of the build. */
  readonly variables: Readonly<Record<string, string>>;
  /** Directories that the scripts cut from paths: the checkout, and where `go` runs. */
  readonly trimmed: readonly string[];
  /** Known bugs of the scripts are kept. */
  readonly strictParity: boolean;
  /** Programs are not to contain the path of the checkout: `-trimpath`, which Go has since 1.13. */
  readonly trimPaths?: boolean;
}

/**
 * A call as kbuild makes it, where it differs from the scripts' own:
 *
 * - `CGO_ENABLED` is always set: Go would otherwise decide by whether the machine has a C compiler,
 *   and the same command would make other binaries there. Without cgo, `CC` is left out.
 * - A path with a space in `-trimpath=` is quoted; the scripts fail there.
 * - `go test -i` is left out: it filled the package directory for `teststale` (1.5–1.8), and Go
 *   removed the flag in 1.22.
 * - Unless parity is strict, a GOFLAGS without `-tags=` is not a tag (the `sed` of 1.15–1.22 pastes it
 *   whole), and test binaries go without a `-trimpath` in `-gcflags`: it replaces go's own, which
 *   would cut the random work directory from the path of the generated main file, so that the binary
 *   differs from build to build.
 * - With `trimPaths`, `-trimpath` replaces the `-trimpath=` of compiler and assembler. Go writes these flags
 *   into binaries, and they cut the main package's path only (1.15-1.20).
 */
export function adjustCall(call: GoCall, inputs: AdjustInputs): GoCall {
  const { platform, host, variables, trimmed, strictParity } = inputs;
  const isTest = call.argv[0] === "test";
  let argv: readonly string[] = isTest ? call.argv.filter((word) => word !== "-i") : call.argv;
  if (!strictParity) {
    const goflags = variables["GOFLAGS"] ?? "";
    if (goflags !== "" && !goflags.includes("-tags=")) {
      argv = mapFlag(argv, "tags", (tags) => dropSuffix(tags, `,${goflags}`, ","));
    }
    if (isTest) argv = mapFlag(argv, "gcflags", (flags) => withoutTrim(flags, trimmed));
  }
  for (const name of ["gcflags", "asmflags"]) {
    argv = mapFlag(
      argv,
      name,
      (flags) =>
        inputs.trimPaths === true ? withoutTrims(flags, trimmed) : quoteTrim(flags, trimmed),
    );
  }
  if (inputs.trimPaths === true && !argv.includes("-trimpath")) {
    argv = [...argv.slice(0, 1), "-trimpath", ...argv.slice(1)];
  }
  const { CC, ...env } = call.env as Record<string, string>;
  const cgo = call.env["CGO_ENABLED"] ||
    (variables["CGO_ENABLED"] || (platform === host ? "1" : "0"));
  const compiler = CC === undefined || cgo === "0" ? {} : { CC };
  return Object.freeze({
    ...call,
    argv: Object.freeze([...argv]),
    env: Object.freeze({ ...env, CGO_ENABLED: cgo, ...compiler }),
  });
}

/** Changes the value of `-name value` or `-name=value`. */
function mapFlag(
  argv: readonly string[],
  name: string,
  change: (value: string) => string,
): readonly string[] {
  const start = `-${name}=`;
  return argv.map((word, index) =>
    word.startsWith(start)
      ? start + change(word.slice(start.length))
      : argv[index - 1] === `-${name}`
      ? change(word)
      : word
  );
}

function dropSuffix(text: string, suffix: string, instead: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) + instead : text;
}

function withoutTrim(flags: string, trimmed: readonly string[]): string {
  for (const path of trimmed) {
    for (const word of [`all=-trimpath=${path}`, `-trimpath=${path}`]) {
      const at = flags.indexOf(word);
      if (at >= 0) return (flags.slice(0, at) + flags.slice(at + word.length)).trim();
    }
  }
  return flags;
}

/** The flags without any `-trimpath=` of these paths; `all=` stays for the flags behind it. */
function withoutTrims(flags: string, trimmed: readonly string[]): string {
  let left = flags;
  for (const path of trimmed) left = left.replaceAll(`-trimpath=${path}`, "");
  return /^\s*(all=)?\s*$/.test(left) ? "" : left.trim();
}

/**
 * go splits the value at white space outside of quotes (cmd/internal/quoted). It takes
 * what does not start with a dash for a pattern of packages, so an empty `-trimpath=`, which the
 * next one overrides, goes before a quoted word that comes first.
 */
function quoteTrim(flags: string, trimmed: readonly string[]): string {
  for (const path of trimmed.filter((path) => /\s/.test(path))) {
    const word = `-trimpath=${path}`;
    const at = flags.indexOf(word);
    if (at < 0) continue;
    const mark = path.includes("'") ? '"' : "'";
    const first = flags.slice(0, at).trim() === "" ? "-trimpath= " : "";
    return flags.slice(0, at) + first + mark + word + mark + flags.slice(at + word.length);
  }
  return flags;
}
