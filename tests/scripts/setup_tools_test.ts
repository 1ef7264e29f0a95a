/** Bringing git and Go where they are missing: packages, and Go from servers on this machine. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { findProgram } from "../../src/lib/util.ts";
import { unless } from "../e2e/_program.ts";
import { makeProxy } from "../toolchain/_proxy.ts";
import { ARCHIVE, archiveOf, HOST, mirror, RELEASE, withServer } from "../toolchain/_world.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";
const git = await findProgram("git", Deno.env.get("PATH"));
const NAME = ARCHIVE.replace(".tar.gz", "");
const good = await archiveOf();

/** What a run printed. */
interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A machine with an empty PATH, but for what a test puts there. */
interface Machine {
  readonly cache: string;
  /** Puts a program into PATH: a script, or a link to a real program. */
  put(name: string, body: string): Promise<void>;
  /** Names in the cache of Go. */
  kept(): string[];
  run(env?: Record<string, string>): Promise<Ran>;
}

async function onMachine(body: (machine: Machine) => Promise<void>): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-setup-" }));
  const bin = join(directory, "bin");
  const cache = join(directory, "ca che");
  await Deno.mkdir(bin);
  try {
    await body({
      cache,
      async put(name, body) {
        const path = join(bin, name);
        if (body.startsWith("/")) return await Deno.symlink(body, path);
        await Deno.writeTextFile(path, `#!/bin/sh\nbin='${bin}'\n${body}`);
        await Deno.chmod(path, 0o755);
      },
      kept() {
        try {
          return [...Deno.readDirSync(join(cache, "kbuild/go"))].map(({ name }) => name)
            .filter((name) => name.startsWith("go") || name.startsWith(".kbuild-tmp"));
        } catch {
          return [];
        }
      },
      async run(env = {}) {
        const command = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--config", join(root, config), join(root, "scripts/setup_tools.ts")],
          clearEnv: true,
          env: {
            PATH: bin,
            HOME: directory,
            DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache/deno"),
            XDG_CACHE_HOME: cache,
            KBUILD_GO_VERSION: RELEASE,
            // Nothing but this machine can be reached.
            HTTPS_PROXY: "http://127.0.0.1:9",
            ...env,
          },
        });
        const { code, stdout, stderr } = await command.output();
        const text = new TextDecoder();
        return { code, out: text.decode(stdout), err: text.decode(stderr) };
      },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const noGit = git === undefined && "needs git";
const isRoot = Deno.uid() === 0;

Deno.test({
  ...unless(noGit, "setup_tools fetches Go as a module, and finds it again without the network"),
  fn: () =>
    onMachine(async ({ cache, put, run }) => {
      await put("git", git ?? "");
      const proxy = makeProxy();
      await withServer(proxy.respond, async (server) => {
        const first = await run(proxy.env(server.url));
        assertEquals([first.code, first.code === 0 ? "" : first.err], [0, ""]);
        const bin = join(cache, "kbuild/go", NAME, "go/bin");
        assertEquals(first.out, `${bin}\n`);
        assertStringIncludes(first.err, `Fetching Go ${RELEASE} (Go is missing): golang.org/tool`);
        const { stdout } = await new Deno.Command(join(bin, "go"), { args: ["version"] }).output();
        assertEquals(new TextDecoder().decode(stdout), `go version go${RELEASE} ${HOST}\n`);
        const asked = server.requests.length;
        assertEquals(await run(), { code: 0, out: first.out, err: "" });
        assertEquals(server.requests.length, asked);
      });
    }),
});

Deno.test({
  ...unless(noGit, "setup_tools takes an archive of the mirror that is named, and checks it"),
  fn: () =>
    onMachine(async ({ kept, put, run }) => {
      await put("git", git ?? "");
      await withServer(mirror(good), async ({ url }) => {
        const KBUILD_GO_MIRROR = `${url}/go`;
        const wrong = await run({ KBUILD_GO_MIRROR, KBUILD_GO_SHA256: "f".repeat(64) });
        assertEquals([wrong.code, wrong.out, kept()], [1, "", []]);
        assertStringIncludes(wrong.err, `its SHA-256 is ${good.sha256}, not ${"f".repeat(64)}`);
        const { code, err } = await run({ KBUILD_GO_MIRROR });
        assertEquals([code, code === 0 ? kept() : err], [0, [NAME]]);
        assertStringIncludes(err, "WARNING: The digest of Go will come from the same mirror");
      });
    }),
});

Deno.test({
  ...unless(noGit, "setup_tools says why Go cannot be fetched, and what else there is"),
  fn: () =>
    onMachine(async ({ kept, put, run }) => {
      await put("git", git ?? "");
      const closed = "http://127.0.0.1:9";
      await put("apt-get", "exit 100\n");
      const { code, out, err } = await run({ GOPROXY: closed, GOSUMDB: "sum.golang.org" });
      assertEquals([code, out, kept()], [1, "", []]);
      assertStringIncludes(err, `Cannot get Go ${RELEASE}, neither as a module nor as an archive`);
      assertStringIncludes(err, "onnection refused");
      assertStringIncludes(err, "KBUILD_GO_MIRROR=");
      assertStringIncludes(err, "  -> Or as root: apt-get install golang-go\n");
      assert(!err.includes("fetch failed"), err);
    }),
});

Deno.test("setup_tools cannot do without git", () =>
  onMachine(async ({ put, run }) => {
    const without = await run();
    assertEquals([without.code, without.out], [1, ""]);
    assertStringIncludes(without.err, 'kbuild: Cannot find "git" in PATH\n');
    assertStringIncludes(
      without.err,
      "  -> Install git with your system's packages; then run this",
    );
    await put("apt-get", "exit 100\n");
    const debian = await run();
    assertStringIncludes(debian.err, "  -> As root: apt-get install git golang-go; then run this");
    assertEquals(debian.err.includes("installing git"), isRoot);
  }));

Deno.test({
  ...unless(!isRoot && "needs root", "setup_tools installs Debian's packages as root"),
  fn: () =>
    onMachine(async ({ put, run }) => {
      await put(
        "apt-get",
        'case "$*" in\nupdate*) exit 0 ;;\n' +
          'install*"git golang-go") for each in git go; do\n' +
          'printf "#!/bin/sh\\n" >"$bin/$each"; /bin/chmod 755 "$bin/$each"; done ;;\nesac\n',
      );
      assertEquals(await run(), {
        code: 0,
        out: "",
        err: "kbuild: installing git and golang-go with apt-get\n",
      });
      assertEquals(await run(), { code: 0, out: "", err: "" });
    }),
});

Deno.test({
  ...unless(noGit || !isRoot && "needs root", "setup_tools fetches Go where packages bring none"),
  fn: async () => {
    const proxy = makeProxy();
    const table: [string, string][] = [
      ["exit 0\n", ""],
      ["echo E: no such package >&2\nexit 100\n", "kbuild:   E: no such package\n"],
    ];
    for (const [body, words] of table) {
      await onMachine(({ kept, put, run }) =>
        withServer(proxy.respond, async (server) => {
          await put("git", git ?? "");
          await put("apt-get", body);
          const { code, err } = await run(proxy.env(server.url));
          assertEquals([code, code === 0 ? kept() : err], [0, [NAME]]);
          assertStringIncludes(err, "kbuild: installing golang-go with apt-get\n");
          assertStringIncludes(err, words);
        })
      );
    }
  },
});
