/** Go as a module: from servers on this machine, honest and other ones. Go itself is held against them. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  compareGoVersions,
  installRelease,
  listCached,
  originOf,
  parseGoVersion,
  provideGo,
  removeRelease,
} from "../../src/toolchain/mod.ts";
import { makeProxy, type ProxyOptions, VERSION } from "./_proxy.ts";
import {
  ARCHIVE,
  archiveOf,
  goScript,
  HOST,
  inWorld,
  mirror,
  putGo,
  RELEASE,
  type Server,
  withServer,
  type World,
} from "./_world.ts";

const NAME = ARCHIVE.replace(".tar.gz", "");
const MODULE = `golang.org/toolchain@${VERSION}`;
const QUICK = { retryPolicy: { backoffMs: 10 } };

/** Every Go on this machine that can fetch others: in PATH, and where Debian puts several. */
function starters(): { path: string; version: string }[] {
  const found: { path: string; version: string }[] = [];
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  try {
    for (const { name } of Deno.readDirSync("/usr/lib")) {
      if (/^go-1\.\d+$/.test(name)) directories.push(`/usr/lib/${name}/bin`);
    }
  } catch {
    // No such directory: another system.
  }
  for (const directory of directories) {
    try {
      const path = Deno.realPathSync(join(directory, "go"));
      const { stdout } = new Deno.Command(path, {
        args: ["version"],
        env: { GOTOOLCHAIN: "local" },
      }).outputSync();
      const version = parseGoVersion(new TextDecoder().decode(stdout))?.version ?? "";
      if (version === "" || compareGoVersions(version, "1.13") < 0) continue;
      if (!found.some((other) => other.path === path)) found.push({ path, version });
    } catch {
      // None here.
    }
  }
  return found;
}

const all = starters();

/** Installing from a proxy; the world, the server and the environment are the test's. */
async function withProxy(
  options: ProxyOptions,
  body: (about: {
    world: World;
    server: Server;
    env: Record<string, string>;
  }) => Promise<void>,
): Promise<void> {
  const proxy = makeProxy(options);
  await inWorld((world) =>
    withServer(
      proxy.respond,
      (server) => body({ world, server, env: proxy.env(server.url) }),
    )
  );
}

Deno.test("installRelease() fetches a release as a module, without any Go, and checks it", () =>
  withProxy({}, async ({ world, server, env }) => {
    // What leaves modules unchecked does not apply to Go itself.
    const more = { GONOSUMDB: "*", GOPRIVATE: "*", GONOPROXY: "*", GOFLAGS: "-mod=vendor" };
    const go = await installRelease(world.context({ ...env, ...more }), RELEASE);
    assertEquals([go.version, world.kept()], [RELEASE, [NAME]]);
    const [cached] = await listCached(world.cache);
    const goroot = cached?.goroot ?? "";
    assertEquals(await Deno.readTextFile(join(goroot, "bin/go")), goScript());
    assertEquals(await Deno.readTextFile(join(goroot, "src/go.mod")), "module std\n");
    const tool = join("pkg/tool", HOST.replace("/", "_"), "compile");
    const programs = ["bin/gofmt", "lib/wasm/go_js_wasm_exec", tool];
    for (const name of [...programs, "src/go.mod"]) {
      const { mode, mtime } = await Deno.stat(join(goroot, name));
      const expected = programs.includes(name) ? 0o755 : 0o644;
      assertEquals([name, (mode ?? 0) & 0o777, mtime?.getUTCFullYear()], [name, expected, 1980]);
    }
    const { from, sum, digestFrom } = await originOf(cached!) ?? {};
    assertEquals([from, digestFrom], [`${MODULE} (GOPROXY)`, "checksum-database"]);
    assertMatch(sum ?? "", /^h1:.{44}$/);
    assertEquals([...Deno.readDirSync(world.dir)].map((entry) => entry.name).sort(), [
      "bin",
      "ca che",
    ]);
    assert(!world.log.join("").includes("WARNING"), world.log.join(""));

    const asked = server.requests.length;
    const pin = { value: RELEASE, source: ".go-version:1" };
    const needs = { minimumGo: pin, pinnedGo: pin, pinnedGoExact: true };
    const offline = world.context({ KBUILD_OFFLINE: "1", GOPROXY: server.url });
    assertEquals(await provideGo(offline, needs), go);
    assertEquals(server.requests.length, asked);
  }));

Deno.test("installRelease() asks each proxy in turn, and the database through them", async () => {
  const forged = makeProxy({ forged: true, half: true });
  await withProxy({}, async ({ world, server, env }) => {
    const key = env["GOSUMDB"]!.split(" ")[0]!;
    await withServer(forged.respond, async (bad) => {
      // Either separator; the database is reached through the proxies alone.
      for (const separator of [",", "|"]) {
        const proxies = ["http://127.0.0.1:2", bad.url, server.url, "off", "http://never.invalid"];
        const context = world.context({
          ...env,
          GOPROXY: proxies.join(separator),
          GOSUMDB: key,
        });
        await installRelease(context, RELEASE, QUICK);
        const said = world.log.splice(0).join("");
        assertStringIncludes(said, `from "127.0.0.1:2": `);
        assertStringIncludes(said, `${bad.url}/golang.org/toolchain/@v/${VERSION}.zip`);
        assert(!said.includes("never.invalid"), said);
        await removeRelease(context, RELEASE);
      }
    });
  });
});

Deno.test("installRelease() takes the mirrors of go-modules instead of GOPROXY", () =>
  withProxy({}, async ({ world, server, env }) => {
    const context = world.context({
      ...env,
      GOPROXY: "http://127.0.0.1:2",
      KBUILD_MIRRORS: `go-modules=http://127.0.0.1:2,${server.url}`,
    });
    assertEquals((await installRelease(context, RELEASE, QUICK)).version, RELEASE);
  }));

Deno.test("installRelease() logs in to a proxy as Go does: in the URL, NETRC, .netrc", async () => {
  const authorization = `Basic ${btoa("gopher:p:w%")}`;
  await withProxy({ authorization }, async ({ world, server, env }) => {
    // Through the proxy, since the credentials are the proxy's.
    const base = { ...env, GOSUMDB: env["GOSUMDB"]!.split(" ")[0]! };
    const netrc = "machine other.test\n\tlogin a\n\tpassword b\n" +
      "macdef init\nmachine 127.0.0.1 login macro password x\n\n" +
      `machine ${new URL(server.url).hostname} login gopher password p:w%\n`;
    const elsewhere = join(world.dir, "credentials");
    const tries: [Record<string, string>, string | undefined][] = [
      [{ GOPROXY: server.url.replace("://", "://gopher:p%3Aw%25@") }, undefined],
      [{ NETRC: elsewhere }, elsewhere],
      [{}, join(world.dir, ".netrc")],
    ];
    for (const [more, file] of tries) {
      if (file !== undefined) await Deno.writeTextFile(file, netrc);
      const context = world.context({ ...base, ...more });
      await installRelease(context, RELEASE, QUICK);
      const said = world.log.splice(0).join("") + JSON.stringify(await listCached(world.cache));
      assert(!/gopher|p:w|WARNING/.test(said), said);
      await removeRelease(context, RELEASE);
      if (file !== undefined) await Deno.remove(file);
    }
    const nobody = world.context(base);
    const error = await assertRejects(() => installRelease(nobody, RELEASE, QUICK), KbuildError);
    assertStringIncludes(error.notes.join("\n"), "401");
  });
});

/** A byte of a page changed, at some place. */
const flip = (text: string, at: number) =>
  text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);

/** What is wrong, and words of the reason. Go refuses the same. */
const FAULTS: [string, ProxyOptions, string][] = [
  ["a forged file", { forged: true }, "its hash is h1:"],
  ["half of a zip", { half: true }, "its end is missing"],
  [
    "a forged file whose hash is in the answer",
    {
      forged: true,
      tamper: (page, text) => page === "lookup" ? text.replace(/h1:./, "h1:x") : text,
    },
    "its record is not in the signed tree",
  ],
  [
    "a tree that is not the signed one",
    { tamper: (page, text) => page === "tree" ? text.replace("\n700\n", "\n701\n") : text },
    'it is not signed by "kbuild.test"',
  ],
  [
    "no signature",
    { tamper: (page, text) => page === "tree" ? text.replace(/\u2014.*\n/, "") : text },
    'it is not signed by "kbuild.test"',
  ],
  [
    "a record beyond the tree",
    { tamper: (page, text) => page === "lookup" ? text.replace(/^350/, "700") : text },
    "its record is not in the signed tree",
  ],
  [
    "the number of another record",
    { tamper: (page, text) => page === "lookup" ? text.replace(/^350/, "351") : text },
    "its record is not in the signed tree",
  ],
  [
    "a changed tile",
    { tamper: (page, text) => page === "tile/8/0/001" ? flip(text, 32 * 95) : text },
    "its record is not in the signed tree",
  ],
  [
    "a changed tile of the second level",
    { tamper: (page, text) => page.startsWith("tile/8/1/") ? flip(text, 3) : text },
    "its record is not in the signed tree",
  ],
  [
    "a tile cut short",
    { tamper: (page, text) => page.startsWith("tile/") ? text.slice(32) : text },
    "bytes, not",
  ],
  [
    "a log-in page",
    { tamper: (page) => page === "lookup" ? "<html>Please log in</html>" : "" },
    "it is not the answer of a checksum database",
  ],
];

Deno.test("installRelease() keeps nothing of what the checksum database does not vouch for", async () => {
  for (const [what, options, words] of FAULTS) {
    await withProxy(options, async ({ world, env }) => {
      const error = await assertRejects(
        () => installRelease(world.context(env), RELEASE, QUICK),
        KbuildError,
        `Cannot get Go ${RELEASE}, neither as a module nor as an archive`,
        what,
      );
      assertStringIncludes(error.notes.join("\n"), words, what);
      assertEquals([what, world.kept()], [what, []]);
    });
  }
  const other = { GOSUMDB: `${makeProxy().env("")["GOSUMDB"]!.split(" ")[0]}` };
  await withProxy({}, async ({ world, server, env }) => {
    const context = world.context({ ...env, GOSUMDB: `${other.GOSUMDB} ${server.url}/sums` });
    const error = await assertRejects(() => installRelease(context, RELEASE, QUICK), KbuildError);
    assertStringIncludes(error.notes.join("\n"), 'it is not signed by "kbuild.test"');
  });
});

Deno.test({
  name: `go itself takes the sound proxy, and refuses the others${
    all.length === 0 ? " (skipped: needs go 1.13 or later)" : ""
  }`,
  ignore: all.length === 0,
  async fn() {
    const { path } = all[0]!;
    for (const [what, options] of [["nothing", {}] as const, ...FAULTS]) {
      await withProxy(options, async ({ world, server, env }) => {
        const { success } = await new Deno.Command(path, {
          args: ["mod", "download", MODULE],
          cwd: world.dir,
          env: {
            ...env,
            GOENV: "off",
            GOFLAGS: "-modcacherw",
            GOPATH: join(world.dir, "gopath"),
            GOMODCACHE: join(world.dir, "gopath/pkg/mod"),
            GOPROXY: server.url,
            GOTOOLCHAIN: "local",
            GO111MODULE: "on",
            ...NO_PATTERNS,
          },
        }).output();
        // Go 1.19 does not notice this one.
        if (what === "a changed tile" && success) return;
        assertEquals([what, success], [what, what === "nothing"]);
      });
    }
  },
});

/** Variables that leave modules unchecked, turned off. */
const NO_PATTERNS = {
  GONOSUMDB: "none.invalid",
  GOPRIVATE: "none.invalid",
  GONOPROXY: "none.invalid",
};

Deno.test("installRelease() takes the archive where the module cannot be fetched, and says so", async () => {
  const archive = await archiveOf();
  const closed = "http://127.0.0.1:1";
  await withProxy({}, ({ world, env }) =>
    withServer(mirror(archive), async (server) => {
      const mirrors = { KBUILD_MIRRORS: `dl.google.com/go=${server.url}/go` };
      const table: [Record<string, string>, string][] = [
        [{ GOSUMDB: "off" }, "GOSUMDB=off"],
        [{ GOPROXY: closed }, `Cannot get "${MODULE}" from "127.0.0.1:1"`],
        [{ GOSUMDB: "unknown.test" }, 'the checksum database "unknown.test" of GOSUMDB'],
        [{ GOPROXY: "off,direct" }, "names no proxy"],
      ];
      for (const [more, words] of table) {
        const context = world.context({ ...env, ...mirrors, ...more });
        await installRelease(context, RELEASE, { ...QUICK, origin: `${server.url}/go` });
        const said = world.log.splice(0).join("");
        assertStringIncludes(said, `WARNING: Cannot`);
        assertStringIncludes(said, words);
        assertStringIncludes(said, `; trying https://dl.google.com/go/${ARCHIVE}`);
        const [cached] = await listCached(world.cache);
        assertEquals((await originOf(cached!))?.from, `${server.url}/go/${ARCHIVE}`);
        assertEquals(world.kept(), [NAME]);
        await removeRelease(context, RELEASE);
      }
    }));
});

Deno.test("installRelease() takes GOPROXY and GOSUMDB of the Go that is there, go env -w included", async () => {
  await withProxy({}, async ({ world, env }) => {
    const { GOPROXY, GOSUMDB, ...rest } = env;
    await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    const path = join(world.bin, "go");
    const script = await Deno.readTextFile(path);
    const answer = `case $1 in env) printf '%s\\n' '${GOPROXY}' '${GOSUMDB}'; exit ;; esac`;
    await Deno.writeTextFile(path, script.replace("\n", `\n${answer}\n`));
    await installRelease(world.context(rest), RELEASE, QUICK);
    assertEquals(world.kept(), [NAME]);
  });
});
