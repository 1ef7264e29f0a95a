/**
 * What the end-to-end tests share: the real program as a user starts it, samples to run it on, and
 * directories, mounts and processes that are gone when a test has ended, however it ended.
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { createSample, type EraParameter } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { V8_FLAGS } from "../../scripts/dist/compile.ts";

/** The clone that is tested. */
export const CLONE = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
const CONFIG = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";
const DENO_DIR = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/", ".cache", "deno");

/** The machine's Go, 1.26 as 126, and its build cache; 0 without Go. */
function machineGo(): { version: number; cache: string } {
  const go = which("go");
  if (go === undefined) return { version: 0, cache: "" };
  const { stdout } = new Deno.Command(go, {
    args: ["env", "GOVERSION", "GOCACHE"],
    env: { GOTOOLCHAIN: "local" },
  }).outputSync();
  const [version = "", cache = ""] = new TextDecoder().decode(stdout).split("\n");
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version) ?? [];
  return { version: Number(major ?? 0) * 100 + Number(minor ?? 0), cache };
}

const MACHINE_GO = machineGo();

/** 1.26 as 126; 0 without Go. */
export const GO: number = MACHINE_GO.version;

/** The environment of a test: nothing of the developer's but where things are. */
export const ENV: Readonly<Record<string, string>> = Object.freeze({
  ...Object.fromEntries(["PATH", "HOME", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  })),
  DENO_DIR,
  DENO_NO_UPDATE_CHECK: "1",
  // Else each sample compiles Go's own packages, 20 s of processor time.
  ...(MACHINE_GO.cache === "" ? {} : { GOCACHE: MACHINE_GO.cache }),
  // What the developer has set for Go is not said in every log.
  GOENV: "off",
  // Samples pin releases of Go that this machine need not have.
  FORCE_HOST_GO: "y",
  // Their base images are not to be fetched.
  KBUILD_BASES: "scratch",
});

/** Deno fetches packages of npm itself, its bundler included: certificates as this machine has them. */
export const CERTIFICATES: Readonly<Record<string, string>> = Object.freeze(Object.fromEntries(
  ["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE"]
    .flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
));

/** From the clone. */
const SOURCE = [
  ...[Deno.execPath(), "run", "-A", "--no-prompt", `--v8-flags=${V8_FLAGS}`],
  ...["--config", join(CLONE, CONFIG), join(CLONE, "main.ts")],
];

/**
 * The program that is tested, by `KBUILD_TEST_PROGRAM`: `source` (default), `binary:FILE` (made by
 * `scripts/task compile`), or `npm:DIRECTORY` (where the npm package is installed).
 */
export const PROGRAM: readonly string[] = programNamed(
  Deno.env.get("KBUILD_TEST_PROGRAM") || "source",
);

/** The file that runs as kbuild, as a trace of started programs shows it. */
export const PROGRAM_FILE: string = Deno.realPathSync(PROGRAM[0] ?? "");

function programNamed(word: string): readonly string[] {
  const [, kind, path = ""] = /^(binary|npm):(.+)$/.exec(word) ?? [];
  if (kind === "binary") return [Deno.realPathSync(path)];
  // Not node_modules/.bin/kbuild: its first line looks for node in a PATH that tests replace.
  const node = which("node") ?? "node";
  if (kind === "npm") return [node, join(path, "node_modules/@k8s/kbuild/bin/kbuild.js")];
  if (word === "source") return SOURCE;
  throw new Error(`KBUILD_TEST_PROGRAM="${word}": want source, binary:FILE or npm:DIRECTORY`);
}

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface StartOptions {
  readonly cwd?: string;
  /** On top of {@linkcode ENV}. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The words that start kbuild: from the clone, or what {@linkcode PROGRAM} says. */
export function kbuildArgv(...args: string[]): string[] {
  return [...PROGRAM, ...args];
}

/** Starts a program with piped output. */
export function start(
  argv: readonly string[],
  options: StartOptions & { detached?: boolean } = {},
): Deno.ChildProcess {
  const { cwd = "/", env = {}, detached = false } = options;
  const [program = "", ...args] = argv;
  return new Deno.Command(program, {
    args,
    cwd,
    env: { ...ENV, ...env },
    clearEnv: true,
    detached,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for a started program. */
export async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, signal, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs any program to its end. */
export async function run(argv: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return await ended(start(argv, options));
}

/** Runs a program that must succeed; returns its stdout. */
export async function output(
  argv: readonly string[],
  options: StartOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}

/** GOARCH of this machine. */
export const GOARCH: string = Deno.build.arch === "x86_64" ? "amd64" : "arm64";

/** Runs kbuild to its end. */
export async function kbuild(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return await run(kbuildArgv(...args), options);
}

/** Runs kbuild, which must succeed; returns what it wrote to stdout. */
export async function kbuildOk(
  args: readonly string[],
  options: StartOptions = {},
): Promise<string> {
  return await output(kbuildArgv(...args), options);
}

/** A file of a release, as `--json` shows it. */
export interface Artifact {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Path -> digest, of the JSON that a release prints. */
export function digestsOf(json: string): Record<string, string> {
  const { artifacts } = JSON.parse(json) as { artifacts: Artifact[] };
  return Object.fromEntries(artifacts.map(({ path, sha256 }) => [path, sha256]));
}

/** Time stamps and given texts replaced: what a golden text can be compared with. */
export function plain(text: string, names: Readonly<Record<string, string>> = {}): string {
  let result = text.replaceAll(/\[\d{4} \d\d:\d\d:\d\d\]/g, "[time]");
  const longestFirst = Object.entries(names).sort(([, a], [, b]) => b.length - a.length);
  for (const [name, value] of longestFirst) result = result.replaceAll(value, `<${name}>`);
  return result;
}

/** The first executable file of that name in PATH. */
export function which(
  program: string,
  path = Deno.env.get("PATH") ?? "",
): string | undefined {
  for (const directory of path.split(":").filter((part) => part !== "")) {
    try {
      const info = Deno.statSync(join(directory, program));
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return join(directory, program);
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** Why an era's sample cannot be built here; undefined when it can. */
export function missingFor(era: EraParameter): string | undefined {
  if (which("git") === undefined) return "needs git";
  if (GO === 0) return "needs go";
  const workspace = era === "1.35" || era === "latest";
  return workspace && GO < 122 ? "needs go 1.22 or later" : undefined;
}

/** `name`, and `ignore` with the reason in the name. */
export function unless(
  reason: string | false | undefined,
  name: string,
): { name: string; ignore: boolean } {
  return reason === undefined || reason === false
    ? { name, ignore: false }
    : { name: `${name} (skipped: ${reason})`, ignore: true };
}

/** Makes a sample checkout, with nothing built. */
export async function makeSample(era: EraParameter, dir: string): Promise<string> {
  const git = createShell({ cwd: "/", env: ENV });
  await createSample({ dir, era, git, env: ENV });
  return dir;
}

/** A directory for one test; afterwards its mounts, the processes that work in it and it are gone. */
export async function inScratch(
  body: (dir: string) => Promise<void>,
  prefix = "kbuild-e2e-",
): Promise<void> {
  const dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix }));
  try {
    await body(dir);
  } finally {
    discard(dir);
  }
}

const shared = new Map<EraParameter, Promise<string>>();

/**
 * A released sample that the tests of one file share: look at it, copy it, do not change it. Gone
 * when the file's tests have ended.
 */
export function sharedRelease(era: EraParameter): Promise<string> {
  const known = shared.get(era);
  if (known !== undefined) return known;
  const dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "kbuild-e2e-shared-" }));
  globalThis.addEventListener("unload", () => discard(dir));
  const made = kbuildOk(["demo", "--era", era, "--dir", join(dir, "kubernetes"), "--json"])
    .then((json) => {
      Deno.writeTextFileSync(join(dir, "release.json"), json);
      return join(dir, "kubernetes");
    });
  shared.set(era, made);
  return made;
}

/** What {@linkcode sharedRelease} printed. */
export async function sharedDigests(era: EraParameter): Promise<Record<string, string>> {
  return digestsOf(
    await Deno.readTextFile(join(dirname(await sharedRelease(era)), "release.json")),
  );
}

/** Copies a tree: modes, times and symbolic links stay as they are. */
export async function copyTree(from: string, to: string): Promise<string> {
  const info = await Deno.lstat(from);
  if (info.isSymlink) {
    await Deno.symlink(await Deno.readLink(from), to);
    return to;
  }
  if (info.isDirectory) {
    await Deno.mkdir(to, { recursive: true });
    for await (const { name } of Deno.readDir(from)) {
      await copyTree(join(from, name), join(to, name));
    }
  } else {
    await Deno.copyFile(from, to);
  }
  if (info.mode !== null) await Deno.chmod(to, info.mode & 0o7777);
  if (info.mtime !== null) await Deno.utime(to, info.mtime, info.mtime);
  return to;
}

/** Processes whose directory or command line is below `dir`: pid and command line. */
export function processesBelow(dir: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      const cwd = Deno.readLinkSync(`/proc/${name}/cwd`);
      const inside = cwd === dir || cwd.startsWith(`${dir}/`);
      // A zombie has no command line and works nowhere.
      if (inside || command.includes(`${dir}/`)) found.push({ pid: Number(name), command });
    } catch {
      // Ended meanwhile.
    }
  }
  return found;
}

/** Removes a directory with all that is mounted in it or runs in it. Synchronous: for "unload" too. */
export function discard(dir: string): void {
  if (Deno.build.os === "linux") {
    for (const { pid } of processesBelow(dir)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
    const mounts = Deno.readTextFileSync("/proc/mounts").split("\n")
      .map((line) => (line.split(" ")[1] ?? "").replaceAll("\\040", " "))
      .filter((place) => place.startsWith(`${dir}/`)).sort().reverse();
    for (const place of mounts) new Deno.Command("umount", { args: ["-l", place] }).outputSync();
  }
  try {
    Deno.removeSync(dir, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    new Deno.Command("chmod", { args: ["-R", "u+w", dir] }).outputSync();
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Every file, directory and link below a directory, sorted, with the sizes of files. */
export function listing(dir: string, { sizes = true }: { sizes?: boolean } = {}): string[] {
  const found: string[] = [];
  function visit(relative: string): void {
    for (const entry of Deno.readDirSync(join(dir, relative))) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      found.push(sizes && entry.isFile ? `${path} ${Deno.lstatSync(join(dir, path)).size}` : path);
      if (entry.isDirectory) visit(path);
    }
  }
  visit("");
  return found.sort();
}

/** Programs that kbuild must never start; `gcc` and `cc` only go may. */
export const FAKES = [
  ...["tar", "gzip", "sed", "date", "bash", "sh", "make", "rsync", "cp", "find", "docker"],
  ...["gcc", "cc"],
] as const;

/**
 * A directory for PATH: links to git and go, and fakes that note their name in `log` and exit with 97.
 */
export function lonelyPath(dir: string): { path: string; log: string } {
  const path = join(dir, "bin");
  const log = join(dir, "fakes.log");
  Deno.mkdirSync(path, { recursive: true });
  for (const program of ["git", "go"]) {
    Deno.symlinkSync(Deno.realPathSync(which(program) ?? program), join(path, program));
  }
  for (const program of FAKES) {
    script(join(path, program), `echo ${program} "$@" >> '${log}'\nexit 97\n`);
  }
  Deno.writeTextFileSync(log, "");
  return { path, log };
}

/** Writes an executable script that needs no PATH itself. */
export function script(path: string, body: string): string {
  Deno.writeTextFileSync(path, `#!/bin/sh\n${body}`);
  Deno.chmodSync(path, 0o755);
  return path;
}
