import { type Checkout, readCheckout } from "../../src/checkout/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createSample, type EraParameter } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";

/** A sample checkout that tests work on, and what it takes to remove it. */
export interface OpenSample {
  readonly context: KubeContext;
  readonly checkout: Checkout;
  /** The same checkout under other variables. */
  withEnv(more: Record<string, string>, options?: { strictParity?: boolean }): KubeContext;
  remove(): Promise<void>;
}

/** Makes a sample and opens it as the program would; `host` is the platform it claims. */
export async function openSample(era: EraParameter, host = "linux/amd64"): Promise<OpenSample> {
  const parent = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-lib-" }));
  const root = `${parent}/kubernetes`;
  // The samples pin releases of Go that this machine need not have.
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: parent, FORCE_HOST_GO: "y" };
  const shell = createShell({ cwd: parent, env });
  await createSample({ dir: root, era, git: shell, env });
  return await openTree(root, { parent, host, env });
}

/** Opens a checkout as the program would; `remove()` removes `parent`, in which it is. */
export async function openTree(
  root: string,
  { parent, host = "linux/amd64", env }: {
    parent: string;
    host?: string;
    env: Readonly<Record<string, string>>;
  },
): Promise<OpenSample> {
  const shell = createShell({ cwd: parent, env });
  const checkout = await readCheckout(root, { variables: {}, hostArch: host.split("/")[1] ?? "" });
  const log = createLogger({ write: () => {} });
  const withEnv: OpenSample["withEnv"] = (more, { strictParity = false } = {}) =>
    createContext({ root, env: { ...env, ...more }, log, shell, host, strictParity });
  return {
    context: withEnv({}),
    checkout,
    withEnv,
    remove: () => Deno.remove(parent, { recursive: true }),
  };
}
