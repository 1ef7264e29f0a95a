/** Real BuildKit on this machine: daemons of their own, and builders of buildx whose nodes they are. */
import { dirname, join } from "@std/path";
import { ifPossibleSync } from "../../src/files/mod.ts";
import { findBuildx, tool } from "./_engine.ts";
import { ENV, output, which } from "./_program.ts";

/** Where CONTRIBUTING.md has them built. */
const BUILT = join(Deno.env.get("HOME") ?? "/", ".cache/kbuild-buildkit/bin");

function find(name: string): string | undefined {
  return tool(name) ?? which(name, BUILT);
}

const BUILDKITD = find("buildkitd");
const BUILDX = findBuildx() ?? which("docker-buildx", BUILT);
const RUNC = which("runc") ?? which("runc", "/usr/sbin:/sbin");

/** Why there is none here; undefined where there is. */
export const NO_BUILDKIT: string | undefined = Deno.uid() !== 0
  ? "needs root, for buildkitd"
  : BUILDKITD === undefined || BUILDX === undefined
  ? "needs buildkitd and buildx (CONTRIBUTING.md)"
  : RUNC === undefined
  ? "needs runc"
  : undefined;

/** A daemon, and what is under way in it. */
export interface Node {
  /** `unix:///…`. */
  readonly address: string;
  /** Containers that run. */
  containers(): readonly string[];
}

/** Running daemons. */
export interface BuildKit {
  readonly nodes: readonly Node[];
  /** Variables for kbuild: buildx is in `PATH`, and knows no builders but these. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Makes a builder.
   *
   * @param nodes Of each the daemon, and the platform that it is for.
   */
  builder(
    name: string,
    nodes: readonly (readonly [node: Node, platform: string])[],
  ): Promise<void>;
}

/** Runs `body` beside new daemons without any cache. */
export async function withBuildKit(
  dir: string,
  count: number,
  body: (buildkit: BuildKit) => Promise<void>,
): Promise<void> {
  const bin = join(dir, "buildx bin");
  await Deno.mkdir(bin);
  await Deno.symlink(BUILDX!, join(bin, "docker-buildx"));
  const env = {
    ...ENV,
    BUILDX_CONFIG: join(dir, "buildx"),
    // Without docker: the plugin is not there.
    PATH: [bin, ...(ENV["PATH"] ?? "").split(":")].join(":"),
  };
  const daemons = Array.from({ length: count }, (_, index) => startDaemon(dir, index));
  try {
    await Promise.all(daemons.map(({ ready }) => ready));
    await body({
      nodes: daemons.map(({ node }) => node),
      env,
      async builder(name, nodes) {
        for (const [index, [{ address }, platform]] of nodes.entries()) {
          await output([
            ...[BUILDX!, "create", "--driver=remote", `--name=${name}`, `--platform=${platform}`],
            ...[...index === 0 ? [] : ["--append"], address],
          ], { env });
        }
      },
    });
  } finally {
    // One that has ended is reported by then.
    for (const { child } of daemons) ifPossibleSync(() => child.kill("SIGTERM"));
    await Promise.all(daemons.map(({ child }) => child.status));
  }
}

function startDaemon(
  dir: string,
  index: number,
): { child: Deno.ChildProcess; node: Node; ready: Promise<void> } {
  const root = join(dir, `buildkit-${index}`);
  const socket = join(dir, `buildkit-${index}.sock`);
  const child = new Deno.Command(BUILDKITD!, {
    args: [
      ...[`--root=${root}`, `--addr=unix://${socket}`, "--containerd-worker=false"],
      ...["--oci-worker-net=host", `--oci-worker-binary=${RUNC}`],
      // By default one for all: daemons that begin together take it from each other, and end.
      `--otel-socket-path=${root}-otel.sock`,
    ],
    env: { ...ENV, PATH: `${ENV["PATH"]}:${dirname(RUNC!)}` },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const containers = () => {
    const names: string[] = [];
    for (const kind of ["runc-overlayfs", "runc-native"]) {
      try {
        for (const { name, isDirectory } of Deno.readDirSync(join(root, kind, "executor"))) {
          if (isDirectory && /^[a-z0-9]{20,}$/.test(name)) names.push(name);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return names;
  };
  return {
    child,
    node: { address: `unix://${socket}`, containers },
    ready: answers(socket, child),
  };
}

async function answers(socket: string, child: Deno.ChildProcess): Promise<void> {
  const ended = child.status.then(({ code }) => code);
  for (let tries = 0; tries < 300; tries++) {
    try {
      using _connection = await Deno.connect({ transport: "unix", path: socket });
      return;
    } catch {
      const code = await Promise.race([
        ended,
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100)),
      ]);
      if (code !== undefined) throw new Error(`buildkitd ended with ${code}`);
    }
  }
  throw new Error(`buildkitd does not answer at ${socket}`);
}
