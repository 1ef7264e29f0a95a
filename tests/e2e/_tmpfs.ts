/** Small disks that tests can fill. */
import { output, run } from "./_program.ts";

/** Why this machine does not let us mount; undefined for root on Linux, in a container that allows it. */
export const noMount: string | undefined = await (async () => {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "needs root on Linux";
  const dir = Deno.makeTempDirSync();
  try {
    const { code } = await run(["mount", "-t", "tmpfs", "tmpfs", dir]);
    if (code === 0) await output(["umount", "-l", dir]);
    return code === 0 ? undefined : "needs the right to mount";
  } finally {
    Deno.removeSync(dir);
  }
})();

/** Runs `body` with a disk of that size ("128k") at a place. */
export async function withTmpfs(
  size: string,
  place: string,
  body: () => Promise<void>,
): Promise<void> {
  await Deno.mkdir(place, { recursive: true });
  await output(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", place]);
  try {
    await body();
  } finally {
    // Lazily: a program that another test starts at this moment has this process's files open until it
    // is itself, and the place would be busy.
    await output(["umount", "-l", place]);
  }
}
