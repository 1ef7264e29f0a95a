/** `kbuild run` beside `build/run.sh`: until the first line of the command, and until the sources are in a volume. */
import { dirname, join } from "@std/path";
import { listTree, streamTar } from "../../src/archive/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { volumeName } from "../../src/container/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createShell } from "../../src/shell/mod.ts";
import { makeProgramsRoot } from "../../tests/e2e/_containers.ts";
import { importImage } from "../../tests/real/_docker.ts";
import type { Bench, Side } from "./bench.ts";
import type { Cost, Measure } from "./measure.ts";
import { wallOf } from "./measure.ts";

/** Programs of the image: those of the checkout's build/build-image, of rsyncd.sh, and of kbuild. */
const PROGRAMS =
  "awk bash cat chmod chown cp cut dirname echo env find git id ip kill ln ls mkdir mktemp " +
  "mv printf rm rsync sed sh sleep tar touch true xargs";

/** What the command prints first. */
const LINE = "the first line of the command";
const ENDED = new RegExp(`^${LINE}`, "m");

/** The most that the start may take, as a part of the scripts'; and a sync without changes, milliseconds. */
const START_GOAL = 0.25;
const SYNC_GOAL_MS = 1000;

/**
 * The checkout's own functions that bring the sources, on a data container that is new or not. Prints the nanoseconds of
 * the sync alone.
 */
const SYNC = `set -e
cd "$1"
source build/common.sh
kube::build::verify_prereqs >&2
[ "$2" != first ] || kube::build::destroy_container "$KUBE_DATA_CONTAINER_NAME"
kube::build::ensure_data_container >&2
begin=$(date +%s%N)
kube::build::sync_to_container >&2
end=$(date +%s%N)
echo "took $((end - begin))"`;

/**
 * Measures both in turn.
 *
 * @throws {KbuildError} The checkout has no build/run.sh that copies, as the sample, or there is no engine.
 */
export async function measureContainers(bench: Bench, runs: number): Promise<readonly Measure[]> {
  const { tree } = bench;
  const host = Deno.env.get("DOCKER_HOST");
  const env = { ...bench.env, ...host === undefined ? {} : { DOCKER_HOST: host } };
  const shell = createShell({ cwd: tree, env });
  const checkout = await readCheckout(tree, { variables: env, hostArch: "amd64" });
  const image = checkout.crossImage?.value;
  const common = await Deno.readTextFile(join(tree, "build/common.sh"));
  if (image === undefined || !common.includes("kube::build::sync_to_container")) {
    throw new KbuildError("Cannot measure containers: the checkout's build/run.sh copies nothing", {
      notes: ["A real checkout of up to 1.34 is needed; the sample's scripts are shorter"],
    });
  }
  // Where the engine has the real one, that is used.
  const { code } = await shell.run(["docker", "image", "inspect", image], { allowed: "any" });
  if (code !== 0) await makeImage(bench, env, image);
  const given = ["run", "--engine", "docker", "--build-image", image];
  const kbuild = (...words: string[]): Side => ({ ...bench.kbuild(...given, ...words), env });
  const script = (...words: string[]): Side => ({ argv: words, cwd: tree, env });
  const volume = volumeName({ env, root: tree });

  /** Milliseconds until a text, or from one to another, of what a side prints. */
  const until = async (
    { argv, cwd }: Side,
    from: string | undefined,
    text: RegExp,
  ): Promise<Cost> => {
    const start = performance.now();
    let begin: number | undefined = from === undefined ? start : undefined;
    let end: number | undefined;
    let printed = "";
    const read = (chunk: Uint8Array) => {
      printed += new TextDecoder().decode(chunk);
      if (from !== undefined && printed.includes(from)) begin ??= performance.now();
      if (text.test(printed)) end ??= performance.now();
    };
    await shell.run(argv, { cwd, env, onStdout: read, onStderr: read });
    return { ms: (end ?? NaN) - (begin ?? NaN), processorMs: NaN };
  };
  /** Milliseconds until the command says something. */
  const untilLine = async (...words: string[]): Promise<Cost> =>
    await until(kbuild(...words, "echo", LINE), undefined, ENDED);
  const scriptSync = async (which: "first" | "again"): Promise<Cost> => {
    const { stdout } = await shell.run(["bash", "-c", SYNC, "bash", tree, which]);
    return { ms: Number(/took (\d+)/.exec(stdout)?.[1]) / 1e6, processorMs: NaN };
  };
  const kbuildSync = async (which: "first" | "again"): Promise<Cost> => {
    if (which === "again") {
      // What a volume adds to a start: files are looked at while the container starts.
      const [mounted, copied] = [
        await untilLine("--sync", "bind"),
        await untilLine("--sync", "volume"),
      ];
      return { ms: copied.ms - mounted.ms, processorMs: NaN };
    }
    await shell.run(["docker", "volume", "rm", "--force", volume]);
    return await until(kbuild("--sync", "volume", "true"), "Copying changed sources", /Copied \d/);
  };
  const copyNothing = { KUBE_RUN_COPY_OUTPUT: "n" };
  const measures: Measure[] = [];
  try {
    console.error("The scripts' build image and data container …");
    await shell.run(["build/run.sh", "true"], { env: { ...env, ...copyNothing } });
    const [scripts, ours]: [Cost[], Cost[]] = [[], []];
    await untilLine();
    for (let run = 0; run < runs; run++) {
      console.error(`Start ${run + 1} of ${runs} …`);
      scripts.push(await until(script("build/run.sh", "echo", LINE), undefined, ENDED));
      ours.push(await untilLine());
    }
    measures.push({
      name: "start to the first line, nothing changed",
      goal: "at most 1/4 of build/run.sh",
      ...{ make: scripts, kbuild: ours, met: wallOf(ours) <= START_GOAL * wallOf(scripts) },
    });
    for (const which of ["first", "again"] as const) {
      const [theirs, mine]: [Cost[], Cost[]] = [[], []];
      for (let run = 0; run < runs; run++) {
        console.error(`Sync, ${which}, ${run + 1} of ${runs} …`);
        theirs.push(await scriptSync(which));
        mine.push(await kbuildSync(which));
      }
      measures.push({
        name: which === "first"
          ? "sync of the whole checkout"
          : "sync without changes, as a part of a start",
        goal: which === "first" ? "at most rsync's" : "at most 1 s",
        ...{ make: theirs, kbuild: mine },
        met: which === "first" ? wallOf(mine) <= wallOf(theirs) : wallOf(mine) <= SYNC_GOAL_MS,
      });
    }
  } finally {
    const clean = bench.kbuild("make-clean", "--engine", "docker", "--yes");
    await shell.run(clean.argv, { env, allowed: "any" });
    if (code !== 0) await shell.run(["docker", "rmi", image], { allowed: "any" });
  }
  return measures;
}

/** Makes an image that can stand for kube-cross here. */
async function makeImage(
  bench: Bench,
  env: Readonly<Record<string, string>>,
  reference: string,
): Promise<void> {
  const top = dirname(bench.tree);
  const root = await makeProgramsRoot(join(top, "image"), PROGRAMS);
  for (const path of ["go/src/k8s.io", "usr/local/go/pkg", "var/run"]) {
    await Deno.mkdir(join(root, path), { recursive: true });
  }
  const files = streamTar(await listTree(root, { asOnDisk: true }));
  const changes = ["ENV PATH=/usr/bin:/bin", "ENV GOPATH=/go"];
  await importImage(createShell({ cwd: top, env }), "docker", files, reference, changes);
}
