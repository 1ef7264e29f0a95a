import { copyFileAtomic, ifPresent } from "../../files/mod.ts";
import { KbuildError, systemCode } from "../../errors.ts";
import type { KubeContext } from "../init.ts";
import type { BinaryOutput } from "./plan.ts";

/**
 * Port of `kube::golang::place_bins`: copies what `go` built to `<bin>/<os>/<arch>`, by rename. A file
 * that is there already is left alone.
 *
 * The scripts place every file they find, but only for the client platforms, so that a binary for
 * another platform is built and never seen again; here each binary of the build is placed.
 *
 * @throws {KbuildError} A binary was not built.
 */
export async function placeBins(
  context: KubeContext,
  outputs: readonly BinaryOutput[],
): Promise<void> {
  context.log.status("Placing binaries", [], { v: 2 });
  for (const output of outputs) await place(output);
}

async function place({ built, placed }: BinaryOutput): Promise<void> {
  const source = await Deno.stat(built).catch((error: unknown) => {
    if (systemCode(error) !== "ENOENT") throw error;
    throw new KbuildError(`Cannot find "${built}", which go was to build`, {
      notes: ["Check that the target is a main package (or ends in .test)"],
      cause: error,
    });
  });
  const existing = await ifPresent(Deno.lstat(placed));
  const unchanged = existing?.isFile === true && existing.size === source.size &&
    existing.mtime?.getTime() === source.mtime?.getTime();
  if (unchanged) return;
  await copyFileAtomic(built, placed, { mode: 0o755, mtime: source.mtime ?? new Date(0) });
}
