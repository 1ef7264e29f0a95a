import { basename, dirname, join } from "@std/path";
import type { Input } from "../cli/mod.ts";
import { KbuildError } from "../errors.ts";
import {
  clearLeftover,
  lockFile,
  reasonOf,
  TEMPORARY_PREFIX,
  WorkDirectory,
} from "../files/mod.ts";
import { archiveFiles, copyImageArchive, digestOf, hexOf } from "../image/mod.ts";
import { findProgram, hostPlatform } from "../lib/util.ts";
import { CommandError } from "../shell/mod.ts";
import type { CommandContext, CommandPlan } from "./context.ts";
import { type ListedImage, readImages } from "./images_list_run.ts";
import type { PlanStep } from "./plan_steps.ts";

/** A container engine that images are loaded into. */
interface Engine {
  /** The command that loads an archive; `name` is that of a cluster. */
  argv(image: ListedImage, name: string | undefined): readonly string[];
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
    argv: ({ path }, name) => [
      ...["kind", "load", "image-archive", path],
      ...(name === undefined ? [] : ["--name", name]),
    ],
    hint: '"kind get clusters" lists the clusters; --into kind:NAME names one, else it is "kind"',
  },
};

/** Images that run in every node of a cluster, in containers of the same names. */
const IN_NODES =
  /^(kube-apiserver|kube-controller-manager|kube-scheduler|kube-proxy|etcd|coredns)$/;

/** A container keeps the image that it was started from. */
function sayRestart(
  log: CommandContext["log"],
  cluster: string,
  images: readonly ListedImage[],
): void {
  const names = images.map(({ architecture, repoTags: [first = ""] }) =>
    first.slice(first.lastIndexOf("/") + 1).replace(/:.*$/, "").replace(`-${architecture}`, "")
  );
  const running = [...new Set(names)].filter((name) => IN_NODES.test(name));
  if (running.length === 0) return;
  log.status(
    "Running containers keep the old image; kubelet starts the new one when they are stopped:",
    running.map((name) =>
      `docker exec ${cluster}-control-plane sh -c 'crictl stop $(crictl ps -q --name ${name})'`
    ),
  );
}

/** The program, and what is needed to have it. */
const PROGRAMS: Readonly<Record<string, string>> = { containerd: "ctr" };

/** The engine and the images that are loaded into it: what is shown and what runs is this value. */
interface Load {
  readonly name: string;
  /** The cluster's name; undefined: kind's own choice. */
  readonly cluster: string | undefined;
  readonly engine: Engine;
  /** One program for each archive. */
  readonly starts: readonly LoadStart[];
  readonly images: readonly ListedImage[];
}

/** One archive to load. */
interface LoadStart {
  readonly argv: readonly string[];
  readonly image: ListedImage;
  /** Where the image gets other names first, and which. */
  readonly renamed?: { readonly path: string; readonly names: readonly string[] };
}

async function prepareLoad(command: CommandContext, input: Input): Promise<Load> {
  const [name = "", cluster] = (input.string("into") ?? "docker").split(":");
  const engine = ENGINES[name]!;
  // Images run on Linux, on a Mac in a virtual machine of the same architecture.
  const host = `linux/${hostPlatform().split("/")[1]}`;
  const images = await readImages(command, input.args, input.list("platform") ?? [host]);
  const archives = [...new Map(images.map((image) => [image.path, image])).values()];
  const starts = await Promise.all(archives.map(async (image): Promise<LoadStart> => {
    const names = name === "kind" ? namesInNodes(image) : image.repoTags;
    const isAlone = images.filter(({ path }) => path === image.path).length === 1;
    const isSame = names.length === image.repoTags.length;
    // An archive that is written anew has one image.
    if (isSame || !isAlone || !await isOciArchive(image.path)) {
      return { argv: engine.argv(image, cluster), image };
    }
    const path = join(sideOf(image.path), basename(image.path));
    return { argv: engine.argv({ ...image, path }, cluster), image, renamed: { path, names } };
  }));
  const named = images.map((image) => {
    const names = starts.find((start) => start.image.path === image.path)?.renamed?.names;
    return names === undefined ? image : { ...image, repoTags: names };
  });
  return { name, cluster, engine, starts, images: named };
}

/**
 * The names of an image and those without its architecture: the nodes of kind run `kube-proxy:v1.30.2`, as kubeadm
 * names it, while archives have `kube-proxy-amd64:v1.30.2` (kind retags, too: pkg/build/nodeimage/buildcontext.go,
 * `fixRepository`).
 */
function namesInNodes({ repoTags, architecture }: ListedImage): readonly string[] {
  const plain = repoTags.map((tag) => tag.replace(`-${architecture}:`, ":"));
  return [...new Set([...repoTags, ...plain])];
}

/** Those of others are loaded with the names that they have. */
async function isOciArchive(path: string): Promise<boolean> {
  await using files = await archiveFiles(path);
  return await files.has("index.json");
}

/** Where an archive with other names is made: beside it, under a name that the next run finds again. */
function sideOf(path: string): string {
  const digest = hexOf(digestOf(path)).slice(0, 12);
  return join(dirname(path), `${TEMPORARY_PREFIX}kind-${digest}`);
}

/** Writes the archive with other names, as long as it is needed. */
async function withRenamed(
  { image, renamed }: LoadStart,
  signal: AbortSignal,
  load: () => Promise<void>,
): Promise<void> {
  if (renamed === undefined) return await load();
  const side = dirname(renamed.path);
  const explain = (cause: unknown) =>
    new KbuildError(`Cannot write beside "${image.path}": ${reasonOf(cause)}`, {
      notes: ["For kind, an image gets the names that its nodes run it by"],
      cause,
    });
  using _lock = await lockFile(`${side}.lock`, { signal, temporary: true, explain });
  await clearLeftover(side);
  await using _work = await WorkDirectory.make(side);
  await using files = await archiveFiles(image.path);
  const { architecture: arch } = image;
  await copyImageArchive(renamed.path, files, { arch, names: renamed.names, mtime: 0, signal });
  await load();
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
  const { name, cluster, engine, starts, images } = await prepareLoad(command, input);
  const program = PROGRAMS[name] ?? name;
  const into = cluster === undefined ? name : `${name}:${cluster}`;
  if (await findProgram(program, command.env["PATH"]) === undefined) {
    const others = Object.keys(ENGINES).filter((other) => other !== name);
    throw new KbuildError(`Cannot load images into ${into}: there is no "${program}" in PATH`, {
      notes: [`Install it, or load into another engine: --into ${others.join("|")}`],
      subject: name === "docker" ? "engine" : undefined,
    });
  }
  for (const start of starts) {
    const { argv, image } = start;
    command.log.status(`Loading ${image.repoTags[0] ?? image.name} into ${into}`);
    const load = async () => void await command.shell.run(argv);
    await withRenamed(start, command.signal, load).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new KbuildError(`Cannot load "${image.path}" into ${into}: ${error.message}`, {
        notes: [engine.hint],
        output: error.tail,
        subject: name === "docker" ? "engine" : undefined,
        cause: error,
      });
    });
  }
  if (name === "kind") {
    sayRestart(command.log, cluster ?? (command.env["KIND_CLUSTER_NAME"] || "kind"), images);
  }
  if (command.globals.json) {
    return command.printJson({ into: name, images });
  }
  for (const { repoTags } of images) for (const tag of repoTags) command.print(tag);
}
