import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { cacheFolder, isOffline } from "../../src/net/mod.ts";
import {
  describeGo,
  type GoNeeds,
  installRelease,
  listCached,
  provideGo,
} from "../../src/toolchain/mod.ts";
import {
  archiveOf,
  goScript,
  HOST,
  inWorld,
  mirror,
  putGo,
  RELEASE,
  withServer,
} from "./_world.ts";

const minimum = { value: "1.20", source: "hack/lib/golang.sh:499" };
const pin = { value: RELEASE, source: ".go-version:1" };
const exact: GoNeeds = { minimumGo: minimum, pinnedGo: pin, pinnedGoExact: true };
const loose: GoNeeds = { ...exact, pinnedGoExact: false };

Deno.test("cacheFolder() is kbuild's own, the system's for the user, or none", () => {
  const table: [Record<string, string>, string, string | undefined][] = [
    [{ HOME: "/h" }, "linux/amd64", "/h/.cache/kbuild"],
    [{ HOME: "/h" }, "darwin/arm64", "/h/Library/Caches/kbuild"],
    [{ HOME: "/h", XDG_CACHE_HOME: "/x" }, "linux/amd64", "/x/kbuild"],
    [{ HOME: "/h", XDG_CACHE_HOME: "x" }, "linux/amd64", "/h/.cache/kbuild"],
    [{ HOME: "/h", XDG_CACHE_HOME: "/x", KBUILD_CACHE: "/k" }, "linux/amd64", "/k"],
    [{ HOME: "/h", KBUILD_CACHE: "" }, "linux/amd64", "/h/.cache/kbuild"],
    [{ HOME: "", XDG_CACHE_HOME: "" }, "linux/amd64", undefined],
    [{}, "darwin/arm64", undefined],
  ];
  for (const [env, host, folder] of table) assertEquals(cacheFolder(env, host), folder);
});

Deno.test("isOffline() is true for anything but nothing and no", () => {
  for (const text of ["y", "1", "true", "on"]) assert(isOffline({ KBUILD_OFFLINE: text }), text);
  for (const text of ["", "n", "N", "0", "false", "no"]) {
    assert(!isOffline({ KBUILD_OFFLINE: text }), text);
  }
  assert(!isOffline({}));
});

Deno.test("provideGo() takes the Go in PATH where it fits, and leaves PATH alone", () =>
  inWorld(async (world) => {
    const path = await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    const go = await provideGo(world.context(), loose);
    assertEquals(go, {
      path,
      description: `go version go1.26.1 ${HOST}`,
      version: "1.26.1",
      devel: false,
      host: HOST,
    });
    assertEquals(world.log, []);

    const line = `go version devel go1.27-5b7f1ea Mon Nov 3 2025 ${HOST}`;
    await putGo(world.bin, line);
    assert((await provideGo(world.context(), loose)).devel);
    assertStringIncludes(
      world.log.join(""),
      `WARNING: Building with a development version of Go: ${line}`,
    );
  }));

Deno.test("provideGo() takes --go PATH: a program, its folder, a distribution", () =>
  inWorld(async (world) => {
    const goroot = join(world.dir, "my go");
    await Deno.mkdir(join(goroot, "bin"), { recursive: true });
    const program = join(goroot, "bin", "go");
    await Deno.writeTextFile(program, goScript("1.30.0"));
    await Deno.chmod(program, 0o755);
    await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    for (const given of [program, dirname(program), goroot]) {
      // GOROOT belongs to the Go in PATH.
      const context = world.context({ KBUILD_GO: given, GOROOT: "/elsewhere" });
      const go = await provideGo(context, exact);
      assertEquals([go.version, go.path, go.bin], ["1.30.0", program, dirname(program)]);
    }
    const missing = world.context({ KBUILD_GO: join(world.dir, "nowhere") });
    const error = await assertRejects(() => provideGo(missing, exact), KbuildError);
    assertEquals(
      error.message,
      `Cannot find a Go at "${world.dir}/nowhere"; this checkout needs Go ${RELEASE}`,
    );
  }));

Deno.test("provideGo() fetches the pinned Go, says so, and is content with it offline", async () => {
  const archive = await archiveOf();
  await inWorld((world) =>
    withServer(mirror(archive), async (server) => {
      const host = await putGo(world.bin, `go version go1.26.1 ${HOST}`);
      const env = { KBUILD_GO_MIRROR: `${server.url}/go` };
      const context = world.context(env);

      const offline = world.context({ ...env, KBUILD_OFFLINE: "y" });
      const cold = await assertRejects(() => provideGo(offline, exact), KbuildError);
      assertEquals([cold.message, ...cold.notes], [
        `Cannot get Go ${RELEASE}: it is not in the cache "${world.cache}/go", ` +
        "and --offline forbids downloads",
        `.go-version:1 wants Go ${RELEASE}`,
        `Get it in advance: kbuild toolchain install ${RELEASE}`,
        `The Go in PATH would do (1.26.1, "${host}"): --go host, or FORCE_HOST_GO=y`,
      ]);

      const before = await describeGo(context, exact);
      assertEquals([before.action, before.have?.version], ["archive", "1.26.1"]);
      assertEquals([server.requests, world.kept(), world.log], [[], [], []]);

      const go = await provideGo(context, exact);
      assertEquals(before.tool, go);
      assertStringIncludes(world.log[0] ?? "", `Fetching Go ${RELEASE} (.go-version:1): http://`);
      assertStringIncludes(
        world.log[1] ?? "",
        `Go ${RELEASE} (.go-version:1) from ${dirname(dirname(go.path))}\n`,
      );
      const asked = server.requests.length;
      assertEquals(await provideGo(offline, exact), go);
      assertEquals((await describeGo(offline, exact)).action, "cached");
      assertEquals(server.requests.length, asked);

      await putGo(dirname(go.path), `go version go1.2.3 ${HOST}`);
      const damaged = await assertRejects(() => provideGo(context, exact), KbuildError);
      assertStringIncludes(damaged.message, `Cannot use Go ${RELEASE} in "${go.path}"`);
      assertEquals(damaged.notes, [
        `Remove it, then run again: kbuild toolchain remove ${RELEASE}`,
      ]);
    })
  );
});

Deno.test("describeGo() has an answer without HOME, a cache or a Go", () =>
  inWorld(async (world) => {
    const nothing = world.context({ HOME: "", KBUILD_CACHE: "", PATH: world.bin });
    assertEquals((await describeGo(nothing, exact)).action, "unavailable");
    await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    assertEquals((await describeGo(nothing, loose)).action, "host");
    const foreign = world.context({ PATH: world.bin });
    await putGo(world.bin, "Usage: go PLAYER: a board game");
    await assertRejects(() => describeGo(foreign, loose), KbuildError, "Cannot understand");
    const other = await describeGo(foreign, exact);
    assertEquals([other.action, other.have], ["archive", undefined]);
  }));

Deno.test("describeGo() starts one program, and only to ask for a version", () =>
  inWorld(async (world) => {
    await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    for (const env of [{}, { GOTOOLCHAIN: "go1.98.0" }, { KBUILD_GO: world.bin }]) {
      const context = world.context(env);
      const started: (readonly string[])[] = [];
      const shell: typeof context.shell = {
        run: (argv, options) => {
          started.push(argv.slice(1));
          assertEquals(options?.env?.["GOTOOLCHAIN"], "local");
          return context.shell.run(argv, options);
        },
      };
      await describeGo({ ...context, shell }, exact);
      assertEquals(started, [["version"]]);
    }
  }));

Deno.test("listCached() knows what is complete", async () => {
  const archive = await archiveOf();
  await inWorld((world) =>
    withServer(mirror(archive), async (server) => {
      assertEquals(await listCached(world.cache), []);
      const context = world.context({ KBUILD_GO_MIRROR: `${server.url}/go` });
      const go = await installRelease(context, RELEASE);
      for (const name of ["go1.2.linux-amd64", ".kbuild-tmp-1-2", "gox.linux-amd64", "notes"]) {
        await Deno.mkdir(join(world.cache, "go", name));
      }
      assertEquals((await listCached(world.cache)).map(({ goroot }) => goroot), [
        dirname(dirname(go.path)),
      ]);
      await Deno.writeTextFile(go.path, "");
      assertEquals(await listCached(world.cache), []);
    })
  );
});
