/** A real registry on this machine: Debian's docker-registry. */
import { join } from "@std/path";
import { run, which } from "./_program.ts";
import { freePort, whileServing } from "./_serving.ts";

/** Why there is none here; undefined where there is. */
export const NO_REGISTRY: string | undefined = which("docker-registry") === undefined
  ? "needs docker-registry in PATH"
  : undefined;

/** A running registry. */
export interface Registry {
  /** "127.0.0.1:34567". */
  readonly host: string;
}

/** Runs `body` beside a new, empty registry. */
export async function withRealRegistry<T>(
  dir: string,
  body: (registry: Registry) => Promise<T>,
): Promise<T> {
  const host = `127.0.0.1:${freePort()}`;
  const argv = ["docker-registry", "serve", await writeRegistryConfig(dir, host)];
  return await whileServing(argv, `http://${host}/v2/`, () => body({ host }), ({ ok }) => ok);
}

/** Writes the configuration of a registry that keeps what it has in `<dir>/registry`; returns its path. */
export async function writeRegistryConfig(dir: string, address: string): Promise<string> {
  const config = join(dir, "registry.yml");
  await Deno.writeTextFile(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${JSON.stringify(join(dir, "registry"))} } }
http: { addr: "${address}" }
`,
  );
  return config;
}

/** skopeo, which must succeed; what it prints. */
export async function skopeo(...args: string[]): Promise<string> {
  // Its default may be another user's: below /run/containers, named by the user's number alone.
  const authFile = await Deno.makeTempFile({ prefix: "kbuild-e2e-auth-" });
  await Deno.writeTextFile(authFile, "{}");
  const { code, stdout, stderr } = await run(["skopeo", "--insecure-policy", ...args], {
    env: { REGISTRY_AUTH_FILE: authFile },
  });
  await Deno.remove(authFile);
  if (code !== 0) throw new Error(`skopeo ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}
