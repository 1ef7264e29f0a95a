import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import {
  digestsOf,
  type Ended,
  GO,
  inScratch,
  kbuild,
  listing,
  lonelyPath,
  missingFor,
  output,
  plain,
  script,
  unless,
} from "../e2e/_program.ts";

const HOST = hostPlatform();
const GO_CACHE: Record<string, string> = missingFor("1.7") === undefined
  ? { GOCACHE: (await output(["go", "env", "GOCACHE"])).trim() }
  : {};

/** The eras that are tried at length; the others' demos run once. */
const THOROUGH: readonly EraParameter[] = ["1.20", "1.35"];

for (const era of THOROUGH) {
  Deno.test({
    ...unless(missingFor(era), `kbuild demo and what follows need git and go alone: ${era}`),
    fn: (t) =>
      inScratch(async (dir) => {
        const { path, log } = lonelyPath(dir);
        const root = join(dir, "kubernetes");
        const here = { cwd: root, env: { PATH: path, TMPDIR: dir } };
        const ok = async (...args: string[]): Promise<Ended> => {
          const result = await kbuild(args, here);
          assertEquals({ args, code: result.code, stderr: result.code ? result.stderr : "" }, {
            args,
            code: 0,
            stderr: "",
          });
          return result;
        };
        const clean = async () => await output(["git", "status", "--porcelain"], { cwd: root });
        let digests: Record<string, string> = {};

        await t.step("demo shows every file with its digest, without colours", async () => {
          const made = await kbuild(["demo", "--era", era, "--dir", root], {
            ...here,
            cwd: dir,
          });
          assertEquals([made.code, made.code === 0 ? "" : made.stderr], [0, ""]);
          assert(!["\x1b", "\r"].some((mark) => (made.stdout + made.stderr).includes(mark)));
          const rows = [...made.stdout.matchAll(/^(_output\/\S+) .* sha256:([0-9a-f]{12})…$/gm)];
          digests = Object.fromEntries(rows.map(([, path, digest]) => [path, digest]));
          const table = made.stdout.split("\n").filter((line) => line.startsWith("_output/"));
          assertEquals(table.filter((line) => [...line].length > 100), []);
          const files = ["release-images", "release-tars"].flatMap((directory) =>
            listing(join(root, "_output", directory)).filter((line) => line.includes(" "))
              .map((line) => `_output/${directory}/${line.split(" ")[0]}`)
              .filter((path) => /\.tar(\.gz)?$/.test(path))
          );
          assertEquals(Object.keys(digests).sort(), files.sort());
          assertMatch(
            made.stdout,
            /^v1\.\d+\.\d in [\d.]+ (s|min \d+ s): .*build [\d.]+ (s|min \d+ s), package /m,
          );
          assert(made.stdout.includes(`The sample is in ${root}.`));
          assertMatch(plain(made.stderr), /^\+\+\+ \[time\] Creating a sample checkout /);
          assertEquals(await clean(), "");
        });
        await t.step("quick-release makes the same again, and --json can be parsed", async () => {
          const whole = digestsOf((await ok("quick-release", "--json")).stdout);
          const shown = Object.entries(whole).map(([path, digest]) => [path, digest.slice(0, 12)]);
          assertEquals(Object.fromEntries(shown), digests);
          digests = whole;
          for (const [path, digest] of Object.entries(digests)) {
            const bytes = await crypto.subtle.digest(
              "SHA-256",
              await Deno.readFile(`${root}/${path}`),
            );
            assertEquals(new Uint8Array(bytes).toHex(), digest);
          }
        });
        await t.step("package-tarballs alone makes the same", async () => {
          assertEquals(digestsOf((await ok("package-tarballs", "--json")).stdout), digests);
        });
        await t.step("kbuild kubectl builds it, and links _output/bin", async () => {
          const { stdout } = await ok("kubectl");
          assertEquals(stdout, `_output/local/bin/${HOST}/kubectl\n`);
          const version = await output([join(root, "_output/bin/kubectl"), "--version"]);
          assertEquals(version, `kubectl ${era === "1.20" ? "v1.20.2" : "v1.35.0"}\n`);
          const json = JSON.parse((await ok("all", "cmd/kubectl", "--json")).stdout);
          assertEquals(json.binaries, [
            { name: "kubectl", platform: HOST, path: `_output/local/bin/${HOST}/kubectl` },
          ]);
        });
        await t.step("every look command prints JSON", async () => {
          for (const name of ["version", "env", "targets", "platforms", "help"]) {
            assertEquals(typeof JSON.parse((await ok(name, "--json")).stdout), "object");
          }
        });
        await t.step("what does not compile shows the compiler's lines, no stack", async () => {
          const broken = join(root, "cmd/kubectl/broken.go");
          await Deno.writeTextFile(broken, "package main\n\nvar _ = nothing\n");
          const { code, stdout, stderr } = await kbuild(["kubectl"], here);
          await Deno.remove(broken);
          const go = join(path, "go");
          const lines = plain(stderr, { go, root }).split("\n");
          const command = lines.findIndex((line) => line.startsWith("  -> Command: <go> install "));
          assertEquals([code, stdout, ...lines.toSpliced(command, 1)], [
            1,
            "",
            `+++ [time] Building go targets for ${HOST}:`,
            "    cmd/kubectl",
            "# k8s.io/kubernetes/cmd/kubectl",
            "cmd/kubectl/broken.go:3:9: undefined: nothing",
            `kbuild: Cannot finish "Building kubectl for ${HOST}": <go> exited with status ${
              // Go's own status for what does not compile, up to 1.19 and later.
              GO < 120 ? 2 : 1}`,
            `  -> Directory: <root>${
              era === "1.20" ? "/_output/local/go/src/k8s.io/kubernetes" : ""
            }`,
            "  -> Mend what go reports, then run the same command again: finished programs are not " +
            "built again",
            "",
          ]);
          assertEquals(await clean(), "");
        });
        await t.step("clean gets through read-only directories, and follows no link", async () => {
          const sentinel = join(dir, "sentinel");
          await Deno.writeTextFile(sentinel, "keep");
          // Where Go keeps modules, read-only.
          const locked = join(root, "_output/local/go/pkg/mod");
          const directory = join(locked, "inner");
          await Deno.mkdir(directory, { recursive: true });
          await Deno.writeTextFile(join(directory, "file"), "");
          await Deno.symlink(dir, join(directory, "outside"));
          await Deno.symlink(sentinel, join(directory, "link"));
          await Deno.chmod(directory, 0o555);
          await Deno.chmod(locked, 0o555);
          const before = listing(root);
          assertEquals((await ok("clean", "--dry-run")).stdout, `rm -rf -- ${root}/_output\n`);
          assertEquals(listing(root), before);
          await ok("clean");
          assertEquals(await Deno.readTextFile(sentinel), "keep");
          assert(!listing(root).some((path) => path.startsWith("_output/")));
          assertEquals(await clean(), "");
        });
        assertEquals(await Deno.readTextFile(log), "");
      }),
  });
}

// 1.7 and 1.28 compile the standard library anew in every directory: tests/e2e has them.
for (const era of ["latest"] as const) {
  Deno.test({
    ...unless(missingFor(era), `kbuild demo makes a release with git and go alone: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const { path, log } = lonelyPath(dir);
        const root = join(dir, "kubernetes");
        const made = await kbuild(["demo", "--era", era, "--dir", root], {
          cwd: dir,
          // The scripts take the build cache of the user, if one is named.
          env: { PATH: path, TMPDIR: dir, ...GO_CACHE },
        });
        assertEquals([made.code, made.code === 0 ? "" : made.stderr], [0, ""]);
        const version = await output(["git", "describe"], { cwd: root });
        const kubectl = join(root, "_output/dockerized/bin", HOST, "kubectl");
        assertEquals(await output([kubectl, "--version"]), `kubectl ${version.trim()}\n`);
        const tars = listing(join(root, "_output/release-tars")).map((line) => line.split(" ")[0]);
        for (
          const name of ["kubernetes.tar.gz", `kubernetes-server-${HOST.replace("/", "-")}.tar.gz`]
        ) {
          assert(tars.includes(name), name);
          assert(made.stdout.includes(`_output/release-tars/${name} `), name);
        }
        assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
        assertEquals(await Deno.readTextFile(log), "");
      }),
  });
}

Deno.test("the fakes of these tests note their names", () =>
  inScratch(async (dir) => {
    const { path, log } = lonelyPath(dir);
    const caller = script(join(dir, "caller"), "tar x; true\n");
    await output([caller], { env: { PATH: path } });
    assertEquals(await Deno.readTextFile(log), "tar x\n");
  }));
