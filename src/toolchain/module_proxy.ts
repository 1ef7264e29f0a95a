import { join } from "@std/path";
import { ifPresent, readText } from "../files/mod.ts";
import type { Environment } from "../lib/init.ts";
import { type Candidate, type Client, GO_MODULES } from "../net/mod.ts";
import type { GoSettings } from "./go_settings.ts";

/** A module proxy, or a checksum database. */
export interface Endpoint extends Candidate {
  /** What to send with each request: credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Where Go's own site has the toolchains: what `golang.org/toolchain` names for `GOPROXY=direct`. It
 * is not a proxy of anything else.
 */
export const DIRECT = "https://go.dev/dl/mod";

/**
 * The module proxies of `GOPROXY`, in order. Whatever one fails at, the next one is asked: the
 * checksum database decides what is right, so "," and "|" mean the same here.
 */
export async function moduleProxies(
  env: Environment,
  { proxy, mirrored }: Pick<GoSettings, "proxy" | "mirrored">,
): Promise<readonly Endpoint[]> {
  const rule = mirrored ? GO_MODULES : undefined;
  const logins = await readNetrc(env);
  return Object.freeze(
    proxyUrls(proxy).map((url) => Object.freeze({ ...withCredentials(url, logins), rule })),
  );
}

/** URLs in a value of `GOPROXY`, without a slash at the end. */
function proxyUrls(proxy: string): readonly string[] {
  const words = proxy.split(/[,|]/).map((word) => word.trim()).filter((word) => word !== "");
  const end = words.indexOf("off");
  return words.slice(0, end < 0 ? words.length : end)
    .map((word) => word === "direct" ? DIRECT : word.replace(/\/+$/, ""));
}

/** The client, with the credentials of an endpoint. */
export function clientFor(client: Client, { headers }: Endpoint): Client {
  return {
    ...client,
    send: (url, request = {}) =>
      client.send(url, { ...request, headers: { ...headers, ...request.headers } }),
  };
}

/** Name and password for a server. */
interface Login {
  /** Name of the server; undefined for `default`. */
  readonly machine: string | undefined;
  readonly login: string;
  readonly password: string;
}

/** Credentials as Go finds them: in the URL, else in `.netrc`. The URL is returned without them. */
function withCredentials(url: string, logins: readonly Login[]): Omit<Endpoint, "rule"> {
  if (!URL.canParse(url)) return { url, headers: {} };
  const parsed = new URL(url);
  const { hostname, password, username } = parsed;
  const found = username === ""
    ? logins.find(({ machine }) => machine === undefined || machine === hostname)
    : { login: decodeURIComponent(username), password: decodeURIComponent(password) };
  if (found === undefined) return { url, headers: {} };
  [parsed.username, parsed.password] = ["", ""];
  const bytes = new TextEncoder().encode(`${found.login}:${found.password}`);
  return {
    url: parsed.href.replace(/\/+$/, ""),
    headers: { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` },
  };
}

/** The entries of `NETRC`, else of `~/.netrc`; none if there is no such file. */
async function readNetrc(env: Environment): Promise<readonly Login[]> {
  const path = env["NETRC"] || (env["HOME"] ? join(env["HOME"], ".netrc") : undefined);
  if (path === undefined) return [];
  return parseNetrc(await ifPresent(readText(path)) ?? "");
}

/** Reads a `.netrc`: words in pairs, macros until an empty line. An entry without a password is left out. */
export function parseNetrc(text: string): readonly Login[] {
  const logins: { machine: string | undefined; login: string; password: string }[] = [];
  const words = text.replaceAll(/^[ \t]*macdef[\s\S]*?(?:\n[ \t]*\n|$(?![\s\S]))/gm, "").split(
    /\s+/,
  );
  for (let i = 0; i < words.length; i++) {
    const last = logins.at(-1);
    if (words[i] === "default") logins.push({ machine: undefined, login: "", password: "" });
    else if (words[i] === "machine") {
      logins.push({ machine: words[++i] ?? "", login: "", password: "" });
    } else if (words[i] === "login" && last !== undefined) last.login = words[++i] ?? "";
    else if (words[i] === "password" && last !== undefined) last.password = words[++i] ?? "";
  }
  return Object.freeze(logins.filter(({ login, password }) => login !== "" && password !== ""));
}
