/** What starts this kbuild; undefined where that is not known. */
export function launcherOf(env: Readonly<Record<string, string>>): string | undefined {
  return env["KBUILD_LAUNCHER"] || (Deno.build.standalone ? Deno.execPath() : undefined);
}
