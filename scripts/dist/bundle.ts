import { dirname, join } from "@std/path";
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
  await shell
    .$`${Deno.execPath()} bundle --quiet ${locked} --platform deno --output ${file} main.ts`
    .with({ cwd: root, label: "deno bundle" });
  const outside = await outsideImports(shell, file);
  if (outside.length > 0) {
    throw new KbuildError(`Cannot put the program into one file: it imports ${outside.join(", ")}`);
  }
  const code = await Deno.readTextFile(file);
  const version = JSON.stringify(versionText(stamp));
  await Deno.writeTextFile(file, `globalThis[Symbol.for("kbuild.version")] = ${version};\n${code}`);
  await Deno.utime(file, stamp.epoch, stamp.epoch);
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
