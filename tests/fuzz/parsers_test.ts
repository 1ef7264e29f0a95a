/**
 * Damaged inputs, thousands of them, for every reader of foreign data: none crashes, hangs or takes
 * more than bounded memory. `KBUILD_TEST_FUZZ` says how many each (1500), `KBUILD_TEST_SEED` which; a
 * failure names both.
 */
import { assertEquals } from "@std/assert";
import type { FuzzJob, FuzzNews } from "./_worker.ts";
import { damage } from "./_damage.ts";
import { PARSERS } from "./_parsers.ts";

const COUNT = Number(Deno.env.get("KBUILD_TEST_FUZZ") ?? 1500);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? 5);
/** An input that has not ended by then never does: most take less than a millisecond. */
const HANGS_AFTER_MS = 20_000;

for (const [name, { originals, read, errors: _ }] of Object.entries(PARSERS)) {
  Deno.test(`${name} survives ${COUNT} damaged inputs (seed ${SEED})`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "kbuild-fuzz-" });
    try {
      // What is sound is read: else damage would be refused for the wrong reason.
      for (const original of originals) {
        if (!name.startsWith("openBase")) await read(original, dir);
      }
      const { read: done, refused } = await run({ name, seed: SEED, from: 0, until: COUNT, dir });
      assertEquals(done + refused >= COUNT, true);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("damage() makes the same input of the same seed and number, and others of others", () => {
  const { originals, tokens } = PARSERS["planDockerfile"]!;
  const text = (seed: number, index: number) => damage(originals, tokens, seed, index).join();
  assertEquals(text(7, 1), text(7, 1));
  assertEquals(new Set([text(7, 1), text(7, 2), text(8, 1)]).size, 3);
});

/** A thread of its own, since a reader that hangs can only be stopped from outside. */
let thread: Worker | undefined;

function run(job: FuzzJob): Promise<{ read: number; refused: number }> {
  const worker = thread ??= new Worker(new URL("./_worker.ts", import.meta.url), {
    type: "module",
  });
  const { promise, resolve, reject } = Promise.withResolvers<{ read: number; refused: number }>();
  const fail = (at: number, why: string) => {
    worker.terminate();
    thread = undefined;
    reject(new Error(`Input ${at} of seed ${job.seed} for ${job.name}: ${why}`));
  };
  let at = 0;
  let seen = -1;
  // Loading the modules may take long on a busy machine.
  let isRunning = false;
  const watch = setInterval(() => {
    if (at === seen) fail(at, `it took more than ${HANGS_AFTER_MS / 1000} s`);
    if (isRunning) seen = at;
  }, HANGS_AFTER_MS);
  worker.onmessage = ({ data }: MessageEvent<FuzzNews>) => {
    if ("read" in data) resolve(data);
    else if ("failure" in data) fail(data.at, data.failure);
    else {
      at = data.at;
      isRunning = true;
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(at, event.message);
  };
  worker.postMessage(job);
  return promise.finally(() => clearInterval(watch));
}

Deno.test("The readers' thread ends", () => thread?.terminate());
