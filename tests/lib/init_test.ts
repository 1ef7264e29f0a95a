import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { lockOutput } from "../../src/lib/lock.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";

function context(
  env: Record<string, string>,
  options: { root?: string; write?: (text: string) => void } = {},
): KubeContext {
  const { root = "/src/kubernetes", write = () => {} } = options;
  return createContext({
    root,
    env,
    log: createLogger({ write }),
    shell: createShell({ cwd: "/", env }),
    host: "linux/amd64",
  });
}

Deno.test("createContext() puts outputs where init.sh and common.sh put them", () => {
  const plain = context({});
  assertEquals(plain.output, "/src/kubernetes/_output/local");
  assertEquals(plain.binPath, "/src/kubernetes/_output/local/bin");
  assertEquals(plain.gopath, "/src/kubernetes/_output/local/go");
  assertEquals(plain.thisPlatformBin, "/src/kubernetes/_output/bin");
  assertEquals(plain.outputRoot, "/src/kubernetes/_output");
  assertEquals(plain.releaseBinPath, "/src/kubernetes/_output/dockerized/bin");

  const moved = context({ KUBE_OUTPUT_SUBPATH: "_output/other", OUT_DIR: "_output-v1" });
  assertEquals(moved.binPath, "/src/kubernetes/_output/other/bin");
  assertEquals(moved.outputRoot, "/src/kubernetes/_output-v1");
  assertEquals(moved.thisPlatformBin, "/src/kubernetes/_output/bin");
});

Deno.test("createContext() refuses outputs outside of the checkout", () => {
  for (const value of ["/tmp/x", "../x", "a/../../x", "."]) {
    assertThrows(() => context({ OUT_DIR: value }), KbuildError, `OUT_DIR="${value}"`);
    assertThrows(() => context({ KUBE_OUTPUT_SUBPATH: value }), KbuildError);
  }
});

Deno.test("lockOutput() lets one run in and tells the next who is there", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-lock-" });
  try {
    let said = "";
    const first = await lockOutput(context({}, { root }), "quick-release");
    const second = context({}, { root, write: (text) => void (said += text) });
    const waiting = lockOutput(second, "all");
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert(
      said.includes(`Waiting for "kbuild quick-release" (process ${Deno.pid}) to finish`),
      said,
    );
    first.release();
    first.release();
    (await waiting).release();
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("lockOutput() says that the output directory cannot be written", async () => {
  const root = await Deno.makeTempDir({ prefix: "kbuild-lock-" });
  try {
    await Deno.writeTextFile(`${root}/_output`, "a file");
    const error = await assertRejects(() => lockOutput(context({}, { root }), "all"), KbuildError);
    assert(error.message.startsWith(`Cannot write to the output directory "${root}/_output"`));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
