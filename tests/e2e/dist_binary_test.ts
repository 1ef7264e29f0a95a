/** The standalone binary: what is inside, how fast it starts, what it needs. */
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { binary, compileHere, compileNothing, DIST, NO_BINARY } from "./_dist.ts";
import {
  digestsOf,
  inScratch,
  kbuild,
  kbuildOk,
  lonelyPath,
  makeSample,
  missingFor,
  output,
  run,
  start,
  unless,
} from "./_program.ts";

Deno.test({
  ...unless(
    NO_BINARY,
    "the binary holds the program alone apart from Deno's runtime, and the checksum fits",
  ),
  fn: async () => {
    const { path, directory, denort } = binary();
    const names = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
    assertEquals(names, ["SHA256SUMS", "THIRD_PARTY_NOTICES", path.slice(directory.length + 1)]);
    await output(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: directory });
    const { size: whole } = await Deno.stat(path);
    if (denort !== undefined) assertLess(whole - (await Deno.stat(denort)).size, 6e6);
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(path));
    // The table of what is embedded, as deno compile writes it: names, places, times.
    const table = /\[\{"File":\{"n":[^\n]*?\}\}\]/.exec(bytes)?.[0] ?? "[]";
    const files = (JSON.parse(table) as { File: { n: string; o: [number, number]; t: number } }[])
      .map(({ File: { n: name, o: [offset, length], t: time } }) => ({
        name,
        offset,
        length,
        time,
      }));
    assertEquals(files.filter(({ name }) => !/^(main|[a-z_-]+-\d+)\.js$/.test(name)), []);
    assertEquals(new Set(files.map(({ time }) => time)).size, 1);
    assert(!bytes.includes(Deno.cwd()), "the path of the clone is in the binary");
    // What is imported late is in other files, which are read when it is needed.
    const stamp = bytes.lastIndexOf('globalThis[Symbol.for("kbuild.version")] =');
    const base = stamp - (files.find(({ name }) => name === "main.js")?.offset ?? 0);
    const codes = new Map(
      files.map(({ name, offset, length }) => [
        `./${name}`,
        bytes.slice(base + offset, base + offset + length),
      ]),
    );
    const atStart = new Set<string>();
    const visit = (name: string) => {
      if (atStart.has(name)) return;
      atStart.add(name);
      const imports = codes.get(name)?.matchAll(/^(?:import|export) [^;]*?(?:from )?"([^"]+)";$/gm);
      for (const [, imported = ""] of imports ?? []) visit(imported);
    };
    visit("./main.js");
    const size = (names: Iterable<string>) =>
      [...names].reduce((sum, name) => sum + (codes.get(name)?.length ?? 0), 0);
    assertLess(size(atStart), size(codes.keys()) / 2);
    // Whatever else of the runtime a module needs is set up with that module, or in a worker.
    assertEquals(
      [...atStart].filter((name) => name.startsWith("node:")).sort(),
      ["node:path", "node:url"],
    );
  },
});

Deno.test({
  ...unless(NO_BINARY, "two compiles of one commit give the same bytes"),
  fn: async () => {
    const umask = Deno.umask(0o077);
    try {
      const again = await compileHere(join(DIST, "again"));
      if (typeof again === "string") throw new Error(again);
      const [first, second] = await Promise.all(
        [binary().path, again.path].map((path) => output(["sha256sum", path])),
      );
      assertEquals(second?.split(" ")[0], first?.split(" ")[0]);
    } finally {
      Deno.umask(umask);
    }
  },
});

/** Runs `--version`; milliseconds, and the most bytes that were resident. */
async function measure(path: string): Promise<{ ms: number; bytes: number; stdout: string }> {
  const started = performance.now();
  const child = start([path, "--version"]);
  let bytes = 0;
  let running = true;
  const watching = (async () => {
    while (running) {
      try {
        const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
        bytes = Math.max(bytes, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024);
      } catch {
        // Ended meanwhile.
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const { stdout } = await child.output();
  const ms = performance.now() - started;
  running = false;
  await watching;
  return { ms, bytes, stdout: new TextDecoder().decode(stdout) };
}

Deno.test({
  ...unless(
    NO_BINARY || (Deno.build.os !== "linux" && "needs /proc"),
    "kbuild --version takes at most 5 times as long as a program that does nothing, and 80 MB",
  ),
  fn: async () => {
    const nothing = await compileNothing();
    const runs: { ms: number; bytes: number; stdout: string }[] = [];
    const idle: number[] = [];
    for (let i = 0; i < 20; i++) {
      runs.push(await measure(binary().path));
      idle.push((await measure(nothing)).ms);
    }
    assertMatch(runs[0]?.stdout ?? "", /^kbuild \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n$/);
    // The quickest, and both in turn: others use the machine, too.
    const [ms, least] = [Math.min(...runs.map((each) => each.ms)), Math.min(...idle)];
    const bytes = Math.max(...runs.map((each) => each.bytes));
    const text = `${ms.toFixed(0)} ms, without a program ${least.toFixed(0)} ms; ${
      (bytes / 1e6).toFixed(0)
    } MB`;
    console.log(text);
    assertLess(ms, 5 * least, text);
    assertLess(bytes, 80e6);
    assert(bytes > 10e6, "nothing was measured");
  },
});

Deno.test({
  ...unless(
    NO_BINARY || missingFor("1.35"),
    "the binary, alone in an empty directory with git and go in PATH, releases as the source does",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const { path: PATH, log } = lonelyPath(dir);
      await Deno.mkdir(join(dir, "alone"));
      await Deno.copyFile(binary().path, join(dir, "alone/kbuild"));
      await Deno.chmod(join(dir, "alone/kbuild"), 0o755);
      const env = { PATH, KBUILD_TEST_PROGRAM: "" };
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const args = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", "--json", "--root", root];
      const json = await output([join(dir, "alone/kbuild"), ...args], { cwd: "/", env });
      assert(Object.keys(digestsOf(json)).length > 3);
      assertEquals(await Deno.readTextFile(log), "");
      const again = await kbuildOk(args);
      assertEquals(digestsOf(again), digestsOf(json));
    }),
});

Deno.test({
  ...unless(NO_BINARY, "the binary says what is wrong as the source does"),
  fn: () =>
    inScratch(async (dir) => {
      const wanted = await kbuild(["targets"], { cwd: dir });
      assertEquals(await run([binary().path, "targets"], { cwd: dir }), wanted);
      assertMatch(wanted.stderr, /^kbuild: .* is not inside a Kubernetes checkout\n/);
    }),
});
