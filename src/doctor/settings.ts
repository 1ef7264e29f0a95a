import { type CheckoutConfig, findConfigFile, readConfig } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { readText, reasonOf } from "../files/mod.ts";
import { cacheDirectory, MIRRORS, parseMirrors, proxyFor, readCertificates } from "../net/mod.ts";
import { DIGESTS, parseDigests } from "../registry/mod.ts";
import { quote } from "../shell/mod.ts";
import type { Check, Found } from "./types.ts";

const GROUP = "settings";

type Environment = Readonly<Record<string, string>>;

/** Variables whose values can be wrong by themselves, and what reads each. */
const VARIABLES: readonly (readonly [
  name: string,
  read: (value: string, env: Environment, host: string) => unknown,
])[] = [
  [MIRRORS, (value) => parseMirrors(value)],
  [DIGESTS, (value) => parseDigests(value)],
  ["KBUILD_CA_FILE", (value) => readCertificates(value)],
  ["KBUILD_CACHE", (_, env, host) => cacheDirectory(env, host)],
  ["HTTPS_PROXY", (value) => proxyFor({ HTTPS_PROXY: value }, "https://kbuild.invalid")],
  ["HTTP_PROXY", (value) => proxyFor({ HTTP_PROXY: value }, "http://kbuild.invalid")],
  ["KUBE_GIT_VERSION_FILE", (value) => checkReadable(value)],
];

/** Whether variables of the environment have values that can be used. Those that are in order say nothing. */
export function checkSettings(env: Environment, host: string): readonly Check[] {
  return VARIABLES.map(([name, read]): Check => ({
    group: GROUP,
    name,
    async examine() {
      const value = env[name] ?? "";
      if (value === "") return undefined;
      try {
        await read(value, env, host);
        return undefined;
      } catch (error) {
        return failed(error, `Or do without it: unset ${name}`);
      }
    },
  }));
}

/** Whether the configuration of a checkout can be used. */
export function checkConfig(root: string, named: string | undefined): Check {
  return {
    group: GROUP,
    name: "configuration",
    async examine() {
      const path = await findConfigFile(root, named);
      if (path === undefined) return undefined;
      try {
        checkRules(await readConfig(path));
        return { state: "ok", says: path };
      } catch (error) {
        const without = named === undefined
          ? `Or do without it: mv ${quote(path)} ${quote(`${path}.off`)}`
          : "Or do without it: unset KBUILD_CONFIG";
        return failed(error, without);
      }
    },
  };
}

function checkRules({ mirrors, digests }: CheckoutConfig): void {
  parseMirrors(mirrors.join(" "));
  parseDigests(digests.join(" "));
}

async function checkReadable(path: string): Promise<void> {
  try {
    await readText(path);
  } catch (cause) {
    throw new KbuildError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
  }
}

function failed(error: unknown, without: string): Found {
  if (!(error instanceof KbuildError)) throw error;
  return { state: "failure", says: error.message, fixes: [...error.notes, without] };
}
