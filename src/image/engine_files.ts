import { join } from "@std/path";
import { removeTree } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { CommandError, type Shell } from "../shell/mod.ts";
import { archiveFiles, type ImageFiles } from "./image_files.ts";

const SCHEME = "docker:";

/** The reference of `docker:REFERENCE`; undefined for any other place of a base image. */
export function engineReference(spec: string): string | undefined {
  return spec.startsWith(SCHEME) ? spec.slice(SCHEME.length) : undefined;
}

/**
 * Asks the Docker engine for the ID of an image that it has, and returns `docker:ID`: names may come
 * to mean another image while a release is built.
 *
 * @throws {KbuildError} There is no docker, the engine does not answer, or does not have the image.
 */
export async function pinEngineImage(shell: Shell | undefined, reference: string): Promise<string> {
  // A reference that starts with "-" would be an option.
  const argv = ["docker", "image", "inspect", "--format", "{{.Id}}", "--", reference];
  const { stdout } = await start(shell, argv, reference);
  return `${SCHEME}${stdout.trim()}`;
}

/**
 * The files of an image of the Docker engine, as `docker save` writes them to a temporary directory.
 *
 * @throws {KbuildError} As {@linkcode pinEngineImage} does.
 */
export async function engineFiles(
  reference: string,
  options: { shell?: Shell; tempDir?: string; signal?: AbortSignal },
): Promise<ImageFiles> {
  const { shell, signal, tempDir } = options;
  const dir = await Deno.makeTempDir({
    prefix: "kbuild-base-",
    ...(tempDir === undefined ? {} : { dir: tempDir }),
  });
  const dispose = () => removeTree(dir);
  try {
    const file = join(dir, "saved.tar");
    await start(shell, ["docker", "save", "-o", file, "--", reference], reference, signal);
    const files = await archiveFiles(file);
    return {
      ...{ label: `${SCHEME}${reference}`, has: files.has, read: files.read },
      [Symbol.asyncDispose]: async () => {
        await files[Symbol.asyncDispose]();
        await dispose();
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function start(
  shell: Shell | undefined,
  argv: readonly string[],
  reference: string,
  signal?: AbortSignal,
) {
  if (shell === undefined) throw new TypeError(`A base "${SCHEME}${reference}" needs a shell`);
  return await shell.run(argv, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
    if (!(cause instanceof CommandError)) throw cause;
    throw new KbuildError(`Cannot take base image "${reference}" from the Docker engine`, {
      notes: [
        `"docker image inspect ${reference}" says whether it is there; "docker pull" gets it`,
        "DOCKER_HOST says where the engine is",
      ],
      output: cause.tail.length > 0 ? cause.tail : [cause.message],
      cause,
    });
  });
}
