/** What the tests of binaries and packages share: they are made once per file, by the real scripts. */
import { fromFileUrl, join } from "@std/path";
import { hostDistPlatform } from "../../scripts/dist/platforms.ts";
import { npmTool } from "./_npm_tool.ts";
import { CERTIFICATES, CLONE, discard, ENV, output, which } from "./_program.ts";

/** The import map of this run. */
const CONFIG = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";

/** A development tool that prints the path of a `denort`, where somebody has put it beside the clone. */
const DENORT_TOOL = fromFileUrl(new URL("../../../shared/tools/denort", import.meta.url));
/** The release of Deno whose compiler fits what the tool gives. */
const DENORT_TOOL_DENO = "2.6.8";

/**
 * Directory of a test file, with blanks in its name (pnpm's starters take no `$(x)` in a path);
 * gone when its tests have ended.
 */
export const DIST: string = Deno.realPathSync(
  Deno.makeTempDirSync({ prefix: "kbuild e2e dist " }),
);
globalThis.addEventListener("unload", () => discard(DIST));

/** The tool is of no use elsewhere. */
const TOOL_FITS = Deno.build.os === "linux" && Deno.build.arch === "x86_64" && which("npm");

/** Variables for `scripts/compile.ts`, or why it cannot compile here. */
async function compiler(): Promise<Record<string, string> | string> {
  const given = Deno.env.get("DENORT_BIN");
  if (given) {
    const deno = Deno.env.get("KBUILD_COMPILE_DENO");
    return { DENORT_BIN: given, ...(deno ? { KBUILD_COMPILE_DENO: deno } : {}) };
  }
  if (TOOL_FITS && which(DENORT_TOOL, "/") !== undefined) {
    try {
      const denort = (await output([DENORT_TOOL])).trim();
      const deno = await npmTool(
        `deno@${DENORT_TOOL_DENO}`,
        "node_modules/@deno/linux-x64-glibc/deno",
      );
      return { DENORT_BIN: denort, KBUILD_COMPILE_DENO: deno };
    } catch (error) {
      return `cannot get Deno's runtime: ${error instanceof Error ? error.message : error}`;
    }
  }
  return {};
}

/** A file that a script made, and what it said. */
export interface Compiled {
  readonly path: string;
  readonly directory: string;
  readonly denort: string | undefined;
}

/** Runs a script of `scripts/` with the import map of this run. */
export async function distScript(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const script = join(CLONE, "scripts", name);
  const argv = [Deno.execPath(), "run", "-A", "--config", join(CLONE, CONFIG), script, CONFIG];
  return await output([...argv, ...args], { env: { ...CERTIFICATES, ...env } });
}

/** Compiles for this machine; returns the reason if Deno's runtime is unavailable. */
export async function compileHere(directory: string): Promise<Compiled | string> {
  const platform = hostDistPlatform();
  if (platform === undefined) return "needs a platform that kbuild is made for";
  const env = await compiler();
  if (typeof env === "string") return env;
  try {
    await distScript("compile.ts", ["--out", directory, "--target", platform.name], env);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/downloads Deno's runtime/.test(message)) {
      return "needs Deno's runtime: a network, or DENORT_BIN=FILE";
    }
    throw error;
  }
  const path = join(directory, `kbuild-${platform.name}`);
  return { path, directory, denort: env["DENORT_BIN"] };
}

/** Compiles a program that does nothing, with the same compiler and runtime; returns its path. */
export async function compileNothing(): Promise<string> {
  const variables = await compiler();
  if (typeof variables === "string") throw new Error(variables);
  const path = join(DIST, "nothing");
  await Deno.writeTextFile(`${path}.js`, "");
  const deno = variables["KBUILD_COMPILE_DENO"] ?? Deno.execPath();
  const flags = ["--quiet", "--no-config", "--no-lock", "--output", path];
  await output([deno, "compile", ...flags, `${path}.js`], { env: { ...ENV, ...variables } });
  return path;
}

/** The binary that the tests of a file share; or why there is none. */
export const COMPILED: Compiled | string = await compileHere(join(DIST, "bin"));

/** Why tests of the binary are skipped; false when they are not. */
export const NO_BINARY: string | false = typeof COMPILED === "string" && COMPILED;

/** The binary; for tests that are not skipped. */
export function binary(): Compiled {
  if (typeof COMPILED === "string") throw new Error(COMPILED);
  return COMPILED;
}
