import { format as formatBytes } from "@std/fmt/bytes";
import { basename, dirname, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPossible } from "../files/mod.ts";
import type { Environment } from "../lib/init.ts";
import { goProxy, MIRRORS, parseMirrors } from "../net/mod.ts";
import { CommandError } from "../shell/mod.ts";
import { goFileName, type GoOrigin } from "./cache.ts";
import { FIRST_SWITCHING } from "./choose.ts";
import { compareGoVersions, type GoTool } from "./go_tool.ts";
import type { GoContext } from "./types.ts";

/** What {@linkcode fetchModule} is asked for. */
export interface ModuleRequest {
  /** A Go that is there; 1.13 or later, since older ones check nothing. */
  readonly go: GoTool;
  /** The release to fetch; 1.21 or later. */
  readonly version: string;
  /** An empty folder; `go` appears in it. The caller removes it after an error. */
  readonly work: string;
}

/**
 * Lets a Go that is there fetch another release: the module `golang.org/toolchain`, through
 * `GOPROXY`, checked by Go against its checksum database, as the user's settings have it. From 1.21
 * on that is what Go does for `GOTOOLCHAIN=go1.24.3`; older ones can download the module all the same.
 *
 * @throws {KbuildError} Go cannot fetch it, or refuses what came.
 */
export async function fetchModule(context: GoContext, request: ModuleRequest): Promise<GoOrigin> {
  const { host, log } = context;
  const { go, version, work } = request;
  const module = `golang.org/toolchain@v0.0.1-${goFileName(version, host)}`;
  const ticker = setInterval(async () => {
    const bytes = await sizeOfDownload(modulesOf(work));
    if (bytes > 0) log.progress(`    go${version}: ${formatBytes(bytes)}`);
  }, 500);
  try {
    const switches = go.devel || compareGoVersions(go.version, FIRST_SWITCHING) >= 0;
    const goroot = switches
      ? await switchRelease(context, request)
      : await downloadModule(context, request, module);
    if (!(await Deno.realPath(goroot)).startsWith(`${await Deno.realPath(work)}/`)) {
      throw new KbuildError(`Cannot get Go ${version}: "${go.path}" has one in "${goroot}"`, {
        notes: [`Name that one yourself: --go "${goroot}"`],
      });
    }
    await Deno.rename(goroot, join(work, "go"));
  } finally {
    clearInterval(ticker);
    log.progress("");
  }
  return { from: `${module} (GOPROXY)`, size: await sizeOfTree(join(work, "go")) };
}

/** Go's own way: it starts the wanted release in its place, which says where it lies. */
async function switchRelease(context: GoContext, request: ModuleRequest): Promise<string> {
  const { go, version, work } = request;
  const { stdout } = await context.shell.run([go.path, "env", "GOROOT"], {
    cwd: work,
    env: { ...moduleEnv(context.env, work), GOTOOLCHAIN: `go${version}` },
    label: `Fetching Go ${version}`,
  }).catch((error: unknown) => {
    throw error instanceof CommandError ? cannotFetch(request, error.tail, error) : error;
  });
  return stdout.trim();
}

/**
 * What Go before 1.21 can do: download the module as any other. Like later ones it must ask the
 * checksum database, whatever `GONOSUMDB` and `GOPRIVATE` leave out.
 */
async function downloadModule(
  context: GoContext,
  request: ModuleRequest,
  module: string,
): Promise<string> {
  const { go, version, work } = request;
  const { shell } = context;
  const env = {
    ...moduleEnv(context.env, work),
    GO111MODULE: "on",
    GONOSUMDB: "none.invalid",
    GOPRIVATE: "none.invalid",
    GONOPROXY: context.env["GONOPROXY"] || "none.invalid",
  };
  const options = { cwd: work, env, label: `Fetching Go ${version}` };
  const database = await shell.run([go.path, "env", "GOSUMDB"], options);
  if (database.stdout.trim() === "off") {
    throw new KbuildError(`Cannot get Go ${version}: GOSUMDB=off, so nothing would check it`, {
      notes: [
        "Unset GOSUMDB, or name a mirror of Go's archives: KBUILD_GO_MIRROR=https://…",
      ],
    });
  }
  const argv = [go.path, "mod", "download", "-json", module];
  const { code, stdout, tail } = await shell.run(argv, { ...options, allowed: "any" });
  const answer = parseAnswer(stdout);
  const folder = answer?.Dir;
  if (code !== 0 || folder === undefined) {
    throw cannotFetch(request, answer?.Error?.split("\n") ?? tail);
  }
  // The zip of a module has neither modes nor a go.mod below its own.
  await restore(folder);
  return folder;
}

/** What `go mod download -json` prints. */
function parseAnswer(text: string): { Dir?: string; Error?: string } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Names and modes as in Go's archives. */
async function restore(goroot: string): Promise<void> {
  for await (const path of filesBelow(goroot)) {
    const name = path.slice(goroot.length + 1);
    if (basename(name) === "_go.mod") {
      await Deno.rename(path, join(dirname(path), "go.mod"));
    } else if (/^(bin|pkg\/tool)\/|^lib\/(.*\/)?go_[^/]+_exec$/.test(name)) {
      await Deno.chmod(path, 0o755);
    }
  }
}

/** The user's environment, but everything that Go keeps goes below `work`. */
function moduleEnv(env: Environment, work: string): Record<string, string> {
  const { GOROOT: _root, GOBIN: _bin, GOTOOLDIR: _tools, GO111MODULE: _mode, ...rest } = env;
  const proxy = goProxy(parseMirrors(env[MIRRORS] ?? ""));
  return {
    ...rest,
    ...(proxy === undefined ? {} : { GOPROXY: proxy }),
    GOTOOLCHAIN: "local",
    GOPATH: join(work, "gopath"),
    GOMODCACHE: modulesOf(work),
    // Go keeps read-only modules otherwise, which are tedious to remove.
    GOFLAGS: "-modcacherw",
    GOWORK: "off",
  };
}

function modulesOf(work: string): string {
  return join(work, "gopath", "pkg", "mod");
}

/** Bytes of the module that Go is writing. */
async function sizeOfDownload(modules: string): Promise<number> {
  const folder = join(modules, "cache", "download", "golang.org", "toolchain", "@v");
  // Not there yet, or renamed meanwhile: only progress is told of it.
  const names = await ifPossible(Array.fromAsync(Deno.readDir(folder))) ?? [];
  const found = await Promise.all(
    names.map(({ name }) => ifPossible(Deno.stat(join(folder, name)))),
  );
  return found.reduce((bytes, info) => bytes + (info?.size ?? 0), 0);
}

/** Bytes of all files below a folder. */
export async function sizeOfTree(folder: string): Promise<number> {
  let bytes = 0;
  for await (const path of filesBelow(folder)) bytes += (await Deno.lstat(path)).size;
  return bytes;
}

async function* filesBelow(folder: string): AsyncGenerator<string, void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

/** Go's own words say what happened; this says what to do. */
function cannotFetch(
  { go, version }: ModuleRequest,
  output: readonly string[],
  cause?: unknown,
): KbuildError {
  const forged = output.some((line) => /SECURITY ERROR|checksum mismatch/.test(line));
  const why = forged
    ? "what came is not what the checksum database knows; nothing of it was kept"
    : `"${go.path}" could not fetch it`;
  return new KbuildError(`Cannot get Go ${version}: ${why}`, {
    output,
    notes: forged
      ? ["The proxy in GOPROXY, or something on the way to it, serves something else than Go"]
      : [
        "Check GOPROXY and GOSUMDB (`go env GOPROXY GOSUMDB`), HTTPS_PROXY and NO_PROXY",
        "Or name a mirror of Go's archives: KBUILD_GO_MIRROR=https://…",
      ],
    cause,
  });
}
