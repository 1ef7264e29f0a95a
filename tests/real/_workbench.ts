/** One copy of a real checkout, and the programs that run in it. */
import { createHash } from "node:crypto";
import { dirname, fromFileUrl, join } from "@std/path";
import { createShell, type RunResult, type Shell } from "../../src/shell/mod.ts";
import { which } from "./_tree.ts";

type Environment = Readonly<Record<string, string>>;

/** The targets that stand for a whole build: static, without a C compiler, in a minute. */
export const SUBSET: readonly string[] = ["cmd/kubectl", "cmd/kube-proxy", "cmd/kube-scheduler"];
/** `SOURCE_DATE_EPOCH` of both sides. */
export const EPOCH = "1600000000";

const clone = fromFileUrl(new URL("../..", import.meta.url));
const home = Deno.env.get("HOME") ?? "/";

/** What one run of kbuild left. */
export interface Artifact {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** A copy of the checkout in a temporary directory. */
export class Workbench {
  /** The temporary directory; everything is below. */
  readonly top: string;
  /** The copy of the checkout. */
  readonly tree: string;
  /** What both sides see; nothing of the caller's but `PATH`, with the right Go first. */
  readonly env: Environment;
  readonly shell: Shell;

  private constructor(top: string, goBin: string) {
    this.top = top;
    this.tree = join(top, "kubernetes");
    this.env = {
      PATH: `${goBin}:${Deno.env.get("PATH") ?? ""}`,
      HOME: join(top, "home"),
      TMPDIR: join(top, "tmp"),
      GOTOOLCHAIN: "local",
      SOURCE_DATE_EPOCH: EPOCH,
      KBUILD_BASES: "scratch",
    };
    this.shell = createShell({ cwd: this.tree, env: this.env, write: () => {} });
  }

  /**
   * Clones a checkout; outputs of earlier builds stay behind. Files get the modes that git has for
   * them: upstream packs whatever the group may do, kbuild 0644 and 0755 alone.
   */
  static async open(source: string, goBin: string): Promise<Workbench> {
    Deno.umask(0o022);
    const top = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-real-" }));
    const bench = new Workbench(top, goBin);
    for (const name of ["home", "tmp"]) await Deno.mkdir(join(top, name));
    const { $ } = createShell({ cwd: top, env: bench.env });
    await $`git clone --quiet --no-hardlinks ${source} ${bench.tree}`;
    return bench;
  }

  /** Removes the copy; Go's module cache may be read-only. */
  async close(): Promise<void> {
    await createShell({ cwd: "/", env: this.env }).$`chmod -R u+w ${this.top}`;
    await Deno.remove(this.top, { recursive: true });
  }

  /** A new empty directory. */
  async directory(name: string): Promise<string> {
    const path = join(this.top, name);
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** Runs a program in the tree; what it printed is in the error when it fails. */
  async run(argv: readonly string[], env: Environment = {}): Promise<RunResult> {
    return await this.shell.run(argv, { env: { ...this.env, ...env } });
  }

  /** Runs kbuild on the tree. */
  async kbuild(args: readonly string[], env: Environment = {}): Promise<RunResult> {
    const config = join(clone, Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json");
    const deno = [Deno.execPath(), "run", "-A", "--no-prompt", "--config", config];
    const cache = Deno.env.get("DENO_DIR") ?? join(home, ".cache/deno");
    return await this.run([...deno, join(clone, "main.ts"), ...args], { DENO_DIR: cache, ...env });
  }

  /** Makes a release with kbuild and returns what it says of every artifact. */
  async release(args: readonly string[], env: Environment = {}): Promise<readonly Artifact[]> {
    const { stdout } = await this.kbuild([...args, "--json"], env);
    const { artifacts } = JSON.parse(stdout) as { artifacts: Artifact[] };
    return artifacts.map(({ path, size, sha256 }) => ({ path, size, sha256 }));
  }

  /** `git status` of the tree. */
  async status(): Promise<string> {
    return (await this.run(["git", "status", "--porcelain"])).stdout;
  }

  /** Removes paths below the tree. */
  async remove(...paths: string[]): Promise<void> {
    for (const path of paths) {
      await Deno.remove(join(this.tree, path), { recursive: true }).catch((error: unknown) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  /** SHA-256 of files below the tree. */
  async digests(paths: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const path of paths) {
      const bytes = await Deno.readFile(join(this.tree, path));
      found[path] = createHash("sha256").update(bytes).digest("hex");
    }
    return found;
  }
}

/** Programs that kbuild must not need. */
export const FORBIDDEN: readonly string[] = [
  ...["tar", "gzip", "sed", "date", "bash", "sh", "make", "rsync", "cp", "find", "docker"],
  ...["awk", "grep", "cat", "mv", "rm", "ln", "mkdir", "install", "python3", "gcc", "cc"],
];

/**
 * A directory for `PATH` with links to git and go alone, and programs in the others' names that write
 * down that they were started, and fail.
 */
export async function bareBin(
  dir: string,
  goBin: string,
): Promise<{ bin: string; started: () => Promise<string> }> {
  const [bin, log] = [join(dir, "bin"), join(dir, "started")];
  await Deno.mkdir(bin, { recursive: true });
  await Deno.symlink(which("git") ?? "/usr/bin/git", join(bin, "git"));
  await Deno.symlink(join(goBin, "go"), join(bin, "go"));
  const script = `#!/bin/sh\necho "$0 $*" >>'${log}'\nexit 97\n`;
  for (const name of FORBIDDEN) await Deno.writeTextFile(join(bin, name), script, { mode: 0o755 });
  return { bin, started: () => Deno.readTextFile(log).catch(() => "") };
}

/** Copies files, with the directories that they need. */
export async function keep(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(from, path), join(to, path));
  }
}
