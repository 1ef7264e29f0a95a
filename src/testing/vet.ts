import { type Checkout, goWorkingDirectory, readVetScript } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { goList, gopathLink, hostGoEnv, type Link, shownGoEnv } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GoTool } from "../toolchain/mod.ts";

/** A `go vet` that was planned. */
export interface VetPlan {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Where it runs; absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of it that kbuild decides. */
  readonly shownEnv: Readonly<Record<string, string>>;
  /** Where the checkout's script starts it: `hack/make-rules/vet.sh:53`. */
  readonly source: string;
  /** The link through which `go` runs. */
  readonly link: Link | undefined;
}

/**
 * Plans the `go vet` that the checkout's own `hack/make-rules/vet.sh` would start. Nothing is written.
 *
 * @param words Packages, and flags for Go; without packages, those that the script takes.
 * @throws {KbuildError} The script starts none: newer releases use golangci-lint.
 */
export async function planVet(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  words: readonly string[],
): Promise<VetPlan> {
  const { env: variables, gopath, host } = context;
  const read = await readVetScript(checkout, { host, variables, gopath }, words);
  if ("why" in read) {
    throw new KbuildError(`Cannot vet this checkout: ${read.why}`, {
      notes: ["Releases from 1.26 on check with golangci-lint: kbuild verify golangci-lint"],
    });
  }
  const packages = read.args ?? [
    ...words.filter((word) => word.startsWith("-")),
    ...await listed(context, checkout, go, read.without),
  ];
  const env = hostGoEnv(context, checkout, go);
  return Object.freeze({
    argv: Object.freeze([go.path, "vet", ...packages]),
    cwd: goWorkingDirectory(context, checkout),
    env,
    shownEnv: Object.freeze(shownGoEnv(env)),
    source: read.source,
    link: gopathLink(context, checkout),
  });
}

async function listed(
  context: KubeContext,
  checkout: Checkout,
  go: GoTool,
  without: readonly RegExp[],
): Promise<readonly string[]> {
  const text = await goList(context, checkout, go, ["-e", "./..."]);
  if (text === undefined) {
    throw new KbuildError("Cannot tell which packages to vet: go list failed", {
      notes: ["Name them: kbuild vet ./pkg/... ./cmd/..."],
    });
  }
  return text.split("\n").filter((name) =>
    name !== "" && !without.some((pattern) => pattern.test(name))
  );
}
