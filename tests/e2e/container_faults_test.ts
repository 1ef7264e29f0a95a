/** Container engines that stop, are full or lose kbuild in the middle of work: what is left, and the run after it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  containersOf,
  findPodman,
  lacksOwnDocker,
  makeSmallRoot,
  type OwnDocker,
  type OwnEngine,
  SMALL,
  startOwnDocker,
  startOwnPodman,
  until,
} from "./_containers.ts";
import {
  ended,
  inScratch,
  kbuildArgv,
  makeSample,
  output,
  run,
  start,
  unless,
} from "./_program.ts";

/** Why this machine starts no podman with a disk of its own; undefined if it does. */
let lacksPodman: string | undefined = "needs root, to mount a disk";
if (Deno.uid() === 0) {
  await inScratch(async (dir) => {
    const found = await findPodman(dir);
    lacksPodman = typeof found === "string" ? found : undefined;
  });
}

/** A test with an engine of its own and a checkout. */
function engineTest<T extends OwnEngine>(
  what: string,
  lacking: string | undefined,
  startEngine: (place: string) => Promise<T>,
  fn: (engine: T, root: string, dir: string) => Promise<void>,
): void {
  Deno.test({
    ...unless(lacking, what),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample("1.20", join(dir, "kubernetes"));
        await using engine = await startEngine(join(dir, "engine"));
        await engine.import(await makeSmallRoot(join(dir, "small")), SMALL);
        await fn(engine, root, dir);
      }),
  });
}

/** A test with docker. */
function dockerTest(
  what: string,
  fn: (engine: OwnDocker, root: string, dir: string) => Promise<void>,
): void {
  engineTest(`${what}: docker`, lacksOwnDocker, (place) => startOwnDocker(place), fn);
}

/** A test with docker, and one with podman. */
function bothTest(
  what: string,
  fn: (engine: OwnEngine, root: string, dir: string) => Promise<void>,
  options: { disk?: string } = {},
): void {
  engineTest(`${what}: docker`, lacksOwnDocker, (place) => startOwnDocker(place, options), fn);
  engineTest(`${what}: podman`, lacksPodman, (place) => startOwnPodman(place, options), fn);
}

/** The command line of `kbuild run` in the small image. */
function runArgv({ name }: OwnEngine, ...words: string[]): string[] {
  return kbuildArgv("run", "--engine", name, "--build-image", SMALL, ...words);
}

/** Runs a command in a volume. */
function runInVolume(engine: OwnEngine, root: string, ...words: string[]) {
  return run(runArgv(engine, "--sync", "volume", ...words), { cwd: root, env: engine.env });
}

/** Makes a file of so many megabytes. */
async function makeBig(path: string, from: "urandom" | "zero", megabytes: number): Promise<void> {
  const words = [`if=/dev/${from}`, `of=${path}`, "bs=1000000", `count=${megabytes}`];
  await output(["dd", ...words, "status=none"]);
}

/** Names and contents of the files that are brought into volumes. */
const LIST = "find . \\( -path ./_output -o -path ./.git \\) -prune -o -type f -exec md5sum {} +";

/** Checks that a volume has what the checkout has. */
async function checkVolume(engine: OwnEngine, root: string): Promise<void> {
  const there = await runInVolume(engine, root, "sh", "-c", LIST);
  assertEquals(there.code, 0, there.stderr);
  const here = await output(["sh", "-c", LIST], { cwd: root });
  const lines = (text: string) => text.trim().split("\n").sort();
  assertEquals(lines(there.stdout), lines(here));
  assertEquals(await containersOf(engine, root), "");
}

/** Go that compiles nothing, for ever. */
async function importSlowGo(engine: OwnDocker, dir: string): Promise<string> {
  const image = "kbuild.test/slow:1";
  const place = await makeSmallRoot(join(dir, "slow"));
  await Deno.mkdir(join(place, "usr/local/go/bin"), { recursive: true });
  const go = '[ "$1" != version ] || exec echo go version go1.99.1 linux/amd64\nsleep 1000';
  await Deno.writeTextFile(join(place, "usr/local/go/bin/go"), `#!/bin/sh\n${go}\n`, {
    mode: 0o755,
  });
  await engine.import(place, image);
  return image;
}

dockerTest(
  "an engine that is started again ends a build, and the next run works",
  async (engine, root, dir) => {
    const image = await importSlowGo(engine, dir);
    const given = ["--engine", "docker", "--build-image", image];
    const commands = [
      kbuildArgv("all", "cmd/kubectl", "--container", ...given),
      kbuildArgv("all", "cmd/kubectl", "--container", "--sync", "volume", ...given),
      kbuildArgv("run", ...given, "sleep", "1000"),
      kbuildArgv("run", "--sync", "volume", ...given, "sleep", "1000"),
    ];
    for (const argv of commands) {
      const child = start(argv, { cwd: root, env: engine.env });
      await until("the command runs", async () => {
        const name = await containersOf(engine, root);
        const top = name === "" ? "" : await engine.run("top", name).catch(() => "");
        return top.includes("sleep 1000");
      });
      await engine.restart();
      const { code, stderr } = await ended(child);
      assert(code !== 0, stderr);
      assertMatch(
        stderr,
        /the build container has ended|was killed \(status 137\)|status 1\d\d|does not answer/,
      );
      assertEquals(stderr.includes("    at "), false, stderr);
      assertEquals(
        [...Deno.readDirSync(join(root, "_output"))].some(({ name }) => name === "bin"),
        false,
      );
      const next = await run(runArgv(engine, "echo", "next"), { cwd: root, env: engine.env });
      assertEquals([next.code, next.stdout], [0, "next\n"], next.stderr);
      assertEquals(await containersOf(engine, root), "");
    }
  },
);

bothTest(
  "kbuild that is killed or stopped while it copies sources copies them in the next run",
  async (engine, root) => {
    await checkVolume(engine, root);
    const big = join(root, "big");
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      // The engine takes a while for it.
      await makeBig(big, "urandom", 300);
      const changed = join(root, "Makefile");
      await Deno.writeTextFile(changed, `${await Deno.readTextFile(changed)}# ${signal}\n`);
      await Deno.remove(join(root, "cmd/kubectl"), { recursive: true }).catch(() => {});
      const child = start(runArgv(engine, "--sync", "volume", "true"), {
        cwd: root,
        env: engine.env,
      });
      await until("the sources are on their way", async () => {
        const name = await containersOf(engine, root);
        const top = name === "" ? "" : await engine.run("top", name).catch(() => "");
        return top.includes("tar -xof");
      });
      child.kill(signal);
      const { code, stderr } = await ended(child);
      if (signal === "SIGTERM") {
        assertEquals(code, 143, stderr);
        assertEquals(await containersOf(engine, root), "");
      }
      await Deno.truncate(big, 10);
      await until("the container is gone", async () => await containersOf(engine, root) === "");
      await checkVolume(engine, root);
    }
  },
);

bothTest(
  "an engine whose disk is full says so, and goes on when there is room",
  async (engine, root) => {
    await checkVolume(engine, root);
    const big = join(root, "big");
    await makeBig(big, "zero", 90);
    const full = await runInVolume(engine, root, "true");
    assertEquals(full.code, 1, full.stderr);
    assertMatch(full.stderr, /its disk is full \(no space left on device\)\n/);
    assertMatch(full.stderr, new RegExp(`"${engine.name} system df" shows`));
    assertEquals(await containersOf(engine, root), "");
    await Deno.remove(big);
    await checkVolume(engine, root);

    // A command fills it: nothing half-written comes back.
    const fill =
      "mkdir -p _output/dockerized/bin/linux && cat /dev/zero >_output/dockerized/bin/linux/big";
    const filled = await runInVolume(engine, root, "sh", "-c", fill);
    assertEquals(filled.code, 1, filled.stderr);
    assertEquals(
      await Deno.stat(join(root, "_output/dockerized/bin")).catch(() => undefined),
      undefined,
    );
    const emptied = await runInVolume(engine, root, "rm", "-r", "_output/dockerized/bin");
    assertEquals(emptied.code, 0, emptied.stderr);
    await checkVolume(engine, root);
  },
  { disk: "64M" },
);
