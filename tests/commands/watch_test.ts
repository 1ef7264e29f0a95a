/** `kbuild all --watch`: builds again when a source changes, and only then. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  start,
  unless,
} from "../e2e/_program.ts";

/** A kbuild that runs, and what it has said so far. */
function running(args: readonly string[], cwd: string) {
  const child = start(kbuildArgv(...args), { cwd });
  let said = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  const draining = (async () => {
    for await (const _ of child.stdout);
  })();
  let from = 0;
  /** Waits until it says something new; returns what it has said since the last time. */
  const until = async (wanted: string): Promise<string> => {
    for (let i = 0; i < 1200; i++) {
      const at = said.indexOf(wanted, from);
      if (at !== -1) {
        const text = said.slice(from, at + wanted.length);
        from = at + wanted.length;
        return text;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`"${wanted}" never came:\n${said}`);
  };
  const stop = async () => {
    child.kill("SIGINT");
    const { code } = await child.status;
    await Promise.all([reading, draining]);
    return code;
  };
  return { until, stop, said: () => said };
}

Deno.test({
  ...unless(missingFor("1.35"), "kbuild all --watch builds what a change needs, until Ctrl-C"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const source = join(root, "cmd/kubectl/kubectl.go");
      const good = await Deno.readTextFile(source);
      const { until, stop, said } = running(["all", "kubectl", "--watch"], root);
      await until("Watching ");
      const [binary = ""] = (await output(["find", "_output/local/bin", "-name", "kubectl"], {
        cwd: root,
      })).split("\n");
      const digest = () => output(["sha256sum", join(root, binary)]);
      const first = await digest();

      // What is not a source of kubectl, and what editors leave, is nothing.
      await Deno.writeTextFile(join(root, "cmd/kube-proxy/other.go"), "package main\n");
      await Deno.writeTextFile(join(root, "cmd/kubectl/.kubectl.go.swp"), "x");
      const extra = 'package main\n\nimport "os"\n\nfunc init() {\n\tif len(os.Args) > 99 {\n' +
        '\t\tprintln("extra")\n\t}\n}\n';
      await Deno.writeTextFile(join(root, "cmd/kubectl/extra.go"), extra);
      const changed = await until("Built again in ");
      assertStringIncludes(changed, "    cmd/kubectl/extra.go\n");
      assert(!/other\.go|\.swp/.test(changed), changed);
      assert(await digest() !== first);
      await until("Watching ");

      // A mistake is reported, and waited for.
      await Deno.writeTextFile(source, "package main\n\nfunc main( {\n");
      const failed = await until("Watching ");
      assertMatch(failed, /Failed after [\d.]+ s\n/);
      assert(!failed.includes("Built again"), failed);
      assertStringIncludes(failed, "kubectl.go:3");
      assertStringIncludes(failed, "kbuild: Cannot finish");
      // Without what was added, the version is that of the commit again.
      await Deno.remove(join(root, "cmd/kube-proxy/other.go"));
      await Deno.remove(join(root, "cmd/kubectl/.kubectl.go.swp"));
      await Deno.writeTextFile(source, good);
      await Deno.remove(join(root, "cmd/kubectl/extra.go"));
      await until("Watching ");
      assertEquals(await digest(), first);
      // A summary counts the whole run: it would tell of builds before, and of the wait.
      assert(!/\d made/.test(said().slice(said().indexOf("Watching "))), said());

      assertEquals(await stop(), 130);
      assertStringIncludes(said(), "Stopped by Ctrl-C");
      const runs = Array.from(Deno.readDirSync(join(root, "_output/local/.kbuild/runs")));
      assertEquals(runs.length, 1, "a run is kept once");
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "what cannot be watched is an error at once"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const wrong = await kbuild(["all", "nothing", "--watch"], { cwd: root });
      assertEquals(wrong.code, 2);
      assertStringIncludes(wrong.stderr, 'Unknown target "nothing"');
      const json = await kbuild(["all", "kubectl", "--watch", "--json"], { cwd: root });
      assertEquals(json.code, 2);
      assertStringIncludes(json.stderr, "Cannot use --json with --watch");
    }),
});
