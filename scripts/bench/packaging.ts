/** Packaging: the checkout's own `package_tarballs` and kbuild's, in turn, on the same binaries. */
import { basename, join } from "@std/path";
import { renderTable } from "../../src/cli/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createShell, type Shell } from "../../src/shell/mod.ts";
import { PACKAGE_TARBALLS } from "../../tests/release/_scripts.ts";
import type { Bench } from "./bench.ts";
import { median } from "./measure.ts";
import { watch, type Watched } from "./watch.ts";

/** Where the scripts write; kbuild has `_output`. */
const THEIRS = "_output-scripts";
const TARS = "release-tars";
/** The platform that is measured. */
export const PLATFORM = "linux/amd64";
/** The binary that changes. */
const CHANGED = "kube-proxy";

/** All runs of one checkout. */
export interface Packaging {
  readonly scripts: readonly Watched[];
  /** No tarballs and no compressed blocks; the image archives are there, as they are for the scripts. */
  readonly cold: readonly Watched[];
  /** The same with `--compression-level fast`. */
  readonly fast: readonly Watched[];
  readonly unchanged: readonly Watched[];
  readonly changed: readonly Watched[];
  /** Tarballs that were written anew after one binary had changed. */
  readonly rebuilt: readonly string[];
  /** Tarballs that hold the binary. */
  readonly holders: readonly string[];
  /** Tarball -> bytes. */
  readonly theirSizes: Readonly<Record<string, number>>;
  readonly ourSizes: Readonly<Record<string, number>>;
  readonly fastSizes: Readonly<Record<string, number>>;
}

/**
 * Packages the binaries of a checkout again and again with both sides.
 *
 * @param source The checkout with `_output/dockerized/bin`; nothing is written there.
 * @throws {KbuildError} It has no binaries; a side failed.
 */
export async function measurePackaging(
  bench: Bench,
  source: string,
  runs: number,
): Promise<Packaging> {
  const { tree } = bench;
  const env = { ...bench.env, KUBE_FASTBUILD: "true", FORCE_HOST_GO: "y" };
  const shell = createShell({ cwd: tree, env });
  await copyBinaries(bench, source, ["_output", THEIRS]);
  const ours = (): Promise<Watched> => run(bench.kbuild("package-tarballs"));
  const run = async (side: { argv: readonly string[]; cwd: string }): Promise<Watched> => {
    // What the run before has written must not slow this one down.
    await shell.$`sync`;
    const extra: Record<string, string> = side.argv[0] === "bash" ? { OUT_DIR: THEIRS } : {};
    return await watch(side, { ...env, ...extra });
  };
  console.error("kbuild package-tarballs, for the image archives …");
  await ours();
  // Neither side packs what starts with "_".
  const images = join(tree, "_images-of-kbuild");
  await gatherImages(join(tree, "_output"), images);
  const scripts = { argv: ["bash", "-c", PACKAGE_TARBALLS, "bash", tree, images], cwd: tree };
  const found = { scripts: [], cold: [], fast: [], unchanged: [], changed: [] } as Record<
    string,
    Watched[]
  >;
  let fastSizes: Readonly<Record<string, number>> = {};
  let rebuilt: readonly string[] = [];
  for (let at = 0; at < runs; at++) {
    console.error("package_tarballs of the scripts …");
    found["scripts"]?.push(await run(scripts));
    console.error("kbuild package-tarballs --compression-level fast, no tarballs and no blocks …");
    await clean(join(tree, "_output"));
    found["fast"]?.push(await run(bench.kbuild("package-tarballs", "--compression-level", "fast")));
    fastSizes = await sizes(join(tree, "_output", TARS));
    console.error("kbuild package-tarballs, no tarballs and no blocks …");
    await clean(join(tree, "_output"));
    found["cold"]?.push(await run(bench.kbuild("package-tarballs")));
    console.error("kbuild package-tarballs, nothing changed …");
    found["unchanged"]?.push(await ours());
    console.error(`kbuild package-tarballs, ${CHANGED} changed …`);
    const before = await stamps(join(tree, "_output", TARS));
    const binary = join(tree, "_output/dockerized/bin", PLATFORM, CHANGED);
    await Deno.writeFile(binary, new TextEncoder().encode(`change ${at}\n`), { append: true });
    found["changed"]?.push(await ours());
    const after = await stamps(join(tree, "_output", TARS));
    rebuilt = Object.keys(after).filter((name) => after[name] !== before[name]);
  }
  const theirs = join(tree, THEIRS, TARS);
  return {
    scripts: found["scripts"] ?? [],
    cold: found["cold"] ?? [],
    fast: found["fast"] ?? [],
    unchanged: found["unchanged"] ?? [],
    changed: found["changed"] ?? [],
    rebuilt,
    holders: await holders(theirs, shell),
    theirSizes: await sizes(theirs),
    ourSizes: await sizes(join(tree, "_output", TARS)),
    fastSizes,
  };
}

/**
 * Copies the binaries of a checkout into output directories of the copy that is measured.
 *
 * @throws {KbuildError} There are none.
 */
export async function copyBinaries(
  { tree, env }: Bench,
  source: string,
  outputs: readonly string[],
): Promise<void> {
  const binaries = join(source, "_output/dockerized/bin");
  if (await Deno.stat(join(binaries, PLATFORM)).catch(() => undefined) === undefined) {
    throw new KbuildError(`Cannot measure packaging: "${binaries}/${PLATFORM}" is missing`, {
      notes: [`Run \`kbuild quick-release\` in "${source}" first`],
    });
  }
  const ignored = ["/_output*", "/_images-of-kbuild", "/_nfpm", ""].join("\n");
  await Deno.writeTextFile(join(tree, ".git/info/exclude"), ignored);
  const shell = createShell({ cwd: tree, env });
  for (const out of outputs) {
    await Deno.mkdir(join(tree, out, "dockerized"), { recursive: true });
    await shell.$`cp -a ${binaries} ${join(tree, out, "dockerized/bin")}`;
  }
}

/** Links kbuild's image archives to `<images>/<arch>/<name>.tar`, wherever the era has them. */
async function gatherImages(output: string, images: string): Promise<void> {
  const to = join(images, "amd64");
  await Deno.mkdir(to, { recursive: true });
  const staged = "release-stage/server/linux-amd64/kubernetes/server/bin";
  for await (const { name } of Deno.readDir(join(output, staged))) {
    if (name.endsWith(".tar")) await Deno.link(join(output, staged, name), join(to, name));
  }
}

/** Removes tarballs and compressed blocks. The images stay: the scripts find theirs made, too. */
async function clean(output: string): Promise<void> {
  for await (const { name } of Deno.readDir(output)) {
    if (name === TARS) await Deno.remove(join(output, name), { recursive: true });
  }
  const cache = join(output, ".kbuild-cache");
  for await (const { name } of Deno.readDir(cache)) {
    if (name.startsWith("deflate-")) await Deno.remove(join(cache, name), { recursive: true });
  }
}

async function tarballs(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".tar.gz")).sort();
}

/** What changes when a file is written anew. */
async function stamps(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await tarballs(directory)) {
    const { ino, mtime } = await Deno.stat(join(directory, name));
    found[name] = `${ino} ${mtime?.getTime()}`;
  }
  return found;
}

async function sizes(directory: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of await tarballs(directory)) {
    found[name] = (await Deno.stat(join(directory, name))).size;
  }
  return found;
}

async function holders(
  directory: string,
  shell: Shell,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await tarballs(directory)) {
    const members = await shell.$`tar tzf ${join(directory, name)}`.lines();
    if (
      members.some((member) => basename(member) === CHANGED && /\/bin\//.test(member))
    ) {
      found.push(name);
    }
  }
  return found;
}

export const total = (all: Readonly<Record<string, number>>) =>
  Object.values(all).reduce((sum, size) => sum + size, 0);
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Prints times, memory and sizes with the goals beside them. */
export function showPackaging(title: string, result: Packaging): void {
  const time = (runs: readonly Watched[]) => median(runs.map(({ ms }) => ms));
  const peak = (runs: readonly Watched[]) =>
    `${megabytes(Math.max(...runs.map(({ peakBytes }) => peakBytes)))} (main process ${
      megabytes(Math.max(...runs.map(({ mainPeakBytes }) => mainPeakBytes)))
    })`;
  const verdict = (met: boolean) => met ? "met" : "MISSED";
  const theirs = time(result.scripts);
  const row = (name: string, runs: readonly Watched[], goal?: number) => {
    const factor = theirs / time(runs);
    const wanted = goal === undefined ? "" : `at least ${goal}: ${verdict(factor >= goal)}`;
    return [name, seconds(theirs), seconds(time(runs)), factor.toFixed(1), wanted, peak(runs)];
  };
  const processors = `${navigator.hardwareConcurrency} processors`;
  console.log(`Packaging of ${title}; ${processors}, ${result.scripts.length} runs`);
  console.log(
    renderTable([
      ["", "SCRIPTS", "KBUILD", "FACTOR", "GOAL", "PEAK MEMORY OF KBUILD"],
      row("no tarballs, no blocks", result.cold, 6),
      row("the same, --compression-level fast", result.fast),
      row("nothing changed", result.unchanged, 40),
      row(`${CHANGED} changed`, result.changed),
    ]).trimEnd(),
  );
  const most = Math.max(...[...result.cold, ...result.unchanged, ...result.changed]
    .map(({ peakBytes }) => peakBytes));
  console.log(
    `Memory: scripts ${peak(result.scripts)}; kbuild at most 400 MB: ${verdict(most <= 4e8)}`,
  );
  const extra = result.rebuilt.filter((name) => !result.holders.includes(name));
  console.log(`Rebuilt for ${CHANGED}: ${result.rebuilt.join(", ") || "nothing"}`);
  console.log(`Not to be rebuilt: ${extra.join(", ") || "none"}: ${verdict(extra.length === 0)}`);
  const rows = Object.entries(result.theirSizes).map(([name, size]) => {
    const own = result.ourSizes[name] ?? NaN;
    return [name, `${size}`, `${own}`, (own / size).toFixed(4)];
  });
  const ratio = total(result.ourSizes) / total(result.theirSizes);
  rows.push([
    "total",
    `${total(result.theirSizes)}`,
    `${total(result.ourSizes)}`,
    ratio.toFixed(4),
  ]);
  console.log(renderTable([["TARBALL", "SCRIPTS", "KBUILD", "RATIO"], ...rows]).trimEnd());
  console.log(`Size at most 1.02 of gzip -6: ${verdict(ratio <= 1.02)}`);
}
