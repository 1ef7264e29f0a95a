import { join } from "@std/path";
import { TOOL_NAMES } from "../gnu/mod.ts";
import { findProgram, isSet } from "../lib/util.ts";
import { launcherOf } from "./launcher.ts";
import { quote } from "../shell/mod.ts";

/** The `PATH` of programs that a stand-in starts. */
export const TOOLS_PATH = "KBUILD_TOOLS_PATH";

/** Whether scripts find kbuild in place of GNU programs: all of them, or those that are missing. */
export function standInsOf(env: Readonly<Record<string, string>>): "all" | "missing" | undefined {
  const asked = env["KBUILD_GNU_TOOLS"] ?? "";
  if (launcherOf(env) === undefined) return undefined;
  if (isSet(asked)) return "all";
  return Deno.build.os !== "linux" && asked === "" ? "missing" : undefined;
}

/**
 * An environment in which this kbuild is `make`, where kbuild knows how it was started; and the GNU programs that the
 * machine does not have, on anything but Linux, or with `KBUILD_GNU_TOOLS=y` all that kbuild has.
 *
 * @param bin An empty directory, which gets the programs.
 */
export async function withMake(
  env: Readonly<Record<string, string>>,
  bin: string,
): Promise<Readonly<Record<string, string>>> {
  const launcher = launcherOf(env);
  if (launcher === undefined) return env;
  const path = env["PATH"] ?? "";
  const write = (name: string, line: string) =>
    Deno.writeTextFile(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  await write("make", `exec ${quote(launcher)} make "$@"`);
  const standIns = standInsOf(env);
  if (standIns !== undefined) {
    for (const name of TOOL_NAMES) {
      // Homebrew's GNU programs begin with a g.
      const own = standIns === "all" ? undefined : await findProgram(`g${name}`, path);
      // kbuild itself is started without the stand-ins in its PATH.
      const line = own === undefined
        ? `${TOOLS_PATH}=$PATH PATH=${quote(path)} exec ${quote(launcher)} gnu ${name} "$@"`
        : `exec ${quote(own)} "$@"`;
      await write(name, line);
      if (own === undefined) await write(`g${name}`, line);
    }
  }
  return { ...env, PATH: `${bin}:${path}` };
}
