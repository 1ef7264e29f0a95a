/**
 * Packs the npm packages: one per platform that there is a binary for, and the main one.
 *
 * Usage: scripts/task pack:npm [--bin DIR] [--out DIR] [--target PLATFORM]…
 *
 * The binaries are those of `scripts/task compile` in DIR (`dist/bin`), the tarballs go to `dist/npm`.
 * With `--target` the binaries of these platforms must be there. Prints the tarballs in the order in
 * which they are to be published.
 */
import { resolve } from "@std/path";
import { createShell } from "../src/shell/mod.ts";
import { packNpm } from "./dist/npm_packages.ts";
import { platformNamed } from "./dist/platforms.ts";
import { scriptMain } from "./dist/script.ts";
import { readStamp } from "./dist/stamp.ts";

await scriptMain(async ({ root, config, env, flags, say }) => {
  const out = resolve(root, flags.one("out") ?? "dist/npm");
  const binaries = resolve(root, flags.one("bin") ?? "dist/bin");
  const targets = flags.all("target").map(platformNamed);
  await Deno.mkdir(out, { recursive: true });
  const shell = createShell({ cwd: root, env });
  const stamp = await readStamp(shell, root, env);
  const platforms = targets.length === 0 ? undefined : targets;
  const repository = env["GITHUB_REPOSITORY"] || undefined;
  const options = { repository, shell, root, config, binaries, out, platforms, stamp, say };
  for (const path of await packNpm(options)) console.log(path);
}, ["bin", "out", "target"]);
