import { dirname, join } from "@std/path";
import { UsageError } from "../errors.ts";
import { removeTree, writeFileAtomic } from "../files/mod.ts";
import type { ContainerRun, Engine } from "./types.ts";

/** Variables of a program, split into shown and secret. */
export interface SplitVariables {
  readonly shown: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

/**
 * Takes variables with passwords out of others: arguments of a program can be read by everybody on the machine, its
 * variables cannot. A URL has a password before its host, a proxy also without a scheme. A token in a path or a query is not
 * recognized.
 */
export function splitSecrets(variables: Readonly<Record<string, string>>): SplitVariables {
  const isSecret = ([name, value]: readonly [string, string]) =>
    /:\/\/[^\s/@]+@/.test(value) || (/proxy$/i.test(name) && value.includes("@"));
  const entries = Object.entries(variables);
  return Object.freeze({
    shown: Object.freeze(Object.fromEntries(entries.filter((each) => !isSecret(each)))),
    secret: Object.freeze(Object.fromEntries(entries.filter(isSecret))),
  });
}

/** Variables of a container that have passwords, by the way they get into it. */
export interface SecretWays {
  /** In the environment of the engine's client, whose arguments have only the names. */
  readonly client: Readonly<Record<string, string>>;
  /** In {@linkcode secretsFile}. */
  readonly file: Readonly<Record<string, string>>;
}

/**
 * Decides how variables with passwords get into a container. The client of an engine elsewhere would take a proxy for its own
 * connection, so that proxies are in a file then.
 */
export function secretWays(
  { isRemote }: Pick<Engine, "isRemote">,
  { env }: Pick<ContainerRun, "env">,
): SecretWays {
  const inFile = ([name]: readonly [string, string]) => isRemote && /(^|_)proxy$/i.test(name);
  const entries = Object.entries(splitSecrets(env).secret);
  return Object.freeze({
    client: Object.freeze(Object.fromEntries(entries.filter((entry) => !inFile(entry)))),
    file: Object.freeze(Object.fromEntries(entries.filter(inFile))),
  });
}

/**
 * Checks that variables with passwords can get into a container.
 *
 * @throws {UsageError} A value has a line break, which a file of variables cannot hold.
 */
export function checkSecrets(
  engine: Pick<Engine, "isRemote">,
  run: Pick<ContainerRun, "env">,
): void {
  for (const [name, value] of Object.entries(secretWays(engine, run).file)) {
    if (!/[\r\n]/.test(value)) continue;
    throw new UsageError(
      `Cannot use the value of KUBERNETES_${name.toUpperCase()}: it has a line break`,
      ["An engine elsewhere gets a proxy with a password as a line of a file"],
    );
  }
}

/** File with the variables of a container that its client cannot have, while that starts. */
export function secretsFile({ name, root }: Pick<ContainerRun, "name" | "root">): string {
  return join(root, "_output", ".kbuild", `${name}.env`);
}

/**
 * Writes {@linkcode secretsFile}, which nobody else can read, if there is something for it. It is removed when the result is
 * disposed of: the client reads it before it starts the container. That of a killed kbuild goes with the next lock of its name.
 */
export async function writeSecrets(
  engine: Pick<Engine, "isRemote">,
  run: Pick<ContainerRun, "env" | "name" | "root">,
): Promise<AsyncDisposable> {
  const secrets = Object.entries(secretWays(engine, run).file);
  const path = secretsFile(run);
  if (secrets.length > 0) {
    await Deno.mkdir(dirname(path), { recursive: true });
    const text = secrets.map(([name, value]) => `${name}=${value}\n`).join("");
    await writeFileAtomic(path, text, { mode: 0o600 });
  }
  return Object.freeze({
    async [Symbol.asyncDispose]() {
      if (secrets.length > 0) await removeTree(path);
    },
  });
}
