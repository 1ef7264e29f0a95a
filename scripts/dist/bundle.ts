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
  /** Where the files go; absolute, and made. Their time becomes that of the stamp. */
  readonly directory: string;
  readonly stamp: Stamp;
}

/**
 * Puts the program and the libraries that it uses into JavaScript files that need no others. What is loaded
 * when it is needed is in files of its own: V8 reads a file as a whole before it starts, and with one file
 * `--version` takes 1.8 times as long.
 *
 * @returns The file that starts the program.
 * @throws {KbuildError} Something is left to be loaded from outside the directory.
 */
export async function bundleProgram(options: BundleOptions): Promise<string> {
  const { shell, root, config, directory, stamp } = options;
  const locked = await lockedConfig(root, config);
  const work = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-bundle-" }));
  try {
    const map = await writeImportMap(work, join(root, config));
    const flags = [...locked, "--import-map", map, "--platform", "deno", "--code-splitting"];
    const bundled = join(work, "bundled");
    await shell.$`${Deno.execPath()} bundle --quiet ${flags} --outdir ${bundled} main.ts`
      .with({ cwd: root, label: "deno bundle" });
    // The code names the directory of the import map relative to the clone.
    const files = await readBundle(
      bundled,
      (code) => code.replaceAll(`${relative(root, work)}/`, "runtime/"),
    );
    await Deno.mkdir(directory);
    for (const [name, code] of files) {
      const path = join(directory, name);
      const version = JSON.stringify(versionText(stamp));
      const first = name === MAIN ? `globalThis[Symbol.for("kbuild.version")] = ${version};\n` : "";
      await Deno.writeTextFile(path, `${first}${code}`);
      await Deno.utime(path, stamp.epoch, stamp.epoch);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const main = join(directory, MAIN);
  const outside = await outsideImports(shell, main);
  if (outside.length > 0) {
    throw new KbuildError(`Cannot bundle the program: it imports ${outside.join(", ")}`);
  }
  return main;
}

/** The file that starts the program, as `deno bundle` names it after `main.ts`. */
const MAIN = "main.js";

/**
 * Reads what `deno bundle` made, by name. It names files after their code, in which there are paths that
 * differ from run to run: here they are numbered as they are imported.
 */
async function readBundle(
  directory: string,
  change: (code: string) => string,
): Promise<ReadonlyMap<string, string>> {
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  const numbered = new Map<string, string>();
  const codes = new Map<string, string>();
  const visit = async (name: string) => {
    if (numbered.has(name)) return;
    const short = name.replace(/-[0-9A-Z]{8}\.js$/, "");
    numbered.set(name, name === MAIN ? name : `${short}-${numbered.size}.js`);
    const code = change(await Deno.readTextFile(join(directory, name)));
    codes.set(name, code);
    for (const [, imported = ""] of code.matchAll(IMPORTED)) {
      if (names.includes(imported)) await visit(imported);
    }
  };
  await visit(MAIN);
  return new Map([...codes].map(([name, code]) => [
    numbered.get(name) ?? name,
    code.replaceAll(IMPORTED, (all, imported: string) => {
      const to = numbered.get(imported);
      return to === undefined ? all : `"./${to}"`;
    }),
  ]));
}

/** The name of another file of the bundle, in an import. */
const IMPORTED = /"\.\/([\w.-]+-[0-9A-Z]{8}\.js)"/g;

/** Modules of the runtime that every command needs at once. */
const AT_START: ReadonlySet<string> = new Set(["path", "url"]);

/**
 * Writes the import map of a configuration, changed for speed: `--version` takes 0.6 to 0.8 of the time.
 *
 * - Imports of modules of the runtime are hoisted to the top of a file, so all of them, TLS included,
 *   would be set up at every start. Here each is set up with the first module that uses it.
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

/** Modules that files still import, but for each other and those that the runtime has built in. */
async function outsideImports(shell: Shell, file: string): Promise<readonly string[]> {
  const info = shell.$`${Deno.execPath()} info --json --no-config --no-lock --no-npm ${file}`
    .with({ cwd: dirname(file), label: "deno info" });
  const { modules } = await info.json<{
    modules: { specifier: string; dependencies?: { specifier: string }[] }[];
  }>();
  const own = new Set(Array.from(Deno.readDirSync(dirname(file)), ({ name }) => `./${name}`));
  return modules.flatMap(({ dependencies = [] }) => dependencies.map(({ specifier }) => specifier))
    .filter((specifier) => !specifier.startsWith("node:") && !own.has(specifier));
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
