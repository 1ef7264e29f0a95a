import { dirname, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPresent, isDirectory, readText } from "../files/mod.ts";
import { findProgram } from "../lib/util.ts";
import type { Shell } from "../shell/mod.ts";
import { compareGoVersions, type GoTool, parseGoVersion } from "./go_tool.ts";
import type { GoContext } from "./types.ts";

/** Go up to 1.8 knows only the GOROOT that it was made for. */
const FINDS_ITS_ROOT = "1.9";

/**
 * Asks a `go` what it is.
 *
 * @param path The program.
 * @throws {KbuildError} It cannot be run, or is something else than Go.
 */
export async function askGo(context: GoContext, path: string): Promise<GoTool> {
  const given = context.env["GOROOT"] || undefined;
  const own = await rootOf(path);
  const started = own === undefined && given !== undefined ? { goroot: given } : {};
  const result = await context.shell.run([path, "version"], {
    // In the checkout: a wrapper for go in PATH may look there for the one to start.
    cwd: context.root ?? "/",
    env: { ...settingsEnv(context, started), GOENV: "off", GOFLAGS: "" },
    label: "Asking Go for its version",
  });
  const description = result.stdout.trim();
  const parsed = parseGoVersion(description);
  if (parsed === undefined) {
    throw new KbuildError(`Cannot understand "go version" of "${path}": "${description}"`, {
      notes: ["Check that this is Go's own program"],
      subject: "go",
    });
  }
  const roots = await decideRoot({ own, given, version: parsed.version });
  return Object.freeze({ path, description, ...parsed, ...roots });
}

/**
 * Environment for asking a Go: its own GOROOT, whatever the environment says, and no switch to another
 * release. What a user has set with `go env -w` applies.
 */
export function settingsEnv(
  { env }: Pick<GoContext, "env">,
  { goroot }: Pick<GoTool, "goroot">,
): Record<string, string> {
  const { GOROOT: _given, ...rest } = env;
  return { ...rest, GOTOOLCHAIN: "local", ...(goroot === undefined ? {} : { GOROOT: goroot }) };
}

/**
 * The distribution that a `go` is part of: the directory above its own, links resolved, if it has
 * Go's tools or sources. Undefined for a copy of the program alone, and for what starts the real one.
 */
async function rootOf(path: string): Promise<string | undefined> {
  const real = await ifPresent(Deno.realPath(path));
  if (real === undefined) return undefined;
  const root = dirname(dirname(real));
  for (const part of ["pkg/tool", "src/runtime"]) {
    if (await isDirectory(join(root, part))) return root;
  }
  return undefined;
}

/**
 * GOROOT for what kbuild starts. A Go that is part of a distribution finds it; a GOROOT in the
 * environment counts only if there is none, and if it has the same release.
 */
async function decideRoot(
  { own, given, version }: {
    own: string | undefined;
    given: string | undefined;
    version: string;
  },
): Promise<Pick<GoTool, "goroot" | "foreignRoot">> {
  if (own !== undefined) {
    const foreign = given !== undefined && await ifPresent(Deno.realPath(given)) !== own;
    return { ...neededRoot(version, own), ...(foreign ? { foreignRoot: given } : {}) };
  }
  if (given === undefined) return {};
  const release = await ifPresent(readText(join(given, "VERSION")));
  return release?.split(/\s/, 1)[0] === `go${version}` ? { goroot: given } : { foreignRoot: given };
}

/** GOROOT of a Go in `root`, if it does not find that itself. */
export function neededRoot(version: string, root: string): Pick<GoTool, "goroot"> {
  const finds = version === "" || compareGoVersions(version, FINDS_ITS_ROOT) >= 0;
  return finds ? {} : { goroot: root };
}

/**
 * The `go` of a path that a user gives: the program, its directory, or the directory of a
 * distribution.
 */
export async function goAt(path: string): Promise<string | undefined> {
  for (const candidate of [path, join(path, "go"), join(path, "bin", "go")]) {
    if (await findProgram(candidate, undefined) !== undefined) return candidate;
  }
  return undefined;
}

/** The same Go, its directory to be put in front of `PATH`: for one that is alone with its tools. */
export function inFront(go: GoTool): GoTool {
  return Object.freeze({ ...go, bin: dirname(go.path) });
}

/**
 * The same for a Go anywhere: its own directory, since that of a link to it (`/usr/bin`) has other
 * programs, too.
 */
export async function ownDirectory(context: GoContext, go: GoTool): Promise<GoTool> {
  const path = join(await goRoot(context, go), "bin", "go");
  return inFront(await goAt(path) === undefined ? go : { ...go, path });
}

/** `go env GOROOT`: the directory of a Go distribution. */
export async function goRoot(
  context: Pick<GoContext, "env" | "root"> & { readonly shell: Pick<Shell, "run"> },
  go: GoTool,
): Promise<string> {
  const { stdout } = await context.shell.run([go.path, "env", "GOROOT"], {
    cwd: context.root ?? "/",
    env: { ...settingsEnv(context, go), GOENV: "off", GOFLAGS: "" },
    label: "Asking Go for its directory",
  });
  return stdout.trim();
}
