/**
 * kubectl of a real 1.20.2 checkout, built in containers and outside: the same Go at the same path gives the same bytes.
 * Everything is compiled each time; 3 to 20 minutes on two processors.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { findDocker, findPodman, makeGoRoot, type TestEngine } from "../e2e/_containers.ts";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";
import { Workbench } from "./_workbench.ts";

const tree = findRealTree({ fetch: false });
const bin = goBin();
const isAsked = Deno.env.get("KBUILD_TEST_RELEASES") === "all";
const missing = tree === undefined
  ? NEEDS_TREE
  : bin === undefined
  ? "needs Go"
  : isAsked
  ? undefined
  : "KBUILD_TEST_RELEASES is not all";
const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-engines-" }));
globalThis.addEventListener("unload", () => {
  new Deno.Command("rm", { args: ["-rf", scratch] }).outputSync();
});

const BUILT = "_output/dockerized/bin/linux/amd64/kubectl";

/** Builds kubectl from nothing; returns its digest. */
async function build(
  bench: Workbench,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  // Go's module cache is read-only.
  await bench.run(["sh", "-c", "[ ! -e _output ] || chmod -R u+w _output"]);
  await bench.remove("_output");
  await bench.kbuild(["all", "cmd/kubectl", ...words], env);
  return (await bench.digests([BUILT]))[BUILT];
}

Deno.test({
  name: "kubectl of the real 1.20.2 has the same bytes in containers and outside" +
    (missing === undefined ? "" : ` (skipped: ${missing})`),
  ignore: missing !== undefined,
  async fn(t) {
    const bench = await Workbench.open(tree!, bin!);
    try {
      const root = await makeGoRoot(join(scratch, "go"), join(bin!, ".."), { isInPlace: true });
      const outside = await build(bench, [], { KUBE_OUTPUT_SUBPATH: "_output/dockerized" });
      const image = "kbuild.test/go-in-place:1";
      const inside = async (engine: TestEngine, sync: string) => {
        await engine.import(root, image);
        const given = ["--engine", engine.name, "--build-image", image, "--sync", sync];
        assertEquals(await build(bench, ["--container", ...given], engine.env), outside);
        await bench.kbuild(["make-clean", "--engine", engine.name, "--yes"], engine.env);
      };
      const docker = await findDocker();
      const podman = await findPodman(scratch);
      for (
        const [engine, sync] of [[docker, "bind"], [docker, "volume"], [podman, "bind"], [
          podman,
          "volume",
        ]] as const
      ) {
        const lacking = typeof engine === "string" ? engine : undefined;
        const name = typeof engine === "string" ? "" : `${engine.name}, `;
        await t.step({
          name: `${name}${sync}` + (lacking === undefined ? "" : ` (skipped: ${lacking})`),
          ignore: lacking !== undefined,
          fn: () => inside(engine as TestEngine, sync),
        });
      }
    } finally {
      await bench.close();
    }
  },
});
