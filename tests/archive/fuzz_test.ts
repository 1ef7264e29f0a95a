/**
 * Damaged archives, thousands of them: none makes the reader or the unpacker crash, hang, or write
 * outside of its directory. `KBUILD_TEST_FUZZ` says how many (1500), `KBUILD_TEST_SEED` which.
 */
import { assert } from "@std/assert";
import type { FuzzJob, FuzzNews } from "./_fuzz_worker.ts";
import { EVIL, mutate } from "./_mutations.ts";

const COUNT = Number(Deno.env.get("KBUILD_TEST_FUZZ") ?? 1500);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? 5);
/** Most archives take a millisecond. */
const HANGS_AFTER_MS = 20_000;

Deno.test(`unpackTar() and readTar() survive ${COUNT} damaged archives (seed ${SEED})`, async () => {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-fuzz" });
  try {
    const { refused, unpacked } = await run({ seed: SEED, from: 0, until: COUNT, directory });
    assert(refused + unpacked === COUNT);
    assert(await Deno.lstat(EVIL).catch(() => undefined) === undefined, EVIL);
    // Damage that always or never shows would test little.
    assert(
      unpacked > COUNT / 20 && refused > COUNT / 4,
      `${refused} refused, ${unpacked} unpacked`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("mutate() makes the same archive of the same seed and number, and others of others", () => {
  const text = (seed: number, index: number) => mutate(seed, index).join();
  assert(text(7, 1) === text(7, 1));
  assert(text(7, 1) !== text(7, 2) && text(7, 1) !== text(8, 1));
});

/** In a thread of its own: one that hangs can only be stopped from outside. */
function run(job: FuzzJob): Promise<{ refused: number; unpacked: number }> {
  const worker = new Worker(new URL("./_fuzz_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<
    { refused: number; unpacked: number }
  >();
  const fail = (at: number, why: string) =>
    reject(
      new Error(`Archive ${at} of seed ${job.seed}: ${why}\nAgain: mutate(${job.seed}, ${at})`),
    );
  let at = -1;
  let seen: number | undefined;
  const watch = setInterval(() => {
    if (at === seen) fail(at, `it took more than ${HANGS_AFTER_MS / 1000} s`);
    // Loading the modules may take long on a busy machine.
    if (at >= 0) seen = at;
  }, HANGS_AFTER_MS);
  worker.onmessage = ({ data }: MessageEvent<FuzzNews>) => {
    if ("refused" in data) resolve(data);
    else if ("failure" in data) fail(data.at, data.failure);
    else at = data.at;
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(at, event.message);
  };
  worker.postMessage(job);
  return promise.finally(() => {
    clearInterval(watch);
    worker.terminate();
  });
}
