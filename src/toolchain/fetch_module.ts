import { join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { removeTree } from "../files/mod.ts";
import {
  createClient,
  downloadInto,
  type RetryPolicy,
  tryCandidates,
  WrongContentError,
} from "../net/mod.ts";
import type { GoOrigin } from "./cache.ts";
import { databaseEndpoints, lookUpSum, parseDatabase } from "./checksum_database.ts";
import type { GoSettings } from "./go_settings.ts";
import { clientFor, type Endpoint, moduleProxies } from "./module_proxy.ts";
import type { GoContext } from "./types.ts";
import { unpackModule } from "./unpack_module.ts";
import { toolchainModule, zipPath } from "./urls.ts";

/** Inputs of {@linkcode fetchModule}. */
export interface ModuleRequest {
  /** The release to fetch. */
  readonly version: string;
  /** Where from, and what it is checked against. */
  readonly settings: GoSettings;
  /** A directory in which `go` appears. The caller removes it after an error. */
  readonly work: string;
  /** How long servers are waited for. */
  readonly retryPolicy?: Partial<RetryPolicy> | undefined;
}

/**
 * Fetches a release as the module `golang.org/toolchain`, as Go does for `GOTOOLCHAIN=go1.24.3`: from
 * the proxies in `GOPROXY`, checked against the checksum database in `GOSUMDB`, which is always asked,
 * because toolchains are never in a `go.sum`: `GONOSUMDB`, `GONOPROXY` and `GOPRIVATE` are about other
 * modules. Needs no Go.
 *
 * @throws {KbuildError} The settings forbid it, no proxy has it, or what came is not what the
 * database knows.
 */
export async function fetchModule(context: GoContext, request: ModuleRequest): Promise<GoOrigin> {
  const { env, host, signal } = context;
  const { settings, version, work } = request;
  const module = toolchainModule(version, host);
  const what = `${module.path}@${module.version}`;
  const database = parseDatabase(settings.sumdb);
  if (database === undefined) {
    throw new KbuildError(`Cannot check "${what}": GOSUMDB=off`, {
      notes: ["Without the checksum database nothing tells Go from what a proxy puts in its place"],
    });
  }
  const proxies = await moduleProxies(env, settings);
  if (proxies.length === 0) {
    throw new KbuildError(`Cannot fetch "${what}": GOPROXY=${settings.proxy} names no proxy`);
  }
  // Another way follows where this one fails, so servers get less time than usual.
  using client = await createClient(context, {
    headersMs: 10_000,
    attempts: 2,
    ...request.retryPolicy,
  });
  const endpoints = databaseEndpoints(database, proxies);
  const sum = await lookUpSum(client, database, { module, endpoints });
  const zip = join(work, "toolchain.zip");
  const goroot = join(work, "go");
  const size = await tryCandidates(what, proxies, async (proxy: Endpoint) => {
    const url = `${proxy.url}/${zipPath(module)}`;
    await removeTree(goroot);
    using file = await Deno.open(zip, { read: true, write: true, create: true, truncate: true });
    await downloadInto(clientFor(client, proxy), url, { file, path: zip });
    const unit = context.log.events.unit({ kind: "unpack", name: `go${version}` });
    const made = await unit.run(() => unpackModule(zip, goroot, { module, label: url, signal }));
    if (made.sum === sum) return made.size;
    throw new WrongContentError(`Cannot use "${url}": its hash is ${made.sum}, not ${sum}`, {
      notes: ["The proxy, or something on the way to it, serves something else than Go"],
    });
  }, client);
  await removeTree(zip);
  return { from: `${what} (GOPROXY)`, sum, digestFrom: "checksum-database", size };
}
