/** Command lines of make on the samples: with kbuild they end as with GNU make, and leave the same program. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { digestOfFile } from "../../src/archive/mod.ts";
import {
  CLONE,
  ENV,
  GOARCH,
  inScratch,
  kbuildArgv,
  makeSample,
  missingFor,
  run,
  unless,
  which,
} from "./_program.ts";

const KUBECTL = `_output/local/bin/linux/${GOARCH}/kubectl`;

/** What ends at once, and without a build. */
const QUICK: readonly (readonly string[])[] = [
  ["no-such-target"],
  ["-k", "no-such-target", "clean"],
  ["clean"],
  ["-n", "clean"],
  ["-s", "--no-print-directory", "clean"],
  ["test", "WHAT=./pkg/nothing"],
  ["--no-such-flag"],
  // Nothing is built that could be packaged.
  ["package-tarballs"],
];

/** Targets that only say what they would do. */
const PRINTED = [
  ...["all", "kubectl", "ginkgo", "verify", "quick-verify", "check", "test", "release"],
  ...["release-in-a-container", "release-images", "release-skip-tests", "quick-release"],
  ...["quick-release-images", "cross", "cross-in-a-container"],
];

for (const era of ["1.20", "1.35", "latest"] as const) {
  const why = missingFor(era) ??
    (Deno.build.os !== "linux" || which("make") === undefined ? "needs GNU make" : undefined);
  Deno.test({
    ...unless(why, `kbuild make ends as GNU make does, and leaves the same: ${era}`),
    fn: (t) =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const env = {
          ...ENV,
          ...{ SOURCE_DATE_EPOCH: "1600000000", KBUILD_LAUNCHER: join(CLONE, "scripts/kbuild") },
        };
        const both = async (words: readonly string[]) => ({
          theirs: await run(["make", ...words], { cwd: root, env }),
          ours: await run(kbuildArgv("make", ...words), { cwd: root, env }),
        });
        await t.step("exit statuses", async () => {
          for (const words of QUICK) {
            const { theirs, ours } = await both(words);
            assertEquals(
              [words, ours.code],
              [words, theirs.code],
              `${theirs.stderr}\n--- kbuild\n${ours.stderr}`,
            );
          }
        });
        await t.step("every target is there", async () => {
          for (const target of PRINTED) {
            const { theirs, ours } = await both(["-n", target]);
            assertEquals(
              [target, ours.code, theirs.code],
              [target, 0, 0],
              `${theirs.stderr}\n--- kbuild\n${ours.stderr}`,
            );
          }
        });
        await t.step("a program, and a wrong one", async () => {
          const args = ["all", "WHAT=cmd/kubectl", `KUBE_BUILD_PLATFORMS=linux/${GOARCH}`];
          const found: string[] = [];
          for (const argv of [["make"], kbuildArgv("make")]) {
            const made = await run([...argv, ...args], { cwd: root, env });
            assertEquals(made.code, 0, made.stderr);
            found.push(await digestOfFile(join(root, KUBECTL), "sha256"));
            const wrong = await run([...argv, "all", "WHAT=cmd/nothing"], { cwd: root, env });
            assertEquals([argv[0], wrong.code], [argv[0], 2], wrong.stderr);
            await Deno.remove(join(root, "_output"), { recursive: true });
          }
          assertEquals(found[1], found[0]);
        });
      }),
  });
}
