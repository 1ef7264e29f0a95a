import { join } from "@std/path";
import { ENV, output, which } from "./_program.ts";

/** Installs a program from npm, once per machine; returns the path of a file of it. */
export async function npmTool(spec: string, file: string): Promise<string> {
  const cache = join(ENV["XDG_CACHE_HOME"] ?? join(ENV["HOME"] ?? "/", ".cache"), "kbuild-e2e");
  const directory = join(cache, spec.replaceAll(/[@/]/g, "-"));
  const path = join(directory, file);
  if (which(path, "/") !== undefined) return path;
  await Deno.mkdir(cache, { recursive: true });
  const work = await Deno.makeTempDir({ dir: cache });
  try {
    await Deno.writeTextFile(join(work, "package.json"), '{"private":true}');
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await output(["npm", "install", ...flags, spec], { cwd: work });
    await Deno.chmod(join(work, file), 0o755);
    await Deno.rename(work, directory).catch(() => {}); // another test was faster
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
  return path;
}
