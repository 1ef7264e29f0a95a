import { resolve } from "@std/path";
import { UsageError } from "../errors.ts";
import { GO_CACHE } from "./flags.ts";
import { launcherOf } from "./launcher.ts";

/** How an address begins that is not the path of a directory. */
const ADDRESS = /^(oci|https?):|:\/\//i;

/**
 * The variables of `--go-cache`: Go starts this kbuild for its compile cache. The address is in a variable, because
 * everybody sees the arguments of a program.
 *
 * @param env The environment, flags applied.
 * @throws {UsageError} Another program keeps the cache, or this kbuild does not know how it
 * was started.
 */
export function goCacheVariables(
  env: Readonly<Record<string, string>>,
  cwd: string,
): Readonly<Record<string, string>> {
  const given = env[GO_CACHE.variable] ?? "";
  if (given === "") return {};
  const launcher = launcherOf(env);
  if (launcher === undefined) {
    throw new UsageError("Cannot use --go-cache: this kbuild does not know how it was started", [
      "Name a program yourself: GOCACHEPROG='… kbuild store go-cache --store STORE'",
    ]);
  }
  // Go's own quotes: there is no escaping in them.
  const quote = launcher.includes("'") ? '"' : "'";
  const program = `${quote}${launcher}${quote} store go-cache`;
  // A kbuild that another one has started, by a script, has both.
  if (env["GOCACHEPROG"] && env["GOCACHEPROG"] !== program) {
    throw new UsageError("Cannot use both --go-cache and GOCACHEPROG");
  }
  return {
    [GO_CACHE.variable]: ADDRESS.test(given) ? given : resolve(cwd, given),
    GOCACHEPROG: program,
  };
}
