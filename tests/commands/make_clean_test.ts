import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ANSWERS, fakeEngine } from "../container/_engines.ts";
import { inScratch, kbuild, makeSample, unless, which } from "../e2e/_program.ts";

const needs = unless(which("git") === undefined && "needs git", "");

Deno.test({
  ...needs,
  name: `make-clean leaves a container in which a command has begun meanwhile${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const root = await Deno.realPath(await makeSample("1.20", join(dir, "kubernetes")));
      await Deno.mkdir(join(root, "_output/dockerized"), { recursive: true });
      const bin = join(dir, "bin");
      const name = (end: string) => `kube-build-0123456789-${end}`;
      const inspected = (end: string, running: string) =>
        `{"Name":"/${name(end)}","State":{"Running":${running}},"Config":{"Image":"i"},` +
        `"Mounts":[{"Type":"bind","Source":"${root}"}]}`;
      const log = await fakeEngine(
        bin,
        "docker",
        `case "$1 $2" in
  "ps --all") echo 1; echo 2; exit ;;
  "container inspect")
    running=false
    [ ! -e "$0.seen" ] || running=true
    touch "$0.seen"
    echo '[${inspected("a", "'$running'")},${inspected("b", "false")}]'
    exit ;;
esac
${ANSWERS}`,
      );
      await Deno.symlink(await Deno.realPath(which("git")!), join(bin, "git"));
      const env = { PATH: `${bin}:/usr/bin:/bin` };
      const words = ["make-clean", "--engine", "docker", "--json"];
      const { code, stdout, stderr } = await kbuild(words, { cwd: root, env });
      assertEquals(code, 0, stderr);
      const { containers, left, removed } = JSON.parse(stdout);
      assertEquals([containers, removed], [[name("b")], []]);
      assertStringIncludes(left.join(), `${name("a")}: a command runs in it`);
      assertStringIncludes(stderr, "These are in use");
      const starts = (await log()).filter(([word]) => word === "rm");
      assertEquals(starts.map((words) => words.at(-1)), [name("b")]);
      assertEquals((await Deno.stat(join(root, "_output/dockerized"))).isDirectory, true);
    }),
});
