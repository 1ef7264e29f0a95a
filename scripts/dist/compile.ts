import { join } from "@std/path";
import { readExecutable } from "../../src/audit/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import type { Shell } from "../../src/shell/mod.ts";
import { bundleProgram } from "./bundle.ts";
import { type DistPlatform, hostDistPlatform, PLATFORMS } from "./platforms.ts";
import { type Stamp, versionText } from "./stamp.ts";

/**
 * All of them: whoever may start programs may do anything. With a list of some, Deno resolves every directory of a
 * path whenever it opens a file, which is 0.4 s of processor time for the sources of 1.20.2.
 */
const PERMISSIONS = ["--allow-all", "--no-prompt"];

/** V8's flags; `scripts/kbuild` has the same, and says why. */
export const V8_FLAGS = "--max-semi-space-size=1";

/** What {@linkcode compileBinaries} works with. */
export interface CompileOptions {
  readonly shell: Shell;
  /** The clone; absolute. */
  readonly root: string;
  /** The import map: `deno.json` or `deno.npm.json`. */
  readonly config: string;
  /** An existing directory; absolute. */
  readonly out: string;
  /** Undefined: all that can be made here. */
  readonly platforms: readonly DistPlatform[] | undefined;
  readonly stamp: Stamp;
  /** `DENORT_BIN` and `KBUILD_COMPILE_DENO` are looked at. */
  readonly env: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

/** A binary that was made. */
export interface Binary {
  readonly platform: DistPlatform;
  /** Absolute path. */
  readonly path: string;
}

/** The name of a binary in a release. */
export function binaryName(platform: DistPlatform): string {
  return `kbuild-${platform.name}`;
}

/**
 * Makes the binaries. Each holds Deno's runtime and the program's JavaScript, whose time is the commit's:
 * the same commit, Deno and libraries give the same bytes. A binary for this machine is tried.
 *
 * @throws {KbuildError} Deno's runtime is unavailable; the notes say how to provide it.
 */
export async function compileBinaries(options: CompileOptions): Promise<readonly Binary[]> {
  const { shell, out, env, stamp, say } = options;
  const denort = env["DENORT_BIN"] || undefined;
  const deno = env["KBUILD_COMPILE_DENO"] || Deno.execPath();
  const platforms = await choosePlatforms(options.platforms, denort, say);
  if (denort !== undefined) say(`using the runtime "${denort}" (DENORT_BIN)`);

  const work = await Deno.makeTempDir({ dir: out, prefix: ".kbuild-tmp-" });
  try {
    const file = await bundleProgram({ ...options, directory: join(work, "kbuild") });
    const made: Binary[] = [];
    for (const platform of platforms) {
      say(`compiling ${binaryName(platform)}`);
      const binary = join(work, binaryName(platform));
      await compileOne(shell, { deno, denort, platform, file, binary, work });
      await tryBinary(shell, platform, binary, stamp, denort);
      const path = join(out, binaryName(platform));
      await Deno.rename(binary, path);
      made.push(Object.freeze({ platform, path }));
    }
    return Object.freeze(made);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** With a runtime of one's own, the platform is that of the runtime. */
async function choosePlatforms(
  asked: readonly DistPlatform[] | undefined,
  denort: string | undefined,
  say: (line: string) => void,
): Promise<readonly DistPlatform[]> {
  if (denort === undefined) return asked ?? PLATFORMS;
  const go = await executablePlatform(denort);
  const own = PLATFORMS.find((platform) => platform.go === go);
  if (own === undefined) {
    throw new KbuildError(
      `Cannot use DENORT_BIN="${denort}": it is not a runtime for macOS or Linux`,
    );
  }
  const other = asked?.find(({ name }) => name !== own.name);
  if (other !== undefined) {
    throw new KbuildError(`Cannot compile for ${other.name} with the runtime "${denort}"`, {
      notes: [`DENORT_BIN names one for ${own.name}: use --target ${own.name}, or unset it`],
    });
  }
  if (asked === undefined) say(`only ${own.name}: DENORT_BIN is for that platform`);
  return [own];
}

async function executablePlatform(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const head = new Uint8Array(64 * 1024);
    return readExecutable(head.subarray(0, await file.read(head) ?? 0))?.platform;
  } catch (cause) {
    throw new KbuildError(`Cannot read DENORT_BIN="${path}"`, { cause });
  }
}

async function compileOne(
  shell: Shell,
  { deno, denort, platform, file, binary, work }: {
    deno: string;
    denort: string | undefined;
    platform: DistPlatform;
    file: string;
    binary: string;
    work: string;
  },
): Promise<void> {
  try {
    // The code cache would have a known name in a directory that others can write to.
    await shell.$`${deno} compile --quiet --no-config --no-lock ${PERMISSIONS} --no-code-cache \
      --v8-flags=${V8_FLAGS} --target ${platform.target} --output ${binary} ${file}`
      .with({ cwd: work, label: `deno compile for ${platform.name}` });
  } catch (cause) {
    if (!(cause instanceof KbuildError)) throw cause;
    // Of addresses in Deno itself.
    const trace = cause.output.findIndex((line) => line.startsWith("Stack backtrace"));
    const download = cause.output.some((line) => /download|error sending request|dns/i.test(line));
    throw new KbuildError(`Cannot compile kbuild for ${platform.name}`, {
      cause,
      output: cause.output.slice(0, trace === -1 ? undefined : trace),
      notes: denort === undefined && download
        ? [
          "deno compile downloads Deno's runtime (denort); HTTPS_PROXY is honoured",
          "Without a network name one: DENORT_BIN=FILE, of the same release as the Deno " +
          "that compiles (KBUILD_COMPILE_DENO=FILE for another Deno)",
        ]
        : [],
    });
  }
}

/** A full Deno in the place of its runtime, or one of another release, makes binaries that fail. */
async function tryBinary(
  shell: Shell,
  platform: DistPlatform,
  binary: string,
  stamp: Stamp,
  denort: string | undefined,
): Promise<void> {
  if (platform !== hostDistPlatform()) return;
  const wanted = `kbuild ${versionText(stamp)}`;
  const { stdout } = await shell.$`${binary} --version`.with({ allowed: "any" });
  if (stdout.trim() === wanted) return;
  const [first = "nothing"] = stdout.split("\n", 1);
  throw new KbuildError(
    `The compiled binary does not work: "--version" prints "${first}", not "${wanted}"`,
    {
      notes: denort === undefined ? [] : [
        `DENORT_BIN="${denort}" must be a denort, not a deno, of a release that fits the Deno ` +
        "that compiles",
      ],
    },
  );
}
