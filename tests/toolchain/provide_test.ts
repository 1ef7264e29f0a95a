import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { cacheDirectory, isOffline } from "../../src/net/mod.ts";
import {
  describeGo,
  type GoNeeds,
  installRelease,
  listCached,
  plannedGoUrls,
  provideGo,
} from "../../src/toolchain/mod.ts";
import {
  ARCHIVE,
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

Deno.test("cacheDirectory() is kbuild's own, the system's for the user, or none", () => {
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
  for (const [env, host, directory] of table) assertEquals(cacheDirectory(env, host), directory);
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

/** A distribution: a program that says its version, and what makes a directory Go's. */
async function putDistribution(root: string, version: string): Promise<string> {
  await Deno.mkdir(join(root, "bin"), { recursive: true });
  await Deno.mkdir(join(root, "src/runtime"), { recursive: true });
  await Deno.writeTextFile(join(root, "VERSION"), `go${version}\ntime 2026-01-01T00:00:00Z\n`);
  await Deno.writeTextFile(join(root, "bin/go"), goScript(version));
  await Deno.chmod(join(root, "bin/go"), 0o755);
  return join(root, "bin/go");
}

Deno.test("provideGo() leaves out a GOROOT that is not that of the Go in PATH, and says so", () =>
  inWorld(async (world) => {
    const [own, other] = [join(world.dir, "own"), join(world.dir, "other")];
    const program = await putDistribution(own, "1.26.1");
    await putDistribution(other, "1.25.0");
    const link = join(world.bin, "go");
    const warning = (root: string) =>
      `GOROOT "${root}" is not that of "${link}", which is used without it`;
    await Deno.symlink(program, link);
    await Deno.symlink(own, join(world.dir, "link"));
    const nowhere = join(world.dir, "nowhere");
    for (const GOROOT of [undefined, "", own, join(world.dir, "link"), other, nowhere]) {
      const go = await provideGo(world.context(GOROOT === undefined ? {} : { GOROOT }), loose);
      const foreign = GOROOT === other || GOROOT === nowhere;
      assertEquals([go.version, go.goroot], ["1.26.1", undefined]);
      assertEquals(go.foreignRoot, foreign ? GOROOT : undefined);
      const said = world.log.splice(0).join("");
      assertEquals([GOROOT, said.includes("WARNING")], [GOROOT, foreign]);
      if (foreign) assertStringIncludes(said, warning(GOROOT));
    }
    // A copy of the program alone needs the GOROOT of its release.
    await Deno.remove(link);
    await putGo(world.bin, `go version go1.25.0 ${HOST}`);
    const copy = await provideGo(world.context({ GOROOT: other }), loose);
    assertEquals([copy.goroot, copy.foreignRoot, world.log], [other, undefined, []]);
    const wrong = await provideGo(world.context({ GOROOT: own }), loose);
    assertEquals([wrong.goroot, wrong.foreignRoot], [undefined, own]);
    assertStringIncludes(world.log.join(""), warning(own));
  }));

Deno.test("describeGo() gives Go before 1.9 its GOROOT, which that cannot find", () =>
  inWorld(async (world) => {
    const directory = `go1.8.3.${HOST.replace("/", "-")}`;
    const goroot = join(world.cache, "go", directory, "go");
    await putDistribution(goroot, "1.8.3");
    const minimum = { value: "1.6", source: "hack/lib/golang.sh:1" };
    const needs = { minimumGo: minimum, pinnedGo: undefined, pinnedGoExact: false };
    const context = world.context({ KBUILD_GO: "1.8.3", GOROOT: world.dir });
    const { tool } = await describeGo(context, needs);
    assertEquals([tool?.goroot, tool?.foreignRoot], [goroot, undefined]);
    assertEquals(await provideGo(context, needs), tool);
  }));

Deno.test("provideGo() takes --go PATH: a program, its directory, a distribution", () =>
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
    await Deno.writeTextFile(join(world.dir, "text"), "");
    for (
      const [name, why] of [
        ["nowhere", "no such file or directory"],
        ["text", "it is not an executable program"],
        ["bin/..", 'it has neither "go" nor "bin/go"'],
      ]
    ) {
      const path = `${world.dir}/${name}`;
      if (name === "bin/..") await Deno.remove(join(world.bin, "go"));
      const missing = world.context({ KBUILD_GO: path });
      const error = await assertRejects(() => provideGo(missing, exact), KbuildError);
      assertEquals(error.message, `Cannot use the Go at "${path}": ${why}`);
      assertStringIncludes(error.notes.join("\n"), "Name the program, its directory");
    }
  }));

Deno.test("provideGo() fetches the pinned Go, says so, and is content with it offline", async () => {
  const archive = await archiveOf();
  await inWorld((world) =>
    withServer(mirror(archive), async (server) => {
      const host = await putGo(world.bin, `go version go1.26.1 ${HOST}`);
      const env = { KBUILD_GO_MIRROR: `${server.url}/go`, KBUILD_GO_SHA256: archive.sha256 };
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
    assertEquals([other.action, other.have], ["proxy", undefined]);
  }));

Deno.test("describeGo() starts one program, and only to ask for a version", () =>
  inWorld(async (world) => {
    await putGo(world.bin, `go version go1.26.1 ${HOST}`);
    for (const env of [{}, { GOTOOLCHAIN: "go1.98.0" }, { KBUILD_GO: world.bin }]) {
      const context = world.context(env);
      const started: (readonly string[])[] = [];
      const shell: typeof context.shell = {
        ...context.shell,
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
      const context = world.context({
        KBUILD_GO_MIRROR: `${server.url}/go`,
        KBUILD_GO_SHA256: archive.sha256,
      });
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

Deno.test("plannedGoUrls() names each URL, and who says the digest", () =>
  inWorld(async (world) => {
    const module = `golang.org/toolchain/@v/v0.0.1-go${RELEASE}.${HOST.replace("/", "-")}.zip`;
    const lookup = `lookup/golang.org/toolchain@v0.0.1-go${RELEASE}.${HOST.replace("/", "-")}`;
    const official = `https://dl.google.com/go/${ARCHIVE}`;
    const urls = async (env: Record<string, string>) => {
      const context = world.context(env);
      return (await plannedGoUrls(context, await describeGo(context, exact)))
        .map(({ url, when }) => `${url} ${when}`);
    };
    const archiveLater = [
      `${official}.sha256 digest, if the module cannot be fetched`,
      `${official} then`,
    ];
    assertEquals(await urls({ GOPROXY: "https://p.test,direct" }), [
      `https://p.test/sumdb/sum.golang.org/${lookup} checksum, first`,
      "https://p.test/sumdb/sum.golang.org/tile/8/… proof that it is in the checksum database",
      `https://sum.golang.org/${lookup} if the one before fails`,
      "https://sum.golang.org/tile/8/… proof that it is in the checksum database",
      `https://p.test/${module} then`,
      `https://go.dev/dl/mod/${module} if the one before fails`,
      ...archiveLater,
    ]);
    assertEquals(await urls({ GOSUMDB: "off" }), archiveLater);
    assertEquals(await urls({ KBUILD_GO_MIRROR: "https://m.test/go" }), [
      `${official}.sha256 digest, first`,
      `https://m.test/go/${ARCHIVE}.sha256 digest from the mirror itself, if that fails`,
      `https://m.test/go/${ARCHIVE} then`,
    ]);
    const pinned = { KBUILD_GO_MIRROR: "https://m.test/go", KBUILD_GO_SHA256: "0".repeat(64) };
    assertEquals(await urls(pinned), [`https://m.test/go/${ARCHIVE} then`]);
    assertEquals(await urls({ KBUILD_OFFLINE: "y" }), []);
    assertEquals(world.log, []);
  }));
