/**
 * Server images as the checkouts' own `kube::release::create_docker_images_for_server` builds them
 * with a real Docker engine, and kbuild's: names, tags, configuration, and file by file.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { copiesOf } from "../../src/dockerfile/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import {
  type ImagePlan,
  OpenBases,
  preparePackage,
  withMd5Tags,
  writeImage,
} from "../../src/release/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import {
  comparable,
  type ComparableImage,
  Docker,
  findBuildx,
  importBases,
  makeBuilder,
  NEEDS_BUILDX,
  NEEDS_DOCKER,
  runWith,
} from "./_engine.ts";
import { ENV, inScratch, makeSample, output, which } from "./_program.ts";

const ARCHS = ["amd64", "arm64"];
const VERSION = "v1.2.3-4+0123456789abcd";
const variablesFor = (arch: string) => ({
  KUBE_FASTBUILD: arch === "amd64" ? "true" : "false",
  KUBE_BUILD_PLATFORMS: `linux/${arch}`,
  KUBE_BUILD_CONFORMANCE: "y",
  KUBE_BUILD_HYPERKUBE: "y",
  KUBE_BUILD_PULL_LATEST_IMAGES: "n",
  KUBE_DOCKER_REGISTRY: "registry.example/mine",
  KUBE_DOCKER_IMAGE_TAG: "v9_mine",
  FORCE_HOST_GO: "y",
});

/** The checkout's own functions over the programs in `$2`. */
const SCRIPT = `set -o errexit -o nounset -o pipefail
cd "$1"
source build/common.sh
source build/lib/release.sh
KUBE_GIT_VERSION=$3
umask 0022
kube::release::create_docker_images_for_server "$2" "$4" >&2
`;

/** What is not compared, and why; all else is equal. */
const EXCEPTIONS = {
  /** Times: kbuild's are the commit's. History, and ids that follow from it: it tells of the builder. */
  times: "not looked at",
  /**
   * 1.28's Dockerfiles lack ARG in their stage, so they copy the whole directory of the build: with
   * it the log that the build is writing at that moment.
   */
  buildLog: /(^|\/)build\.log$/,
};

function withoutExceptions(image: ComparableImage): ComparableImage {
  const files = Object.entries(image.files).filter(([path]) => !EXCEPTIONS.buildLog.test(path));
  return { ...image, files: Object.fromEntries(files) };
}

const docker = await Docker.find();
const lacking = docker === undefined
  ? NEEDS_DOCKER
  : ["bash", "busybox", "make"].filter((program) => which(program) === undefined)
    .map((program) => `needs ${program}`)[0];

/** What a checkout's images cannot be built without; 1.21 and later build with buildx. */
function lackingFor(buildx: boolean): string | undefined {
  return lacking ?? (buildx && findBuildx() === undefined ? NEEDS_BUILDX : undefined);
}

async function needsBuildx(root: string): Promise<boolean> {
  return (await Deno.readTextFile(join(root, "build/lib/release.sh"))).includes("buildx");
}

async function planned(root: string, arch: string) {
  const shell = createShell({ cwd: root, env: ENV });
  const log = createLogger({ write: () => {} });
  const env = { ...ENV, ...variablesFor(arch) };
  const context = createContext({ root, shell, log, env, host: "linux/amd64" });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  const vars = {
    ...{ gitCommit: "", gitMajor: "1", gitMinor: "2+", gitVersion: VERSION },
    ...{ gitTreeState: "clean" as const, dirtyPaths: [], problem: undefined },
  };
  const fastbuild = arch === "amd64";
  const platforms = setupPlatforms(checkout, { fastbuild, hostArch: "amd64" });
  const { images } = await preparePackage(context, checkout, {
    ...{ vars, epoch: 7, platforms, binPath: context.releaseBinPath },
  });
  // 1.7 cannot be asked for one platform.
  return { context, images: images.filter((image) => image.arch === arch) };
}

/** Writes a program for every one that images hold, and links them where the script expects them. */
async function makePrograms(
  { releaseBinPath }: KubeContext,
  images: readonly ImagePlan[],
  arch: string,
) {
  const bin = join(releaseBinPath, "linux", arch);
  const stage = join(releaseBinPath, "../stage");
  await Deno.mkdir(bin, { recursive: true });
  await Deno.mkdir(stage, { recursive: true });
  const names = images.flatMap(({ context }) => Object.values(context))
    .filter((path) => path.startsWith(`${bin}/`)).map((path) => path.slice(bin.length + 1));
  for (const name of new Set(names)) {
    await Deno.writeTextFile(join(bin, name), `program ${name}\n`);
    await Deno.chmod(join(bin, name), 0o755);
    await Deno.link(join(bin, name), join(stage, name));
  }
  return stage;
}

/** Builds both sides and compares them, an image a step. */
async function compareImages(
  t: Deno.TestContext,
  root: string,
  dir: string,
  { builder, arch }: { builder: Readonly<Record<string, string>>; arch: string },
): Promise<void> {
  const { context, images: plans } = await planned(root, arch);
  const wanted = plans.flatMap(({ base, dockerfile }) => [
    base,
    ...dockerfile.taken,
    ...dockerfile.stages.map((stage) => stage.base),
  ]).filter((reference) => reference !== "scratch");
  // setcap runs on the builder's own platform.
  const archs = new Map(
    wanted.map((reference) => [reference, reference.includes("setcap") ? "amd64" : arch]),
  );
  const archives = await importBases(docker!, dir, wanted, { archs, builder });
  const stage = await makePrograms(context, plans, arch);
  const { images } = await withMd5Tags({ images: plans, tarballs: [] }, context.releaseBinPath);
  await runWith(["bash", "-c", SCRIPT, "bash", root, stage, VERSION, arch], {
    ...variablesFor(arch),
    ...builder,
    // The eras without buildx do not say which platform they build for: it is the base's.
    ...(arch === "amd64" || await needsBuildx(root) ? {} : { DOCKER_BUILDKIT: "0" }),
  });
  const directory = join(dir, "ours");
  await using bases = new OpenBases(new Map(Object.entries(archives)));
  for (const plan of images) {
    await t.step(`${plan.name}, ${copiesOf(plan.dockerfile).length} copies`, async () => {
      await Deno.mkdir(join(directory, plan.arch), { recursive: true });
      const { path } = await writeImage(plan, { directory, bases, created: 7 });
      const own = join(stage, `${plan.name}.tar`);
      const published = join(context.outputRoot, "release-images", plan.path);
      const isServer = await Deno.stat(own).then(() => true, () => false);
      const theirs = await comparable(isServer ? own : published, 1);
      assertEquals(await comparable(path, 1), withoutExceptions(theirs));
      if (!isServer) return;
      const tag = plan.md5Of === undefined
        ? VERSION.replace("+", "_")
        : (await output(["md5sum", plan.md5Of])).split(" ", 1)[0];
      assertEquals(await Deno.readTextFile(join(stage, `${plan.name}.docker_tag`)), `${tag}\n`);
    });
  }
  const tags = (await docker!.run("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
  const made = tags.filter((tag) =>
    wanted.includes(tag) || images.some(({ repoTags }) => repoTags.includes(tag))
  );
  if (made.length > 0) await docker!.run("rmi", "-f", ...made);
}

const ERAS = ["1.7", "1.20", "1.28", "1.35", "latest"] as const;
for (const [era, arch] of ERAS.flatMap((era) => ARCHS.map((arch) => [era, arch] as const))) {
  const lacks = lackingFor(arch !== "amd64" || (era !== "1.7" && era !== "1.20"));
  Deno.test({
    name: `images of the sample equal those of its scripts: ${era}, ${arch}` +
      (lacks === undefined ? "" : ` (skipped: ${lacks})`),
    ignore: lacks !== undefined,
    fn: (t) =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const builder = await makeBuilder(docker!, dir);
        await compareImages(t, root, dir, { builder, arch });
      }),
  });
}

/** 1.6 is as 1.7 here, but for the MD5 of the program as a tag. */
async function tagByMd5(root: string): Promise<void> {
  const path = join(root, "build/lib/release.sh");
  const script = await Deno.readTextFile(path);
  const md5 = script
    .replace(
      /local docker_tag=.*/,
      'local md5_sum=$(md5sum "$binary_dir/$binary_name" | cut -c-32)',
    )
    .replaceAll("${docker_tag}", "${md5_sum}");
  await Deno.writeTextFile(path, md5);
}

for (const arch of ARCHS) {
  const lacks = lackingFor(arch !== "amd64");
  Deno.test({
    name: `images of 1.6 have the MD5 of the program for a tag: ${arch}` +
      (lacks === undefined ? "" : ` (skipped: ${lacks})`),
    ignore: lacks !== undefined,
    fn: (t) =>
      inScratch(async (dir) => {
        const root = await makeSample("1.7", join(dir, "kubernetes"));
        await tagByMd5(root);
        const builder = await makeBuilder(docker!, dir);
        await compareImages(t, root, dir, { builder, arch });
      }),
  });
}

/** Real checkouts, of any age. */
const trees = [
  ...(Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":"),
  Deno.env.get("KBUILD_REAL_TREE") ?? "",
].filter((path) => path !== "");

for (const [tree, arch] of trees.flatMap((tree) => ARCHS.map((arch) => [tree, arch] as const))) {
  const lacks = lackingFor(arch !== "amd64" || await needsBuildx(tree));
  Deno.test({
    name: `images equal those of the scripts of ${tree}, ${arch}` +
      (lacks === undefined ? "" : ` (skipped: ${lacks})`),
    ignore: lacks !== undefined,
    fn: (t) =>
      inScratch(async (dir) => {
        const root = join(dir, "kubernetes");
        await Deno.mkdir(root);
        // What tells the era, and what images are made of.
        const copy = `cd "$1" && for name in build hack cluster Godeps/Godeps.json go.mod go.work \\
  Makefile Makefile.generated_files .go-version vendor/modules.txt test/conformance cmd/kubectl; do
  [ ! -e "$name" ] || { mkdir -p "$2/$(dirname "$name")" && cp -a "$name" "$2/$name"; }; done
cd "$2" && mkdir -p cmd && git init -q && git add -A -f . &&
git -c user.name=a -c user.email=a@example.com commit -q -m "Part of a checkout"`;
        await output(["sh", "-c", copy, "sh", tree, root]);
        const builder = await makeBuilder(docker!, dir);
        await compareImages(t, root, dir, { builder, arch });
      }),
  });
}

Deno.test({
  name: "images equal those of the scripts of real checkouts" +
    (trees.length > 0
      ? ""
      : " (skipped: neither KBUILD_TEST_TREES nor KBUILD_REAL_TREE names one)"),
  ignore: trees.length === 0,
  fn: () => {},
});
