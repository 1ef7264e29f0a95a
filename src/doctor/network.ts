import { KbuildError } from "../errors.ts";
import { isOffline, type Proxy, proxyFor } from "../net/mod.ts";
import { lookUpImage, type RegistryContext, type WantedImage } from "../registry/mod.ts";
import type { Check, Found } from "./types.ts";

const GROUP = "network";
/** How long a proxy may take to accept a connection, in milliseconds. */
const PROXY_MS = 5000;

/** What helps wherever a base image cannot be fetched. */
const WAYS_OUT = [
  "Ask a mirror for it: --mirror PREFIX=WHERE, KBUILD_MIRRORS, or [mirrors] of kbuild.toml",
  "Or make images without bases: kbuild quick-release --bases scratch",
];

/** Whether the proxies of the environment can be reached. */
export function checkProxies(env: Readonly<Record<string, string>>): readonly Check[] {
  return ["https", "http"].map((scheme): Check => ({
    group: GROUP,
    name: `${scheme} proxy`,
    async examine() {
      // A name that no list of exceptions has.
      const proxy = proxyFor(env, `${scheme}://kbuild.invalid`);
      return proxy === undefined ? undefined : await examineProxy(proxy);
    },
  }));
}

async function examineProxy({ url, variable }: Proxy): Promise<Found> {
  const { hostname, port, protocol } = new URL(url);
  const number = Number(port) || (protocol === "https:" ? 443 : protocol === "http:" ? 80 : 1080);
  const says = `${url} (${variable})`;
  const why = await connects(hostname.replace(/^\[(.*)\]$/, "$1"), number);
  if (why === undefined) return { state: "ok", says };
  return {
    state: "failure",
    says: `${says} cannot be reached: ${why}`,
    fixes: [`Correct ${variable}, or do without it: unset ${variable}`],
  };
}

/** Why no connection comes about; undefined if one does. */
async function connects(hostname: string, port: number): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const connecting = Deno.connect({ hostname, port }).then(
    (connection) => connection.close(),
    (error: unknown) => error instanceof Error ? error.message : String(error),
  );
  const waited = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${PROXY_MS / 1000} s`), PROXY_MS);
  });
  const why = await Promise.race([connecting, waited]);
  clearTimeout(timer);
  return why ?? undefined;
}

/** Whether the base images of a release are where they would be fetched from. */
export function checkImages(
  context: RegistryContext,
  wanted: readonly WantedImage[],
): readonly Check[] {
  if (isOffline(context.env)) return [];
  return wanted.map(({ reference }): Check => ({
    group: GROUP,
    name: reference,
    async examine() {
      try {
        const { host, digest } = await lookUpImage(context, reference);
        return { state: "ok", says: `${host} has it: ${digest}` };
      } catch (error) {
        if (!(error instanceof KbuildError)) throw error;
        const fixes = [...error.notes, ...WAYS_OUT];
        return { state: "failure", says: error.message, fixes };
      }
    },
  }));
}
