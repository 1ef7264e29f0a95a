/** bazel-remote on this machine: the server that Bazel's cache protocol is known by. */
import { join } from "@std/path";
import { ENV, which } from "../e2e/_program.ts";

/** Why there is none here; undefined where there is. */
export const NO_BAZEL_REMOTE: string | undefined = which("bazel-remote") === undefined
  ? "needs bazel-remote in PATH"
  : undefined;

/** Runs `body` beside a new bazel-remote; `root` is where it keeps what it has. */
export async function withBazelRemote<T>(
  dir: string,
  body: (server: { url: string; root: string }) => Promise<T>,
): Promise<T> {
  const root = join(dir, "bazel-remote");
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command("bazel-remote", {
    args: [
      ...["--dir", root, "--max_size", "1", "--host", "127.0.0.1", "--port", `${port}`],
      ...["--grpc_port", "0"],
    ],
    env: { ...ENV },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  try {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await fetch(`${url}/status`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer !== undefined) return await body({ url, root });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("bazel-remote does not answer");
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

/** The file of a key, or of the hexadecimal part of a digest. */
export function fileIn(root: string, kind: "ac" | "cas", hash: string): string {
  return join(root, kind, hash.slice(0, 2), hash);
}
