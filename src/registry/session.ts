import { objectIn } from "../files/mod.ts";
import {
  type Client,
  hostOf,
  isLoopback,
  type NetRequest,
  NetworkError,
  readAll,
  redirectedTo,
} from "../net/mod.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import {
  type CredentialContext,
  type CredentialFinder,
  credentialFinder,
  type Credentials,
} from "./credentials.ts";
import type { Endpoint } from "./reference.ts";

/** What may be done with an image. */
export type Access = "pull" | "pull,push";

/** Talks to registries, and logs in where they ask for it. */
export interface Session {
  readonly client: Client;
  /**
   * Sends a request for something of an image. If the registry answers 401, its way in is taken (a
   * token, anonymous or by what the user has logged in with; or basic), and it is asked again. So is a
   * registry that it sends on to: registry.k8s.io is a signpost to others.
   *
   * @param url At the endpoint, or where it sent us to upload; other servers get no credentials.
   * @param alsoPull A further repository there to read from: for mounting blobs.
   * @throws {NetworkError} As the client; the log-in is refused or missing (status 401).
   */
  send(
    endpoint: Endpoint,
    access: Access,
    url: string,
    request?: NetRequest,
    alsoPull?: string,
  ): Promise<Response>;
}

/**
 * Makes a {@linkcode Session}; it remembers tokens.
 *
 * @param finder Shared by sessions of one run, so that no source of credentials is asked twice.
 */
export function openSession(
  client: Client,
  context: CredentialContext,
  finder: CredentialFinder = credentialFinder(context),
): Session {
  const keys = new Map<string, { authorization?: string; renewal?: Promise<string> }>();
  const send = async (
    { endpoint, access, url, request, alsoPull }: Asked,
    sentOn = false,
  ): Promise<Response> => {
    const scopes = [
      `repository:${endpoint.repository}:${access}`,
      ...(alsoPull === undefined ? [] : [`repository:${alsoPull}:pull`]),
    ];
    const name = [endpoint.origin, ...scopes].join(" ");
    const key = keys.get(name) ?? {};
    keys.set(name, key);
    const ask = (authorization: string | undefined) =>
      client.send(url, {
        ...request,
        headers: {
          ...request.headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
      });
    const ours = new URL(url).origin === endpoint.origin;
    if (!ours) return await ask(undefined);
    const used = key.authorization;
    const response = await ask(used);
    if (response.status !== 401) return response;
    const final = redirectedTo(url, response);
    if (final !== undefined) {
      const elsewhere = access === "pull" && !sentOn ? registryAt(final) : undefined;
      if (elsewhere === undefined || elsewhere.origin === endpoint.origin) return response;
      await response.body?.cancel();
      return await send({ endpoint: elsewhere, access, url: final, request }, true);
    }
    await response.body?.cancel();
    // Of several requests at a time one logs in for all.
    if (key.authorization === used) {
      const challenges = parseChallenges(response.headers.get("www-authenticate"));
      key.renewal ??= logIn(client, finder, { endpoint, url, challenges, scopes })
        .finally(() => delete key.renewal);
      key.authorization = await key.renewal;
    }
    const second = await ask(key.authorization);
    if (second.status !== 401) return second;
    delete key.authorization;
    const { reason } = await client.refusal(url, second);
    const said = reason.replace(/^the server said 401(: )?/, "");
    throw await refused(
      { url, endpoint, finder },
      `it refuses the log-in that it asked for (401)${said === "" ? "" : `: ${said}`}`,
    );
  };
  return Object.freeze<Session>({
    client,
    send: (endpoint, access, url, request = {}, alsoPull) =>
      send({ endpoint, access, url, request, alsoPull }),
  });
}

interface Asked {
  readonly endpoint: Endpoint;
  readonly access: Access;
  readonly url: string;
  readonly request: NetRequest;
  readonly alsoPull?: string | undefined;
}

/** The registry behind an address that a redirect leads to; undefined if it is not a registry's. */
function registryAt(url: string): Endpoint | undefined {
  const { origin, pathname, search } = new URL(url);
  const [, repository] = /^\/v2\/(.+)\/(?:manifests|blobs)\/[^/]+$/.exec(pathname) ?? [];
  if (repository === undefined || search !== "") return undefined;
  return { url: `${origin}/${repository}`, rule: undefined, origin, repository };
}

interface LogIn {
  readonly endpoint: Endpoint;
  /** URL that was asked for. */
  readonly url: string;
  readonly challenges: readonly Challenge[];
  readonly scopes: readonly string[];
}

/** @returns The value of `Authorization`. */
async function logIn(
  client: Client,
  finder: CredentialFinder,
  { endpoint, url, challenges, scopes }: LogIn,
): Promise<string> {
  const { credentials } = await finder.find(hostName(endpoint), endpoint.repository);
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) {
    const asked = { endpoint, url, scopes, bearer, credentials, finder };
    return `Bearer ${await fetchToken(client, asked)}`;
  }
  const where = { url, endpoint, finder };
  const basic = challenges.some(({ scheme }) => scheme === "basic");
  if (!basic) throw await refused(where, "it says 401, and no way to log in that kbuild knows");
  if (credentials === undefined) throw await refused(where, "it wants a log-in (401)");
  if (!("password" in credentials)) {
    throw await refused(where, "it wants a password (401), and there is a token for it");
  }
  return basicHeader(credentials);
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

const MAX_TOKEN = 1 << 20;

/** https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/. */
async function fetchToken(
  client: Client,
  { endpoint, url, scopes, bearer, credentials, finder }: Omit<LogIn, "challenges"> & {
    bearer: Challenge;
    credentials: Credentials | undefined;
    finder: CredentialFinder;
  },
): Promise<string> {
  const { realm = "", service } = bearer.parameters;
  const target = URL.canParse(realm, endpoint.origin) ? new URL(realm, endpoint.origin) : undefined;
  if (target === undefined || !/^https?:$/.test(target.protocol)) {
    throw new NetworkError(url, `it wants a token from "${realm}", which is not a web address`);
  }
  const plain = target.protocol === "http:" && !isLoopback(target.host);
  if (plain && endpoint.origin.startsWith("https:")) {
    throw new NetworkError(url, `it wants a token from "${realm}", which is not encrypted`);
  }
  const query = new URLSearchParams(target.search);
  if (service !== undefined) query.set("service", service);
  let request: NetRequest;
  if (credentials !== undefined && "identityToken" in credentials) {
    query.set("grant_type", "refresh_token");
    query.set("refresh_token", credentials.identityToken);
    query.set("client_id", "kbuild");
    query.set("scope", scopes.join(" "));
    request = {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: query.toString(),
      secret: true,
    };
    target.search = "";
  } else {
    for (const scope of scopes) query.append("scope", scope);
    target.search = query.toString();
    request = credentials === undefined
      ? {}
      : { headers: { authorization: basicHeader(credentials) } };
  }
  const answer = await client.send(target.href, request);
  const named = `${target.origin}${target.pathname}`;
  if (!answer.ok) {
    const refusal = await client.refusal(target.href, answer);
    const { reason, status, said } = refusal;
    const tokens = `its token server "${hostOf(named)}": ${reason}`;
    if (status !== 401 && status !== 403) {
      throw new NetworkError(url, tokens, { ...refusal, notes: [] });
    }
    const who = credentials === undefined ? "without a log-in" : "for the log-in that is there";
    const from = hostOf(named) === hostOf(endpoint.origin)
      ? "it"
      : `its token server "${hostOf(named)}"`;
    throw await refused(
      { url, endpoint, finder },
      `${from} gives no token ${who} (${status})${said}`,
    );
  }
  const text = new TextDecoder().decode(await readAll(client, named, answer, MAX_TOKEN));
  const { token, access_token } = objectIn(text) ?? {};
  const found = token ?? access_token;
  if (typeof found === "string" && /^[\x21-\x7e]+$/.test(found)) return found;
  throw new NetworkError(url, `its token server "${hostOf(named)}" answers without a token`);
}

/** The name that people log in under. */
function hostName({ origin }: Endpoint): string {
  const { host } = new URL(origin);
  return host === "registry-1.docker.io" ? "docker.io" : host;
}

async function refused(
  { url, endpoint, finder }: { url: string; endpoint: Endpoint; finder: CredentialFinder },
  reason: string,
): Promise<NetworkError> {
  const host = hostName(endpoint);
  const { problems } = await finder.find(host, endpoint.repository);
  return new NetworkError(url, reason, {
    status: 401,
    notes: [
      ...problems,
      `Log in, then run again: docker login${host === "docker.io" ? "" : ` ${host}`}`,
    ],
  });
}
