import { join } from "@std/path";
import { type Checkout, readCheckoutFile } from "../checkout/mod.ts";
import { planDockerfile } from "../dockerfile/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  contextNames,
  type DockerfileSource,
  type ImageInputs,
  type ImagePlan,
} from "./image_plan.ts";
import type { DirectoryImage } from "./layout.ts";
import { readImageMakefile, replaceIn } from "./image_makefile.ts";
import { ifPresent } from "../files/mod.ts";
import { dockerTag } from "./plan.ts";

/** Binaries that Makefiles copy beside the Dockerfile under another name. */
const RENAMED: Readonly<Record<string, string>> = { gorunner: "go-runner" };
const PROGRAMS = ["ginkgo", "e2e.test", "kubectl", "hyperkube", "go-runner", "gorunner"];

/**
 * The conformance or hyperkube image: its Dockerfile, with what its Makefile puts into it (`sed`),
 * gives to it (`--build-arg`), and copies or packs beside it.
 *
 * @returns Undefined where one of the two files is missing, or says nothing of a base.
 */
export async function planDirectoryImage(
  context: KubeContext,
  checkout: Checkout,
  { name, directory }: DirectoryImage,
  inputs: ImageInputs,
): Promise<ImagePlan | undefined> {
  const { arch } = inputs;
  const path = `${directory}/Dockerfile`;
  const [{ text }, { text: makefile }] = await Promise.all([
    readCheckoutFile(context.root, path),
    readCheckoutFile(context.root, `${directory}/Makefile`),
  ]);
  if (text === undefined || makefile === undefined) return undefined;
  const registry = checkout.imageRegistry.value;
  const tag = dockerTag(inputs.version);
  const make = readImageMakefile(makefile, {
    ...context.env,
    ...{ ARCH: arch, REGISTRY: registry, VERSION: tag },
  });
  if (Object.keys(make.args).length + make.replacements.length === 0) return undefined;
  const source: DockerfileSource = {
    text: replaceIn(text, make),
    path,
    args: make.args,
  };
  const dockerfile = planDockerfile(source.text, { ...source, arch });
  const packed = Object.values(make.archives).flat();
  const pathOf = async (file: string): Promise<string> => {
    if (file === "cluster") return join(context.root, "cluster");
    const own = join(context.root, directory, file);
    const program = join(inputs.binPath, `linux/${arch}`, RENAMED[file] ?? file);
    if (packed.includes(file)) return program;
    if (!PROGRAMS.includes(file)) return own;
    // Since 1.17 "hyperkube" is a script beside the Dockerfile.
    return (await ifPresent(Deno.lstat(own)))?.isFile === true ? own : program;
  };
  const names = contextNames(dockerfile);
  const places = await Promise.all(names.map(async (name) => [name, await pathOf(name)] as const));
  return Object.freeze({
    name,
    arch,
    path: `${arch}/${name}-${arch}.tar`,
    base: dockerfile.base,
    repoTags: Object.freeze([`${registry}/${name}-${arch}:${tag}`]),
    dockerfile,
    source,
    context: Object.freeze(Object.fromEntries(places)),
  });
}
