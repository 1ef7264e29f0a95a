import { format as formatBytes } from "@std/fmt/bytes";
import { dirname } from "@std/path";
import { type Checkout, readEtcdWanted, readProtocVersion, searchRoot } from "../checkout/mod.ts";
import { KbuildError, UsageError } from "../errors.ts";
import { hostPlatform } from "../lib/util.ts";
import { cacheDirectory } from "../net/mod.ts";
import {
  cachedGo,
  type CachedRelease,
  describeGo,
  type GoContext,
  type GoDescription,
  goRoot,
  installProtoc,
  installRelease,
  isCached,
  isGoRelease,
  isProtocVersion,
  listCached,
  listCachedProtoc,
  originOf,
  protocRelease,
  provideGo,
  readOrigin,
  removeFromCache,
  removeRelease,
  sizeOfTree,
} from "../toolchain/mod.ts";
import type { CommandContext } from "./context.ts";

/** Does what `kbuild toolchain ACTION VERSION…` asks for. */
export async function runToolchain(
  command: CommandContext,
  action: string,
  words: readonly string[],
): Promise<void> {
  if (action === "etcd") return await etcd(command, words[0]);
  if (action === "protoc") return await protoc(command, words[0]);
  if (action === "remove") return await remove(command, words);
  const versions = words.map(release);
  const context = await toolchainContext(command);
  if (action === "list") await list(command, context);
  else if (action === "install") await install(command, context, versions);
  else {
    const goroot = await pathOf(context, versions[0]);
    if (command.globals.json) command.printJson({ goroot });
    else command.print(goroot);
  }
}

/** Where the command is run: in a checkout, or outside. */
interface ToolchainContext {
  readonly context: GoContext;
  readonly checkout: Checkout | undefined;
}

async function toolchainContext(command: CommandContext): Promise<ToolchainContext> {
  const { env, globals, log, shell, signal, cwd } = command;
  const outside = { env, log, shell, signal, host: hostPlatform() };
  const inside = globals.root !== undefined || (await searchRoot(cwd)).root !== undefined;
  if (!inside) return { context: outside, checkout: undefined };
  return await command.open();
}

/** Fetches etcd if it is not in the cache. */
async function etcd(command: CommandContext, word: string | undefined): Promise<void> {
  const { context, checkout } = await toolchainContext(command);
  if (word === undefined && checkout === undefined) {
    throw new UsageError('Cannot fetch etcd without a release: "kbuild toolchain etcd 3.4.13"', [
      "In a checkout the release may be left out",
    ]);
  }
  const { etcdRelease, installEtcd, isEtcdVersion } = await import("../testing/mod.ts");
  const version = word?.replace(/^v/, "") ??
    (await readEtcdWanted(checkout!, context.env)).version;
  if (!isEtcdVersion(version)) {
    throw new UsageError(`Value "${version}" is not a release of etcd`, ['Example: "3.4.13"']);
  }
  const found = etcdRelease(context, version);
  if (found === undefined) throw noCache("etcd");
  await installEtcd(context, found);
  const { directory, program } = found;
  if (command.globals.json) command.printJson({ version, directory, etcd: program });
  else command.print(directory);
}

/** Fetches protoc if it is not in the cache. */
async function protoc(command: CommandContext, word: string | undefined): Promise<void> {
  const { context, checkout } = await toolchainContext(command);
  const pinned = () =>
    checkout === undefined ? undefined : readProtocVersion(checkout, {
      host: context.host,
      variables: context.env,
    });
  const version = word?.replace(/^v/, "") ?? pinned();
  if (version === undefined) {
    throw new UsageError(
      'Cannot fetch protoc without a release: "kbuild toolchain protoc 3.21.12"',
      [
        checkout === undefined
          ? "In a checkout from 1.28 on the release may be left out"
          : "This checkout takes any protoc 3",
      ],
    );
  }
  const found = protocRelease(context, checkedProtoc(version));
  if (found === undefined) throw noCache("protoc");
  await installProtoc(context, found);
  const { directory, program } = found;
  if (command.globals.json) {
    command.printJson({ version: found.version, directory, protoc: program });
  } else command.print(directory);
}

function checkedProtoc(version: string): string {
  if (isProtocVersion(version)) return version;
  throw new UsageError(`Value "${version}" is not a release of protoc`, ['Example: "23.4"']);
}

function noCache(what: string): KbuildError {
  return new KbuildError(`Cannot keep ${what}: kbuild has no cache`, {
    notes: ["Name a directory for it: KBUILD_CACHE=/absolute/path"],
  });
}

function release(word: string): string {
  const version = word.replace(/^go/, "");
  if (isGoRelease(version)) return version;
  throw new UsageError(`Value "${word}" is not a release of Go`, ['Examples: "1.21.7", "1.26rc1"']);
}

async function list(
  command: CommandContext,
  { context, checkout }: ToolchainContext,
): Promise<void> {
  const { env, host } = context;
  const cache = cacheDirectory(env, host);
  const here = await describeGo(context, checkout);
  // With --go PATH another one than that in PATH was looked at.
  const { have } = await describeGo({ ...context, env: { ...env, KBUILD_GO: "host" } }, undefined);
  const cached = await Promise.all(
    (cache === undefined ? [] : await listCached(cache)).map(async (go) => {
      const origin = await originOf(go);
      return {
        version: go.version,
        platform: go.platform,
        goroot: go.goroot,
        size: origin?.size ?? await sizeOfTree(go.directory),
        from: origin?.from ?? "unknown",
        digestFrom: origin?.digestFrom ?? null,
      };
    }),
  );
  const etcds = await etcdsOf(context);
  const protocs = await programsOf(context, await listCachedProtoc(context));
  if (command.globals.json) {
    const { tool: _tool, have: _have, notes: _notes, ...used } = here;
    command.printJson({
      host: have ?? null,
      cache: cache ?? null,
      cached,
      etcd: etcds,
      protoc: protocs,
      ...(checkout === undefined ? {} : { checkout: { root: checkout.root, ...used } }),
    });
    return;
  }
  const rows = [
    ...(have === undefined
      ? []
      : [[have.version || "devel", have.host, "", have.path, "PATH", ""]]),
    ...cached.map((go) => [
      ...[go.version, go.platform, formatBytes(go.size), go.goroot, go.from],
      go.digestFrom ?? "unknown",
    ]),
    ...[...named("etcd", etcds), ...named("protoc", protocs)].map(({ name, ...each }) => [
      ...[name, each.platform, formatBytes(each.size), each.directory, each.from],
      each.digestFrom ?? "unknown",
    ]),
  ];
  if (rows.length === 0) command.print("No Go in PATH, and none in the cache");
  else {
    command.printTable([["VERSION", "PLATFORM", "SIZE", "WHERE", "FROM", "DIGEST FROM"], ...rows], {
      cut: [undefined, undefined, undefined, "start"],
    });
  }
  if (checkout !== undefined) command.print(`\n${sentence(here)}`);
}

/** Releases of etcd in the cache. */
async function etcdsOf(context: GoContext): Promise<readonly CachedProgram[]> {
  const { listCachedEtcd } = await import("../testing/mod.ts");
  return await programsOf(context, await listCachedEtcd(context));
}

/** A release of another program than Go in the cache. */
interface CachedProgram {
  readonly version: string;
  readonly platform: string;
  readonly directory: string;
  /** Bytes. */
  readonly size: number;
  readonly from: string;
  readonly digestFrom: string | null;
}

async function programsOf(
  { host }: GoContext,
  releases: readonly { readonly directory: string; readonly version: string }[],
): Promise<readonly CachedProgram[]> {
  return await Promise.all(releases.map(async ({ directory, version }) => {
    const { from, digestFrom } = await readOrigin(directory);
    return {
      ...{ version, platform: host, directory, size: await sizeOfTree(directory) },
      from: from ?? "unknown",
      digestFrom: digestFrom ?? null,
    };
  }));
}

/** The same with the names that `remove` takes. */
function named(
  program: string,
  releases: readonly CachedProgram[],
): readonly (CachedProgram & { readonly name: string })[] {
  return releases.map((each) => ({ ...each, name: `${program}-${each.version}` }));
}

/** "This checkout is built with Go 1.21.7 (.go-version:1): in the cache". */
function sentence(here: GoDescription): string {
  const { action, have, problem, url, version, why } = here;
  if (problem !== undefined) return `This checkout cannot be built: ${problem}`;
  const which = version ?? (have?.version || "devel");
  const where = action === "host"
    ? `"${here.path}"`
    : action === "cached"
    ? "in the cache"
    : `to be fetched: ${url}`;
  return `This checkout is built with Go ${which} (${why}), ${where}`;
}

async function install(
  command: CommandContext,
  { context, checkout }: ToolchainContext,
  versions: readonly string[],
): Promise<void> {
  if (versions.length === 0 && checkout === undefined) {
    throw new UsageError('Cannot install without a release: "kbuild toolchain install 1.24.3"', [
      "In a checkout the release may be left out",
    ]);
  }
  if (versions.length > 1 && context.env["KBUILD_GO_SHA256"]) {
    throw new UsageError("Cannot check several releases against one KBUILD_GO_SHA256", [
      "Install one at a time",
    ]);
  }
  const { json } = command.globals;
  const installed: string[] = [];
  const show = (goroot: string) => {
    installed.push(goroot);
    if (!json) command.print(goroot);
  };
  if (versions.length === 0 && checkout !== undefined) {
    show(await goRoot(context, await provideGo(context, checkout)));
  }
  for (const version of versions) {
    const go = await installRelease(context, version);
    show(dirname(dirname(go.path)));
  }
  if (json) command.printJson({ installed });
}

async function pathOf(
  { context, checkout }: ToolchainContext,
  version: string | undefined,
): Promise<string> {
  const env = version === undefined ? context.env : { ...context.env, KBUILD_GO: version };
  const { action, notes, problem, tool, why, ...choice } = await describeGo(
    { ...context, env },
    version === undefined ? checkout : undefined,
  );
  if (tool === undefined) throw new KbuildError(problem ?? "Cannot find a Go", { notes });
  if (action === "proxy" || action === "archive") {
    throw new KbuildError(`Cannot tell the path of Go ${choice.version}: it is not here yet`, {
      notes: [`${why} wants it; fetch it: kbuild toolchain install ${choice.version}`],
    });
  }
  return await goRoot(context, tool);
}

/** Removes releases of Go, of etcd and of protoc: `etcd-3.4.13`, as the list names them. */
async function remove(command: CommandContext, words: readonly string[]): Promise<void> {
  if (words.length === 0) {
    throw new UsageError('Cannot remove without a release: "kbuild toolchain remove 1.24.3"');
  }
  const asked = words.map((word) => {
    const [, program, version] = /^(etcd|protoc)-v?(.+)$/.exec(word) ?? [];
    return program === undefined
      ? { program: "go", version: release(word), name: release(word) }
      : { program, version: version!, name: `${program}-${version}` };
  });
  const { context } = await toolchainContext(command);
  for (const { program, version } of asked) {
    if (program === "go") await removeGo(context, version);
    else if (program === "etcd") await removeCachedEtcd(context, version);
    else await removeCachedProtoc(context, version);
  }
  if (command.globals.json) command.printJson({ removed: asked.map(({ name }) => name) });
}

async function removeGo(context: GoContext, version: string): Promise<void> {
  const { env, host } = context;
  const cache = cacheDirectory(env, host);
  const known = cache === undefined ? [] : (await listCached(cache)).map((go) => go.version);
  const there = cache !== undefined && await isCached(cachedGo(cache, version, host));
  if (!await removeRelease(context, version)) {
    throw new KbuildError(`Cannot remove Go ${version}: it is not in the cache`, {
      notes: [`In the cache: ${known.join(", ") || "none"}`],
    });
  }
  if (there) context.log.status(`Removed Go ${version}`);
}

async function removeCachedEtcd(context: GoContext, version: string): Promise<void> {
  const { etcdRelease, isEtcdVersion, listCachedEtcd } = await import("../testing/mod.ts");
  if (!isEtcdVersion(version)) {
    throw new UsageError(`Value "${version}" is not a release of etcd`, ['Example: "etcd-3.4.13"']);
  }
  const release = etcdRelease(context, version);
  await removeProgram(context, {
    name: "etcd",
    version,
    release,
    known: await listCachedEtcd(context),
  });
}

async function removeCachedProtoc(context: GoContext, version: string): Promise<void> {
  const release = protocRelease(context, checkedProtoc(version));
  const known = await listCachedProtoc(context);
  await removeProgram(context, {
    name: "protoc",
    version: release?.version ?? version,
    release,
    known,
  });
}

async function removeProgram(
  context: GoContext,
  { name, version, release, known }: {
    name: string;
    version: string;
    /** Undefined if there is none for this platform. */
    release: CachedRelease | undefined;
    known: readonly { readonly version: string }[];
  },
): Promise<void> {
  if (release === undefined || !await removeFromCache(context, release)) {
    const names = known.map((each) => `${name}-${each.version}`);
    throw new KbuildError(`Cannot remove ${name} ${version}: it is not in the cache`, {
      notes: [`In the cache: ${names.join(", ") || "none"}`],
    });
  }
  context.log.status(`Removed ${name} ${version}`);
}
