/** A real Docker engine, for what upstream builds and for running what kbuild wrote. */
import { fromFileUrl, join } from "@std/path";
import { bytesEntry, directoryEntry, streamTar } from "../../src/archive/mod.ts";
import type { Shell } from "../../src/shell/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { exists, which } from "./_tree.ts";

/** Makes an image of files with the client of an engine, with changes as a Dockerfile writes them. */
export async function importImage(
  { $ }: Pick<Shell, "$">,
  client: "docker" | "podman",
  stdin: AsyncIterable<Uint8Array>,
  reference: string,
  changes: readonly string[],
): Promise<void> {
  const options = changes.flatMap((change) => ["--change", change]);
  await $`${client} import ${options} - ${reference}`.with({ stdin });
}

/** A development tool that starts an engine, where somebody has put it beside the clone. */
const TOOL = fromFileUrl(new URL("../../../shared/tools/dockerd", import.meta.url));

/** What a test says where there is no engine. */
export const NEEDS_DOCKER = "needs a Docker engine that docker version can reach";

/** An engine that answers. */
export class Docker {
  readonly host: string;
  readonly #shell: Shell;
  readonly #started: boolean;

  private constructor(host: string, started: boolean) {
    this.host = host;
    this.#started = started;
    const path = Deno.env.get("PATH") ?? "";
    const env = { PATH: path, HOME: Deno.env.get("HOME") ?? "/", ...hostVariable(host) };
    this.#shell = createShell({ cwd: "/", env });
  }

  /** The engine of `DOCKER_HOST` or of this machine, else one that the tool starts. */
  static async find(): Promise<Docker | undefined> {
    if (which("docker") !== undefined) {
      const here = new Docker(Deno.env.get("DOCKER_HOST") ?? "", false);
      if (await here.#answers()) return here;
    }
    if (!exists(TOOL)) return undefined;
    const socket = join(Deno.env.get("KBUILD_DOCKERD") ?? "/tmp/kbuild-dockerd", "docker.sock");
    const before = which("docker") !== undefined && exists(socket) &&
      await new Docker(`unix://${socket}`, false).#answers();
    const up = await new Deno.Command(TOOL, { args: ["up"], stderr: "inherit" }).output();
    if (!up.success) return undefined;
    return new Docker(new TextDecoder().decode(up.stdout).trim(), !before);
  }

  async #answers(): Promise<boolean> {
    return await this.run("version").then(() => true, () => false);
  }

  /** Runs docker and returns what it prints. */
  async run(...args: string[]): Promise<string> {
    return (await this.#shell.run(["docker", ...args])).stdout;
  }

  /** Makes an image of files, with changes as a Dockerfile writes them. */
  async import(
    tar: AsyncIterable<Uint8Array>,
    reference: string,
    changes: readonly string[],
  ): Promise<void> {
    await importImage(this.#shell, "docker", tar, reference, changes);
  }

  /** `DOCKER_HOST`, where it is needed. */
  get env(): Readonly<Record<string, string>> {
    return hostVariable(this.host);
  }

  /** Ends the engine if {@linkcode Docker.find} started it. */
  async close(): Promise<void> {
    if (!this.#started) return;
    await new Deno.Command(TOOL, { args: ["down"] }).output();
  }
}

function hostVariable(host: string): Readonly<Record<string, string>> {
  return host === "" ? {} : { DOCKER_HOST: host };
}

/** The bases of 1.20's images, as its scripts name them. */
export const BASES: Readonly<Record<string, string>> = {
  "go-runner": "k8s.gcr.io/build-image/go-runner:buster-v2.2.2",
  "debian-iptables": "k8s.gcr.io/build-image/debian-iptables:buster-v1.3.0",
  "debian": "debian:stretch-slim",
};

/**
 * Makes stand-ins for the base images, which no test may download: a few files and a configuration
 * that images inherit. Imported into the engine and saved as archives.
 *
 * @returns Short name of a base -> its archive.
 */
export async function makeBases(
  docker: Docker,
  dir: string,
): Promise<Readonly<Record<string, string>>> {
  const archives: Record<string, string> = {};
  for (const [name, reference] of Object.entries(BASES)) {
    const files = streamTar([
      directoryEntry("etc", { mtime: 0 }),
      bytesEntry("etc/base", new TextEncoder().encode(`${name}\n`), { mtime: 0 }),
      directoryEntry("usr", { mtime: 0 }),
      directoryEntry("usr/local", { mtime: 0, mode: 0o775 }),
    ]);
    const changes = ["ENV PATH=/usr/local/bin:/bin", `LABEL base=${name}`];
    await docker.import(files, reference, changes);
    archives[name] = join(dir, `${name}.tar`);
    await docker.run("save", "-o", archives[name], reference);
  }
  return archives;
}

/**
 * A directory for `PATH` with a docker that leaves out `--pull`: the Makefile of the conformance image
 * gives it always, and no registry can be asked.
 */
export async function dockerWithoutPull(dir: string): Promise<string> {
  const bin = join(dir, "bin");
  await Deno.mkdir(bin, { recursive: true });
  const script = `#!/bin/bash
words=()
for word; do [[ $word == --pull ]] || words+=("$word"); done
exec '${which("docker")}' "\${words[@]}"
`;
  await Deno.writeTextFile(join(bin, "docker"), script, { mode: 0o755 });
  return bin;
}
