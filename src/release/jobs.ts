import { join } from "@std/path";
import {
  type CompressionLevel,
  deflateFormat,
  type Deflater,
  type Hasher,
  listTree,
  packTarball,
  type Tarball,
} from "../archive/mod.ts";
import { engineReference } from "../image/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { Artifact } from "./artifact.ts";
import { Identifier, type Identity } from "./identity.ts";
import type { ImagePlan } from "./image_plan.ts";
import { baseFor, basesOf } from "./images.ts";
import type { OpenBases } from "./open_bases.ts";
import { SOURCE_TARBALL, type TarballPlan } from "./plan.ts";
import { identifySource, packSource, type SourceTarball } from "./source_tarball.ts";
import { fillStage, listStage, type StageRoots } from "./stage.ts";
import { writeImage } from "./write_image.ts";

/** What an artifact is, whoever makes it. */
type Made = Pick<Artifact, "size" | "sha256" | "sha512" | "contentDigest" | "base">;

/** One artifact to make. */
export interface Job {
  readonly kind: Artifact["kind"];
  /** Path below the output root: `release-tars/kubernetes.tar.gz`. */
  readonly path: string;
  readonly platform: string | null;
  /** For the log: "Building tarball: final". */
  readonly title: string;
  /** Paths of the artifacts that go into it. */
  readonly needs: readonly string[];
  /** Puts what goes into it under `release-stage`; undefined where that is nothing. */
  stage?(directories: ReleaseDirectories, signal: AbortSignal): Promise<void>;
  /** The files that it will be made from, without the artifacts in `needs`. */
  identify(): Identity;
  /** Makes it, from the stage where there is one. */
  make(directories: ReleaseDirectories, threads: Threads, signal: AbortSignal): Promise<Made>;
}

/** The directories of a release, while it is made. */
export interface ReleaseDirectories {
  readonly stage: string;
  readonly tars: string;
  readonly images: string;
}

/** What computes beside the thread that reads and writes. */
export interface Threads {
  /** Compresses blocks. */
  readonly deflater: Deflater;
  /** Computes digests. */
  readonly hasher: Hasher;
}

/** What the jobs of a release share. */
export interface JobOptions {
  readonly context: KubeContext;
  /** Seconds since 1970: the time of every member and image. */
  readonly epoch: number;
  /** Compression level of tarballs. */
  readonly level: CompressionLevel;
  readonly binPath: string;
  /** Absolute paths in the checkout that are not packed. */
  readonly leftOut: ReadonlySet<string>;
}

/** Makes the job of an image archive. */
export function imageJob(plan: ImagePlan, bases: OpenBases, { epoch }: JobOptions): Job {
  return Object.freeze({
    kind: "image",
    path: `release-images/${plan.path}`,
    platform: `linux/${plan.arch}`,
    title: `Building image: ${plan.name}-${plan.arch}`,
    needs: [],
    identify() {
      const inputs = new Identifier();
      inputs.text("image", epoch, JSON.stringify(plan));
      for (const [name, path] of Object.entries(plan.context)) inputs.tree(name, path);
      for (const reference of basesOf(plan)) {
        const where = baseFor(bases.images, reference);
        const known = typeof where === "string" ? where : where?.digest ?? "";
        // Who vouches for the digest is written into artifacts.json.
        const by = typeof where === "object" ? where.digestFrom : "";
        inputs.text("base", reference, known, by);
        // What is pinned by its ID is known by its name.
        if (typeof where === "string" && engineReference(where) === undefined) {
          inputs.tree(reference, where);
        }
      }
      return inputs.done();
    },
    async make({ images }: ReleaseDirectories, { hasher }: Threads, signal: AbortSignal) {
      await Deno.mkdir(join(images, plan.arch), { recursive: true });
      const { size, sha256, imageId } = await writeImage(plan, {
        directory: images,
        bases,
        created: epoch,
        hasher,
        signal,
      });
      const made = { size, sha256, contentDigest: imageId.replace(/^sha256:/, "") };
      const { imageId: id } = await bases.open(plan.base, plan.arch, signal);
      if (id === undefined) return made;
      const base = baseFor(bases.images, plan.base);
      const pulled = typeof base === "object"
        ? {
          digest: base.digest,
          digestFrom: base.digestFrom,
          manifest: base.images[plan.arch] ?? "",
        }
        : {};
      return { ...made, base: { name: plan.base, imageId: id, ...pulled } };
    },
  });
}

/** Makes the job of the source tarball. */
export function sourceJob(source: SourceTarball, options: JobOptions): Job {
  const { context, epoch, level } = options;
  return Object.freeze({
    kind: "tarball",
    path: `release-tars/${SOURCE_TARBALL}`,
    platform: null,
    title: "Building tarball: src",
    needs: [],
    identify() {
      const inputs = new Identifier();
      inputs.text("source", epoch, deflateFormat(level), String(context.strictParity));
      identifySource(inputs, context, source);
      return inputs.done();
    },
    async make({ tars }: ReleaseDirectories, threads: Threads, signal: AbortSignal) {
      const out = join(tars, SOURCE_TARBALL);
      return madeOf(await packSource(context, source, out, { ...threads, epoch, signal }));
    },
  });
}

/**
 * Makes the job of any other tarball.
 *
 * @param after Paths of the artifacts that are made from the same stage before.
 */
export function tarballJob(
  plan: TarballPlan,
  options: JobOptions,
  after: readonly string[] = [],
): Job {
  const { context, epoch, level, binPath, leftOut } = options;
  const roots = (directories: Pick<ReleaseDirectories, "tars" | "images">): StageRoots => (
    { root: context.root, binPath, leftOut, ...directories }
  );
  const needs = plan.entries.flatMap(({ source }) =>
    "tarball" in source
      ? [`release-tars/${source.tarball}`]
      : "image" in source
      ? [`release-images/${source.image.arch}/${source.image.name}.tar`]
      : []
  );
  const directory = (directories: ReleaseDirectories) => join(directories.stage, plan.stage ?? "");
  return Object.freeze({
    kind: "tarball",
    path: `release-tars/${plan.name}`,
    platform: plan.platform ?? null,
    title: `Building tarball: ${plan.title}`,
    needs: [...new Set([...needs, ...after])],
    stage: (directories: ReleaseDirectories, signal: AbortSignal) =>
      fillStage(listStage(plan, roots(directories)), directory(directories), signal),
    identify() {
      const inputs = new Identifier();
      inputs.text("tarball", epoch, deflateFormat(level), String(context.strictParity));
      const items = listStage(plan, roots({ tars: "release-tars", images: "release-images" }));
      for (const item of [...items].sort((a, b) => a.to < b.to ? -1 : 1)) {
        if ("symlink" in item) inputs.text(item.to, "link", item.symlink);
        else if ("text" in item) inputs.text(item.to, "text", item.text);
        else if ("directory" in item) inputs.text(item.to, "directory");
        else if ("copy" in item) inputs.file(item.to, item.copy, item.info);
        else if (needs.includes(item.link)) inputs.text(item.to, "artifact", item.link);
        else inputs.file(item.to, item.link);
      }
      return inputs.done();
    },
    async make(directories: ReleaseDirectories, threads: Threads, signal: AbortSignal) {
      const out = join(directories.tars, plan.name);
      const listed = context.strictParity ? { asOnDisk: true as const } : { mtime: epoch };
      const entries = await listTree(join(directory(directories), "kubernetes"), {
        prefix: "kubernetes",
        ...listed,
      });
      const inOrder = context.strictParity;
      return madeOf(await packTarball(entries, out, { ...threads, inOrder, signal }));
    },
  });
}

function madeOf({ size, sha256, sha512, tarSha256 }: Tarball): Made {
  return { size, sha256, sha512, contentDigest: tarSha256 };
}
