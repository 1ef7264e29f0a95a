/**
 * Brings git and Go where they are missing: Debian's packages for root on Debian, Homebrew's where
 * `brew` exists; else, and where those bring none, Go as kbuild fetches it (`GOPROXY`, or the
 * archive). Says what it does on stderr; prints the directory to put into PATH, or nothing, on stdout.
 *
 * Variables: `KBUILD_GO_VERSION`, and those of `kbuild toolchain install`.
 */
import { dirname, join } from "@std/path";
import { createScreen, exitCodeOf, renderError } from "../src/cli/mod.ts";
import { KbuildError } from "../src/errors.ts";
import { createEvents } from "../src/events/mod.ts";
import { createLogger } from "../src/lib/logging.ts";
import { showRun } from "../src/progress/mod.ts";
import { findProgram, hostPlatform } from "../src/lib/util.ts";
import { createShell } from "../src/shell/mod.ts";
import { installRelease } from "../src/toolchain/mod.ts";

/** Builds every era's sample; a checkout that pins another Go gets that one elsewhere. */
const VERSION = "1.24.3";

const env = Deno.env.toObject();
const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
const shell = createShell({
  cwd: Deno.cwd(),
  env,
  write: (chunk) => void Deno.stderr.writeSync(chunk),
});
const say = (text: string) => write(`kbuild: ${text}\n`);
const has = async (program: string, path = env["PATH"]) =>
  await findProgram(program, path) !== undefined;
const packageOf = (program: string) => program === "go" ? "golang-go" : program;

async function main(): Promise<void> {
  const missing = await missingIn(env["PATH"]);
  if (missing.length === 0) return;
  const bin = await installPackages(missing).catch((error: unknown) => {
    if (!(error instanceof KbuildError)) throw error;
    say(error.message);
    for (const line of error.output) say(`  ${line}`);
    return undefined;
  });
  const still = await missingIn([bin, env["PATH"]].filter(Boolean).join(":"));
  if (still.includes("git")) throw await cannotFindGit(still);
  const go = still.includes("go") ? await fetchGo() : bin;
  if (go !== undefined) console.log(go);
}

async function missingIn(path: string | undefined): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const program of ["git", "go"]) if (!await has(program, path)) missing.push(program);
  return missing;
}

/** With the system's packages, if that is possible here; returns a directory that is not in PATH. */
async function installPackages(missing: readonly string[]): Promise<string | undefined> {
  if (Deno.uid() === 0 && await has("apt-get")) {
    const packages = missing.map(packageOf);
    say(`installing ${packages.join(" and ")} with apt-get`);
    const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, label: "apt-get" };
    await shell.$`apt-get update -qq`.with(quiet);
    await shell.$`apt-get install -y -qq --no-install-recommends ${packages}`.with(quiet);
  } else if (await has("brew")) {
    say(`installing ${missing.join(" and ")} with brew`);
    await shell.$`brew install ${missing}`.with({ output: "stream", label: "brew install" });
    return join(await shell.$`brew --prefix`.text(), "bin");
  }
  return undefined;
}

async function cannotFindGit(missing: readonly string[]): Promise<KbuildError> {
  const how = await has("apt-get")
    ? `As root: apt-get install ${missing.map(packageOf).join(" ")}`
    : "Install git with your system's packages";
  return new KbuildError('Cannot find "git" in PATH', { notes: [`${how}; then run this again`] });
}

/** Fetches Go once into kbuild's cache; returns its bin directory. */
async function fetchGo(): Promise<string> {
  const version = env["KBUILD_GO_VERSION"] || VERSION;
  const screen = Deno.stderr.isTerminal()
    ? createScreen(write, () => Deno.consoleSize())
    : undefined;
  const events = createEvents();
  const end = showRun(events, screen === undefined ? "plain" : "tty", {
    ...{ screen, write: screen?.write ?? write, color: false, groups: false },
  });
  const log = createLogger({ write: (text, level) => events.log(level, text), events });
  const context = { env, host: hostPlatform(), log, shell, signal: undefined };
  try {
    const { path } = await installRelease(context, version, { why: "Go is missing" });
    return dirname(path);
  } catch (error) {
    if (!(error instanceof KbuildError) || !await has("apt-get")) throw error;
    const { message, output, notes } = error;
    throw new KbuildError(message, {
      output,
      notes: [...notes, "Or as root: apt-get install golang-go"],
      cause: error,
    });
  } finally {
    end();
  }
}

try {
  await main();
} catch (error) {
  write(renderError(error, { debug: false, color: false }));
  Deno.exit(exitCodeOf(error));
}
