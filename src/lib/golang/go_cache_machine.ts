import { createHash } from "node:crypto";
import { join } from "@std/path";
import { entriesOf, filesBelow, ifPossible, ifPossibleSync } from "../../files/mod.ts";
import type { Environment } from "../init.ts";
import { goFilesDigest } from "./step_key.ts";

/** Variables that say where C compilers and pkg-config look; Go counts `CC` and `CGO_…` itself. */
const VARIABLES = [
  ...["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH"],
  ...["LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "SDKROOT"],
  ...["PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"],
];

/**
 * What outputs in Go's compile cache depend on, and Go's own keys do not have. Machines share outputs if their texts are equal.
 *
 * - Go's programs: a release counts by its version alone (cmd/go/internal/work, `toolID`), though distributions patch theirs.
 * - With cgo, headers of the C library, by names, sizes and times, and variables of the C compiler. The
 *   version of the compiler is in Go's keys.
 *
 * @param env The environment of a program that Go has started: `GOROOT` and `CGO_ENABLED` are always there.
 * @param usr Where headers are: in `include`, or in the `include` of a directory of it (`local`, `aarch64-linux-gnu`).
 * @throws The system's error: something of that cannot be read.
 */
export async function goCacheMachine(env: Environment, usr = "/usr"): Promise<string> {
  const hash = createHash("sha256");
  const { GOROOT = "" } = env;
  const go = { path: join(GOROOT, "bin", "go"), goroot: GOROOT };
  hash.update(`${await goFilesDigest(go)}\0`);
  if (env["CGO_ENABLED"] === "0") return hash.digest("hex");
  for (const name of VARIABLES) hash.update(`${name}=${env[name] ?? ""}\0`);
  const inside = (await entriesOf(usr) ?? []).filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => join(usr, name, "include")).sort();
  for (const directory of [join(usr, "include"), ...inside]) {
    // What cannot be reached (`/usr/lost+found`), no compiler of this user reaches.
    if (await ifPossible(Deno.stat(directory)) === undefined) continue;
    for (const path of await filesBelow(directory)) {
      const info = ifPossibleSync(() => Deno.statSync(join(directory, path)));
      hash.update(`${directory}/${path} ${info?.size} ${info?.mtime?.getTime()}\0`);
    }
  }
  return hash.digest("hex");
}
