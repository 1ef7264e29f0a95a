/** A real registry on this machine: Debian's docker-registry. */
import { join } from "@std/path";
import { ENV, run, which } from "./_program.ts";

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
  const config = join(dir, "registry.yml");
  await Deno.writeTextFile(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${JSON.stringify(join(dir, "registry"))} } }
http: { addr: "${host}" }
`,
  );
  const child = new Deno.Command("docker-registry", {
    args: ["serve", config],
    env: { ...ENV },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok === true) return await body({ host });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`docker-registry does not answer at ${host}`);
  } finally {
    child.kill();
    await child.status;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
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
