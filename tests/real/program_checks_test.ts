/**
 * `kbuild verify` of the checks that are Go programs of a real 1.20.2 checkout, without their scripts and with them: the
 * same verdicts, also where something is wrong. Takes half an hour on two processors, most of it type checks;
 * `KBUILD_TEST_CHECKS` names others than all.
 */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";
import { Workbench } from "./_workbench.ts";

/** By check: a file that it must not pass, and what its output has then. */
const WRONG: Readonly<Record<string, readonly [path: string, text: string, said: RegExp]>> = {
  "import-aliases": [
    "pkg/util/slice/wrong.go",
    'package slice\n\nimport apps "k8s.io/api/apps/v1"\n\nvar _ apps.Deployment\n',
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
      const verify = async (name: string, ...flags: string[]) => {
        const started = performance.now();
        const text = await bench.kbuild(["verify", name, "--json", ...flags], {
          ...{ GOCACHE: cache, KBUILD_OFFLINE: "y" },
        }).then(({ stdout }) => stdout, () => undefined);
        const log = join(bench.tree, `_output/local/.kbuild/verify/hack_verify-${name}.sh.log`);
        const said = await Deno.readTextFile(log);
        const seconds = ((performance.now() - started) / 1000).toFixed(0);
        console.log(
          `${name} ${flags.join(" ")}: ${text === undefined ? "failed" : "passed"}, ${seconds} s`,
        );
        return { isPassed: text !== undefined, said };
      };
      for (const name of asked) {
        await t.step(name, async () => {
          const [path, text, expected] = WRONG[name]!;
          for (const isWrong of [false, true]) {
            const file = join(bench.tree, path);
            await Deno.mkdir(dirname(file), { recursive: true });
            if (isWrong) await Deno.writeTextFile(file, text);
            const own = await verify(name);
            const scripts = await verify(name, "--strict-parity");
            if (isWrong) await Deno.remove(file);
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
