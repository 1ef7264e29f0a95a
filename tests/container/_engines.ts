/** Engines for tests: values, and programs that answer as engines do and write down how they were started. */
import { join } from "@std/path";
import type { ContainerRun, Engine } from "../../src/container/mod.ts";

/** A docker of this machine. */
export const DOCKER: Engine = Object.freeze<Engine>({
  kind: "docker",
  program: ["docker"],
  version: "28.2.2",
  arch: "amd64",
  rootless: false,
  remapsUsers: false,
  selinux: false,
  losesStatus: false,
  hasInit: true,
  endpoint: "unix:///var/run/docker.sock",
  isRemote: false,
});

/** A podman of this machine, for root. */
export const PODMAN: Engine = Object.freeze<Engine>({
  ...DOCKER,
  ...{ kind: "podman", program: ["podman"], version: "5.4.0", endpoint: undefined },
});

/** A container for `make all`. */
export const RUN: ContainerRun = Object.freeze<ContainerRun>({
  name: "kube-build-bd493105f5-6",
  image: "registry.example/kube-cross:v1",
  hostname: "myhost",
  root: "/src/kubernetes",
  identity: "0123456789abcdef",
  user: { uid: 1000, gid: 100 },
  mounts: [
    {
      type: "bind",
      source: "/src/kubernetes",
      target: "/go/src/k8s.io/kubernetes",
      readOnly: false,
    },
    { type: "tmpfs", target: "/var/run/kubernetes" },
  ],
  env: { KUBE_VERBOSE: "1" },
  workdir: "/go/src/k8s.io/kubernetes",
  cgroupParent: undefined,
  terminal: false,
  command: ["make", "all"],
});

/** Between the arguments of a start in the log of {@linkcode fakeEngine}. */
const SEPARATOR = "\u001f";

/** What a {@linkcode fakeEngine} does for the words that it is started with, in shell. */
export const ANSWERS = `case "$1 $2" in
  "info "*) echo '{"ServerVersion":"28.2.2","Architecture":"x86_64","SecurityOptions":[]}' ;;
  "context inspect") echo '"unix:///var/run/docker.sock"' ;;
  "image inspect") echo '{"Id":"sha256:1","Os":"linux","Architecture":"amd64"}' ;;
  "container inspect") echo "Error response from daemon: No such container: $5" >&2; exit 1 ;;
esac
`;

/** The same, and what runs in a container runs here: its directories, its variables, its programs. */
export const EXECUTES = `case "$1" in
  run)
    until [ "$1" = --interactive ]; do shift; done
    shift 2
    [ "$1" = sh ] || exit 0
    touch "$0.running"
    "$@"
    status=$?
    rm "$0.running"
    exit "$status" ;;
  container)
    [ ! -e "$0.running" ] || { echo '{"State":{"Running":true}}'; exit; } ;;
  exec)
    shift
    while :; do
      case "$1" in
        --workdir=*) cd "\${1#*=}" || exit; shift ;;
        --env) export "$2"; shift 2 ;;
        --interactive | --user=*) shift ;;
        *) break ;;
      esac
    done
    shift
    exec "$@" ;;
esac
${ANSWERS}`;

/**
 * Makes a program that logs its arguments, in one write since several are started at once, and then runs a script of `sh`.
 *
 * @returns Reads the log: the arguments of each start.
 */
export async function fakeEngine(
  dir: string,
  name: string,
  script: string = ANSWERS,
): Promise<() => Promise<readonly (readonly string[])[]>> {
  const log = join(dir, `${name}.log`);
  const text = `#!/bin/sh
line=
for word; do line="$line$word${SEPARATOR}"; done
printf '%s\\n' "$line" >>'${log}'
${script}`;
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, name), text, { mode: 0o755 });
  await Deno.writeTextFile(log, "");
  return async () => {
    const lines = (await Deno.readTextFile(log)).split(`${SEPARATOR}\n`).slice(0, -1);
    return lines.map((line) => line.split(SEPARATOR));
  };
}
