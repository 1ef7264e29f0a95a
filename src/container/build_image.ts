import type { Checkout } from "../checkout/mod.ts";
import { KbuildError } from "../errors.ts";
import { loadStream } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  fetchImages,
  parseReference,
  planFetch,
  type PlannedFetch,
  type WantedImage,
} from "../registry/mod.ts";
import { loadArguments } from "./arguments.ts";
import { askFor, type EngineAnswer, parseAnswer } from "./engine.ts";
import { engineError, saysNoImage } from "./explain.ts";
import type { Engine } from "./types.ts";

/** The image that builds run in, and what the engine has of it. */
export interface BuildImage {
  /** `registry.k8s.io/build-image/kube-cross:v1.30.0-go1.22.5-bullseye.0`. */
  readonly reference: string;
  /** Where that is from: a file with its line, or a flag. */
  readonly source: string;
  /** Its ID in the engine; undefined: the engine does not have it yet. */
  readonly id: string | undefined;
  /** Its platform in the engine. */
  readonly platform: string | undefined;
  /** What is fetched where the engine does not have it. */
  readonly wanted: WantedImage;
  /** The addresses that would be asked for it; none if the engine has it. */
  readonly fetches: readonly PlannedFetch[];
}

/** Source of an image that the user names. */
const NAMED = "--build-image";

/**
 * The image that a checkout is built in: the one that is named, else the checkout's own kube-cross.
 *
 * @param given Value of `--build-image` or `KBUILD_BUILD_IMAGE`.
 * @throws {KbuildError} Nobody names one.
 */
export function chooseBuildImage(
  { crossImage }: Checkout,
  given: string | undefined,
): Pick<BuildImage, "reference" | "source"> {
  if (given) {
    parseReference(given);
    return { reference: given, source: NAMED };
  }
  if (crossImage !== undefined) return { reference: crossImage.value, source: crossImage.source };
  throw new KbuildError(
    "Cannot find the image that this checkout is built in: its build/common.sh and " +
      "build/build-image/Dockerfile do not name it",
    { notes: ["Name one with Go in it: --build-image golang:1.24"] },
  );
}

/**
 * Variables that name another image where scripts of the checkout read them, and that these do not: a line for each.
 *
 * @param chosen From {@linkcode chooseBuildImage}.
 */
export function ignoredImageVariables(
  env: KubeContext["env"],
  { reference, source }: Pick<BuildImage, "reference" | "source">,
): readonly string[] {
  if (source === NAMED) return [];
  const isIgnored = {
    KUBE_CROSS_IMAGE: (value: string) => !reference.startsWith(value),
    KUBE_CROSS_VERSION: (value: string) => !reference.endsWith(`:${value}`),
  };
  return Object.entries(isIgnored).flatMap(([name, test]) =>
    env[name] && test(env[name])
      ? [
        `${name} has no effect: the checkout's scripts do not read it (${source}); --build-image names another image`,
      ]
      : []
  );
}

/** Asks the engine for an image. Nothing is fetched. */
export async function inspectBuildImage(
  context: Pick<KubeContext, "env" | "shell">,
  engine: Engine,
  chosen: Pick<BuildImage, "reference" | "source">,
): Promise<BuildImage> {
  const answer = await askFor(context, engine, "image", chosen.reference);
  return readBuildImage(context, engine, chosen, answer);
}

/**
 * Reads what an engine answered about an image.
 *
 * @throws {KbuildError} It says neither what it has nor that it has none.
 */
export function readBuildImage(
  { env }: Pick<KubeContext, "env">,
  engine: Engine,
  { reference, source }: Pick<BuildImage, "reference" | "source">,
  { code, stdout, tail }: EngineAnswer,
): BuildImage {
  if (code !== 0 && !saysNoImage(tail)) {
    throw engineError(`Cannot ask ${engine.kind} for "${reference}"`, tail, engine);
  }
  const { Id: id, Os: os, Architecture: architecture } = parseAnswer(stdout) ?? {};
  const wanted = { reference, archs: [engine.arch] };
  const isThere = code === 0 && typeof id === "string";
  return Object.freeze({
    reference,
    source,
    id: isThere ? id : undefined,
    platform: isThere ? `${os}/${architecture}` : undefined,
    wanted,
    fetches: isThere ? [] : planFetch({ env }, [wanted]),
  });
}

/**
 * Brings an image into the engine that does not have it: fetched by kbuild through its mirrors, and
 * checked by digest on the way.
 *
 * @returns What to start containers from.
 * @throws {KbuildError} It cannot be fetched, or the engine does not take it.
 */
export async function provideBuildImage(
  context: KubeContext,
  engine: Engine,
  image: BuildImage,
): Promise<string> {
  const { reference, id, wanted } = image;
  if (id !== undefined) return reference;
  const { log, shell } = context;
  log.status(`Getting the build image ${reference}`);
  const [fetched] = await fetchImages(context, [wanted]).catch((error: unknown) => {
    if (!(error instanceof KbuildError)) throw error;
    throw new KbuildError(error.message, {
      ...error,
      notes: [...error.notes, "Or name an image that the engine has: --build-image IMAGE"],
      cause: error,
    });
  });
  const { digest, repository, host, tag } = parseReference(reference);
  // An archive cannot give an image its digest, so it gets a name that says which one it is.
  const name = digest === undefined
    ? `${
      host === "docker.io" ? repository.replace(/^library\//, "") : `${host}/${repository}`
    }:${tag}`
    : `kbuild-build-image:${digest.slice("sha256:".length)}`;
  await using files = fetched!.files;
  await log.events.unit({ kind: "load", name: reference }).run(async () => {
    const { code, tail } = await shell.run(loadArguments(engine), {
      stdin: loadStream(files, engine.arch, [name]),
      allowed: "any",
    });
    if (code === 0) return;
    throw engineError(`Cannot load "${reference}" into ${engine.kind}`, tail, engine);
  });
  return name;
}
