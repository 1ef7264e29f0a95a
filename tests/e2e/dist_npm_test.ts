/** The npm packages: installed without a network, run, imported; the launcher's errors and signals. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { hostDistPlatform } from "../../scripts/dist/platforms.ts";
import { binary, DIST, distScript, NO_BINARY } from "./_dist.ts";
import { npmTool } from "./_npm_tool.ts";
import {
  CLONE,
  digestsOf,
  type Ended,
  ended,
  inScratch,
  makeSample,
  missingFor,
  output,
  processesBelow,
  run,
  script,
  start,
  type StartOptions,
  unless,
  which,
} from "./_program.ts";

const NO_NPM = (which("npm") === undefined || which("node") === undefined) && "needs npm and node";
const HOST = hostDistPlatform()?.name ?? "";
/** Nothing listens there: what asks a registry fails at once. */
const NOWHERE = "http://127.0.0.1:9/";

const packed = NO_NPM
  ? []
  : (await distScript("npm_packages.ts", ["--bin", join(DIST, "bin"), "--out", join(DIST, "npm")]))
    .trim().split("\n");
const mainTarball = packed.at(-1) ?? "";
const platformTarball = packed.at(-2) ?? "";

/** A new directory below `dir` with the packages installed by npm. */
async function install(dir: string, tarballs: readonly string[], ...flags: string[]) {
  const directory = join(dir, "an app $(x)");
  await Deno.mkdir(directory);
  await Deno.writeTextFile(join(directory, "package.json"), '{"private":true}');
  const quiet = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await output(["npm", "install", ...quiet, ...flags, ...tarballs], { cwd: directory });
  return directory;
}

const launcher = (directory: string) => join(directory, "node_modules/.bin/kbuild");

Deno.test({
  ...unless(
    NO_NPM || NO_BINARY || missingFor("1.35"),
    "npm install without a network, then npx kbuild quick-release on the sample",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball, platformTarball]);
      const npx = ["npx", "--no-install", "kbuild"];
      const { version } = denoConfig;
      assertStringIncludes(
        await output([...npx, "--version"], { cwd: app }),
        `kbuild ${version} (`,
      );
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const args = ["quick-release", "WHAT=cmd/kubectl", "--json", "--root", root];
      const json = await output([...npx, ...args], { cwd: app });
      assert(Object.keys(digestsOf(json)).length > 3);
      // The same by Deno alone, for which the package holds the program as well.
      const deno = { ...await denoOnly(dir), DENO_DIR: join(dir, "deno") };
      await Deno.remove(join(app, "node_modules/@k8s", `kbuild-${HOST}`), { recursive: true });
      const again = await output([launcher(app), ...args], { cwd: app, env: deno });
      assertEquals(digestsOf(again), digestsOf(json));
    }),
});

/** A PATH with node, git, go and Deno, and nothing else. */
async function denoOnly(dir: string): Promise<{ PATH: string }> {
  const PATH = join(dir, "deno-bin");
  await Deno.mkdir(PATH);
  await Deno.symlink(Deno.execPath(), join(PATH, "deno"));
  for (const program of ["node", "git", "go"]) {
    const found = which(program);
    if (found !== undefined) await Deno.symlink(Deno.realPathSync(found), join(PATH, program));
  }
  return { PATH };
}

for (const manager of ["pnpm", "bun"] as const) {
  const tool = async () =>
    manager === "pnpm"
      ? ["node", await npmTool("pnpm@10.34.8", "node_modules/pnpm/bin/pnpm.cjs")]
      : [await npmTool("bun@1.4.5", "node_modules/@oven/bun-linux-x64/bin/bun")];
  const found = NO_NPM || NO_BINARY ? [] : await tool().catch(() => undefined);
  Deno.test({
    ...unless(
      NO_NPM || NO_BINARY || (found === undefined && `cannot install ${manager} from npm`),
      `${manager} installs the packages without a network, and kbuild runs`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const app = join(dir, "an app");
        await Deno.mkdir(app);
        await Deno.writeTextFile(join(app, "package.json"), '{"private":true}');
        const offline = manager === "pnpm" ? ["--offline", "--store-dir", join(dir, "store")] : [];
        await output(
          [...found ?? [], "add", "--ignore-scripts", ...offline, mainTarball, platformTarball],
          { cwd: app, env: { npm_config_registry: NOWHERE, BUN_CONFIG_REGISTRY: NOWHERE } },
        );
        assertMatch(await output([launcher(app), "--version"], { cwd: app }), /^kbuild \d/);
      }),
  });
}

Deno.test({
  ...unless(NO_NPM || !HOST && "needs a platform of kbuild", "the launcher says what is missing"),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball], "--omit=optional");
      const { version } = denoConfig;
      const PATH = join(dir, "bin");
      await Deno.mkdir(PATH);
      await Deno.symlink(Deno.realPathSync(which("node") ?? ""), join(PATH, "node"));
      const says = async (env: Record<string, string> = {}) => {
        const { code, stdout, stderr } = await run([launcher(app), "--version"], {
          cwd: app,
          env: { PATH, ...env },
        });
        assertEquals([code, stdout], [1, ""], stderr);
        return stderr;
      };
      const orDeno = "  -> Or install Deno, which kbuild runs under as well: npm install deno\n";
      assertEquals(
        await says(),
        `kbuild: The package "@k8s/kbuild-${HOST}", which holds the program, is not installed\n` +
          "  -> Optional packages were left out (--omit=optional, --no-optional, a lockfile of " +
          "another machine)\n" +
          `  -> Install it: npm install @k8s/kbuild-${HOST}@${version}\n${orDeno}` +
          "  -> Or name a kbuild that is there: KBUILD_BINARY=/absolute/path\n",
      );
      assertEquals(
        await says({ KBUILD_BINARY: "/nonexistent/kbuild" }),
        'kbuild: Cannot run KBUILD_BINARY="/nonexistent/kbuild": it is not an executable file\n' +
          "  -> Name one, or unset the variable\n",
      );
      const old = join(dir, "old");
      await Deno.mkdir(old);
      script(join(old, "deno"), "echo 'deno 1.46.3 (stable)'\n");
      assertEquals(
        await says({ PATH: `${PATH}:${old}` }),
        `kbuild: Cannot run under "${old}/deno": kbuild needs Deno 2.6 or later\n` +
          "  -> It says: deno 1.46.3 (stable)\n  -> Install a newer one: npm install deno\n",
      );

      const modules = join(app, "node_modules/@k8s");
      const other = HOST === "darwin-arm64" ? "linux-x64" : "darwin-arm64";
      await Deno.mkdir(join(modules, `kbuild-${other}`));
      assertEquals(
        await says(),
        `kbuild: node_modules holds kbuild for ${other}, but this machine is ${HOST}\n` +
          `  -> It was copied from another machine: remove node_modules, and install again here\n${orDeno}`,
      );
      const own = join(modules, `kbuild-${HOST}`);
      await Deno.mkdir(own);
      await Deno.writeTextFile(join(own, "package.json"), '{"version":"0.0.1"}');
      assertEquals(
        await says(),
        `kbuild: "@k8s/kbuild-${HOST}" is of version 0.0.1, but "@k8s/kbuild" of ${version}\n` +
          `  -> Install both again: npm install @k8s/kbuild@${version}\n`,
      );
    }),
});

/** Starts a release, sends a signal when it has begun, and waits. */
async function signalled(
  argv: readonly string[],
  root: string,
  send: (pid: number) => void,
  options: StartOptions = {},
): Promise<Ended> {
  const release = [...argv, "quick-release", "--root", root];
  const child = start(release, { cwd: "/", ...options, detached: true });
  const end = ended(child);
  for (let i = 0; i < 300 && processesBelow(root).length < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  send(child.pid);
  return await end;
}

Deno.test({
  ...unless(
    NO_NPM || NO_BINARY || missingFor("1.35") || (Deno.build.os !== "linux" && "needs /proc"),
    "launcher and binary alike: Ctrl-C, SIGTERM, closed stdout, exit status and signal of a child",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball, platformTarball]);
      const node = which("node") ?? "node";
      const launched = [node, join(app, "node_modules/@k8s/kbuild/bin/kbuild.js")];
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      for (const argv of [[binary().path], launched]) {
        const ctrlC = await signalled(argv, root, (pid) => Deno.kill(-pid, "SIGINT"));
        assertEquals([ctrlC.code, ctrlC.stdout], [130, ""], ctrlC.stderr);
        assertMatch(ctrlC.stderr, /(^|\n)kbuild: Stopped by Ctrl-C\n$/);
        const term = await signalled(argv, root, (pid) => Deno.kill(pid, "SIGTERM"));
        assertEquals([term.code, term.stdout], [143, ""], term.stderr);
        assertMatch(term.stderr, /(^|\n)kbuild: Stopped by SIGTERM\n$/);
        // Those that are ending have a moment.
        for (let i = 0; i < 40 && processesBelow(root).length > 0; i++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        assertEquals(processesBelow(root), []);
        const line = '{ "$@"; echo "code $?" >&2; } | head -1';
        const closed = await run(["sh", "-c", line, "sh", ...argv, "help", "all", "--root", root]);
        assertMatch(closed.stderr, /^code (0|141)\n$/);
      }
      const forward = (body: string) =>
        run([...launched, "a b", "$(x)"], {
          env: { KBUILD_BINARY: script(join(dir, "other"), body) },
        });
      assertEquals((await forward("exit 42\n")).code, 42);
      assertEquals((await forward('printf "[%s]" "$@"\n')).stdout, "[a b][$(x)]");
      assertEquals((await forward("kill -KILL $$\n")).signal, "SIGKILL");
    }),
});

/** Runs an example under Deno from source and under Node from the package; returns both outputs. */
async function example(
  app: string,
  name: string,
  args: readonly string[],
): Promise<[deno: Ended, node: Ended]> {
  const source = join(CLONE, "examples", name);
  const config = join(CLONE, Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json");
  const deno = await run([Deno.execPath(), "run", "-A", "--config", config, source, ...args]);
  const plain = join(app, name.replace(/\.ts$/, ".mjs"));
  await output([
    join(CLONE, "node_modules/.bin/esbuild"),
    ...[source, "--format=esm", `--outfile=${plain}`, "--log-level=error"],
  ]);
  return [deno, await run(["node", plain, ...args], { cwd: app })];
}

Deno.test({
  ...unless(
    NO_NPM || missingFor("1.20"),
    "the examples do the same under Deno from source and under Node.js from the npm package",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball], "--omit=optional");
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      for (const { code, stdout, stderr } of await example(app, "list_builds.ts", [root])) {
        assertEquals(code, 0, stderr);
        assertMatch(stdout, /^# 1\.15–1\.25 .*golang\.sh:\d+\nlinux\/amd64 cmd\/kubectl\n/);
      }
      const tarball = join(dir, "cmd.tar.gz");
      const [first, second] = await example(app, "package_component.ts", [
        join(root, "cmd"),
        tarball,
      ]);
      assertMatch(first.stdout, /^[0-9a-f]{64} {2}\//);
      assertEquals(second.stdout.length, first.stdout.length, second.stderr);
      const members = (await output(["tar", "tzf", tarball])).split("\n");
      assert(members.includes("cmd/kubectl/kubectl.go"), `${members}`);

      const hello = join(dir, "hello");
      await Deno.mkdir(hello);
      await Deno.writeTextFile(join(hello, "go.mod"), "module hello\n");
      await Deno.writeTextFile(
        join(hello, "main.go"),
        "package main\n\nvar version string\n\nfunc main() { print(version) }\n",
      );
      const git = ["git", "-C", hello, "-c", "user.name=t", "-c", "user.email=t@example.org"];
      for (const words of [["init", "-q"], ["add", "."], ["commit", "-qm", "one"]]) {
        await output([...git, ...words]);
      }
      await output([...git, "tag", "-a", "-m", "two", "v1.2.3"]);
      const stamp = [hello, ".", "main.version", join(dir, "hello-bin")];
      for (const { code, stdout, stderr } of await example(app, "stamp_version.ts", stamp)) {
        assertEquals([code, stdout], [0, "v1.2.3\n"], stderr);
        assertEquals((await run([join(dir, "hello-bin")])).stderr, "v1.2.3");
      }
    }),
});

Deno.test({
  ...unless(
    NO_NPM || missingFor("1.20"),
    "under Node.js a sample is made and its build planned, and nothing is put into the global scope",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball], "--omit=optional");
      await Deno.writeTextFile(
        join(app, "use.mjs"),
        `import * as kbuild from "@k8s/kbuild";
        const { checkout, golang, init, logging, sample, shell, util, version } = kbuild;
        const env = { ...process.env };
        const git = shell.createShell({ cwd: process.cwd(), env });
        await sample.createSample({ dir: "kubernetes", era: "1.20", git, env });
        const root = await checkout.findRoot("kubernetes");
        const log = logging.createLogger({ write: () => {} });
        const context = init.createContext({ root, env, log, shell: git });
        const tree = await checkout.readCheckout(root, { variables: env, hostArch: "amd64" });
        const vars = await version.getVersionVars(context);
        const { plan } = await golang.prepareBuild(context, tree, {
          matrix: [{ platform: "linux/amd64", targets: ["cmd/kubectl"] }],
          vars,
          epoch: await version.sourceDateEpoch(context, vars),
        });
        const [step] = plan.platforms[0].steps;
        console.log(vars.gitVersion, step.argv[1], step.argv.at(-1), typeof globalThis.Deno);
        console.log(util.memoryBudget().bytes > 0);
        for (const [program, cwd] of [["/nonexistent", "/"], ["git", "/nonexistent"]]) {
          await shell.createShell({ cwd, env }).run([program]).catch(({ name }) => console.log(name));
        }
        await git.run(["sh", "-c", "echo last words; exit 3"]).catch((e) => console.log(e.code, e.tail));
        console.log(await git.$\`printf %s\\\\n \${["a b", "c"]} | sort -r\`.lines());
        await git.$\`sh -c 'kill -9 $$' | cat\`.then(undefined, (e) => console.log(e.message));
        `,
      );
      assertEquals(
        await output(["node", "use.mjs"], { cwd: app }),
        "v1.20.2 install k8s.io/kubernetes/cmd/kubectl undefined\ntrue\n" +
          "CommandError\nCommandError\n3 [ 'last words' ]\n[ 'c', 'a b' ]\n" +
          '"sh" was ended by SIGKILL\n',
      );
    }),
});

Deno.test({
  ...unless(NO_NPM, "the declarations of the npm package are found and fit"),
  fn: () =>
    inScratch(async (dir) => {
      const app = await install(dir, [mainTarball], "--omit=optional");
      await Deno.writeTextFile(
        join(app, "use.ts"),
        'import { KbuildError, shell, version } from "@k8s/kbuild";\n' +
          'import { planBuild } from "@k8s/kbuild/golang";\n' +
          'const { $ } = shell.createShell({ cwd: "/", env: Deno.env.toObject() });\n' +
          'const text: string = version.semanticVersion("v1.2.0", "clean");\n' +
          "const [line = text]: readonly string[] = await $`echo ${1} ${[2, 3]}`.lines();\n" +
          "// @ts-expect-error: a number is not a tree state\n" +
          "version.semanticVersion(text, 1);\n" +
          "console.log(text, typeof planBuild, KbuildError.name, line);\n",
      );
      await Deno.writeTextFile(join(app, "deno.json"), '{"nodeModulesDir":"manual"}');
      assertEquals(
        await output([Deno.execPath(), "run", "-A", "--check", "--no-lock", "use.ts"], {
          cwd: app,
        }),
        "v1.2.0 function KbuildError 1 2 3\n",
      );
    }),
});

Deno.test({
  ...unless(
    NO_NPM || (HOST !== "linux-x64" && "needs Linux on x64"),
    "the oldest Deno that kbuild runs under checks the types of every module",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const deno = await npmTool("deno@2.6.8", "node_modules/@deno/linux-x64-glibc/deno");
      const argv = [deno, "check", "--config", join(CLONE, "deno.npm.json"), "main.ts", "mod.ts"];
      await output(argv, { cwd: CLONE, env: { DENO_DIR: join(dir, "deno") } });
    }),
});
