/** bazel-remote on this machine: the server that Bazel's cache protocol is known by. */
import { join } from "@std/path";
import { which } from "../e2e/_program.ts";
import { freePort, whileServing } from "../e2e/_serving.ts";

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
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = [
    ...["bazel-remote", "--dir", root, "--max_size", "1"],
    ...["--host", "127.0.0.1", "--port", `${port}`, "--grpc_port", "0"],
  ];
  return await whileServing(argv, `${url}/status`, () => body({ url, root }));
}

/** The file of a key, or of the hexadecimal part of a digest. */
export function fileIn(root: string, kind: "ac" | "cas", hash: string): string {
  return join(root, kind, hash.slice(0, 2), hash);
}
