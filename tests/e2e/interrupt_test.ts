/**
 * Ctrl-C, SIGTERM, SIGKILL at random moments. `KBUILD_TEST_TRIES` and `KBUILD_TEST_SEED` choose how
 * many tries and which moments.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { maybeGunzip, readFileChunks, readTar } from "../../src/archive/mod.ts";
import { randomNumbers } from "./_packaging.ts";
import {
  CLONE,
  digestsOf,
  type Ended,
  ended,
  inScratch,
  kbuildArgv,
  kbuildOk,
  listing,
  missingFor,
  output,
  processesBelow,
  start,
  unless,
  which,
} from "./_program.ts";

const TRIES = Number(Deno.env.get("KBUILD_TEST_TRIES") ?? 50);
/** Tries on a checkout that has been built before: each is followed by a whole run. */
const WARM_TRIES = Math.ceil(TRIES * 0.3);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Every finished file of a release can be read to its end, by kbuild and by gzip. */
async function checkArtifacts(root: string): Promise<void> {
  const out = join(root, "_output");
  const present = ["release-stage", "release-tars", "release-images"].filter((directory) => {
    try {
      return Deno.statSync(join(out, directory)).isDirectory;
    } catch {
      return false;
    }
  });
  for (const directory of present) {
    for (const line of listing(join(out, directory))) {
      const path = line.replace(/ \d+$/, "");
      assert(!path.includes(".kbuild-tmp-"), `${directory}/${path}`);
      if (!/\.tar(\.gz)?$/.test(path)) continue;
      const file = join(out, directory, path);
      let members = 0;
      for await (const member of readTar(maybeGunzip(readFileChunks(file), file))) {
        for await (const _chunk of member.chunks()) { /* Reading is the check. */ }
        members += 1;
      }
      assert(members > 0, `${file} is empty`);
      if (file.endsWith(".gz") && which("gzip") !== undefined) await output(["gzip", "-t", file]);
    }
  }
}

/** Temporary names of kbuild below `_output`. */
function leftovers(root: string): string[] {
  try {
    return listing(join(root, "_output")).filter((path) => path.includes(".kbuild-tmp-"))
      // `go`'s own cache and packages hold nothing of kbuild.
      .filter((path) => !path.startsWith("local/go/cache/"));
  } catch {
    return [];
  }
}

/** Makes the next run link and pack again, and now and then compile too. */
async function makeStale(root: string, cold: boolean): Promise<void> {
  const remove = cold ? ["_output"] : ["_output/local/go/bin", "_output/local/.kbuild"];
  for (const path of remove) {
    await Deno.remove(join(root, path), { recursive: true }).catch(() => {});
  }
}

/** Processes below a directory, after those that are ending had a moment: `seconds`, 2 unless given. */
async function survivors(dir: string, seconds = 2): Promise<string[]> {
  for (let i = 0; i < seconds * 20 && processesBelow(dir).length > 0; i++) await pause(50);
  return processesBelow(dir).map(({ command }) => command);
}

/** Starts kbuild, sends a signal after `ms`, unless it ended before; its children are its own. */
async function disturbed(
  args: readonly string[],
  root: string,
  ms: number,
  signal: Deno.Signal,
  then?: (child: Deno.ChildProcess) => Promise<void>,
): Promise<Ended> {
  // Its own build cache, so that a cold checkout is compiled for some time.
  const child = start(kbuildArgv(...args), { cwd: root, env: { GOCACHE: "" } });
  let running = true;
  const end = ended(child).finally(() => running = false);
  await Promise.race([pause(ms), end]);
  if (running) {
    child.kill(signal);
    await then?.(child);
  }
  return await end;
}

async function sampleWithDigests(dir: string): Promise<[string, Record<string, string>, number]> {
  const root = join(dir, "kubernetes");
  await kbuildOk(["demo", "--dir", root]);
  await makeStale(root, false);
  const started = performance.now();
  const json = await kbuildOk(["quick-release", "--json"], { cwd: root });
  return [root, digestsOf(json), performance.now() - started];
}

Deno.test({
  ...unless(
    missingFor("1.20") ?? (Deno.build.os !== "linux" && "needs /proc"),
    `Ctrl-C at ${WARM_TRIES} random moments of quick-release leaves no process, no part of a file, ` +
      "and the next run is sound",
  ),
  fn: () =>
    inScratch(async (dir) => {
      console.log(`KBUILD_TEST_SEED=${SEED}`);
      const random = randomNumbers(SEED);
      const [root, wanted, duration] = await sampleWithDigests(dir);
      let interrupted = 0;
      for (let at = 0; at < WARM_TRIES; at++) {
        const cold = at % 12 === 11;
        await makeStale(root, cold);
        const ms = cold ? 300 + random() * 10_000 : 100 + random() * Math.min(duration, 6000);
        const moment = `try ${at} of seed ${SEED}: Ctrl-C after ${ms.toFixed(0)} ms`;
        const end = await disturbed(["quick-release", "--json"], root, ms, "SIGINT");
        if (end.code !== 0) {
          interrupted += 1;
          // Before the program itself runs, the signal ends Deno.
          const early = end.signal === "SIGINT" && end.stderr === "";
          if (!early) {
            assertEquals(end.code, 130, `${moment}\n${end.stderr}`);
            assertEquals(JSON.parse(end.stdout).error.code, "interrupted", moment);
            assertMatch(end.stderr, /(^|\n)kbuild: Stopped by Ctrl-C\n$/, moment);
            assert(!/^ +at /m.test(end.stderr), `${moment}\n${end.stderr}`);
          }
        }
        assertEquals(await survivors(dir), [], moment);
        assertEquals(leftovers(root), [], moment);
        await checkArtifacts(root);
        const next = digestsOf(await kbuildOk(["quick-release", "--json"], { cwd: root }));
        assertEquals(next, wanted, moment);
      }
      assert(
        interrupted >= WARM_TRIES / 2,
        `only ${interrupted} of ${WARM_TRIES} were interrupted`,
      );
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20") ?? (Deno.build.os !== "linux" && "needs /proc"),
    "SIGTERM, a second Ctrl-C and SIGKILL: the next run cleans up and is sound",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const random = randomNumbers(SEED + 1);
      const [root, wanted, duration] = await sampleWithDigests(dir);
      const moments = () => 300 + random() * duration;
      const args = ["quick-release", "--json"];
      const sound = async (moment: string) => {
        await checkArtifacts(root);
        assertEquals(digestsOf(await kbuildOk(args, { cwd: root })), wanted, moment);
        assertEquals(leftovers(root), [], moment);
      };
      for (let at = 0; at < 4; at++) {
        await makeStale(root, false);
        const ms = moments();
        const { code, stderr } = await disturbed(args, root, ms, "SIGTERM");
        if (code !== 0) {
          assertEquals(code, 143);
          assertMatch(stderr, /(^|\n)kbuild: Stopped by SIGTERM\n$/);
        }
        assertEquals(await survivors(dir), []);
        assertEquals(leftovers(root), []);
        await sound(`SIGTERM after ${ms} ms`);
      }
      for (let at = 0; at < 4; at++) {
        await makeStale(root, false);
        const ms = moments();
        const { code } = await disturbed(args, root, ms, "SIGINT", async (child) => {
          await pause(random() * 20);
          try {
            child.kill("SIGINT");
          } catch {
            // Ended at the first one.
          }
        });
        assert(code === 0 || code === 130, `${code}`);
        assertEquals(await survivors(dir), []);
        await sound(`Ctrl-C twice after ${ms} ms`);
      }
      for (let at = 0; at < 6; at++) {
        await makeStale(root, false);
        const ms = moments();
        const { signal } = await disturbed(args, root, ms, "SIGKILL");
        assert(signal === "SIGKILL" || signal === null);
        // A killed program cannot end go; the next run comes while it may still be at work.
        await sound(`SIGKILL after ${ms} ms`);
        // Nobody ended that go: it compiles what it has begun.
        assertEquals(await survivors(dir, 180), []);
      }
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20") ?? (Deno.build.os !== "linux" && "needs /proc"),
    `Ctrl-C at ${TRIES} random moments of the demo: nothing survives, and the next demo is sound`,
  ),
  fn: () =>
    inScratch(async (dir) => {
      console.log(`KBUILD_TEST_SEED=${SEED}`);
      const random = randomNumbers(SEED + 2);
      const root = join(dir, "kubernetes");
      const demo = ["demo", "--dir", root];
      const started = performance.now();
      const wanted = digestsOf(await kbuildOk([...demo, "--json"]));
      const duration = performance.now() - started;
      const npm = which("npm") !== undefined;
      let interrupted = 0;
      for (let at = 0; at < TRIES; at++) {
        await Deno.remove(root, { recursive: true });
        // Every fifth time as the README says it, with npm and sh in between.
        const argv = npm && at % 5 === 4
          ? ["npm", "run", "--silent", "--prefix", CLONE, "demo", "--", "--dir", root]
          : kbuildArgv(...demo);
        const child = start(argv, { cwd: dir, detached: true });
        const end = ended(child);
        const ms = 200 + random() * duration;
        await Promise.race([pause(ms), end]);
        // What a terminal does: every process of the foreground group gets the signal.
        try {
          Deno.kill(-child.pid, "SIGINT");
        } catch {
          // It was faster than the signal.
        }
        const { code, stderr } = await end;
        const moment = `try ${at} of seed ${SEED}: Ctrl-C after ${ms.toFixed(0)} ms\n${stderr}`;
        if (code !== 0) interrupted += 1;
        assertEquals(await survivors(dir), [], moment);
        if (await Deno.stat(root).catch(() => undefined) !== undefined) {
          assertEquals(leftovers(root), [], moment);
          await checkArtifacts(root);
        } else {
          await Deno.mkdir(root);
        }
        if (at % 10 !== 0) continue;
        await Deno.remove(root, { recursive: true });
        assertEquals(digestsOf(await kbuildOk([...demo, "--json"])), wanted, moment);
      }
      assert(interrupted >= TRIES / 2, `only ${interrupted} of ${TRIES} were interrupted`);
    }),
});
