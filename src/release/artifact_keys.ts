import { createHash, type Hash } from "node:crypto";
import { join } from "@std/path";
import { DEFAULT_LEVEL, deflateFormat, fileDigest } from "../archive/mod.ts";
import { entriesOf, ifPresent } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { baseFor, basesOf } from "./images.ts";
import type { ImagePlan } from "./image_plan.ts";
import { artifactUnit } from "./package.ts";
import { SOURCE_TARBALL, type TarballPlan } from "./plan.ts";
import type { PackagePlan } from "./prepare.ts";
import { listStage } from "./stage.ts";
import type { UnitSpec } from "../events/mod.ts";

/** How artifacts are made of their inputs. It grows when the same key would stand for other bytes. */
const RECIPE = 1;

/** What is known of an artifact before it is made. */
export interface KeyedArtifact {
  /** As {@linkcode packageUnits} has it. */
  readonly unit: UnitSpec;
  /** Path below the output root: `release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  /** SHA-256 in hexadecimal of everything that it is made of; undefined: see `why`. */
  readonly key: string | undefined;
  /** Why there is no key, as the end of a sentence. */
  readonly why: string | undefined;
  /** Programs that are in it, as the build places them; absolute. */
  readonly programs: readonly string[];
  /** Paths of the artifacts that are in it. */
  readonly artifacts: readonly string[];
}

/**
 * The content keys of the artifacts of a release, before programs are there: those count by the keys of the
 * steps that make them.
 *
 * @param programKey The key of the program that is placed there; undefined if it has none.
 */
export async function artifactKeys(
  context: KubeContext,
  plan: PackagePlan,
  programKey: (placed: string) => string | undefined,
): Promise<readonly KeyedArtifact[]> {
  const found = new Map<string, KeyedArtifact>();
  const programs = new Set<string>();
  const artifacts = new Set<string>();
  let why: string | undefined;
  const keyless = (reason: string) => {
    why ??= reason;
    return "";
  };
  const inputs: Inputs = {
    ...{ context, plan, keyless },
    async file(hash, name, path) {
      if (path.startsWith(`${plan.options.binPath}/`)) {
        programs.add(path);
        return addWords(hash, [
          name,
          "program",
          programKey(path) ?? keyless("a program in it has no key"),
        ]);
      }
      const info = await ifPresent(Deno.stat(path));
      if (info?.isDirectory === true) {
        addWords(hash, [name, "directory"]);
        for (const entry of (await entriesOf(path) ?? []).toSorted(byName)) {
          await inputs.file(hash, `${name}/${entry.name}`, join(path, entry.name));
        }
        return;
      }
      const mode = info?.mode ?? 0;
      const digest = await fileDigest(path) ?? "missing";
      addWords(hash, [name, (mode & 0o777).toString(8), digest]);
    },
    artifact(hash, name, path) {
      artifacts.add(path);
      const key = found.get(path)?.key ?? keyless("an artifact in it has no key");
      addWords(hash, [name, "artifact", key]);
    },
  };
  const add = async (
    spec: { kind: "image" | "tarball"; path: string; platform: string | null },
    hashInputs: (hash: Hash) => Promise<void>,
  ) => {
    programs.clear();
    artifacts.clear();
    why = undefined;
    const hash = createHash("sha256");
    addWords(hash, [spec.kind, RECIPE, plan.options.epoch, String(context.strictParity)]);
    await hashInputs(hash);
    found.set(
      spec.path,
      Object.freeze({
        unit: artifactUnit(spec),
        path: spec.path,
        key: why === undefined ? hash.digest("hex") : undefined,
        why,
        programs: Object.freeze([...programs].sort()),
        artifacts: Object.freeze([...artifacts].sort()),
      }),
    );
  };
  for (const image of plan.images) {
    const { arch, path } = image;
    await add(
      { kind: "image", path: `release-images/${path}`, platform: `linux/${arch}` },
      (hash) => imageInputs(hash, image, inputs),
    );
  }
  for (const tarball of plan.tarballs) {
    await add(
      { kind: "tarball", path: `release-tars/${tarball.name}`, platform: tarball.platform ?? null },
      (hash) => tarballInputs(hash, tarball, inputs),
    );
  }
  return Object.freeze([...found.values()]);
}

/** Where the inputs of artifacts are added. */
interface Inputs {
  readonly context: KubeContext;
  readonly plan: PackagePlan;
  /** Notes that the artifact has no key; returns a placeholder. */
  readonly keyless: (why: string) => string;
  readonly file: (hash: Hash, name: string, path: string) => Promise<void>;
  readonly artifact: (hash: Hash, name: string, path: string) => void;
}

function addWords(hash: Hash, words: readonly (string | number)[]): void {
  hash.update(`${JSON.stringify(words)}\n`);
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

async function imageInputs(hash: Hash, image: ImagePlan, inputs: Inputs): Promise<void> {
  const { context: { root }, plan: { bases } } = inputs;
  addWords(hash, [
    JSON.stringify({ ...image, context: Object.keys(image.context) }).replaceAll(root, ""),
  ]);
  for (const [name, path] of Object.entries(image.context)) await inputs.file(hash, name, path);
  for (const reference of basesOf(image)) {
    const base = baseFor(bases, reference);
    const digest = typeof base === "string"
      ? inputs.keyless("its base image is a file or an engine's")
      : base?.digest ?? "scratch";
    addWords(hash, [reference, digest]);
  }
}

async function tarballInputs(hash: Hash, tarball: TarballPlan, inputs: Inputs): Promise<void> {
  const { context, plan: { missing, options, source } } = inputs;
  addWords(hash, [deflateFormat(options.compressionLevel ?? DEFAULT_LEVEL)]);
  if (tarball.name === SOURCE_TARBALL) {
    const state = options.vars.gitTreeState ?? "unknown";
    const commit = source.commit ?? inputs.keyless(
      state === "clean"
        ? "git cannot archive the commit"
        : `the state of the tree is "${state}", not "clean": the files are packed as they are`,
    );
    return addWords(hash, [commit, JSON.stringify(source).replaceAll(context.root, "")]);
  }
  const [tars, images] = ["release-tars", "release-images"];
  const items = listStage(tarball, {
    ...{ root: context.root, binPath: options.binPath, tars, images },
    leftOut: new Set(missing.map(({ path }) => join(context.root, path))),
  });
  for (const item of [...items].sort((a, b) => a.to < b.to ? -1 : 1)) {
    if ("symlink" in item) addWords(hash, [item.to, "link", item.symlink]);
    else if ("text" in item) addWords(hash, [item.to, "text", item.text]);
    else if ("directory" in item) addWords(hash, [item.to, "directory"]);
    else if ("copy" in item) await inputs.file(hash, item.to, item.copy);
    else if (item.link.startsWith("release-")) inputs.artifact(hash, item.to, item.link);
    else await inputs.file(hash, item.to, item.link);
  }
}
