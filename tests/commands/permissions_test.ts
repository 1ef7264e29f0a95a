/** The program under Deno without one of its permissions: it says which, and how to give it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { CLONE, type Ended, makeSample, run } from "../e2e/_program.ts";

const CONFIG = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";
const dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "kbuild-permissions-" }));
globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));

/** What everything but fetching takes. */
const LEAST = [
  ...["--allow-env", "--allow-sys=umask", "--allow-read", "--allow-write", "--allow-run"],
];
const NOTE =
  "  -> Run kbuild with deno run -A, or with --allow-env --allow-sys=umask,hostname,uid,gid " +
  "--allow-read --allow-write --allow-run --allow-net\n";

const root = await makeSample("1.20", join(dir, "kubernetes"));

async function kbuild(
  permissions: readonly string[],
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const program = [Deno.execPath(), "run", "--no-prompt", ...permissions];
  return await run(
    [...program, "--config", join(CLONE, CONFIG), join(CLONE, "main.ts"), ...args],
    { cwd: dir, env: { KBUILD_CACHE: join(dir, "cache"), NO_COLOR: "1", ...variables } },
  );
}

/** The missing permission, a command that needs it, and what Deno calls it. */
const REFUSED = [
  ["--allow-env", ["--version"], "env access"],
  ["--allow-sys=umask", ["--version"], 'sys access to "umask"'],
  ["--allow-read", ["version", "--root", root], "read access"],
  ["--allow-read", ["kubectl", "--root", root], "read access"],
  ["--allow-run", ["version", "--root", root], 'run access to "git"'],
] as const;

for (const [missing, args, access] of REFUSED) {
  Deno.test(`kbuild ${args[0]} without ${missing} says so`, async () => {
    const { code, stderr } = await kbuild(LEAST.filter((flag) => flag !== missing), args);
    assertEquals(stderr, `kbuild: Deno does not allow ${access}\n${NOTE}`);
    assertEquals(code, 1);
  });
}

Deno.test("kbuild without --allow-write names the flag", async () => {
  const permissions = LEAST.filter((flag) => flag !== "--allow-write");
  const { code, stderr } = await kbuild(permissions, ["kubectl", "--root", root]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "write access");
  assert(!/^ +at /m.test(stderr), stderr);
});

Deno.test("kbuild without --allow-net says so at once, and tries no mirror", async () => {
  // Without a go in PATH kbuild fetches by itself.
  const { code, stderr } = await kbuild(LEAST, ["toolchain", "install", "1.21.7"], { PATH: dir });
  assertEquals(code, 1);
  const [log, ...error] = stderr.split(/(?=^kbuild: )/m);
  assertMatch(log ?? "", /^\+\+\+ .* Fetching Go 1\.21\.7 .*\n$/);
  assertMatch(error.join(""), /^kbuild: Deno does not allow net access to "[^"]+"\n/);
  assert(error.join("").endsWith(NOTE), stderr);
});

Deno.test("kbuild needs no network to build, and may read what it is given alone", async () => {
  const built = await kbuild(LEAST, ["kubectl", "--root", root]);
  assertEquals(built.code, 0, built.stderr);
  const version = await kbuild(
    LEAST.map((flag) => flag === "--allow-read" ? `--allow-read=${dir},${CLONE}` : flag),
    ["version", "--root", root],
  );
  assertEquals(version.code, 0, version.stderr);
});
