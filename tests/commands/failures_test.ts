/** What a user sees at the end of a run that failed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  type Ended,
  inScratch,
  kbuild,
  makeSample,
  missingFor,
  output,
  script,
  unless,
  which,
} from "../e2e/_program.ts";

const needs = missingFor("1.20");
/** Errors in a source of kubectl's: more than fit on a screen. */
const BROKEN = `package main\n\n${
  Array.from({ length: 40 }, (_, i) => `func f${i}() { undefined${i}() }\n`).join("")
}`;

const linesOf = ({ stderr }: Ended) => stderr.trimEnd().split("\n");

Deno.test({
  ...unless(
    needs,
    "errors of a compiler come whole and once, at the end, with cause and next step",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await Deno.writeTextFile(join(root, "cmd/kubectl/broken.go"), BROKEN);
      const build = (...args: string[]) =>
        kbuild(["all", "WHAT=cmd/kubectl cmd/kube-proxy", "GOGCFLAGS=-e", ...args], { cwd: root });
      for (const mode of ["plain", "quiet"]) {
        for (const platforms of ["linux/amd64", "linux/amd64,linux/arm64"]) {
          const ended = await build("--platform", platforms, "--jobs", "2", "--progress", mode);
          assertEquals(ended.code, 1);
          for (let i = 0; i < 40; i++) {
            const found = ended.stderr.match(new RegExp(`:\\d+: undefined: undefined${i}$`, "gm"));
            // The first comes again, as the cause.
            assertEquals(
              found?.length,
              i === 0 ? 2 : 1,
              `${mode} ${platforms} ${i}\n${ended.stderr}`,
            );
          }
          const lines = linesOf(ended);
          const headline = lines.findIndex((line) => line.startsWith("kbuild: Cannot finish "));
          assertMatch(lines[headline - 1] ?? "", /undefined: undefined39$/);
          const end = lines.slice(-25).join("\n");
          assertMatch(end, /First error: cmd\/kubectl\/broken\.go:3:\d+: undefined: undefined0\n/);
          assertMatch(end, /Mend what go reports, then run the same command again/);
        }
      }
      const json = await build("--json", "--progress", "quiet");
      const { error } = JSON.parse(json.stdout) as { error: { output: string[] } };
      assertMatch(error.output.at(-1) ?? "", /undefined39$/);
    }),
});

Deno.test({
  ...unless(needs, "a generator that fails shows its output at the end"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const main = "vendor/k8s.io/kube-openapi/cmd/openapi-gen/openapi-gen.go";
      await Deno.writeTextFile(
        join(root, main),
        'package main\n\nfunc main() { println("before"); panic("the generator broke") }\n',
      );
      const ended = await kbuild(["kube-apiserver"], { cwd: root });
      assertEquals(ended.code, 1, ended.stderr);
      assertEquals(ended.stderr.match(/^before$/gm)?.length, 1, ended.stderr);
      const lines = linesOf(ended);
      const headline = lines.findIndex((line) => line.startsWith("kbuild: "));
      assert(headline > lines.indexOf("before"), ended.stderr);
      assertMatch(lines.slice(-25).join("\n"), /panic: the generator broke/);
    }),
});

Deno.test({
  ...unless(needs, "errors that doctor can look into name its checks, and these find the same"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const bin = join(dir, "bin");
      await Deno.mkdir(bin);
      for (const program of ["go", "git", "sh"]) {
        await Deno.symlink(which(program)!, join(bin, program));
      }
      const noGo = join(dir, "no-go");
      await Deno.mkdir(noGo);
      for (const program of ["git", "sh"]) await Deno.symlink(which(program)!, join(noGo, program));
      // Of this sample, only what is added has C in it.
      await Deno.writeTextFile(
        join(root, "cmd/kubelet/user.go"),
        'package main\n\nimport _ "os/user"\n',
      );
      const killed = join(dir, "killed");
      await Deno.mkdir(killed);
      const go = which("go")!;
      script(
        join(killed, "go"),
        `case "$1" in install) kill -KILL $$ ;; esac\nexec ${go} "$@"\n`,
      );
      const GOROOT = (await output([go, "env", "GOROOT"])).trim();
      const PATH = `${killed}:${bin}`;
      const cases: readonly (readonly [string, string[], Record<string, string>, string])[] = [
        ["no Go", ["kubectl", "--offline"], { PATH: noGo, KBUILD_CACHE: join(dir, "c") }, "go"],
        ["no C compiler", ["all", "kubelet", "--platform", "linux/s390x"], { PATH: bin }, "go"],
        ["killed", ["kubectl"], { PATH, GOROOT }, "machine"],
        [
          "a dead registry",
          ["quick-release"],
          { KBUILD_BASES: "registry", KBUILD_MIRRORS: "k8s.gcr.io=http://127.0.0.1:1" },
          "network",
        ],
      ];
      for (const [name, args, env, word] of cases) {
        await t.step(name, async () => {
          const ended = await kbuild(args, { cwd: root, env });
          assertEquals(ended.code, 1, ended.stderr);
          const said = /-> To find out more: kbuild (doctor .*)\n$/.exec(ended.stderr)?.[1];
          assertEquals(said, `doctor ${word}`, ended.stderr);
          const looked = await kbuild(["doctor", word, "--offline", "--json"], { cwd: root, env });
          assert("findings" in JSON.parse(looked.stdout), looked.stdout + looked.stderr);
        });
      }
      await t.step("no tags, from elsewhere", async () => {
        const tags = (await output(["git", "tag"], { cwd: root })).trim().split("\n");
        await output(["git", "tag", "-d", ...tags], { cwd: root });
        const { stderr } = await kbuild(["kubectl", "--root", root], { cwd: dir });
        assertMatch(stderr, new RegExp(`kbuild doctor git --root ${root}\n$`));
        const { code, stdout } = await kbuild(["doctor", "git", "--root", root], { cwd: dir });
        assertEquals(code, 1);
        assertMatch(stdout, /FAIL {2}version: /);
        assert(!stdout.includes("machine"), stdout);
      });
      await t.step("wrong usage names no doctor", async () => {
        const { code, stderr } = await kbuild(["kubectl", "--platform", "linux/x"], { cwd: root });
        assertEquals(code, 2);
        assert(!stderr.includes("doctor"), stderr);
      });
    }),
});
