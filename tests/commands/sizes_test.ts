/** `kbuild sizes`: what it compares, and when it fails. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import { inScratch, kbuild, kbuildOk, output } from "../e2e/_program.ts";

function program(size: number): Uint8Array<ArrayBuffer> {
  return tinyProgram({ size });
}

Deno.test("kbuild sizes compares binaries, directories and tarballs by platform and name", () =>
  inScratch(async (dir) => {
    const bin = join(dir, "new $(x)/_output/local/bin/linux/amd64");
    await Deno.mkdir(bin, { recursive: true });
    await Deno.writeFile(join(bin, "kubectl"), program(10_500));
    await Deno.writeFile(join(bin, "kube-proxy"), program(9_000));
    await Deno.writeTextFile(join(bin, "README"), "not a program");
    const old = join(dir, "old");
    await Deno.mkdir(old);
    const entries = ["kubectl", "kubelet"].map((name) =>
      bytesEntry(`kubernetes/node/bin/${name}`, program(10_000), { mtime: 1, mode: 0o755 })
    );
    await packTarball(entries, join(old, "kubernetes-node-linux-amd64.tar.gz"), {});

    const words = ["sizes", join(dir, "new $(x)"), "--against", "old"];
    const { programs, gone } = JSON.parse(await kbuildOk([...words, "--json"], { cwd: dir }));
    assertEquals(gone, ["linux/amd64/kubelet"]);
    assertEquals(
      programs.map(({ name, size, before }: Record<string, { size: number }>) => [
        ...[name, size, before?.size],
      ]),
      [
        ["linux/amd64/kube-proxy", 9_000, undefined],
        ["linux/amd64/kubectl", 10_500, 10_000],
      ],
    );
    const text = await kbuildOk(words, { cwd: dir });
    assert(/linux\/amd64\/kubectl +10\.5 kB +\+500 B +5\.00 %/.test(text), text);
    assertStringIncludes(text, "gone: linux/amd64/kubelet");

    assertEquals((await kbuild([...words, "--fail-over", "5"], { cwd: dir })).code, 0);
    const failed = await kbuild([...words, "--fail-over", "4.9"], { cwd: dir });
    assertEquals(failed.code, 1);
    assertStringIncludes(
      failed.stderr,
      "Binaries grew by more than 4.9 %: linux/amd64/kubectl by 5.00 %",
    );
    const pair = [join(bin, "kubectl"), "--against", join(bin, "kube-proxy"), "--json"];
    const [one] = JSON.parse(await kbuildOk(["sizes", ...pair], { cwd: dir })).programs;
    assertEquals([one.size, one.before.size], [10_500, 9_000]);
    await Deno.mkdir(join(dir, "none"));
    await Deno.writeFile(join(dir, "none/a"), program(9_000));
    const cases: [string[], number, string][] = [
      [["sizes", "nowhere"], 2, 'Cannot find "'],
      [["sizes", join(bin, "README")], 1, "Cannot find binaries in"],
      [["sizes", bin, "--against", join(dir, "none")], 1, "has none of these binaries"],
      [["sizes", "old", "--fail-over", "-1"], 2, "fail-over"],
      [["sizes", "old", "--fail-over", "3"], 2, "--fail-over needs --against"],
    ];
    for (const [args, code, words] of cases) {
      const ended = await kbuild(args, { cwd: dir });
      assertEquals([ended.code, ended.stderr.includes(words)], [code, true], ended.stderr);
    }
  }));

Deno.test("kbuild sizes refuses within seconds what has no binaries, or has no end", () =>
  inScratch(async (dir) => {
    await output(["mkfifo", join(dir, "pi pe")]);
    await Deno.mkdir(join(dir, "none/below"), { recursive: true });
    await output(["mkfifo", join(dir, "none/below/pipe")]);
    await Deno.symlink("/dev/zero", join(dir, "none/zero"));
    await Deno.mkdir(join(dir, "many"));
    for (let i = 0; i <= 20_000; i++) {
      Deno.writeFileSync(join(dir, "many", `${i}`), new Uint8Array());
    }
    using sparse = await Deno.open(join(dir, "huge"), { write: true, create: true });
    await sparse.write(tinyProgram());
    await sparse.truncate(2 ** 40);
    const cases: readonly (readonly [string, number, string])[] = [
      ["pi pe", 2, "it is a named pipe"],
      ["none", 1, "Cannot find binaries in"],
      ["many", 1, "it has more than 20000 files"],
      ["huge", 1, "it has 1.1 TB, more than 1.07 GB"],
      ["/dev/zero", 2, "it is a device"],
      ...Deno.build.os === "linux" ? [["/proc/self", 1, "Cannot find binaries in"] as const] : [],
    ];
    for (const [path, code, words] of cases) {
      const started = performance.now();
      const ended = await kbuild(["sizes", path], { cwd: dir });
      assertEquals([path, ended.code, ended.stdout], [path, code, ""], ended.stderr);
      assertStringIncludes(ended.stderr, words);
      // Two seconds on a machine that does nothing else.
      assert(performance.now() - started < 20_000, path);
    }
  }));
