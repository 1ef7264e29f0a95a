import { dirname, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { findProgram } from "../lib/util.ts";
import { type GoTool, parseGoVersion } from "./go_tool.ts";
import type { GoContext } from "./types.ts";

/**
 * Asks a `go` what it is.
 *
 * @param path The program.
 * @throws {KbuildError} It cannot be run, or is something else than Go.
 */
export async function askGo(context: GoContext, path: string): Promise<GoTool> {
  const { env, root, shell } = context;
  const result = await shell.run([path, "version"], {
    // In the checkout: what stands in for go in PATH may look there for the one to start.
    cwd: root ?? "/",
    env: { ...env, GOFLAGS: "", GOTOOLCHAIN: "local" },
    label: "Asking Go for its version",
  });
  const description = result.stdout.trim();
  const parsed = parseGoVersion(description);
  if (parsed === undefined) {
    throw new KbuildError(`Cannot understand "go version" of "${path}": "${description}"`, {
      notes: ["Check that this is Go's own program"],
    });
  }
  return Object.freeze({ path, description, ...parsed });
}

/** The `go` of a path that a user gives: the program, its folder, or the folder of a distribution. */
export async function goAt(path: string): Promise<string | undefined> {
  for (const candidate of [path, join(path, "go"), join(path, "bin", "go")]) {
    if (await findProgram(candidate, undefined) !== undefined) return candidate;
  }
  return undefined;
}

/** The same Go, its folder to be put in front of `PATH`: for one that lies alone with its tools. */
export function inFront(go: GoTool): GoTool {
  return Object.freeze({ ...go, bin: dirname(go.path) });
}

/**
 * The same for a Go anywhere: its own folder, since that of a link to it (`/usr/bin`) has other
 * programs, too.
 */
export async function ownFolder(context: GoContext, go: GoTool): Promise<GoTool> {
  const { GOROOT: _other, ...env } = context.env;
  const path = join(await goRoot({ ...context, env }, go), "bin", "go");
  return inFront(await goAt(path) === undefined ? go : { ...go, path });
}

/** `go env GOROOT`: where the distribution of a Go lies. */
export async function goRoot(context: GoContext, go: GoTool): Promise<string> {
  const { env, root, shell } = context;
  const { stdout } = await shell.run([go.path, "env", "GOROOT"], {
    cwd: root ?? "/",
    env: { ...env, GOFLAGS: "", GOTOOLCHAIN: "local" },
    label: "Asking Go for its folder",
  });
  return stdout.trim();
}
