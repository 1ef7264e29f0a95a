import { KbuildError } from "../errors.ts";
import type { Engine } from "./types.ts";

/** A sentence that an engine or its client prints, and what it means. */
interface Cause {
  readonly words: RegExp;
  /** "permission denied". */
  readonly reason: (match: RegExpExecArray) => string;
  /** The ways out. */
  readonly notes: (match: RegExpExecArray, kind: Engine["kind"]) => readonly string[];
}

/** A way out for those who use docker. */
function podmanInstead(kind: Engine["kind"], needs: string): readonly string[] {
  return kind === "podman" ? [] : [`podman needs no ${needs}: --engine podman`];
}

/** The ways out for those whose docker command is too old. */
export function updateDocker(kind: Engine["kind"]): readonly string[] {
  return ["Update the docker command (its engine may stay)", ...podmanInstead(kind, "docker")];
}

/** What docker before 20.10 says of a command and of flags that it does not have. */
const TOO_OLD = /'context' is not a docker command|unknown flag: --(pull|format)/i;

/** What a copy needs of the image, for a note. */
export const COPY_NEEDS =
  "A copy of the sources needs sh, cat, env, find, mkdir, rm, sleep, tar, touch and xargs in the image, and chown for a user " +
  "who is not root";

/**
 * What engines say when they cannot be used. They have no codes for it: this is the only place that reads
 * their words. docker 20.10 to 29, podman 4 and 5.
 */
const CAUSES: readonly Cause[] = Object.freeze<Cause[]>([
  {
    words: /permission denied.*(?:socket|docker API)|connect: permission denied/i,
    reason: () => "you may not use its socket (permission denied)",
    notes: (_, kind) =>
      kind === "podman"
        ? ["CONTAINER_HOST and podman system connection say which socket is used"]
        : [
          "Join the group of the socket (mostly: sudo usermod -aG docker $USER), and log in again",
          ...podmanInstead(kind, "such right"),
        ],
  },
  {
    words:
      /client version (\S+) is too (new|old)\. (?:Maximum|Minimum) supported API version is ([\d.]+)/i,
    reason: ([, version = "", how = "new", other = ""]) =>
      `the client's API version ${version} is too ${how}, the engine's is ${other}`,
    notes: ([, , how, other = ""]) =>
      how === "new"
        ? [`Let the client use the engine's version: DOCKER_API_VERSION=${other}`]
        : ["Update the docker command", "DOCKER_API_VERSION in the environment also decides it"],
  },
  {
    words:
      /exec: "([^"\s]+)": executable file not found|executable file `([^`]+)` not found|^(?:\S*sh): (?:(?:line )?\d+: )?([\w.-]+): (?:command )?not found$|^xargs: ([\w.-]+): No such file/im,
    reason: (match) => `the image has no "${match.slice(1).find((name) => name !== undefined)}"`,
    notes: () => [COPY_NEEDS, "Name an image that has them: --build-image IMAGE"],
  },
  {
    words: /no space left on device/i,
    reason: () => "its disk is full (no space left on device)",
    notes: (_, kind) => [
      `"${kind} system df" shows what takes the space`,
      "kbuild make-clean removes this checkout's containers, volumes and build images",
    ],
  },
  {
    words: /cannot allocate memory|out of memory/i,
    reason: () => "it has no memory left",
    notes: () => ["In Docker Desktop and podman machines, give the virtual machine more memory"],
  },
  {
    words:
      /cannot connect to the docker daemon|cannot connect to podman|failed to connect to the docker api|error during connect|connection refused|no such host|i\/o timeout|dial unix|unable to connect to podman|protocol not available/i,
    reason: () => "it does not answer",
    notes: (_, kind) => [
      kind === "podman"
        ? "Start it (podman machine start), or name another one: CONTAINER_HOST=unix:///path/podman.sock"
        : "Start it, or name another one: DOCKER_HOST=unix:///path/docker.sock, or a docker context",
      ...podmanInstead(kind, "daemon"),
      "kbuild all and kbuild quick-release build on this machine, without an engine",
    ],
  },
  {
    words: TOO_OLD,
    reason: () => "the docker command is older than 20.10",
    notes: (_, kind) => updateDocker(kind),
  },
  {
    words: /x509|tls: |certificate/i,
    reason: () => "its certificate or yours is not accepted",
    notes: () => ["DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say which are used"],
  },
  {
    words: /bind source path does not exist|statfs .*no such file or directory/i,
    reason: () => "it does not see the files of this machine",
    notes: () => ["The engine must be on this machine, or share the directory of the checkout"],
  },
]);

/**
 * The error for an engine that did not do what it was asked.
 *
 * @param action What failed: "Cannot ask the engine".
 * @param tail Last lines that its client printed.
 */
export function engineError(
  action: string,
  tail: readonly string[],
  { cause, endpoint, kind = "docker" }: {
    cause?: unknown;
    endpoint?: string | undefined;
    kind?: Engine["kind"];
  } = {},
): KbuildError {
  const text = tail.join("\n");
  for (const { words, reason, notes } of CAUSES) {
    const match = words.exec(text);
    if (match === null) continue;
    const where = endpoint === undefined ? [] : [`The engine is at ${endpoint}`];
    return new KbuildError(`${action}: ${reason(match)}`, {
      notes: [...notes(match, kind), ...where],
      output: tail,
      cause,
    });
  }
  return new KbuildError(action, { output: tail, cause });
}

/** Whether docker's client is older than those that start containers as kbuild does. */
export function isTooOld(tail: readonly string[]): boolean {
  return TOO_OLD.test(tail.join("\n"));
}

/** Whether an engine says that it does not have an image. */
export function saysNoImage(tail: readonly string[]): boolean {
  return /no such image|image not known|no such object|not found/i.test(tail.join("\n"));
}

/** Whether all that an engine says is that it does not have something: containers, volumes or images. */
export function saysMissing(lines: readonly string[]): boolean {
  const missing =
    /no such (container|volume|image|object)|no (container|volume) with|image not known|already in progress/i;
  return lines.length > 0 && lines.every((line) => missing.test(line));
}

/** Whether an engine says that it does not have a container. */
export function saysNoContainer(tail: readonly string[]): boolean {
  return /no such container|no container with|no such object/i.test(tail.join("\n"));
}
