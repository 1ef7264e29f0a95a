import { join } from "@std/path";
import { quote } from "../shell/mod.ts";

/** What starts this kbuild; undefined where that is not known. */
export function launcherOf(env: Readonly<Record<string, string>>): string | undefined {
  return env["KBUILD_LAUNCHER"] || (Deno.build.standalone ? Deno.execPath() : undefined);
}

/**
 * An environment in which this kbuild is `make`, where kbuild knows how it was started.
 *
 * @param bin An empty directory, which gets the program.
 */
export async function withMake(
  env: Readonly<Record<string, string>>,
  bin: string,
): Promise<Readonly<Record<string, string>>> {
  const launcher = launcherOf(env);
  if (launcher === undefined) return env;
  await Deno.writeTextFile(join(bin, "make"), `#!/bin/sh\nexec ${quote(launcher)} make "$@"\n`, {
    mode: 0o755,
  });
  return { ...env, PATH: `${bin}:${env["PATH"] ?? ""}` };
}
