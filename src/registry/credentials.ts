import { isAbsolute, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { ifPossibleSync, ifPresent, objectIn, readText, reasonOf } from "../files/mod.ts";
import type { Logger } from "../lib/logging.ts";
import { CommandError, InterruptedError, type Shell } from "../shell/mod.ts";

/** What lets us in. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  /** For the token server alone. */
  | { readonly identityToken: string };

/** Inputs of finding credentials. */
export interface CredentialContext {
  readonly env: Readonly<Record<string, string>>;
  /** Starts credential helpers. */
  readonly shell: Shell;
  /** Receives a warning for each source that fails. */
  readonly log: Logger;
}

/** What {@linkcode CredentialFinder} finds. */
export interface FoundCredentials {
  /** undefined if nobody has logged in. */
  readonly credentials: Credentials | undefined;
  /** Sources that failed, one sentence each: a damaged file, a helper that is missing. */
  readonly problems: readonly string[];
}

/** Finds credentials; each source is asked once a run. */
export interface CredentialFinder {
  /**
   * The credentials for a registry.
   *
   * @param host "mirror.example:5000"; Docker Hub is "docker.io".
   */
  find(host: string, repository: string): Promise<FoundCredentials>;
}

interface LoginFile {
  readonly path: string;
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

/**
 * Finds credentials where `docker login`, `podman login` and the like keep them:
 * `REGISTRY_AUTH_FILE`, docker's `config.json` (`DOCKER_CONFIG`, else `~/.docker`), then podman's
 * `containers/auth.json`. In a file a helper for the host beats the helper for all (`credsStore`),
 * and that beats what is written in the file itself (`auths`); keys may have a path, the longest
 * counts. A source that fails is named, and the next one is asked: many registries need no log-in.
 */
export function credentialFinder(context: CredentialContext): CredentialFinder {
  const known = new Map<string, Promise<FoundCredentials>>();
  const warned = new Set<string>();
  const find = async (host: string, repository: string): Promise<FoundCredentials> => {
    const problems: string[] = [];
    const attempt = async <T>(source: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await source();
      } catch (error) {
        if (!(error instanceof KbuildError) || error instanceof InterruptedError) throw error;
        problems.push([error.message, ...error.notes].join("; "));
        if (!warned.has(error.message)) context.log.warn(error.message, error.notes);
        warned.add(error.message);
        return undefined;
      }
    };
    const names = host === "docker.io" ? HUB_KEYS : [host];
    for (const path of loginFiles(context.env)) {
      const file = await attempt(() => readLoginFile(path));
      if (file === undefined) continue;
      const credentials = await attempt(() => fromHelpers(context, file, names)) ??
        await attempt(() => Promise.resolve(fromFile(file, names, repository)));
      if (credentials !== undefined) return Object.freeze({ credentials, problems });
    }
    return Object.freeze({ credentials: undefined, problems: Object.freeze(problems) });
  };
  return Object.freeze<CredentialFinder>({
    async find(host, repository) {
      const key = `${host}/${repository}`;
      const found = known.get(key) ?? find(host, repository);
      known.set(key, found);
      return await found;
    },
  });
}

/** Under what docker files Docker Hub; the first is its own. */
const HUB_KEYS: readonly string[] = [
  "https://index.docker.io/v1/",
  "index.docker.io",
  "docker.io",
  "registry-1.docker.io",
];

function loginFiles(env: Readonly<Record<string, string>>): readonly string[] {
  const below = (variable: string, ...parts: string[]) => {
    const directory = env[variable] ?? "";
    return isAbsolute(directory) ? [join(directory, ...parts)] : [];
  };
  const docker = below("DOCKER_CONFIG", "config.json");
  return [
    ...below("REGISTRY_AUTH_FILE"),
    ...(docker.length > 0 ? docker : below("HOME", ".docker", "config.json")),
    ...below("XDG_RUNTIME_DIR", "containers", "auth.json"),
    ...below("HOME", ".config", "containers", "auth.json"),
  ];
}

async function readLoginFile(path: string): Promise<LoginFile | undefined> {
  const text = await ifPresent(readText(path)).catch((cause: unknown) => {
    throw new KbuildError(`Cannot read the log-ins in "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (text === undefined) return undefined;
  const logIns = objectIn(text);
  if (logIns === undefined) {
    // The parser's own words quote what may be a password.
    throw new KbuildError(
      `Cannot read the log-ins in "${path}": it is not JSON, or not an object`,
      {
        notes: ["Mend or remove it; `docker login` writes a new one"],
      },
    );
  }
  const { auths, credHelpers, credsStore } = logIns;
  const table = (value: unknown) =>
    typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  return {
    path,
    auths: table(auths),
    credHelpers: table(credHelpers),
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

async function fromHelpers(
  context: CredentialContext,
  { credHelpers, credsStore, path }: LoginFile,
  names: readonly string[],
): Promise<Credentials | undefined> {
  const own = names.find((name) => typeof credHelpers[name] === "string");
  if (own !== undefined) {
    return await askHelper(context, String(credHelpers[own]), own, path);
  }
  if (credsStore === undefined) return undefined;
  return await askHelper(context, credsStore, names[0]!, path);
}

/** https://github.com/docker/docker-credential-helpers: `get` takes the server on stdin. */
async function askHelper(
  { env, shell }: CredentialContext,
  helper: string,
  server: string,
  path: string,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper)) {
    throw new KbuildError(`Cannot use the credential helper "${helper}" that "${path}" names`, {
      notes: ["A helper is named without a path: docker-credential-NAME in PATH"],
    });
  }
  let stdout: string;
  try {
    ({ stdout } = await shell.run([program, "get"], {
      env,
      stdin: server,
      label: `Asking ${program} for "${server}"`,
    }));
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    const failed = error instanceof CommandError ? error : undefined;
    if (failed?.tail.some((line) => /credentials not found/i.test(line)) === true) return undefined;
    // Its output may hold secrets, so only what went wrong is shown.
    const why = failed === undefined
      ? reasonOf(error)
      : failed.code === undefined
      ? failed.message
      : `it ended with status ${failed.code}`;
    throw new KbuildError(`Cannot get the log-in for "${server}" from "${program}": ${why}`, {
      notes: [`"${path}" names it; try: echo ${server} | ${program} get`],
    });
  }
  const answer = objectIn(stdout);
  if (answer === undefined) {
    throw new KbuildError(`Cannot understand what "${program}" says of "${server}"`, {
      notes: [`"${path}" names it; it must print JSON with Username and Secret`],
    });
  }
  const { Username, Secret } = answer;
  if (typeof Secret !== "string" || Secret === "") return undefined;
  return Username === "<token>"
    ? { identityToken: Secret }
    : { username: String(Username ?? ""), password: Secret };
}

function fromFile(
  { auths, path }: LoginFile,
  names: readonly string[],
  repository: string,
): Credentials | undefined {
  const plain = (key: string) => key.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  const wanted = names.map((name) => `${plain(name)}/${repository}`);
  const fitting = Object.keys(auths)
    .filter((key) => wanted.some((name) => name.startsWith(`${plain(key)}/`)))
    .sort((a, b) => plain(b).length - plain(a).length);
  for (const key of fitting) {
    const { auth, username, password, identitytoken } = (auths[key] ?? {}) as Record<
      string,
      unknown
    >;
    if (typeof identitytoken === "string" && identitytoken !== "") {
      return { identityToken: identitytoken };
    }
    if (typeof auth === "string" && auth !== "") return decode(auth, key, path);
    if (typeof username === "string" && typeof password === "string" && username !== "") {
      return { username, password };
    }
  }
  return undefined;
}

function decode(auth: string, key: string, path: string): Credentials {
  const bytes = Uint8Array.from(
    ifPossibleSync(() => atob(auth)) ?? "",
    (char) => char.charCodeAt(0),
  );
  const text = new TextDecoder().decode(bytes).replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  // Without the text, which may be a password.
  throw new KbuildError(`Cannot read the log-in for "${key}" in "${path}"`, {
    notes: [`Log in again: docker login ${key}`],
  });
}
