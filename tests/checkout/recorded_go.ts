/**
 * What a checkout's own scripts start `go` with, recorded: bash runs `kube::golang::build_binaries`
 * of a copy of `hack/lib`, with a `go` that writes down how it is called and builds nothing.
 */

import { dirname, join } from "@std/path";
import type { GoCallInputs } from "../../src/checkout/mod.ts";

/** A recorded start of `go`. */
export interface RecordedCall {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What the scripts did, in order; `failed` is what they said when they gave up. */
export interface Recording {
  readonly calls: readonly RecordedCall[];
  readonly failed: string | undefined;
}

const GO = String.raw`#!/bin/bash
case "$1" in
  version) echo "go version go1.99.0 $TEST_HOST" ;;
  env)
    case "$2" in
      GOHOSTOS) echo "${"$"}{TEST_HOST%/*}" ;;
      GOHOSTARCH) echo "${"$"}{TEST_HOST#*/}" ;;
      GOOS) echo "${"$"}{GOOS:-${"$"}{TEST_HOST%/*}}" ;;
      GOARCH) echo "${"$"}{GOARCH:-${"$"}{TEST_HOST#*/}}" ;;
      GOROOT) echo /usr/local/go ;;
      *) echo "$2?" ;;
    esac ;;
  list)
    package="${"$"}{@: -1}"
    if [[ "$*" == *Dir* ]]; then echo "$KUBE_ROOT/${"$"}{package#k8s.io/kubernetes/}"
    elif [[ "$package" == ./staging/src/* ]]; then echo "${"$"}{package#./staging/src/}"
    elif [[ "$package" == ./* ]]; then echo "k8s.io/kubernetes/${"$"}{package#./}"
    else echo "$package"; fi ;;
  install | test | build | generate)
    # Platforms are built side by side: what one start says is appended at once.
    { printf '%s\0' "$@"; printf '\0ENV\0'; env -0; printf '\0END\0'; } > "$TEST_LOG.$$"
    cat "$TEST_LOG.$$" >> "$TEST_LOG" && rm "$TEST_LOG.$$" ;;
  *) echo "go $*?" >&2; exit 9 ;;
esac
`;

/** Leaves out what {@linkcode readGoCalls} leaves out, and is not about the calls themselves. */
const SCRIPT = String.raw`
cd "$KUBE_ROOT"
source hack/lib/init.sh
kube::version::ldflags() { printf '%s\n' "$TEST_LDFLAGS"; }
kube::golang::build_kube_toolchain() { :; }
kube::golang::fallback_if_stdlib_not_installable() { :; }
if [[ "$(declare -f kube::golang::build_binaries)" != *setup_env* ]]; then
  kube::golang::setup_env
fi
kube::golang::build_binaries "$@"
`;

/** Set by the shell, by `init.sh` or by `setup_env`: not the matter of the calls. */
const AROUND =
  /^(_|GO15VENDOREXPERIMENT|GOCACHE|GOMAXPROCS|GOMODCACHE|GOPATH|GOROOT|GOTOOLCHAIN|HOME|K8S_.*|KUBE_.*|LC_ALL|OLDPWD|PATH|PWD|SHLVL|TEST_.*|THIS_PLATFORM_BIN|FORCE_HOST_GO|no_proxy)$/;

/** Variables but for those that are not the matter of the calls. */
export function ofInterest(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !AROUND.test(name)).sort(([a], [b]) => a < b ? -1 : 1),
  );
}

/** A directory with copies of a checkout's `hack/lib` and a `go` that records. */
export class GoRecorder {
  private constructor(readonly root: string, readonly directory: string) {}

  /** Copies what is needed from a checkout; `hack/lib` in it may be all there is. */
  static async create(checkout: string): Promise<GoRecorder> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-calls-" }));
    const root = join(directory, "kube");
    for (const path of ["hack/lib", "cluster/lib"]) {
      await copyScripts(join(checkout, path), join(root, path));
    }
    for (const path of [".go-version", "go.mod"]) {
      await Deno.copyFile(join(checkout, path), join(root, path)).catch(() => {});
    }
    for (const name of ["kube-apiserver", "kube-proxy", "kubelet", "kubectl"]) {
      await Deno.mkdir(join(root, "cmd", name), { recursive: true });
    }
    for (const go of ["bin/go", "edge/bin/go"]) {
      await Deno.mkdir(dirname(join(directory, go)), { recursive: true });
      await Deno.writeTextFile(join(directory, go), GO, { mode: 0o755 });
    }
    return new GoRecorder(root, directory);
  }

  /**
   * Runs `build_binaries` as make would, and gives what it started.
   *
   * @param targets What the scripts are asked to build. Default: the packages.
   */
  async record(
    inputs: GoCallInputs,
    targets: readonly string[] = inputs.packages,
  ): Promise<Recording> {
    const log = join(this.directory, "log");
    await Deno.writeTextFile(log, "");
    const { success, stderr } = await new Deno.Command("bash", {
      args: ["-c", SCRIPT, "bash", ...inputs.goflags, ...targets],
      clearEnv: true,
      env: {
        ...inputs.variables,
        HOME: this.directory,
        PATH: `${join(this.directory, "bin")}:${Deno.env.get("PATH") ?? ""}`,
        LC_ALL: "C",
        FORCE_HOST_GO: "y",
        KUBE_ROOT: this.root,
        KUBE_BUILD_PLATFORMS: inputs.platform,
        TEST_HOST: inputs.host,
        TEST_LOG: log,
        TEST_LDFLAGS: inputs.versionLdflags,
      },
      stdin: "null",
    }).output();
    const calls: RecordedCall[] = [];
    for (const record of (await Deno.readTextFile(log)).split("\0\0END\0").slice(0, -1)) {
      const [argv = "", env = ""] = record.split("\0\0ENV\0");
      calls.push({
        argv: argv.split("\0"),
        env: Object.fromEntries(
          env.split("\0").filter((line) => line !== "").map((line) => {
            const at = line.indexOf("=");
            return [line.slice(0, at), line.slice(at + 1)];
          }),
        ),
      });
    }
    return { calls, failed: success ? undefined : new TextDecoder().decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function copyScripts(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  try {
    for await (const { name, isFile } of Deno.readDir(from)) {
      if (isFile && name.endsWith(".sh")) await Deno.copyFile(join(from, name), join(to, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
