import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  digestsOf,
  ended,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  plain,
  start,
  unless,
} from "./_program.ts";

const RELEASE = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", "--json"];

/** Waits until a run holds the lock of the outputs. */
async function lockHeld(root: string): Promise<void> {
  const lock = join(root, "_output/.kbuild.lock");
  for (let i = 0; i < 600; i++) {
    const text = await Deno.readTextFile(lock).catch(() => "");
    if (text !== "") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nobody took the lock");
}

/** Everything that a stream says; `then` is called once, when it has said `text`. */
async function readUntil(
  stream: ReadableStream<Uint8Array>,
  text: string,
  then: () => void,
): Promise<string> {
  let [said, called] = ["", false];
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    said += chunk;
    if (called || !said.includes(text)) continue;
    called = true;
    then();
  }
  return said;
}

Deno.test({
  ...unless(missingFor("1.20"), "two kbuild runs in one checkout: the second waits for the first"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const first = start(kbuildArgv(...RELEASE), { cwd: root });
      const firstEnd = ended(first);
      await lockHeld(root);
      const second = await kbuild(RELEASE, { cwd: root });
      const done = await firstEnd;
      assertEquals([done.code, second.code], [0, 0], done.stderr + second.stderr);
      assertMatch(
        plain(second.stderr, { pid: `${first.pid}` }),
        /^\+\+\+ \[time\] Waiting for "kbuild quick-release" \(process <pid>\) to finish in this checkout$/m,
      );
      assert(!done.stderr.includes("Waiting for"));
      assertEquals(digestsOf(second.stdout), digestsOf(done.stdout));

      // Looking needs no lock.
      const third = start(kbuildArgv(...RELEASE), { cwd: root });
      const thirdEnd = ended(third);
      await lockHeld(root);
      const [look, plan] = await Promise.all([
        kbuild(["version"], { cwd: root }),
        kbuild(["quick-release", "--dry-run"], { cwd: root }),
      ]);
      assertEquals([look.code, look.stderr, plan.code], [0, "", 0]);
      assertEquals((await thirdEnd).code, 0);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "a waiting kbuild can be stopped, and many at once all succeed"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const first = start(kbuildArgv(...RELEASE), { cwd: root });
      const firstEnd = ended(first);
      await lockHeld(root);
      const waiting = start(kbuildArgv("all", "cmd/kubectl"), { cwd: root });
      const stderr = await readUntil(waiting.stderr, "to finish", () => waiting.kill("SIGINT"));
      const [{ code }] = await Promise.all([waiting.status, waiting.stdout.cancel()]);
      assertEquals([code, plain(stderr, { pid: `${first.pid}` })], [
        130,
        '+++ [time] Waiting for "kbuild quick-release" (process <pid>) to finish in this checkout\n' +
        "kbuild: Stopped by Ctrl-C\n",
      ]);
      const wanted = await firstEnd;
      assertEquals(wanted.code, 0, wanted.stderr);

      const all = await Promise.all(
        [RELEASE, RELEASE, ["all", "cmd/kubelet"], ["kubectl"]].map((args) =>
          kbuild(args, { cwd: root })
        ),
      );
      assertEquals(all.map((run) => [run.code, run.code === 0 ? "" : run.stderr]), [
        [0, ""],
        [0, ""],
        [0, ""],
        [0, ""],
      ]);
      assertEquals(digestsOf(await kbuildOk(RELEASE, { cwd: root })), digestsOf(wanted.stdout));
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
    }),
});
