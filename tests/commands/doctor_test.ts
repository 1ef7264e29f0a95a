/** kbuild doctor finds each of these broken set-ups; where it names a command, that command mends it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Finding } from "../../src/doctor/mod.ts";
import {
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  run,
  script,
  type StartOptions,
  unless,
  which,
} from "../e2e/_program.ts";
import { noMount, withTmpfs } from "../e2e/_tmpfs.ts";

const needs = missingFor("1.20");

/** Runs doctor, without a network unless told otherwise. */
async function examine(
  options: StartOptions,
  args: readonly string[] = ["--offline"],
): Promise<{ code: number; find: (name: string) => Finding | undefined }> {
  const { code, stdout, stderr } = await kbuild(["doctor", "--json", ...args], options);
  const { findings } = JSON.parse(stdout) as { findings?: readonly Finding[] };
  assert(findings !== undefined, stdout + stderr);
  return { code, find: (name) => findings.find((finding) => finding.name === name) };
}

/** A directory with links to some programs, for `PATH`. */
async function pathWith(dir: string, ...programs: readonly string[]): Promise<string> {
  const bin = await Deno.makeTempDir({ dir });
  for (const program of programs) {
    const place = which(program);
    if (place !== undefined) await Deno.symlink(place, join(bin, program));
  }
  return bin;
}

Deno.test({
  ...unless(
    needs,
    "kbuild doctor finds nothing wrong with a good checkout, and works outside of one",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const inside = await kbuild(["doctor", "--offline"], { cwd: root });
      assertEquals(inside.code, 0, inside.stdout + inside.stderr);
      assertMatch(inside.stdout, /^git\n {2}ok {4}program: git version /);
      assertMatch(inside.stdout, /\n {2}ok {4}version: v1\.20\.2 \(git\)\n/);
      assertMatch(
        inside.stdout,
        /\n {2}ok {4}quick-release: \d+ tarballs and \d+ images can be made/,
      );
      assertMatch(inside.stdout, /\nNothing is in the way of a build: \d+ checks/);
      const outside = await kbuild(["doctor", "--offline"], { cwd: dir });
      assertEquals(outside.code, 0, outside.stdout + outside.stderr);
      assertMatch(outside.stdout, /\nGo\n {2}ok {4}toolchain: Go /);
      assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).includes("_output"), false);
    }),
});

Deno.test({
  ...unless(needs, "kbuild doctor finds what is wrong with git, and how to mend it"),
  fn: (t) =>
    inScratch(async (dir) => {
      const origin = await makeSample("1.20", join(dir, "origin"));
      const clone = async (...args: string[]) => {
        const root = await Deno.makeTempDir({ dir });
        await output(["git", "clone", "--quiet", ...args, `file://${origin}`, root]);
        return root;
      };
      await t.step("changes", async () => {
        const root = await clone();
        await Deno.writeTextFile(join(root, "new"), "");
        const { find } = await examine({ cwd: root });
        assertEquals(find("version")?.state, "warning");
        assertMatch(find("version")?.says ?? "", /v1\.20\.2-dirty: uncommitted changes \(new\)$/);
        const identity = { GIT_AUTHOR_NAME: "a", GIT_COMMITTER_NAME: "a" };
        const mail = { GIT_AUTHOR_EMAIL: "a@localhost", GIT_COMMITTER_EMAIL: "a@localhost" };
        const fix = find("version")?.fixes[0]?.replace(/^.*: (?=git)/, "") ?? "";
        await output(["sh", "-c", fix], { cwd: root, env: { ...identity, ...mail } });
        assertEquals((await examine({ cwd: root })).find("version")?.state, "ok");
      });
      await t.step("a shallow clone", async () => {
        await output(["git", "commit", "--allow-empty", "-qm", "later"], {
          cwd: origin,
          env: {
            ...{ GIT_AUTHOR_NAME: "a", GIT_COMMITTER_NAME: "a" },
            ...{ GIT_AUTHOR_EMAIL: "a@localhost", GIT_COMMITTER_EMAIL: "a@localhost" },
          },
        });
        const root = await clone("--depth=1");
        const { code, find } = await examine({ cwd: root });
        assertEquals([code, find("version")?.state], [1, "failure"]);
        assertEquals(find("history")?.fixes, ["git fetch --unshallow --tags"]);
        await output(["sh", "-c", find("history")?.fixes[0] ?? ""], { cwd: root });
        const after = await examine({ cwd: root });
        assertEquals([after.code, after.find("history")], [0, undefined]);
      });
      await t.step("no tags", async () => {
        const root = await clone("--no-tags");
        const { code, find } = await examine({ cwd: root });
        assertEquals([code, find("version")?.state], [1, "failure"]);
        assertMatch(find("version")?.fixes.join("\n") ?? "", /git fetch --tags/);
        // The same cause is not told twice.
        assertEquals(find("quick-release"), undefined);
        await output(["git", "fetch", "--quiet", "--tags"], { cwd: root });
        assertEquals((await examine({ cwd: root })).code, 0);
      });
      await t.step("no git", async () => {
        const PATH = await pathWith(dir, "go", "sh");
        const { code, find } = await examine({ cwd: origin, env: { PATH } });
        assertEquals([code, find("program")?.state], [1, "failure"]);
        assertMatch(find("program")?.fixes.join() ?? "", /apt-get install git/);
      });
      await t.step({
        ...unless(Deno.uid() !== 0 && "needs root", "a repository of another user"),
        fn: async () => {
          const root = await clone();
          for await (const { name } of Deno.readDir(root)) {
            if (name === ".git") await Deno.chown(join(root, name), 12345, 12345);
          }
          await Deno.chown(root, 12345, 12345);
          const home = await Deno.makeTempDir({ dir });
          const env = { HOME: home };
          const { find } = await examine({ cwd: root, env });
          assertEquals(find("version")?.state, "failure");
          const fix = /git config --global --add safe\.directory .*/
            .exec(find("version")?.fixes.join("\n") ?? "")?.[0] ?? "";
          await output(["sh", "-c", fix], { cwd: root, env });
          assertEquals((await examine({ cwd: root, env })).find("version")?.state, "ok");
        },
      });
    }),
});

Deno.test({
  ...unless(needs, "kbuild doctor finds what is wrong with Go"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const env = { KBUILD_CACHE: join(dir, "cache") };
      const cases: readonly (readonly [string, StartOptions, string[], RegExp])[] = [
        [
          "no Go, and no network",
          { env: { ...env, PATH: await pathWith(dir, "git", "sh") } },
          ["--offline"],
          /Cannot find "go" in PATH/,
        ],
        [
          "a release that does not exist here",
          { env },
          ["--offline", "--go", "1.99.0"],
          /1\.99\.0/,
        ],
        ["a path without a Go", { env }, ["--offline", "--go", join(dir, "no-go")], /no such file/],
      ];
      for (const [name, options, args, says] of cases) {
        await t.step(name, async () => {
          const { code, find } = await examine({ cwd: root, ...options }, args);
          assertEquals([code, find("toolchain")?.state], [1, "failure"]);
          assertMatch(find("toolchain")?.says ?? "", says);
          assert(find("toolchain")?.fixes.length !== 0);
        });
      }
      await t.step("a go that does not run", async () => {
        const bin = await pathWith(dir, "git", "sh");
        script(join(bin, "go"), "echo broken >&2\nexit 3\n");
        const { find } = await examine({ cwd: root, env: { ...env, PATH: bin } });
        assertEquals(find("toolchain")?.state, "failure");
      });
      await t.step("one that is to be fetched", async () => {
        const { find } = await examine({ cwd: root, env }, ["--go", "1.24.3"]);
        assertEquals(find("toolchain")?.state, "warning");
        assertEquals(find("toolchain")?.fixes, [
          "Fetch it in advance: kbuild toolchain install 1.24.3",
        ]);
      });
    }),
});

Deno.test({
  ...unless(needs, "kbuild doctor finds what is wrong with the checkout and the machine"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await t.step("few open files", async () => {
        const doctor = async (limit: number) => {
          const line = `ulimit -n ${limit}; exec "$@"`;
          const argv = kbuildArgv("doctor", "--offline", "--json");
          const { stdout } = await run(["sh", "-c", line, "sh", ...argv], { cwd: root });
          const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
          return findings.find(({ name }) => name === "open files");
        };
        const few = await doctor(256);
        assertEquals(few?.state, "warning");
        const limit = Number(/ulimit -n (\d+)/.exec(few?.fixes[0] ?? "")?.[1]);
        assertEquals((await doctor(limit))?.state, "ok");
      });
      await t.step({
        ...unless(noMount, "a full disk"),
        fn: () =>
          withTmpfs("512k", join(root, "_output"), async () => {
            const { find } = await examine({ cwd: root });
            assertEquals(find("disk")?.state, "warning");
            assertMatch(
              find("disk")?.says ?? "",
              /^5\d\d\.?\d* kB free at ".*_output"; a first release/,
            );
          }),
      });
      await t.step("a file that the release needs", async () => {
        const license = join(root, "LICENSES");
        const there = await Deno.lstat(license).then(() => true, () => false);
        await Deno.rename(join(root, there ? "LICENSES" : "README.md"), join(dir, "away"));
        const { code, find } = await examine({ cwd: root });
        assertEquals([code, find("quick-release")?.state], [1, "failure"]);
        assertMatch(find("quick-release")?.fixes.join("\n") ?? "", /--allow-missing|git/);
        await Deno.rename(join(dir, "away"), join(root, there ? "LICENSES" : "README.md"));
      });
      await t.step("programs that are asked for", async () => {
        const PATH = await pathWith(dir, "go", "git", "sh");
        const names = ["docker", "buildx", "podman", "etcd", "protoc"];
        const { code, find } = await examine({ cwd: root, env: { PATH } }, ["--offline", ...names]);
        assertEquals([code, names.map((name) => find(name)?.state)], [
          1,
          names.map(() => "failure"),
        ]);
        const bin = await pathWith(dir, "go", "git", "sh");
        script(join(bin, "docker"), "echo cannot connect >&2\nexit 1\n");
        const dead = await examine({ cwd: root, env: { PATH: bin } }, ["--offline", "docker"]);
        assertMatch(dead.find("docker")?.says ?? "", /does not answer: cannot connect$/);
        script(join(bin, "docker"), "exec sleep 600\n");
        script(join(bin, "podman"), "echo 5.0\n");
        const hanging = await examine(
          { cwd: root, env: { PATH: `${bin}:/usr/bin:/bin` } },
          ["--offline", "docker", "podman"],
        );
        assertMatch(hanging.find("docker")?.says ?? "", /nothing came within 10 s$/);
        assertEquals(hanging.find("podman")?.state, "ok");
        const wrong = await kbuild(["doctor", "podmn"], { cwd: root });
        assertEquals(wrong.code, 2);
        assertMatch(wrong.stderr, /Did you mean "podman"\?/);
      });
    }),
});

Deno.test({
  ...unless(needs, "kbuild doctor asks proxies and registries"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const tags = new Set(["/v2/a/build-image/go-runner/manifests/"]);
      await using server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        (request) => {
          const { pathname } = new URL(request.url);
          if (pathname === "/v2/") return new Response();
          if (![...tags].some((start) => pathname.startsWith(start))) {
            return new Response("", { status: 404 });
          }
          const digest = `sha256:${"0".repeat(64)}`;
          return new Response(null, { headers: { "docker-content-digest": digest } });
        },
      );
      const registry = `127.0.0.1:${server.addr.port}`;
      const rules = `k8s.gcr.io=http://${registry}/a docker.io=http://${registry}/b`;
      await t.step("a mirror that lacks images", async () => {
        const { code, find } = await examine({
          cwd: root,
          env: { KBUILD_BASES: "registry", KBUILD_MIRRORS: rules },
        }, []);
        const [there, lacking] = ["go-runner:buster-v2.2.2", "debian-iptables:buster-v1.3.0"]
          .map((name) => find(`k8s.gcr.io/build-image/${name}`));
        assertEquals([code, there?.state, lacking?.state], [1, "ok", "failure"]);
        assertMatch(lacking?.says ?? "", /does not have this tag/);
        assertMatch(lacking?.fixes.join("\n") ?? "", /--mirror PREFIX=WHERE/);
      });
      await t.step("a dead proxy", async () => {
        const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = closed.addr;
        closed.close();
        const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
        const { code, find } = await examine({ cwd: root, env });
        assertEquals([code, find("https proxy")?.state], [1, "failure"]);
        assertMatch(find("https proxy")?.fixes[0] ?? "", /unset HTTPS_PROXY$/);
        const { HTTPS_PROXY: _proxy, ...without } = env;
        assertEquals((await examine({ cwd: root, env: without })).find("https proxy"), undefined);
        const wrong = await examine({ cwd: root, env: { HTTP_PROXY: "ftp://x" } });
        assertMatch(wrong.find("HTTP_PROXY")?.says ?? "", /not the address of a proxy/);
        const alive = { HTTPS_PROXY: `http://${registry}` };
        assertEquals((await examine({ cwd: root, env: alive })).find("https proxy")?.state, "ok");
      });
    }),
});
