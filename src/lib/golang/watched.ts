import type { KubeContext } from "../init.ts";
import type { PreparedBuild } from "./build.ts";
import { listArguments } from "./list_arguments.ts";
import type { BuildStep } from "./plan.ts";

/** The arguments of `go` that print the directories of the packages of a step, but for Go's own. */
export function directoryArguments(step: Pick<BuildStep, "argv">): readonly string[] {
  // Also for sources that do not compile.
  return listArguments(step, ["-e", "-f", "{{if not .Standard}}{{.Dir}}{{end}}"]);
}

/**
 * The directories of all packages that a build compiles, but for Go's own: Go's list of dependencies decides.
 * Empty where Go cannot say.
 *
 * @returns Absolute paths, in order.
 */
export async function watchedDirectories(
  { builder: { shell } }: KubeContext,
  { plan, go }: PreparedBuild,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const step of plan.platforms.flatMap(({ steps }) => steps)) {
    const { code, stdout } = await shell.run([go.path, ...directoryArguments(step)], {
      cwd: step.cwd,
      env: step.env,
      allowed: "any",
    });
    if (code !== 0) continue;
    for (const line of stdout.split("\n")) if (line.startsWith("/")) found.add(line);
  }
  return Object.freeze([...found].sort());
}
