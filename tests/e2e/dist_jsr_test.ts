/** kbuild from JSR: what `deno publish` says, the program, the modules. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { cloneFiles, publishedFiles, serveJsr, STD_ORIGINALS } from "./_jsr.ts";
import { ifPresent } from "../../src/files/mod.ts";
import {
  CERTIFICATES,
  CLONE,
  digestsOf,
  inScratch,
  makeSample,
  missingFor,
  output,
  run,
  unless,
} from "./_program.ts";

const DENO = Deno.execPath();

/** Where the libraries come from npm, the registry can serve stand-ins for them. */
const NEEDS_NPM = !exists(join(CLONE, "node_modules/dax")) && "needs node_modules (npm ci)";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Copies files of the clone, so that nothing that is not in git can help. */
async function copyOf(files: readonly string[], to: string): Promise<string> {
  for (const path of files) {
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(CLONE, path), join(to, path));
  }
  return to;
}

Deno.test({
  ...unless(NEEDS_NPM, "deno task demo and test work in a fresh clone"),
  fn: () =>
    inScratch(async (dir) => {
      await using registry = await serveJsr();
      const clone = await copyOf(await cloneFiles(), join(dir, "clone"));
      // Its digests are those of the true registry.
      await ifPresent(Deno.remove(join(clone, "deno.lock")));
      const env = {
        ...CERTIFICATES,
        ...{ JSR_URL: registry.url, DENO_DIR: join(dir, "deno"), NO_COLOR: "1" },
      };
      const task = (...args: string[]) => output([DENO, "task", ...args], { cwd: clone, env });
      assertMatch(await task("test", "tests/lib/nearest_test.ts"), /ok \| \d+ passed \| 0 failed/);
      const released = await task("demo", "--dir", join(dir, "sample"), "--json");
      assertMatch(released, /"path": "\S+kubernetes-server-linux-\w+\.tar\.gz"/);
      // Types are those of the originals where a checkout of them is given.
      if (STD_ORIGINALS !== undefined) await task("check");
    }),
});

Deno.test({
  ...unless(NEEDS_NPM, "packages are made from deno.json and deno.lock, and from nothing else"),
  fn: () =>
    inScratch(async (dir) => {
      await using registry = await serveJsr();
      const clone = await copyOf(await cloneFiles(), join(dir, "clone"));
      await ifPresent(Deno.remove(join(clone, "deno.lock")));
      // esbuild, which npm ci brings.
      await Deno.symlink(join(CLONE, "node_modules"), join(clone, "node_modules"));
      const env = {
        ...CERTIFICATES,
        ...{ JSR_URL: registry.url, DENO_DIR: join(dir, "deno"), NO_COLOR: "1" },
      };
      await output([DENO, "task", "lock"], { cwd: clone, env });
      const lock = await Deno.readTextFile(join(clone, "deno.lock"));
      assertMatch(lock, /"@std\/path@[\d.]+": \{\s+"integrity": "[0-9a-f]{64}"/);

      // As the workflow starts it, for the sake of a stdout that holds nothing else.
      const pack = () =>
        run([DENO, "run", "-A", "scripts/npm_packages.ts", "deno.json"], { cwd: clone, env });
      const packed = await pack();
      assertEquals(packed.code, 0, packed.stderr);
      // What the workflow publishes is read from here.
      const tarballs = packed.stdout.trim().split("\n");
      assertEquals(tarballs.map((path) => /\/k8s-kbuild-[\d.]+\.tgz$/.test(path)), [true]);
      const members = await output(["tar", "tzf", tarballs[0] ?? ""]);
      assert(members.includes("package/THIRD_PARTY_NOTICES\n"), members);
      assertEquals(await Deno.readTextFile(join(clone, "deno.lock")), lock);

      // Another library than the lock's is refused.
      const wrong = lock.replace(
        /("@std\/path@[\d.]+": \{\s+"integrity": ")[0-9a-f]{8}/,
        "$100000000",
      );
      await Deno.writeTextFile(join(clone, "deno.lock"), wrong);
      await Deno.remove(join(dir, "deno"), { recursive: true });
      const refused = await pack();
      assert(refused.code !== 0);
      assertMatch(refused.stderr + refused.stdout, /[Ii]ntegrity check failed/);
    }),
});

Deno.test({
  ...unless(NEEDS_NPM, "deno publish --dry-run passes, without slow types"),
  fn: () =>
    inScratch(async (dir) => {
      await using registry = await serveJsr();
      const env = { JSR_URL: registry.url, DENO_DIR: join(dir, "deno"), NO_COLOR: "1" };
      const copy = await copyOf(await publishedFiles(), join(dir, "package"));
      const { code, stderr } = await run([DENO, "publish", "--dry-run", "--allow-dirty"], {
        cwd: copy,
        env,
      });
      assertEquals(code, 0, stderr);
      assert(!/warning\[|error\[|slow types? (was|were) found/.test(stderr), stderr);
      assertMatch(stderr, /Simulating publish of @k8s\/kbuild@\d+\.\d+\.\d+/);
      const files = [...stderr.matchAll(/^ +file:\/\/\S+\/(\S+) \(/gm)].map(([, path]) => path);
      assert(files.includes("mod.ts") || /mod\.ts/.test(stderr), stderr);
      assert(!/tests\/|scripts\/|node_modules|npm\//.test(stderr), stderr);
    }),
});

Deno.test({
  ...unless(
    NEEDS_NPM || missingFor("1.35"),
    "deno run -A jsr:@k8s/kbuild runs the program, and its modules can be imported",
  ),
  fn: () =>
    inScratch(async (dir) => {
      await using registry = await serveJsr();
      const env = { JSR_URL: registry.url, DENO_DIR: join(dir, "deno"), NO_COLOR: "1" };
      const kbuild = [DENO, "run", "-A", "--no-lock", "jsr:@k8s/kbuild"];
      const requests = async (specifier: string, cache: string): Promise<number> => {
        const before = registry.asked.length;
        const argv = [DENO, "run", "-A", "--no-lock", specifier, "--version"];
        const version = await output(argv, { cwd: dir, env: { ...env, DENO_DIR: cache } });
        assertMatch(version, /^kbuild \d+\.\d+\.\d+\n$/);
        return registry.asked.length - before;
      };
      const whole = await requests("jsr:@k8s/kbuild", env.DENO_DIR);
      const program = await requests("jsr:@k8s/kbuild/cli", join(dir, "deno of cli"));
      assert(program <= whole, `./cli made ${program} requests, the whole package ${whole}`);
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const json = await output([...kbuild, "quick-release", "WHAT=cmd/kubectl", "--json"], {
        cwd: root,
        env,
      });
      assert(Object.keys(digestsOf(json)).length > 3);

      await Deno.writeTextFile(
        join(dir, "use.ts"),
        'import * as golang from "jsr:@k8s/kbuild/golang";\n' +
          'import { util } from "jsr:@k8s/kbuild";\n' +
          'import { semanticVersion } from "jsr:@k8s/kbuild/version";\n' +
          'const text: string = semanticVersion("v1.2.0-5-g0123456789abcd", "clean");\n' +
          "console.log(typeof golang.buildBinaries, util.hostPlatform().split('/').length, text);\n",
      );
      assertEquals(
        await output([DENO, "run", "-A", "--check=all", "--no-lock", "use.ts"], { cwd: dir, env }),
        "function 2 v1.2.0-5+0123456789abcd\n",
      );
      assert(registry.asked.includes("/@k8s/kbuild/meta.json"));
    }),
});
