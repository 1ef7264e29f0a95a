/**
 * `kbuild packages`, and nfpm with the same files, in turn: debs and rpms of one platform, after a release, whose
 * compressed blocks are in the cache.
 */
import { basename, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { createShell, type Shell } from "../../src/shell/mod.ts";
import { tool } from "../../tests/e2e/_engine.ts";
import { which } from "../../tests/real/_tree.ts";
import type { Bench, Side } from "./bench.ts";
import { type Measure, wallOf } from "./measure.ts";
import { copyBinaries, PLATFORM } from "./packaging.ts";
import { watch, type Watched } from "./watch.ts";

/** The programs that are packaged. */
const PROGRAMS = ["kubelet", "kubeadm", "kubectl"];
/** The most that kbuild may take, as a part of nfpm's time. */
const GOAL = 0.2;
/** Bytes that all processes of kbuild together may have. */
const MAX_MEMORY = 300e6;

/**
 * Measures both sides.
 *
 * @param source The checkout with `_output/dockerized/bin`; nothing is written there.
 * @throws {KbuildError} A program or the binaries are missing.
 */
export async function measurePackages(
  bench: Bench,
  source: string,
  runs: number,
): Promise<Measure> {
  const nfpm = tool("nfpm");
  if (nfpm === undefined || which("dpkg-deb") === undefined) {
    throw new KbuildError("Cannot measure packages: nfpm or dpkg-deb is missing", {
      notes: ["go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"],
    });
  }
  const { tree } = bench;
  const env = { ...bench.env, KUBE_FASTBUILD: "true", FORCE_HOST_GO: "y" };
  const shell = createShell({ cwd: tree, env });
  await copyBinaries(bench, source, ["_output"]);
  console.error("kbuild package-tarballs, for the blocks …");
  const what = PROGRAMS.map((name) => `cmd/${name}`).join(" ");
  await shell.run(bench.kbuild("package-tarballs", `WHAT=${what}`).argv);
  const made = join(tree, "_output/release-packages");
  const ours = bench.kbuild(
    ...["packages", "--offline", "--platform", PLATFORM, "--packages", PROGRAMS.join(",")],
  );
  const theirs = join(tree, "_nfpm");
  const run = async (side: Side) => {
    await shell.$`rm -rf ${made} ${join(theirs, "out")} && mkdir -p ${join(theirs, "out")} && sync`;
    return await watch(side, env);
  };
  await run(ours);
  const configs = await unpackDebs(join(made, "deb"), theirs, shell);
  const script =
    'for format in deb rpm; do for config; do "$0" package -f "$config" -p $format -t out || exit; done; done';
  const other = { argv: ["sh", "-c", `cd _nfpm && ${script}`, nfpm, ...configs], cwd: tree };
  const [nfpms, kbuild]: [Watched[], Watched[]] = [[], []];
  for (let at = 0; at < runs; at++) {
    nfpms.push(await run(other));
    kbuild.push(await run(ours));
  }
  const peak = Math.max(...kbuild.map(({ peakBytes }) => peakBytes));
  return {
    name: `packages, ${configs.length * 2} of them; make: nfpm`,
    goal: `at most ${GOAL}, ${MAX_MEMORY / 1e6} MB (${(peak / 1e6).toFixed(0)} MB)`,
    make: nfpms,
    kbuild,
    met: wallOf(kbuild) / wallOf(nfpms) <= GOAL && peak <= MAX_MEMORY,
  };
}

/** Unpacks the debs of a directory, and describes each to nfpm. Paths of the descriptions. */
async function unpackDebs(
  debs: string,
  to: string,
  shell: Shell,
): Promise<readonly string[]> {
  const configs: string[] = [];
  for await (const { name } of Deno.readDir(debs)) {
    if (!name.endsWith(".deb")) continue;
    const [program = ""] = basename(name).split("_");
    const files = join(to, program);
    await shell.$`mkdir -p ${files} && dpkg-deb -x ${join(debs, name)} ${files}`;
    const config = join(to, `${program}.json`);
    const contents = [{ src: files, dst: "/", type: "tree" }];
    const about = {
      name: program,
      arch: "amd64",
      version: "1.20.2",
      maintainer: "bench",
      contents,
    };
    await Deno.writeTextFile(config, JSON.stringify(about));
    configs.push(config);
  }
  return configs.sort();
}
