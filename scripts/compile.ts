/**
 * Makes standalone binaries, with the notices of what is in them and `SHA256SUMS`.
 *
 * Usage: scripts/task compile [--target PLATFORM]… [--out DIR]
 *
 * PLATFORM is `linux-x64`, `linux-arm64`, `darwin-x64` or `darwin-arm64` (also as Deno or Go name
 * them); default: all. DIR is `dist/bin` unless given. Variables: `DENORT_BIN` (Deno's runtime, where
 * it cannot be downloaded), `KBUILD_COMPILE_DENO` (the Deno that compiles), `SOURCE_DATE_EPOCH`.
 */
import { join, resolve } from "@std/path";
import { createShell } from "../src/shell/mod.ts";
import { binaryName, compileBinaries } from "./dist/compile.ts";
import { platformNamed } from "./dist/platforms.ts";
import { scriptMain } from "./dist/script.ts";
import { readStamp } from "./dist/stamp.ts";
import { writeSums } from "./dist/sums.ts";

/** Goes with the binaries. */
const NOTICES = "THIRD_PARTY_NOTICES";

await scriptMain(async ({ root, config, env, flags, say }) => {
  const out = resolve(root, flags.one("out") ?? "dist/bin");
  const targets = flags.all("target").map(platformNamed);
  await Deno.mkdir(out, { recursive: true });
  const shell = createShell({ cwd: root, env });
  const stamp = await readStamp(shell, root, env);
  const binaries = await compileBinaries({
    ...{ shell, root, config, out, stamp, env, say },
    platforms: targets.length === 0 ? undefined : targets,
  });
  await Deno.copyFile(join(root, NOTICES), join(out, NOTICES));
  await writeSums(out, [...binaries.map(({ platform }) => binaryName(platform)), NOTICES]);
  for (const { path } of binaries) {
    const { size } = await Deno.stat(path);
    console.log(`${path}  ${(size / 1e6).toFixed(1)} MB`);
  }
  console.log(join(out, "SHA256SUMS"));
}, ["target", "out"]);
