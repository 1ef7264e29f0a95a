/**
 * `kbuild verify` of the checks that are Go programs of a real 1.20.2 checkout, without their scripts and with them: the
 * same verdicts, also where something is wrong. Takes half an hour on two processors, most of it type checks;
 * `KBUILD_TEST_CHECKS` names others than all.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";
import { Workbench } from "./_workbench.ts";

/** By check: a file that it must not pass, and what its output has then. */
const WRONG: Readonly<Record<string, readonly [path: string, text: string, said: RegExp]>> = {
  "import-aliases": [
    "test/e2e/common/wrong.go",
    'package common\n\nimport apps "k8s.io/api/apps/v1"\n\nvar _ apps.Deployment\n',
    /wrong\.go/,
  ],
  imports: [
    "staging/src/k8s.io/api/apps/v1/wrong.go",
    'package v1\n\nimport _ "k8s.io/client-go/rest"\n',
    /client-go\/rest/,
  ],
  "import-boss": [
    "staging/src/k8s.io/apimachinery/pkg/util/wait/wrong.go",
    'package wait\n\nimport _ "k8s.io/kubernetes/pkg/util/slice"\n',
    /kubernetes\/pkg\/util\/slice/,
  ],
  typecheck: [
    "pkg/util/slice/wrong_windows.go",
    "package slice\n\nvar _ int = nothing\n",
    /wrong_windows\.go/,
  ],
};

const tree = findRealTree({ fetch: false });
const go = goBin();
const why = tree === undefined ? NEEDS_TREE : go === undefined ? "needs go" : undefined;
const asked = Deno.env.get("KBUILD_TEST_CHECKS")?.split(" ") ?? Object.keys(WRONG);

Deno.test({
  name: `checks that are Go programs have the verdicts of their scripts${
    why === undefined ? "" : `: ${why}`
  }`,
  ignore: why !== undefined,
  async fn(t) {
    const bench = await Workbench.open(tree!, go!);
    try {
      // Compiled once for both, and kept between runs of this test.
      const cache = Deno.env.get("GOCACHE") ??
        join(Deno.env.get("HOME") ?? "/", ".cache/go-build");
      const env = { GOCACHE: cache, KBUILD_OFFLINE: "y" };
      const timed = async (
        what: string,
        run: () => Promise<{ isPassed: boolean; said: string }>,
      ) => {
        const started = performance.now();
        const result = await run();
        const seconds = ((performance.now() - started) / 1000).toFixed(0);
        console.log(`${what}: ${result.isPassed ? "passed" : "failed"}, ${seconds} s`);
        return result;
      };
      const verify = (name: string) =>
        timed(`kbuild verify ${name}`, async () => {
          const isPassed = await bench.kbuild(["verify", name], env).then(() => true, () => false);
          const log = join(bench.tree, `_output/local/.kbuild/verify/hack_verify-${name}.sh.log`);
          return { isPassed, said: await Deno.readTextFile(log) };
        });
      // In a GOPATH: elsewhere some of the scripts of 1.20 find no packages, not even through a link.
      const gopath = join(bench.top, "gopath");
      const cwd = join(gopath, "src/k8s.io/kubernetes");
      await bench.run(["git", "clone", "--quiet", bench.tree, cwd]);
      const script = (name: string) =>
        timed(`hack/verify-${name}.sh`, async () => {
          let said = "";
          const decoder = new TextDecoder();
          const take = (chunk: Uint8Array) =>
            void (said += decoder.decode(chunk, { stream: true }));
          const { code } = await bench.shell.run(["bash", `hack/verify-${name}.sh`], {
            ...{ cwd, allowed: "any", onStdout: take, onStderr: take },
            env: { ...bench.env, ...env, GOPATH: gopath, PWD: cwd },
          });
          return { isPassed: code === 0, said };
        });
      for (const name of asked) {
        await t.step(name, async () => {
          const [path, text, expected] = WRONG[name]!;
          for (const isWrong of [false, true]) {
            const files = [join(bench.tree, path), join(cwd, path)];
            if (isWrong) { for (const file of files) await Deno.writeTextFile(file, text); }
            const own = await verify(name);
            const scripts = await script(name);
            if (isWrong) { for (const file of files) await Deno.remove(file); }
            assertEquals(own.isPassed, !isWrong, own.said);
            assertEquals(scripts.isPassed, !isWrong, scripts.said);
            if (!isWrong) continue;
            assert(expected.test(own.said), own.said);
            assert(expected.test(scripts.said), scripts.said);
          }
        });
      }
    } finally {
      await bench.close();
    }
  },
});
