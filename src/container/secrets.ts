import { dirname, join } from "@std/path";
import { removeTree, writeFileAtomic } from "../files/mod.ts";
import type { ContainerRun } from "./types.ts";

/** Variables of a program, split into shown and secret. */
export interface SplitVariables {
  readonly shown: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

/**
 * Takes variables with passwords out of others: arguments of a program can be read by everybody on the machine, its
 * variables and files cannot. A URL has a password before its host, a proxy also without a scheme.
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

/** File with the variables of a container that have passwords, while its client starts. */
export function secretsFile({ name, root }: Pick<ContainerRun, "name" | "root">): string {
  return join(root, "_output", ".kbuild", `${name}.env`);
}

/**
 * Writes {@linkcode secretsFile}, which nobody else can read, if there are passwords. It is removed when the result is
 * disposed of: the client reads it before it starts the container.
 */
export async function writeSecrets(
  run: Pick<ContainerRun, "env" | "name" | "root">,
): Promise<AsyncDisposable> {
  const secrets = Object.entries(splitSecrets(run.env).secret);
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
