import { type Proxy, proxyFor } from "./proxy.ts";

/** Deno's HTTP clients of one run: one for each proxy, and one for direct connections. */
export class Connections implements Disposable {
  readonly #env: Readonly<Record<string, string>>;
  readonly #certificates: readonly string[];
  readonly #system: readonly string[];
  readonly #clients = new Map<string, Deno.HttpClient>();

  /**
   * @param certificates The user's, as PEM.
   * @param system The system's, as PEM.
   */
  constructor(
    env: Readonly<Record<string, string>>,
    certificates: readonly string[],
    system: readonly string[],
  ) {
    this.#env = env;
    this.#certificates = certificates;
    this.#system = system;
  }

  /**
   * The client for a URL, and the proxy that it asks.
   *
   * @throws {KbuildError} What {@linkcode proxyFor} throws.
   */
  for(url: string): { http: Deno.HttpClient; proxy: Proxy | undefined } {
    const proxy = proxyFor(this.#env, url);
    const key = JSON.stringify(proxy ?? null);
    let http = this.#clients.get(key);
    if (http === undefined) {
      http = this.#create(proxy);
      this.#clients.set(key, http);
    }
    return { http, proxy };
  }

  #create(proxy: Proxy | undefined): Deno.HttpClient {
    try {
      return createHttpClient([...this.#certificates, ...this.#system], proxy);
    } catch (error) {
      // Deno may refuse one of the system's certificates; those of the user must be valid.
      if (this.#system.length === 0) throw error;
      return createHttpClient(this.#certificates, proxy);
    }
  }

  /** Closes all of them. */
  [Symbol.dispose](): void {
    for (const http of this.#clients.values()) http.close();
    this.#clients.clear();
  }
}

/** Variables that Deno reads when it makes a client (denoland/deno, ext/fetch/proxy.rs). */
const VARIABLES: readonly string[] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/**
 * Makes a client that does what {@linkcode proxyFor} has decided. Deno has rules of its own for the
 * variables, and no option to leave them alone; so they are taken out of the environment while the
 * client is made, in one step that nothing else can come between.
 */
function createHttpClient(
  certificates: readonly string[],
  proxy: Proxy | undefined,
): Deno.HttpClient {
  // deno-lint-ignore kbuild/no-ambient-state
  const { env } = Deno;
  const values = VARIABLES.flatMap((name) => {
    const value = env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  try {
    for (const [name] of values) env.delete(name);
    return Deno.createHttpClient({
      caCerts: [...certificates],
      ...(proxy === undefined ? {} : { proxy: optionsOf(proxy) }),
    });
  } finally {
    for (const [name, value] of values) env.set(name, value);
  }
}

function optionsOf({ url, basicAuth }: Proxy): Deno.Proxy {
  const transport = url.startsWith("socks5")
    ? "socks5"
    : url.startsWith("https:")
    ? "https"
    : "http";
  return { transport, url, ...(basicAuth === undefined ? {} : { basicAuth }) };
}
