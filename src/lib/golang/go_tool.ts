import type { Checkout } from "../../checkout/mod.ts";
import { KbuildError } from "../../errors.ts";
import type { KubeContext } from "../init.ts";
import { findProgram } from "../util.ts";

/** A Go toolchain that can be started. */
export interface GoTool {
  /** Path of the `go` program. */
  readonly path: string;
  /** What `go version` says: "go version go1.19.8 linux/amd64". */
  readonly description: string;
  /** Release without "go" and without suffixes: "1.19.8". */
  readonly version: string;
  /** A development version, which has no release number of its own. */
  readonly devel: boolean;
  /** The platform that the toolchain runs on: "linux/amd64". */
  readonly host: string;
}

/** What `go version` printed, taken apart. */
export interface GoVersion {
  readonly version: string;
  readonly devel: boolean;
  readonly host: string;
}

/**
 * Reads a line of `go version`: `go version go1.24rc1 linux/amd64`,
 * `go version devel go1.27-5b7f1ea Mon … darwin/arm64`, `go version go1.20.1 X:boringcrypto linux/amd64`.
 *
 * @returns undefined when the line is something else.
 */
export function parseGoVersion(line: string): GoVersion | undefined {
  const match = /^go version (devel )?(?:go(\d+(?:\.\d+){0,2})|\+\S+)\S*.*? (\w+\/\w+)$/
    .exec(line.trim());
  if (match === null) return undefined;
  const [, devel, version, host] = match;
  return { version: version ?? "", devel: devel !== undefined, host: host ?? "" };
}

/** Compares release numbers as numbers: 1.10 is later than 1.6. Missing parts count as 0. */
export function compareGoVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Port of `kube::golang::verify_go_version`: finds `go` in `PATH` and checks that it is recent
 * enough for the checkout. Numbers are compared as numbers, where the scripts of 1.7 compare text.
 *
 * @throws {KbuildError} Go is missing, cannot be run, or is older than the checkout's minimum.
 */
export async function verifyGoVersion(context: KubeContext, checkout: Checkout): Promise<GoTool> {
  const { env, shell } = context;
  const wanted = checkout.pinnedGo?.value ?? checkout.minimumGo.value;
  const path = await findProgram("go", env["PATH"]);
  if (path === undefined) {
    throw new KbuildError(`Cannot find "go" in PATH; this checkout needs Go ${wanted}`, {
      notes: [
        "Install Go: on Debian `apt-get install golang-go`, on macOS `brew install go`",
        "or download it from https://go.dev/dl/, then put its bin folder into PATH",
      ],
    });
  }
  const result = await shell.run([path, "version"], {
    cwd: context.root,
    env: { ...env, GOFLAGS: "", GOTOOLCHAIN: env["GOTOOLCHAIN"] ?? "local" },
    label: "Asking Go for its version",
  });
  const description = result.stdout.trim();
  const parsed = parseGoVersion(description);
  if (parsed === undefined) {
    throw new KbuildError(`Cannot understand "go version" of "${path}": "${description}"`, {
      notes: ["Check that this is Go's own program"],
    });
  }
  const minimum = checkout.minimumGo.value;
  if (!parsed.devel && compareGoVersions(parsed.version, minimum) < 0) {
    throw new KbuildError(
      `Cannot build with Go ${parsed.version} ("${path}"): this checkout needs Go ${minimum} or later`,
      {
        notes: [
          `${checkout.minimumGo.source} sets the minimum${
            checkout.pinnedGo === undefined ? "" : `, ${checkout.pinnedGo.source} pins ${wanted}`
          }`,
          `Put the bin folder of Go ${wanted} first in PATH`,
        ],
      },
    );
  }
  if (parsed.devel) {
    context.log.warn(`Building with a development version of Go: ${description}`);
  }
  return Object.freeze({ path, description, ...parsed });
}
