/** What tests of kind's and krel's commands share: kbuild in place of make. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { quoteCommand } from "../../src/shell/mod.ts";
import { ENV, kbuildArgv, run, script } from "./_program.ts";

/** A directory in front of PATH in which `make` is kbuild. */
export function makeIn(dir: string): Record<string, string> {
  const bin = join(dir, "bin");
  Deno.mkdirSync(bin);
  script(join(bin, "make"), `exec ${quoteCommand(kbuildArgv("make"))} "$@"\n`);
  return {
    ...ENV,
    PATH: `${bin}:${ENV["PATH"]}`,
    KBUILD_BASES: "scratch",
    KBUILD_CACHE: join(dir, "cache"),
  };
}

/** `gitVersion` of `hack/print-workspace-status.sh`, as both programs read it. */
export async function versionOf(root: string, env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await run(["hack/print-workspace-status.sh"], {
    cwd: root,
    env,
  });
  assertEquals(code, 0, stderr);
  return /^gitVersion (.*)$/m.exec(stdout)?.[1] ?? "";
}
