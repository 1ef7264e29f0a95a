import { createHash } from "node:crypto";
import { join } from "@std/path";
import { fileDigest } from "../archive/mod.ts";
import { askGit, openTree, statusEntries } from "../git/mod.ts";
import { countedVariables, portableText } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { GenerationSteps } from "./generation_steps.ts";

/** How generated files are made of their inputs. It grows when the same key would stand for other bytes. */
const RECIPE = 1;

/**
 * A digest of all sources of a checkout: git's own of the commit's tree, and the contents of what differs from
 * it. Ignored Go files count, too, apart from outputs of generators.
 *
 * @returns undefined where git cannot say.
 */
export async function sourcesDigest(context: KubeContext): Promise<string | undefined> {
  const [{ text: id }, { text: status }, { text: ignored }] = await Promise.all([
    askGit(context, ["rev-parse", "--verify", "HEAD^{tree}"]),
    openTree(context).everything(),
    askGit(context, [
      "--no-literal-pathspecs",
      "ls-files",
      "-z",
      "-o",
      "-i",
      "--exclude-standard",
      "--",
      "*.go",
    ]),
  ]);
  if (id === undefined || status === undefined || ignored === undefined) return undefined;
  const hash = createHash("sha256").update(`${id.trim()}\n`);
  for (const { code, path } of statusEntries(status)) {
    hash.update(`${code}\0${path}\0${await fileDigest(join(context.root, path)) ?? "none"}\n`);
  }
  // Generators read them as well.
  for (const path of ignored.split("\0").filter((path) => path !== "" && !OUTPUT.test(path))) {
    hash.update(`!!\0${path}\0${await fileDigest(join(context.root, path)) ?? "none"}\n`);
  }
  return hash.digest("hex");
}

/** What generators leave (`.gitignore` of 1.21 and before), and the directory of outputs. */
const OUTPUT = /^_output\/|(^|\/)(zz_generated[\w.]*|bindata|generated|openapi_generated)\.go$/;

/**
 * The content key of a generated file.
 *
 * @param sources Of {@linkcode sourcesDigest}.
 * @param goKey Of `StepKeys`: generators are built with that Go, and read its library.
 */
export function generatedKey(
  { root, output, gopath }: KubeContext,
  { file, inputs, processes }: GenerationSteps,
  { sources, goKey }: { sources: string; goKey: string },
): string {
  const portable = portableText({ gopath, output, root });
  const words = processes.map(({ argv: [program = "", ...args], env }) => [
    program.slice(program.lastIndexOf("/") + 1),
    ...args.map(portable),
    ...Object.entries(countedVariables(env)).flat().map(portable),
  ]);
  const all = ["generate", RECIPE, goKey, sources, file.output, inputs, words];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}
