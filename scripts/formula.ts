/**
 * Writes the Homebrew formula of the binaries.
 *
 * Usage: scripts/task formula [--bin DIR] [--out FILE]
 *
 * DIR (`dist/bin`) has `SHA256SUMS` with all platforms. `GITHUB_REPOSITORY` is where the release will be.
 */
import { join, resolve } from "@std/path";
import { writeFileAtomic } from "../src/files/mod.ts";
import denoConfig from "../deno.json" with { type: "json" };
import { KbuildError } from "../src/errors.ts";
import { fillFormula } from "./dist/formula.ts";
import { scriptMain } from "./dist/script.ts";

await scriptMain(async ({ root, env, flags }) => {
  const binaries = resolve(root, flags.one("bin") ?? "dist/bin");
  const out = resolve(root, flags.one("out") ?? "dist/kbuild.rb");
  const repository = env["GITHUB_REPOSITORY"];
  if (!repository) {
    throw new KbuildError("Cannot tell where the binaries will be", {
      notes: ["Set GITHUB_REPOSITORY=OWNER/NAME"],
    });
  }
  const text = fillFormula(await Deno.readTextFile(join(root, "packaging/kbuild.rb.in")), {
    repository,
    version: denoConfig.version,
    sums: await Deno.readTextFile(join(binaries, "SHA256SUMS")),
  });
  await writeFileAtomic(out, text);
  console.log(out);
}, ["bin", "out"]);
