/** Go from the module proxy: real Go asks servers on this machine, honest and other ones. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { installRelease, listCached, originOf, provideGo } from "../../src/toolchain/mod.ts";
import { compareGoVersions, parseGoVersion } from "../../src/toolchain/mod.ts";
import { makeProxy, VERSION } from "./_proxy.ts";
import { ARCHIVE, goScript, HOST, inWorld, RELEASE, withServer, type World } from "./_world.ts";

/** Every Go on this machine that can fetch others: in PATH, and where Debian puts several. */
function starters(): { path: string; version: string }[] {
  const found: { path: string; version: string }[] = [];
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  try {
    for (const { name } of Deno.readDirSync("/usr/lib")) {
      if (/^go-1\.\d+$/.test(name)) folders.push(`/usr/lib/${name}/bin`);
    }
  } catch {
    // No such folder: another system.
  }
  for (const folder of folders) {
    try {
      const path = Deno.realPathSync(join(folder, "go"));
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
const name = (what: string) =>
  `installRelease() ${what}${all.length === 0 ? " (skipped: needs go 1.13 or later)" : ""}`;
const ignore = all.length === 0;

/** Puts a real Go into the world's PATH. */
async function useGo({ bin }: World, path: string): Promise<void> {
  await Deno.remove(join(bin, "go")).catch(() => {});
  await Deno.symlink(path, join(bin, "go"));
}

Deno.test({
  name: name("lets Go fetch a release, and keeps it as an archive would be kept"),
  ignore,
  async fn() {
    const proxy = makeProxy();
    for (const { path, version } of all) {
      await inWorld((world) =>
        withServer(proxy.respond, async (server) => {
          await useGo(world, path);
          // What leaves modules unchecked does not apply to Go itself.
          const env = { ...proxy.env(server.url), GONOSUMDB: "golang.org/*" };
          const context = world.context({ ...env, GO111MODULE: "off", GOFLAGS: "-mod=vendor" });
          const go = await installRelease(context, RELEASE);
          assertEquals([go.version, world.kept()], [RELEASE, [ARCHIVE.replace(".tar.gz", "")]]);
          const [cached] = await listCached(world.cache);
          const goroot = cached?.goroot ?? "";
          assertEquals(await Deno.readTextFile(join(goroot, "bin/go")), goScript());
          assertEquals(await Deno.readTextFile(join(goroot, "src/go.mod")), "module std\n");
          const tool = join("pkg/tool", HOST.replace("/", "_"), "compile");
          for (const program of ["bin/gofmt", "lib/wasm/go_js_wasm_exec", tool]) {
            const { mode } = await Deno.stat(join(goroot, program));
            assertEquals((mode ?? 0) & 0o111, 0o111, `${program}, ${version}`);
          }
          assertEquals(
            (await originOf(cached!))?.from,
            `golang.org/toolchain@${VERSION} (GOPROXY)`,
            version,
          );
          // Go keeps its telemetry in the user's settings; nothing else may appear.
          const here = [...Deno.readDirSync(world.dir)].map((entry) => entry.name).sort();
          assertEquals(here.filter((entry) => !/^(\.config|Library)$/.test(entry)), [
            "bin",
            "ca che",
          ]);
          const asked = server.requests.length;
          assert(server.requests.includes(`/golang.org/toolchain/@v/${VERSION}.zip`));

          const pin = { value: RELEASE, source: ".go-version:1" };
          const needs = { minimumGo: pin, pinnedGo: pin, pinnedGoExact: true };
          const offline = world.context({ KBUILD_OFFLINE: "1", GOPROXY: server.url });
          assertEquals(await provideGo(offline, needs), go);
          assertEquals(server.requests.length, asked);
        })
      );
    }
  },
});

Deno.test({
  name: name("lets Go ask the mirrors of go-modules, in their order"),
  ignore,
  async fn() {
    const proxy = makeProxy();
    await inWorld((world) =>
      withServer(proxy.respond, async (server) => {
        await useGo(world, all[0]!.path);
        const context = world.context({
          ...proxy.env(server.url),
          GOPROXY: "http://127.0.0.1:2",
          KBUILD_MIRRORS: `go-modules=http://127.0.0.1:2,${server.url}`,
        });
        assertEquals((await installRelease(context, RELEASE)).version, RELEASE);
      })
    );
  },
});

Deno.test({
  name: name("works with a cache behind a link"),
  ignore,
  async fn() {
    const proxy = makeProxy();
    await inWorld((world) =>
      withServer(proxy.respond, async (server) => {
        await useGo(world, all[0]!.path);
        await Deno.mkdir(join(world.dir, "elsewhere"));
        await Deno.symlink(join(world.dir, "elsewhere"), world.cache);
        await installRelease(world.context(proxy.env(server.url)), RELEASE);
        assertEquals(world.kept(), [ARCHIVE.replace(".tar.gz", "")]);
      })
    );
  },
});

Deno.test({
  name: name("keeps nothing of what the checksum database does not know"),
  ignore,
  async fn() {
    const table: [string, ReturnType<typeof makeProxy>, Record<string, string>, string][] = [
      ["a forged file", makeProxy({ forged: true }), {}, "is not what the checksum database knows"],
      ["half of a zip", makeProxy({ half: true }), {}, "zip"],
      ["another database", makeProxy(), { GOSUMDB: makeProxy().env("")["GOSUMDB"]! }, "sums"],
      ["no database", makeProxy(), { GOSUMDB: "off" }, "GOSUMDB=off"],
      ["no proxy", makeProxy(), { GOPROXY: "http://127.0.0.1:1" }, "connection refused"],
    ];
    for (const { path, version } of all) {
      for (const [what, proxy, env, words] of table) {
        await inWorld((world) =>
          withServer(proxy.respond, async (server) => {
            await useGo(world, path);
            const context = world.context({ ...proxy.env(server.url), ...env });
            const error = await assertRejects(
              () => installRelease(context, RELEASE),
              KbuildError,
              `Cannot get Go ${RELEASE}`,
              `${what}, ${version}`,
            );
            assertEquals([what, world.kept()], [what, []]);
            assertStringIncludes([error.message, ...error.output].join("\n"), words, version);
            assert(error.notes.length > 0);
          })
        );
      }
    }
  },
});
