/**
 * Server images: `docker build` and `docker save`, started by the sample's own release.sh, `ko build` and
 * kbuild, in turn, over made-up programs of the sizes that 1.20's have. Bases are local to all sides.
 */
import { join } from "@std/path";
import { renderTable } from "../../src/cli/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import {
  Docker,
  findBuildx,
  importBases,
  makeBuilder,
  NEEDS_DOCKER,
  tool,
} from "../../tests/e2e/_engine.ts";
import { which } from "../../tests/real/_tree.ts";
import { V8_FLAGS } from "../dist/compile.ts";
import { load, median } from "./measure.ts";
import { watch, type Watched } from "./watch.ts";

const MEGABYTES: Readonly<Record<string, number>> = {
  "kube-apiserver": 118,
  "kube-controller-manager": 110,
  "kube-scheduler": 44,
  "kube-proxy": 41,
};
const BASES = [
  "k8s.gcr.io/build-image/go-runner:buster-v2.2.2",
  "k8s.gcr.io/build-image/debian-iptables:buster-v1.3.0",
];
/** The program that ko builds: about as large as this one. */
const KO_PROGRAM = "kube-scheduler";
const KO_BASE = "base:1";

const SCRIPT = `set -o errexit -o nounset -o pipefail
cd "$1"
source build/common.sh
source build/lib/release.sh
KUBE_GIT_VERSION=v1.20.2
umask 0022
kube::release::create_docker_images_for_server "$2" amd64 >&2
`;

/** All runs. */
export interface ImagesBench {
  /** "buildx" or "classic builder". */
  readonly builder: string;
  readonly docker: readonly Watched[];
  readonly kbuild: readonly Watched[];
  /** Empty where there is no ko, or no registry to give it a base. */
  readonly ko: readonly Watched[];
  /** One image, with a program as large as ko's. */
  readonly single: readonly Watched[];
}

/**
 * Measures all sides.
 *
 * @param top A directory for work.
 * @throws {KbuildError} There is no Docker engine; a side failed.
 */
export async function measureImages(top: string, runs: number): Promise<ImagesBench> {
  const docker = await Docker.find();
  if (docker === undefined) throw new KbuildError(`Cannot measure images: ${NEEDS_DOCKER}`);
  const env = { ...Deno.env.toObject(), KUBE_BUILD_CONFORMANCE: "n", FORCE_HOST_GO: "y" };
  const shell = createShell({ cwd: top, env });
  const tree = join(top, "kubernetes");
  await createSample({ dir: tree, era: "1.20", git: shell, env });
  const bin = join(tree, "_output/dockerized/bin/linux/amd64");
  await makePrograms(bin);
  const archives = await importBases(docker, top, BASES);
  const builder = await makeBuilder(docker, top);
  const bases = Object.entries(archives).map((pair) => pair.join("="));
  const write = join(import.meta.dirname ?? ".", "write_images.ts");
  const config = join(
    import.meta.dirname ?? ".",
    "../..",
    Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json",
  );
  const ours = (...names: string[]) => ({
    argv: [
      ...[Deno.execPath(), "run", "-A", `--v8-flags=${V8_FLAGS}`, "--config", config],
      ...[write, tree, join(top, "ours"), ...bases, "--", ...names],
    ],
    cwd: top,
  });
  const found = { docker: [], kbuild: [], ko: [], single: [] } as Record<string, Watched[]>;
  await using ko = await openKo(top, archives[BASES[0]!]!);
  // No side has files of its last run to replace; and the engine goes on writing and cleaning up for a
  // while after each of its runs.
  const settle = async () => {
    await shell.$`rm -rf ours ko/app.tar && sync`;
    await new Promise((resolve) => setTimeout(resolve, 3000));
  };
  try {
    for (let at = 0; at < runs; at++) {
      console.error("docker build, docker save …");
      const stage = join(top, `stage-${at}`);
      await shell.$`cp -al ${bin} ${stage}`;
      await removeMade(docker);
      await settle();
      const theirs = { argv: ["bash", "-c", SCRIPT, "bash", tree, stage], cwd: top };
      found["docker"]?.push(await watch(theirs, { ...env, ...builder }));
      await shell.$`rm -rf ${stage} ${join(tree, "_output/release-images")}`;
      console.error("kbuild …");
      await settle();
      found["kbuild"]?.push(await watch(ours(), env));
      if (ko === undefined) continue;
      console.error("ko build …");
      await settle();
      found["ko"]?.push(await watch(ko.side, { ...env, ...ko.env }));
      await settle();
      found["single"]?.push(await watch(ours(KO_PROGRAM), env));
    }
  } finally {
    await removeMade(docker);
    await docker.run("rmi", "-f", ...BASES).catch(() => {});
    await docker.close();
  }
  const { docker: theirs = [], kbuild = [], ko: kos = [], single = [] } = found;
  return {
    builder: findBuildx() === undefined ? "classic builder" : "buildx",
    docker: theirs,
    kbuild,
    ko: kos,
    single,
  };
}

/** Files that hold no page twice, so that no side can share any. */
async function makePrograms(bin: string): Promise<void> {
  await Deno.mkdir(bin, { recursive: true });
  const page = crypto.getRandomValues(new Uint8Array(65536));
  for (const [name, megabytes] of Object.entries(MEGABYTES)) {
    using file = await Deno.open(join(bin, name), { create: true, write: true, mode: 0o755 });
    for (let at = 0; at < megabytes * 16; at++) {
      new DataView(page.buffer).setUint32(0, at);
      for (let rest = page; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    }
  }
}

/** What the run before has built, its cache too. */
async function removeMade(docker: Docker): Promise<void> {
  const tags = (await docker.run("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n")
    .filter((tag) => tag.startsWith("k8s.gcr.io/kube-"));
  if (tags.length > 0) await docker.run("rmi", "-f", ...tags);
  await docker.run("builder", "prune", "-af").catch(() => {});
}

interface Ko extends AsyncDisposable {
  readonly side: { argv: readonly string[]; cwd: string };
  readonly env: Readonly<Record<string, string>>;
}

/** A program of 44 MB for ko, and a registry on loopback that has its base. */
async function openKo(top: string, base: string): Promise<Ko | undefined> {
  const [ko, registry, skopeo] = [tool("ko"), which("docker-registry"), which("skopeo")];
  if (ko === undefined || registry === undefined || skopeo === undefined) {
    console.error("ko is not measured: it needs ko, docker-registry and skopeo");
    return undefined;
  }
  const dir = join(top, "ko");
  await Deno.mkdir(join(dir, "cmd/app"), { recursive: true });
  await Deno.writeTextFile(join(dir, "go.mod"), "module example.test/app\n\ngo 1.21\n");
  await Deno.writeTextFile(
    join(dir, "cmd/app/main.go"),
    'package main\n\nimport _ "embed"\n\n//go:embed blob\nvar blob string\n\n' +
      "func main() { println(len(blob)) }\n",
  );
  const blob = new Uint8Array((MEGABYTES[KO_PROGRAM]! - 2) << 20);
  for (let at = 0; at < blob.length; at += 65536) {
    crypto.getRandomValues(blob.subarray(at, at + 65536));
  }
  await Deno.writeFile(join(dir, "cmd/app/blob"), blob);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const settings = join(dir, "registry.yml");
  await Deno.writeTextFile(
    settings,
    `version: 0.1\nstorage: {filesystem: {rootdirectory: "${dir}/registry"}}\n` +
      `http: {addr: "127.0.0.1:${port}"}\n`,
  );
  const shell = createShell({ cwd: dir, env: Deno.env.toObject() });
  const stop = new AbortController();
  const served = shell.run([registry, "serve", settings], { signal: stop.signal })
    .catch(() => {}); // stopped
  const target = `localhost:${port}/${KO_BASE}`;
  for (let left = 50; left > 0; left--) {
    const answer = await fetch(`http://localhost:${port}/v2/`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await shell.$`${skopeo} --insecure-policy copy -q --dest-tls-verify=false \
    docker-archive:${base} docker://${target}`;
  const env = {
    KO_DEFAULTBASEIMAGE: target,
    KO_DOCKER_REPO: `localhost:${port}/made`,
    KOCACHE: join(dir, "cache"),
  };
  const argv = [ko, "build", "--push=false", "--tarball", join(dir, "app.tar"), "./cmd/app"];
  // The program itself is built beforehand: images are measured.
  await shell.run(argv, { env: { ...Deno.env.toObject(), ...env } });
  return {
    side: { argv, cwd: dir },
    env,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await served;
    },
  };
}

/** Prints times, memory and ratios with the goals beside them. */
export function showImages(result: ImagesBench): void {
  const time = (runs: readonly Watched[]) => median(runs.map(({ ms }) => ms));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const verdict = (met: boolean) => met ? "met" : "MISSED";
  const rows: string[][] = [];
  const row = (
    what: string,
    theirs: readonly Watched[],
    ours: readonly Watched[],
    goal: number,
  ) => {
    if (theirs.length === 0) return;
    const factor = time(theirs) / time(ours);
    const wanted = `at least ${goal}: ${verdict(factor >= goal)}`;
    rows.push([what, seconds(time(theirs)), seconds(time(ours)), factor.toFixed(1), wanted]);
  };
  row(`docker build + save, ${result.builder}: four images`, result.docker, result.kbuild, 10);
  row("ko build --tarball: one image", result.ko, result.single, 1);
  const peak = Math.max(...[...result.kbuild, ...result.single].map(({ peakBytes }) => peakBytes));
  console.log(`Server images; ${navigator.hardwareConcurrency} processors, load ${load()}`);
  console.log(renderTable([["", "THEIRS", "KBUILD", "FACTOR", "GOAL"], ...rows]).trimEnd());
  console.log(`Memory: at most ${(peak / 1e6).toFixed(0)} MB, of 300: ${verdict(peak <= 3e8)}`);
}
