import { type Checkout, type GoCall, type GoCallInputs, readGoCalls } from "../../checkout/mod.ts";
import { tableGoCalls } from "./flag_rules.ts";

/** Stands for the checkout while its scripts are read. */
const STAND_IN = "/KUBE_ROOT";

/**
 * The `go` commands that the checkout's own scripts would start, or those of its era's table where
 * the scripts cannot be read.
 *
 * The scripts do not quote every path (v1.7.3 golang.sh:567), and fail in a directory with a space
 * in its name; they are read as if the checkout were in a directory with a plain one.
 *
 * @returns Also why the scripts could not be read, when the table was used.
 */
export function scriptedCalls(
  checkout: Checkout,
  inputs: GoCallInputs,
): { calls: readonly GoCall[]; why?: string } {
  const { root } = checkout;
  const moved = (path: string) =>
    path === root || path.startsWith(`${root}/`) ? STAND_IN + path.slice(root.length) : path;
  const back = (text: string) => text.replaceAll(STAND_IN, () => root);
  const read = readGoCalls({ ...checkout, root: STAND_IN }, {
    ...inputs,
    gopath: moved(inputs.gopath),
    cwd: moved(inputs.cwd),
  });
  const why = "why" in read ? back(read.why) : unmade(read.calls, inputs.packages);
  if ("why" in read || why !== undefined) {
    return { calls: tableGoCalls(checkout, inputs), why: why ?? "" };
  }
  const calls = read.calls.map(({ argv, env, ...call }) =>
    Object.freeze({
      ...call,
      argv: Object.freeze(argv.map(back)),
      env: Object.freeze(
        Object.fromEntries(Object.entries(env).map(([name, value]) => [name, back(value)])),
      ),
    })
  );
  return { calls };
}

/** Why the calls cannot be used: a package that none of them makes. */
function unmade(calls: readonly GoCall[], packages: readonly string[]): string | undefined {
  const made = new Set(calls.flatMap(({ makes }) => makes));
  const left = packages.filter((name) => !made.has(name));
  return left.length === 0
    ? undefined
    : `hack/lib/golang.sh: no go is started for "${left.join('", "')}"`;
}
