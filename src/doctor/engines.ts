import { ifPossible } from "../files/mod.ts";
import { findProgram } from "../lib/util.ts";
import type { Shell } from "../shell/mod.ts";
import type { Check } from "./types.ts";

/** A program that only some work needs. */
interface Engine {
  /** What makes it say its version; that of docker asks the engine itself. */
  readonly argv: readonly [program: string, ...args: string[]];
  /** What needs it. */
  readonly use: string;
  /** How to get it. */
  readonly fixes: readonly string[];
}

const DAEMON = "Start the engine, or name another one: DOCKER_HOST=unix:///path/docker.sock";

/** How long a program may take to answer, in milliseconds: an engine that hangs must not stop doctor. */
const ANSWER_MS = 10_000;

/** Programs that are looked at when somebody asks for them. */
export const ENGINES = Object.freeze(
  {
    docker: {
      argv: ["docker", "version", "--format", "{{.Server.Version}}"],
      use: "kbuild images load",
      fixes: [DAEMON, "On Debian: apt-get install docker.io"],
    },
    buildx: {
      argv: ["docker", "buildx", "version"],
      use: "Dockerfiles of 1.21 and later, built by docker itself",
      fixes: ["On Debian: apt-get install docker-buildx"],
    },
    podman: {
      argv: ["podman", "version", "--format", "{{.Version}}"],
      use: "kbuild images load --into podman",
      fixes: ["On Debian: apt-get install podman"],
    },
    etcd: {
      argv: ["etcd", "--version"],
      use: "Kubernetes' integration tests",
      fixes: [
        'In the checkout: PATH="$(kbuild toolchain etcd):$PATH"',
        "On Debian: apt-get install etcd-server",
      ],
    },
    protoc: {
      argv: ["protoc", "--version"],
      use: "generating protobuf code",
      fixes: [
        'In a checkout of 1.28 or later: PATH="$(kbuild toolchain protoc):$PATH", or hack/install-protoc.sh',
        "For an older one, on Debian: apt-get install protobuf-compiler",
      ],
    },
  } satisfies Readonly<Record<string, Engine>>,
);

/** A key of {@linkcode ENGINES}. */
export type EngineName = keyof typeof ENGINES;

/** Whether programs answer that only some work needs. */
export function checkEngines(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  names: readonly EngineName[],
): readonly Check[] {
  return names.map((name): Check => ({
    group: "programs",
    name,
    async examine() {
      const { argv, use, fixes }: Engine = ENGINES[name];
      const [program] = argv;
      if (await findProgram(program, env["PATH"]) === undefined) {
        return { state: "failure", says: `There is no "${program}" in PATH, for: ${use}`, fixes };
      }
      const limit = AbortSignal.timeout(ANSWER_MS);
      const asked = await ifPossible(
        shell.run(argv, { cwd: "/", env, allowed: "any", signal: limit }),
      );
      if (asked?.code === 0 && asked.stdout.trim() !== "") {
        return { state: "ok", says: asked.stdout.trim().split("\n")[0] ?? "" };
      }
      const why = limit.aborted
        ? `nothing came within ${ANSWER_MS / 1000} s`
        : asked?.tail.at(-1) ?? "it cannot be started";
      const isElsewhere = program === "docker" && (env["DOCKER_HOST"] ?? "") !== "";
      return {
        state: "failure",
        says: `"${argv.join(" ")}" does not answer: ${why}`,
        fixes: [
          ...fixes,
          ...isElsewhere ? [`Or ask this machine's engine: unset DOCKER_HOST`] : [],
        ],
      };
    },
  }));
}
