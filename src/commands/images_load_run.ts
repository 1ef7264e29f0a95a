import type { Input } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";
import { findProgram, hostPlatform } from "../lib/util.ts";
import { CommandError } from "../shell/mod.ts";
import type { CommandContext, CommandPlan } from "./context.ts";
import { type ListedImage, readImages } from "./images_list_run.ts";
import type { PlanStep } from "./plan_steps.ts";

/** A container engine that images are loaded into. */
interface Engine {
  /** The command that loads an archive. */
  argv(image: ListedImage): readonly string[];
  /** What to look at when it fails. */
  readonly hint: string;
}

const ENGINES: Readonly<Record<string, Engine>> = {
  docker: {
    argv: ({ path }) => ["docker", "load", "-i", path],
    hint: "Is the Docker engine running? DOCKER_HOST says where it is",
  },
  podman: {
    argv: ({ path }) => ["podman", "load", "-i", path],
    hint: '"podman info" says whether podman works here',
  },
  containerd: {
    // The kubelet sees the images of this namespace.
    argv: ({ architecture, os, path }) => [
      ...["ctr", "-n", "k8s.io", "images", "import"],
      ...["--platform", `${os}/${architecture}`, path],
    ],
    hint: "Is containerd running, and are you root? CONTAINERD_ADDRESS says where it is",
  },
  kind: {
    argv: ({ path }) => ["kind", "load", "image-archive", path],
    hint: '"kind get clusters" lists the clusters; KIND_CLUSTER_NAME names another than "kind"',
  },
};

/** The program, and what is needed to have it. */
const PROGRAMS: Readonly<Record<string, string>> = { containerd: "ctr" };

/** The engine and the images that are loaded into it: what is shown and what runs is this value. */
interface Load {
  readonly name: string;
  readonly engine: Engine;
  /** One program for each archive. */
  readonly starts: readonly { readonly argv: readonly string[]; readonly image: ListedImage }[];
  readonly images: readonly ListedImage[];
}

async function prepareLoad(command: CommandContext, input: Input): Promise<Load> {
  const name = input.string("into") ?? "docker";
  const engine = ENGINES[name]!;
  // Images run on Linux, on a Mac in a virtual machine of the same architecture.
  const host = `linux/${hostPlatform().split("/")[1]}`;
  const images = await readImages(command, input.args, input.list("platform") ?? [host]);
  const archives = [...new Map(images.map((image) => [image.path, image])).values()];
  const starts = archives.map((image) => ({ argv: engine.argv(image), image }));
  return { name, engine, starts, images };
}

/** The programs that {@linkcode loadImages} would start. */
export async function planLoad(
  command: CommandContext,
  input: Input,
): Promise<CommandPlan> {
  const { name, starts } = await prepareLoad(command, input);
  const steps = starts.map(({ argv }): PlanStep => (
    { group: name, kind: "process", argv, cwd: command.cwd, env: {} }
  ));
  return { steps };
}

/** `kbuild images load`: hands the archives to a container engine, one after the other. */
export async function loadImages(command: CommandContext, input: Input): Promise<void> {
  const { name, engine, starts, images } = await prepareLoad(command, input);
  const program = PROGRAMS[name] ?? name;
  if (await findProgram(program, command.env["PATH"]) === undefined) {
    const others = Object.keys(ENGINES).filter((other) => other !== name);
    throw new KbuildError(`Cannot load images into ${name}: there is no "${program}" in PATH`, {
      notes: [`Install it, or load into another engine: --into ${others.join("|")}`],
      subject: name === "docker" ? "engine" : undefined,
    });
  }
  for (const { argv, image } of starts) {
    command.log.status(`Loading ${image.repoTags[0] ?? image.name} into ${name}`);
    await command.shell.run(argv).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new KbuildError(`Cannot load "${image.path}" into ${name}: ${error.message}`, {
        notes: [engine.hint],
        output: error.tail,
        subject: name === "docker" ? "engine" : undefined,
        cause: error,
      });
    });
  }
  if (command.globals.json) {
    return command.printJson({ into: name, images });
  }
  for (const { repoTags } of images) for (const tag of repoTags) command.print(tag);
}
