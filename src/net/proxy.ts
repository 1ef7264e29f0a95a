import { BlockList, isIP } from "node:net";
import { KbuildError, UsageError } from "../errors.ts";

/** The proxy that a request goes through. */
export interface Proxy {
  /** Scheme, host and port: "http://proxy.example:3128". */
  readonly url: string;
  /** Log-in at the proxy, from the variable's value; undefined if it has none. */
  readonly basicAuth: { readonly username: string; readonly password: string } | undefined;
  /** Variable that names the proxy: "HTTPS_PROXY". */
  readonly variable: string;
}

/**
 * The proxy for a request by Go's rules (golang.org/x/net/http/httpproxy, `Config.ProxyFunc`), which
 * docker and skopeo follow too: `HTTPS_PROXY` or `HTTP_PROXY` by the scheme, in capitals or not;
 * never for this machine; never for what `NO_PROXY` lists ("*", names with and without a leading
 * dot, addresses, CIDR blocks, each with or without a port).
 *
 * @returns undefined if the server is asked directly.
 * @throws {UsageError} The variable's value is not the address of a proxy.
 * @throws {KbuildError} `HTTP_PROXY` in a CGI program, where a request can set it.
 */
export function proxyFor(env: Readonly<Record<string, string>>, url: string): Proxy | undefined {
  const { protocol, hostname, port } = new URL(url);
  const variable = protocol === "https:"
    ? firstSet(env, "HTTPS_PROXY", "https_proxy")
    : firstSet(env, "HTTP_PROXY", "http_proxy");
  if (variable === undefined) return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (!needsProxy(env, host, port || (protocol === "https:" ? "443" : "80"))) return undefined;
  if (protocol === "http:" && env["REQUEST_METHOD"]) {
    throw new KbuildError(`Cannot use ${variable}: REQUEST_METHOD is set, as in a CGI program`, {
      notes: ["Whoever asks a CGI program can set HTTP_PROXY: unset one of the two"],
    });
  }
  return parseProxy(variable, env[variable]!);
}

/** `through the proxy "http://proxy.example:3128" (HTTPS_PROXY)`. */
export function throughProxy({ url, variable }: Proxy): string {
  return `through the proxy "${url}" (${variable})`;
}

function firstSet(
  env: Readonly<Record<string, string>>,
  ...names: readonly string[]
): string | undefined {
  return names.find((name) => (env[name] ?? "") !== "");
}

function parseProxy(variable: string, value: string): Proxy {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (
    parsed === undefined || parsed.hostname === "" ||
    !/^(https?|socks5h?):$/.test(parsed.protocol)
  ) {
    // The value may hold a password.
    throw new UsageError(`Cannot use ${variable}: its value is not the address of a proxy`, [
      'Write it so: "http://proxy.example:3128"; also https:// and socks5://',
    ]);
  }
  const { protocol, host, username, password } = parsed;
  return Object.freeze({
    url: `${protocol}//${host}`,
    basicAuth: username === "" ? undefined : Object.freeze({
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
    }),
    variable,
  });
}

function needsProxy(env: Readonly<Record<string, string>>, host: string, port: string): boolean {
  const version = isIP(host);
  if (host === "localhost" || (version !== 0 && LOOPBACK.check(host, familyOf(version)))) {
    return false;
  }
  const variable = firstSet(env, "NO_PROXY", "no_proxy");
  if (variable === undefined) return true;
  const entries = env[variable]!.split(",").map((entry) => entry.trim().toLowerCase());
  return !entries.includes("*") && !entries.some((entry) => matches(entry, host, port));
}

/** Whether an entry of `NO_PROXY` other than "*" is about a host. */
function matches(entry: string, host: string, port: string): boolean {
  const version = isIP(host);
  const [, network = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(network) !== 0) return version !== 0 && inNetwork(host, network, Number(bits));
  // Brackets only with a port, as Go has it.
  const [, name = "", onlyPort] = isIP(entry) !== 0
    ? ["", entry]
    : /^\[([^\]]+)\]:(\d*)$/.exec(entry) ?? /^([^:]+)(?::(\d*))?$/.exec(entry) ?? [];
  if (name === "" || (onlyPort !== undefined && onlyPort !== "" && onlyPort !== port)) return false;
  const family = isIP(name);
  if (family !== 0) return version !== 0 && inNetwork(host, name, family === 4 ? 32 : 128);
  const domain = asciiOf(name.replace(/^\*\./, "."));
  return domain.startsWith(".") ? host.endsWith(domain) : `.${host}`.endsWith(`.${domain}`);
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const version = isIP(network);
  if (bits > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, familyOf(version));
  return list.check(host, familyOf(isIP(host)));
}

function familyOf(version: number): "ipv4" | "ipv6" {
  return version === 6 ? "ipv6" : "ipv4";
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** A name as URLs have it: "bücher.example" -> "xn--bcher-kva.example". */
function asciiOf(name: string): string {
  const url = `http://${name.replace(/^\./, "")}`;
  if (!URL.canParse(url)) return name;
  return (name.startsWith(".") ? "." : "") + new URL(url).hostname;
}

const ANSWERS = new WeakMap<Response, Proxy>();

/** Notes which proxy an answer came through, for {@linkcode proxyOf}. */
export function notedProxy(response: Response, proxy: Proxy | undefined): Response {
  if (proxy !== undefined) ANSWERS.set(response, proxy);
  return response;
}

/** The proxy that an answer came through; undefined if there was none. */
export function proxyOf(response: Response): Proxy | undefined {
  return ANSWERS.get(response);
}
