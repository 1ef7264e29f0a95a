import { join } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { KbuildError } from "../../src/errors.ts";
import type { Shell } from "../../src/shell/mod.ts";
import { bundleProgram } from "./bundle.ts";
import { binaryName, V8_FLAGS } from "./compile.ts";
import { npmExports, writeLibrary } from "./library.ts";
import { type DistPlatform, PLATFORMS } from "./platforms.ts";
import type { Stamp } from "./stamp.ts";

/** What {@linkcode packNpm} works with. */
export interface PackOptions {
  readonly shell: Shell;
  /** The clone; absolute. */
  readonly root: string;
  /** The import map, a path from the clone's root. */
  readonly config: string;
  /** The directory of the binaries; absolute. */
  readonly binaries: string;
  /** Where the tarballs go: an existing directory; absolute. */
  readonly out: string;
  /** Platforms whose binaries must be there; undefined takes those that are. */
  readonly platforms: readonly DistPlatform[] | undefined;
  readonly stamp: Stamp;
  /** `owner/name` on GitHub, which npm's provenance wants to know; undefined leaves it out. */
  readonly repository: string | undefined;
  readonly say: (line: string) => void;
}

/** The oldest Deno that the program runs under; the tests run it under that one, too. */
const OLDEST_DENO = "2.6";

const { name: NAME, version, license } = denoConfig;

/** Fields of every package's package.json. */
function common(repository: string | undefined): Record<string, unknown> {
  const url = `git+https://github.com/${repository}.git`;
  return { version, license, ...(repository ? { repository: { type: "git", url } } : {}) };
}

/** The package.json of a platform's package. */
export function platformManifest(
  platform: DistPlatform,
  repository?: string,
): Record<string, unknown> {
  const { name, os, cpu, libc } = platform;
  return {
    name: `${NAME}-${name}`,
    ...common(repository),
    description: `The program of ${NAME} for ${name}`,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    preferUnplugged: true,
    files: ["bin/kbuild", "THIRD_PARTY_NOTICES"],
  };
}

/** The package.json of the main package. */
export function mainManifest(repository?: string): Record<string, unknown> {
  return {
    name: NAME,
    ...common(repository),
    description: "Builds, packages and releases Kubernetes checkouts without bash, make, GNU tools",
    keywords: ["kubernetes", "build", "release", "deno"],
    type: "module",
    man: "man/kbuild.1",
    bin: { kbuild: "bin/kbuild.js" },
    exports: { ...npmExports(), "./package.json": "./package.json" },
    types: "./lib/mod.d.ts",
    engines: { node: ">=20" },
    optionalDependencies: Object.fromEntries(
      PLATFORMS.map((platform) => [`${NAME}-${platform.name}`, version]),
    ),
    kbuild: {
      program: "lib/program/main.js",
      denoFlags: [
        ...["run", "--quiet", "-A", "--no-prompt", "--no-config", "--no-lock"],
        `--v8-flags=${V8_FLAGS}`,
      ],
      oldestDeno: OLDEST_DENO,
      platforms: PLATFORMS.map((platform) => platform.name),
    },
  };
}

/**
 * Makes the tarballs of all packages: one per platform that there is a binary for, and the main one.
 *
 * @returns Their absolute paths, in the order in which they are to be published: the main one last.
 * @throws {KbuildError} A binary that is asked for is missing.
 */
export async function packNpm(options: PackOptions): Promise<readonly string[]> {
  const { root, out, binaries, platforms, say } = options;
  const work = await Deno.makeTempDir({ dir: out, prefix: ".kbuild-tmp-" });
  try {
    const made: string[] = [];
    for (const platform of platforms ?? PLATFORMS) {
      const binary = join(binaries, binaryName(platform));
      if (!await isFile(binary)) {
        if (platforms === undefined) {
          say(`no package for ${platform.name}: there is no "${binary}"`);
          continue;
        }
        throw new KbuildError(`Cannot pack kbuild for ${platform.name}: no "${binary}"`, {
          notes: [`Make it first: scripts/task compile --target ${platform.name}`],
        });
      }
      const directory = join(work, platform.name);
      await Deno.mkdir(join(directory, "bin"), { recursive: true });
      await Deno.copyFile(binary, join(directory, "bin/kbuild"));
      await Deno.chmod(join(directory, "bin/kbuild"), 0o755);
      for (const name of ["LICENSE", "THIRD_PARTY_NOTICES"]) {
        await Deno.copyFile(join(root, name), join(directory, name));
      }
      await writeJson(
        join(directory, "package.json"),
        platformManifest(platform, options.repository),
      );
      made.push(await pack(options, directory));
    }
    made.push(await pack(options, await writeMain(options, join(work, "main"))));
    return Object.freeze(made);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function writeMain(options: PackOptions, directory: string): Promise<string> {
  const { root } = options;
  await Deno.mkdir(join(directory, "bin"), { recursive: true });
  await Deno.mkdir(join(directory, "lib"));
  await Deno.copyFile(join(root, "npm/package/kbuild.js"), join(directory, "bin/kbuild.js"));
  await Deno.chmod(join(directory, "bin/kbuild.js"), 0o755);
  for (const name of ["LICENSE", "THIRD_PARTY_NOTICES", "README.md", "CHANGELOG.md"]) {
    await Deno.copyFile(join(root, name), join(directory, name));
  }
  await Deno.mkdir(join(directory, "man"));
  await Deno.copyFile(join(root, "docs/kbuild.1"), join(directory, "man/kbuild.1"));
  await writeLibrary({ ...options, out: join(directory, "lib") });
  await bundleProgram({ ...options, directory: join(directory, "lib/program") });
  await writeJson(join(directory, "package.json"), mainManifest(options.repository));
  return directory;
}

/** Runs `npm pack`, which gives the same bytes for the same files. */
async function pack({ shell, out, stamp, say }: PackOptions, directory: string): Promise<string> {
  const [made] = await shell.$`npm pack --json --ignore-scripts --pack-destination ${out}`
    .with({ cwd: directory, label: "npm pack" }).json<{ filename: string; size: number }[]>();
  if (made === undefined) throw new KbuildError(`npm pack made nothing of "${directory}"`);
  // Older releases of npm name the file as the package is named, with a slash in it.
  const path = join(out, made.filename.replace(/^@/, "").replace("/", "-"));
  await Deno.utime(path, stamp.epoch, stamp.epoch);
  say(`packed ${path} (${(made.size / 1e6).toFixed(1)} MB)`);
  return path;
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}
