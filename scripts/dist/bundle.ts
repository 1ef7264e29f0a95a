import { builtinModules } from "node:module";
import { dirname, join, relative, toFileUrl } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { ifPresent } from "../../src/files/mod.ts";
import type { Shell } from "../../src/shell/mod.ts";
import { type Stamp, versionText } from "./stamp.ts";

/** What {@linkcode bundleProgram} works with. */
export interface BundleOptions {
  readonly shell: Shell;
  /** The clone; absolute. */
  readonly root: string;
  /** The import map: `deno.json` or `deno.npm.json`. */
  readonly config: string;
  /** Where the file goes; absolute. Its time becomes that of the stamp. */
  readonly file: string;
  readonly stamp: Stamp;
}

/**
 * Puts the program and the libraries that it uses into one JavaScript file, so that a binary holds
 * that file and nothing else. Modules that are loaded when they are needed stay so.
 *
 * @throws {KbuildError} Something is left to be loaded from outside the file.
 */
export async function bundleProgram(options: BundleOptions): Promise<void> {
  const { shell, root, config, file, stamp } = options;
  const locked = await lockedConfig(root, config);
  const work = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-bundle-" }));
  try {
    const map = await writeImportMap(work, join(root, config));
    const flags = [...locked, "--import-map", map, "--platform", "deno"];
    await shell.$`${Deno.execPath()} bundle --quiet ${flags} --output ${file} main.ts`
      .with({ cwd: root, label: "deno bundle" });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const outside = await outsideImports(shell, file);
  if (outside.length > 0) {
    throw new KbuildError(`Cannot put the program into one file: it imports ${outside.join(", ")}`);
  }
  // The bundle names the directory of the import map relative to the clone.
  const code = (await Deno.readTextFile(file)).replaceAll(`${relative(root, work)}/`, "runtime/");
  const version = JSON.stringify(versionText(stamp));
  await Deno.writeTextFile(file, `globalThis[Symbol.for("kbuild.version")] = ${version};\n${code}`);
  await Deno.utime(file, stamp.epoch, stamp.epoch);
}

/** Modules of the runtime that every command needs at once. */
const AT_START: ReadonlySet<string> = new Set(["path", "url"]);

/**
 * Writes the import map of a configuration, changed for speed: `--version` takes 0.6 to 0.8 of the time.
 *
 * - Imports of modules of the runtime are hoisted to the top of the one file, so all of them, TLS
 *   included, would be set up at every start. Here each is set up with the first module that uses it.
 * - dax is left out: only scripts and tests have command lines (`tests/shell/late_dax_test.ts`).
 *
 * @returns The path of the import map in `directory`.
 */
async function writeImportMap(directory: string, config: string): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(config)) as {
    imports: Record<string, string>;
  };
  const stub = async (name: string, code: string) => {
    const path = join(directory, `${name.replaceAll("/", "-")}.cjs`);
    await Deno.writeTextFile(path, `${code}\n`);
    return toFileUrl(path).href;
  };
  const changed: Record<string, string> = {
    dax: await stub("dax", 'throw new Error("This program has no command lines");'),
  };
  for (const name of builtinModules) {
    if (AT_START.has(name) || name.startsWith("_")) continue;
    const code = `module.exports = process.getBuiltinModule("node:${name}");`;
    changed[`node:${name}`] = await stub(name, code);
  }
  const absolute = Object.entries(imports).flatMap(([name, target]) => {
    if (target.startsWith("./")) return [[name, toFileUrl(join(dirname(config), target)).href]];
    // A configuration means the modules of a package, too; an import map has to say so.
    return [[name, target], [`${name}/`, `${target.replace(/^(jsr|npm):/, "$1:/")}/`]];
  });
  const map = join(directory, "import_map.json");
  const text = JSON.stringify({ imports: { ...Object.fromEntries(absolute), ...changed } });
  await Deno.writeTextFile(map, text);
  return map;
}

/** Modules that a file still imports, but for those that the runtime has built in. */
async function outsideImports(shell: Shell, file: string): Promise<readonly string[]> {
  const info = shell.$`${Deno.execPath()} info --json --no-config --no-lock --no-npm ${file}`
    .with({ cwd: dirname(file), label: "deno info" });
  const { modules } = await info.json<{
    modules: { specifier: string; dependencies?: { specifier: string }[] }[];
  }>();
  return modules.flatMap(({ dependencies = [] }) => dependencies.map(({ specifier }) => specifier))
    .filter((specifier) => !specifier.startsWith("node:"));
}

/**
 * Flags that choose the import map. Where `deno.lock` holds the digests of the libraries of JSR, nothing
 * else is taken.
 */
export async function lockedConfig(root: string, config: string): Promise<readonly string[]> {
  const lock = join(root, "deno.lock");
  const isLocked = config === "deno.json" && await ifPresent(Deno.stat(lock)) !== undefined;
  return ["--config", join(root, config), ...(isLocked ? ["--lock", lock, "--frozen"] : [])];
}
