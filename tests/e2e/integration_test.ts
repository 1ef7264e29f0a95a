/** `kbuild test-integration` with a real etcd, which is gone however the tests end. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import { addIntegrationTests, NO_ETCD } from "./_etcd.ts";
import {
  ENV,
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  processesBelow,
  run,
  script,
  start,
  unless,
} from "./_program.ts";

/** Names of programs that run with a directory in their command line. */
function programsBelow(dir: string): string[] {
  return processesBelow(dir).map(({ command }) => command.split(" ")[0]!.replace(/.*\//, ""));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !condition(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(condition());
}

Deno.test({
  ...unless(NO_ETCD ?? missingFor("1.20"), "kbuild test-integration starts etcd, and ends it"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes it's $(x)"));
      await addIntegrationTests(root);
      const home = join(root, "_output/local/.kbuild/etcd");
      const gone = () => {
        assertEquals(programsBelow(root), []);
        assertEquals([...Deno.readDirSync(home)], []);
      };
      const env = { ETCD_VERSION: "3.0.0" };

      await t.step("tests pass, beside another etcd's port; the log is kept", async () => {
        const artifacts = join(dir, "artifacts");
        const { code, stdout, stderr } = await kbuild(["test-integration"], {
          cwd: root,
          env: { ...env, ARTIFACTS: artifacts, ETCD_LOGLEVEL: "info" },
        });
        assertEquals(code, 0, stderr);
        assertMatch(stderr, /Started etcd 3\.\d+\.\d+ at http:\/\/127\.0\.0\.1:\d+\n/);
        assertStringIncludes(stdout, "Packages: 1 passed; tests: 2 passed");
        const names = [...Deno.readDirSync(artifacts)].map(({ name }) => name).sort();
        assertMatch(names.join(" "), /^etcd\.\d+\.log junit_\S+\.xml$/);
        const log = await Deno.readTextFile(join(artifacts, names[0]!));
        assertStringIncludes(log, "ready to serve client requests");
        gone();
      });

      await t.step("a failure ends etcd, too, and is not one of kbuild test", async () => {
        const args = ["test-integration", "test/integration/etcd", "--run", "TestFails"];
        const { code, stdout } = await kbuild(args, {
          cwd: root,
          env: { ...env, KBUILD_FAIL: "y" },
        });
        assertEquals(code, 1);
        assertStringIncludes(
          stdout,
          "again: kbuild test-integration test/integration/etcd --run '^TestFails$'",
        );
        gone();
        const unit = await kbuild(["test", "--rerun-failed"], { cwd: root });
        assertStringIncludes(unit.stderr, "Nothing to test: nothing failed");
        const again = await kbuild(["test-integration", "--rerun-failed"], { cwd: root, env });
        assertStringIncludes(again.stdout, "Packages: 1 passed; tests: 1 passed");
      });

      await t.step("Ctrl-C ends etcd; after a kill the next run does", async () => {
        const slow = { ...env, KBUILD_FAIL: "sleep", ETCD_LOGLEVEL: "error" };
        for (const signal of ["SIGINT", "SIGKILL"] as const) {
          const child = start(kbuildArgv("test-integration"), { cwd: root, env: slow });
          await until(() => programsBelow(root).includes("etcd.test"));
          child.kill(signal);
          await child.output();
          if (signal === "SIGINT") gone();
        }
        const left = programsBelow(root);
        const { code, stderr } = await kbuild(["test-integration"], { cwd: root, env });
        assertEquals(code, 0, stderr);
        assertEquals(left.includes("etcd"), stderr.includes("which a killed run left"), stderr);
        for (const { pid, command } of processesBelow(root)) {
          // The tests of the killed run have nothing to do with etcd.
          assert(!command.includes("--data-dir"), command);
          Deno.kill(pid, "SIGKILL");
        }
        await until(() => programsBelow(root).length === 0);
        gone();
      });

      await t.step("etcd that ends while tests run is an error", async () => {
        const slow = { ...env, KBUILD_FAIL: "sleep", KUBE_TIMEOUT: "-timeout=2s" };
        const child = start(kbuildArgv("test-integration"), { cwd: root, env: slow });
        await until(() => programsBelow(root).includes("etcd.test"));
        for (const { pid, command } of processesBelow(root)) {
          if (command.includes("--data-dir=")) Deno.kill(pid, "SIGKILL");
        }
        const { code, stderr } = await child.output();
        assertEquals(code, 1);
        assertMatch(new TextDecoder().decode(stderr), /^kbuild: .*etcd was ended by SIGKILL/m);
      });

      await t.step("third_party/etcd where PATH's is too old, else an error", async () => {
        const bin = join(dir, "bin");
        await Deno.mkdir(bin);
        script(join(bin, "etcd"), 'echo "etcd Version: 2.3.7"\n');
        const old = {
          ...{ ETCD_VERSION: "3.0.0", PATH: `${bin}:${ENV["PATH"]}` },
          KBUILD_OFFLINE: "y",
        };
        const none = await kbuild(["test-integration"], { cwd: root, env: old });
        assertEquals(none.code, 1);
        assertStringIncludes(none.stderr, "etcd: the checkout wants 3.0.0 or later, ");
        assertStringIncludes(none.stderr, "Fetch it, with a network: kbuild toolchain etcd 3.0.0");
        const third = join(root, "third_party/etcd");
        await Deno.mkdir(third, { recursive: true });
        const found = (ENV["PATH"] ?? "").split(":").map((path) => join(path, "etcd"))
          .find((path) => ifThere(path));
        await Deno.symlink(found!, join(third, "etcd"));
        const { code, stderr } = await kbuild(["test-integration"], { cwd: root, env: old });
        assertEquals(code, 0, stderr);
        await Deno.remove(third, { recursive: true });
      });

      await t.step("etcd of the checkout's version is fetched through a mirror", async () => {
        const found = (ENV["PATH"] ?? "").split(":").map((path) => join(path, "etcd"))
          .find((path) => ifThere(path))!;
        const { stdout: says } = await run([found, "--version"]);
        const version = /etcd Version: (\S+)/.exec(says)![1]!;
        const name = `etcd-v${version}-${hostPlatform().replace("/", "-")}`;
        await Deno.mkdir(join(dir, name));
        for (const program of ["etcd", "etcdctl"]) {
          await Deno.copyFile(found, join(dir, name, program));
        }
        const archive = `${name}.tar.gz`;
        await output(["tar", "-czf", archive, name], { cwd: dir });
        const bytes = await Deno.readFile(join(dir, archive));
        const sums = await output(["sha256sum", archive], { cwd: dir });
        const paths: string[] = [];
        const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
          const path = new URL(request.url).pathname;
          paths.push(path);
          if (path.endsWith("/SHA256SUMS")) return new Response(sums);
          return new Response(bytes, { status: path.endsWith(`/${archive}`) ? 200 : 404 });
        });
        try {
          const only = {
            ...{ ETCD_VERSION: version, PATH: `${join(dir, "bin")}:${ENV["PATH"]}` },
            KBUILD_MIRRORS: `github.com/etcd-io/etcd=http://127.0.0.1:${server.addr.port}`,
            ...{ KBUILD_CACHE: join(dir, "ca che"), ETCD_LOGLEVEL: "error" },
          };
          // The one package is in the other part.
          const nothing = ["test-integration", "--shard", "2/2"];
          const empty = await kbuild(["plan", "--network", ...nothing], { cwd: root, env: only });
          assertEquals([empty.code, empty.stdout.includes(archive)], [0, false], empty.stdout);
          assertEquals((await kbuild(nothing, { cwd: root, env: only })).code, 0);
          assertEquals(paths, []);
          const planned = await kbuild(["plan", "--network", "test-integration"], {
            cwd: root,
            env: only,
          });
          assertStringIncludes(planned.stdout, `/download/v${version}/${archive}  (then; mirror `);
          const { code, stderr } = await kbuild(["test-integration"], { cwd: root, env: only });
          assertEquals(code, 0, stderr);
          assertStringIncludes(stderr, `Started etcd ${version} at`);
          assertEquals(paths.at(-1), `/releases/download/v${version}/${archive}`);
          const before = paths.length;
          const shown = await kbuild(["toolchain", "etcd", "--offline"], { cwd: root, env: only });
          assertEquals(shown.stdout, `${join(dir, "ca che/etcd", name)}\n`);
          assertEquals(paths.length, before);
        } finally {
          await server.shutdown();
        }
      });
    }),
});

function ifThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
