/** Go from an archive: servers on this machine that behave, and others. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { gzipSync } from "node:zlib";
import { bytesEntry } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { installRelease, listCached, originOf, removeRelease } from "../../src/toolchain/mod.ts";
import {
  ARCHIVE,
  archiveOf,
  goEntries,
  goScript,
  HOST,
  inWorld,
  mirror,
  putGo,
  RELEASE,
  type Server,
  withDigest,
  withServer,
  type World,
} from "./_world.ts";

const good = await archiveOf();

function offer({ url }: Server): Record<string, string> {
  return { KBUILD_GO_MIRROR: `${url}/go/` };
}

/** Go's own site, which cannot be reached: what a mirror serves has the mirror's digest. */
const CUT_OFF = { origin: "http://127.0.0.1:1/go" };

/** Installing must fail with these words and keep nothing. */
async function refused(
  world: World,
  respond: (path: string) => Response,
  words: string,
  options: { env?: Record<string, string> } = {},
): Promise<KbuildError> {
  const { env = {} } = options;
  return await withServer(respond, async (server) => {
    const context = world.context({ ...offer(server), ...env });
    const error = await assertRejects(
      () => installRelease(context, RELEASE, { ...CUT_OFF, retryPolicy: { backoffMs: 10 } }),
      KbuildError,
    );
    assertStringIncludes(error.message, words);
    assert(error.notes.length > 0);
    assertEquals(world.kept(), []);
    return error;
  });
}

Deno.test("installRelease() fetches, checks and unpacks an archive once", () =>
  inWorld((world) =>
    withServer(mirror(good), async (server) => {
      const context = world.context(offer(server));
      const go = await installRelease(context, RELEASE, CUT_OFF);
      assertEquals([go.version, go.host, go.bin], [RELEASE, HOST, dirname(go.path)]);
      const [cached] = await listCached(world.cache);
      assertEquals(go.path, join(cached?.goroot ?? "", "bin", "go"));
      assertEquals(await Deno.readTextFile(go.path), goScript());
      const times = await Deno.stat(join(cached?.goroot ?? "", "src/runtime/runtime.go"));
      assertEquals([times.mtime?.getTime(), (times.mode ?? 0) & 0o777], [1600000000000, 0o644]);
      assertEquals(await originOf(cached!), {
        from: `${server.url}/go/${ARCHIVE}`,
        sha256: good.sha256,
        digestFrom: "mirror",
        size: goScript().length + `go${RELEASE}\n`.length + "package runtime\n".length,
      });
      assertEquals(world.kept(), [ARCHIVE.replace(".tar.gz", "")]);
      assertEquals(server.requests, [`/go/${ARCHIVE}.sha256`, `/go/${ARCHIVE}`]);

      assertEquals((await installRelease(context, RELEASE, CUT_OFF)).path, go.path);
      assertEquals(server.requests.length, 2);
      const offline = world.context({ KBUILD_OFFLINE: "y" });
      assertEquals((await installRelease(offline, RELEASE, CUT_OFF)).path, go.path);

      await Deno.mkdir(join(cached?.goroot ?? "", "read only/below"), { recursive: true });
      await Deno.writeTextFile(join(cached?.goroot ?? "", "read only/below/file"), "");
      await Deno.chmod(join(cached?.goroot ?? "", "read only/below"), 0o555);
      await Deno.chmod(join(cached?.goroot ?? "", "read only"), 0o555);
      assertEquals(await removeRelease(context, RELEASE), true);
      assertEquals([await removeRelease(context, RELEASE), world.kept()], [false, []]);
    })
  ));

Deno.test("installRelease() takes the digest of KBUILD_GO_SHA256 instead of the server's", () =>
  inWorld(async (world) => {
    const alone = (path: string) =>
      path === `/go/${ARCHIVE}` ? new Response(good.bytes) : new Response("", { status: 404 });
    await withServer(alone, async (server) => {
      const env = { ...offer(server), KBUILD_GO_SHA256: good.sha256.toUpperCase() };
      await installRelease(world.context(env), RELEASE, CUT_OFF);
      assertEquals(server.requests, [`/go/${ARCHIVE}`]);
      await removeRelease(world.context(), RELEASE);
    });
    await refused(world, mirror(good), `its SHA-256 is ${good.sha256}, not ${"0".repeat(64)}`, {
      env: { KBUILD_GO_SHA256: "0".repeat(64) },
    });
    await refused(world, mirror(good), 'Cannot read a SHA-256 from "KBUILD_GO_SHA256"', {
      env: { KBUILD_GO_SHA256: "abc" },
    });
  }));

Deno.test("installRelease() takes the digest from Go's own site, wherever the archive comes from", () =>
  inWorld(async (world) => {
    const forged = await archiveOf([
      ...goEntries(),
      bytesEntry("go/more", new Uint8Array(9), { mtime: 1 }),
    ]);
    const originOfCached = async () => {
      const [cached] = await listCached(world.cache);
      return cached === undefined ? undefined : (await originOf(cached))?.digestFrom;
    };
    await withServer(
      mirror(good),
      (own) =>
        withServer(mirror(forged), (liar) =>
          withServer(mirror(good), async (honest) => {
            const options = { origin: `${own.url}/go`, retryPolicy: { backoffMs: 10 } };
            const install = (mirrors: string, more: Record<string, string> = {}) =>
              installRelease(
                world.context({ KBUILD_GO_MIRROR: mirrors, ...more }),
                RELEASE,
                options,
              );
            // The forged archive fits the digest beside it.
            const error = await assertRejects(() => install(`${liar.url}/go`), KbuildError);
            assertStringIncludes(
              error.message,
              `its SHA-256 is ${forged.sha256}, not ${good.sha256}`,
            );
            assertEquals(liar.requests, [`/go/${ARCHIVE}`]);

            await install(`${honest.url}/go`);
            assertEquals([await originOfCached(), honest.requests], ["origin", [`/go/${ARCHIVE}`]]);
            await removeRelease(world.context(), RELEASE);
            await install(`${own.url}/go`);
            assertEquals(await originOfCached(), "origin");
            await removeRelease(world.context(), RELEASE);
            await install(`${honest.url}/go`, { KBUILD_GO_SHA256: good.sha256 });
            assertEquals(await originOfCached(), "lock");
            assertEquals(world.log.join("").includes("WARNING"), false);
            await removeRelease(world.context(), RELEASE);

            await installRelease(
              world.context({ KBUILD_GO_MIRROR: `${liar.url}/go` }),
              RELEASE,
              CUT_OFF,
            );
            assertEquals(await originOfCached(), "mirror");
            assertStringIncludes(
              world.log.join(""),
              "WARNING: The digest of Go will come from the same mirror as Go itself: " +
                `Cannot download "http://127.0.0.1:1/go/${ARCHIVE}.sha256": `,
            );
          })),
    );
  }));

Deno.test("installRelease() goes through the mirrors, and past one that serves something else", () =>
  inWorld((world) =>
    withServer(
      mirror({ ...good, sha256: "0".repeat(64) }),
      (wrong) =>
        withServer(mirror(good), async (server) => {
          const places = ["http://127.0.0.1:2", `${wrong.url}/go`, `${server.url}/go`];
          const context = world.context({
            GOPROXY: "off",
            KBUILD_MIRRORS: `dl.google.com/go=${places.join()}`,
          });
          await installRelease(context, RELEASE, CUT_OFF);
          const [cached] = await listCached(world.cache);
          assertEquals((await originOf(cached!))?.from, `${server.url}/go/${ARCHIVE}`);
          const said = world.log.join("");
          assertStringIncludes(said, 'from "127.0.0.1:2"');
          assertStringIncludes(said, `its SHA-256 is ${good.sha256}, not 000`);
          assertStringIncludes(said, `(mirror dl.google.com/go=${server.url}/go)`);
          await removeRelease(context, RELEASE);

          const bad = world.context({
            GOPROXY: "off",
            KBUILD_MIRRORS: `dl.google.com/go=${places.slice(0, 2).join()}`,
          });
          const error = await assertRejects(
            () => installRelease(bad, RELEASE, CUT_OFF),
            KbuildError,
          );
          assertStringIncludes(error.message, "from any of its 2 mirrors");
          for (const place of places.slice(0, 2)) {
            assertStringIncludes(error.notes.join("\n"), `(mirror dl.google.com/go=${place})`);
          }
          assertEquals(world.kept(), []);
        }),
    )
  ));

Deno.test("installRelease() keeps nothing of what is wrong, cut off or missing", () =>
  inWorld(async (world) => {
    const page = withDigest(new TextEncoder().encode("<html>Please log in</html>"));
    const damaged = Uint8Array.from(good.bytes);
    damaged[100]! ^= 1;
    await refused(world, mirror({ ...good, bytes: damaged }), "its SHA-256 is ");
    await refused(world, mirror({ ...good, bytes: good.bytes.slice(0, 200) }), "its SHA-256 is ");
    await refused(
      world,
      mirror(withDigest(good.bytes.slice(0, -40))),
      `Cannot decompress "http://`,
    );
    await refused(world, () => new Response("", { status: 404 }), "the server said 404");
    await refused(world, () => new Response("", { status: 503 }), "the server said 503");
    await refused(world, mirror({ ...page, sha256: good.sha256 }), "its SHA-256 is ");
    await refused(world, mirror(page), "Cannot read archive");
    await refused(
      world,
      () => new Response(page.bytes),
      'it begins with "<html>Please log in</html>"',
    );
    await refused(world, () => new Response(new Uint8Array(1 << 20)), "it is far longer than");
    const moved = await refused(
      world,
      (path) =>
        path.startsWith("/go/")
          ? new Response(null, { status: 302, headers: { location: "/elsewhere" } })
          : new Response("", { status: 403 }),
      "the server said 403 (redirected to ",
    );
    assertStringIncludes(moved.notes.join("\n"), "KBUILD_GO_MIRROR");
  }));

/** A server that sends a part of the archive bit by bit, then closes or falls silent. */
async function withDrip(close: boolean, body: (server: Server) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const text = new TextEncoder();
  const serve = async (connection: Deno.Conn) => {
    const asked = new Uint8Array(4096);
    const length = await connection.read(asked) ?? 0;
    const digest = new TextDecoder().decode(asked.subarray(0, length)).includes(".sha256 ");
    const whole = digest ? text.encode(good.sha256) : good.bytes;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${whole.length}\r\nConnection: close\r\n\r\n`;
    await connection.write(text.encode(head));
    for (let at = 0; at < (digest ? 64 : 300); at += 60) {
      await connection.write(whole.subarray(at, at + 60));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (digest || close) connection.close();
    else open.push(connection);
  };
  const serving = (async () => {
    for await (const connection of listener) serve(connection).catch(() => {});
  })();
  try {
    await body({ url: `http://127.0.0.1:${listener.addr.port}`, requests: [] });
  } finally {
    for (const connection of open) connection.close();
    listener.close();
    await serving;
  }
}

Deno.test("installRelease() gives up on servers that close, fall silent or are not there", () =>
  inWorld(async (world) => {
    for (
      const [close, words] of [[true, `${ARCHIVE}": `], [false, "no byte came for 0.3 s"]] as const
    ) {
      await withDrip(close, async (server) => {
        const context = world.context(offer(server));
        const error = await assertRejects(
          () =>
            installRelease(context, RELEASE, {
              ...CUT_OFF,
              retryPolicy: { stallMs: 300, backoffMs: 10 },
            }),
          KbuildError,
        );
        assertStringIncludes(error.message, words);
        assertStringIncludes(error.message, "Cannot download");
        assertEquals([error.message.includes(".sha256"), world.kept()], [false, []]);
      });
    }
    const nobody = world.context({ KBUILD_GO_MIRROR: "http://127.0.0.1:1/go" });
    const error = await assertRejects(() => installRelease(nobody, RELEASE, CUT_OFF), KbuildError);
    assertStringIncludes(error.message, 'Cannot download "http://127.0.0.1:1/go/');
    assertEquals(world.kept(), []);
  }));

Deno.test("installRelease() stops when asked to, and keeps nothing", () =>
  inWorld(async (world) => {
    const stop = new AbortController();
    const reason = new KbuildError("Stopped by Ctrl-C", { exitCode: 130 });
    await withDrip(false, async (server) => {
      const context = world.context(offer(server), { signal: stop.signal });
      setTimeout(() => stop.abort(reason), 100);
      const error = await assertRejects(
        () => installRelease(context, RELEASE, CUT_OFF),
        KbuildError,
      );
      assertEquals([error.exitCode, world.kept()], [130, []]);
    });
  }));

/** A tar whose member (or several like it) has a name or a type that no writer of ours would give it. */
function hostileTar(
  name: string,
  typeFlag: string,
  linkName = "",
  times = 1,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  const put = (text: string, offset: number) => block.set(new TextEncoder().encode(text), offset);
  put(name, 0);
  for (const [offset, text] of [[100, "0000755"], [108, "0000000"], [116, "0000000"]] as const) {
    put(text, offset);
  }
  put("00000000000", 124);
  put("13727457000", 136);
  put("        ", 148);
  put(typeFlag, 156);
  put(linkName, 157);
  put("ustar\0" + "00", 257);
  put(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0", 148);
  const whole = new Uint8Array(512 * (times + 2));
  for (let i = 0; i < times; i++) whole.set(block, 512 * i);
  return gzipSync(whole) as Uint8Array<ArrayBuffer>;
}

Deno.test("installRelease() refuses archives that write elsewhere, or hold links", () =>
  inWorld(async (world) => {
    const members: [string, string, string][] = [
      ["../outside", "0", ""],
      ["go/../../outside", "0", ""],
      [`${world.dir}/outside`, "0", ""],
      ["/tmp/outside-of-kbuild", "0", ""],
      ["outside", "0", ""],
      ["go//x", "0", ""],
      ["go/./x", "0", ""],
      ["go/link", "2", "/etc/passwd"],
      ["go/link", "2", "inside"],
      ["go/link", "1", "go/bin/go"],
      ["go/device", "3", ""],
      ["go/pipe", "6", ""],
    ];
    for (const [name, flag, target] of members) {
      const archive = withDigest(hostileTar(name, flag, target));
      const error = await refused(world, mirror(archive), "Cannot unpack");
      assertStringIncludes(error.message, `"${name}"`);
    }
    assertEquals([...Deno.readDirSync(world.dir)].map(({ name }) => name).sort(), [
      "bin",
      "ca che",
    ]);
    const twice = withDigest(hostileTar("go/twice", "0", "", 2));
    await refused(world, mirror(twice), '"go/twice" cannot be made');
  }));

Deno.test("installRelease() asks what it has unpacked for its release", () =>
  inWorld(async (world) => {
    await refused(
      world,
      mirror(await archiveOf(goEntries("1.98.0"))),
      `as Go ${RELEASE} on ${HOST}: it says "go version go1.98.0 ${HOST}"`,
    );
    const foreign = [
      ...goEntries().filter(({ name }) => name !== "go/bin/go"),
      bytesEntry("go/bin/go", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 9, 9]), {
        mtime: 1,
        mode: 0o755,
      }),
    ];
    await refused(world, mirror(await archiveOf(foreign)), `as Go ${RELEASE} on ${HOST}`);
    const empty = goEntries().filter(({ name }) => name !== "go/bin/go");
    await refused(world, mirror(await archiveOf(empty)), `as Go ${RELEASE} on ${HOST}`);
  }));

Deno.test("installRelease() replaces what is not a Go, and clears what killed runs left", () =>
  inWorld((world) =>
    withServer(mirror(good), async (server) => {
      const name = ARCHIVE.replace(".tar.gz", "");
      await Deno.mkdir(join(world.cache, "go", name, "go"), { recursive: true });
      await Deno.mkdir(join(world.cache, "go", ".kbuild-tmp-1-abcdef/go"), { recursive: true });
      await installRelease(world.context(offer(server)), RELEASE, CUT_OFF);
      assertEquals(world.kept(), [name]);
    })
  ));

Deno.test("installRelease() says so when the cache cannot be written", () =>
  inWorld(async (world) => {
    await Deno.writeTextFile(world.cache, "a file");
    const context = world.context({ KBUILD_GO_MIRROR: "http://127.0.0.1:1/go" });
    const error = await assertRejects(() => installRelease(context, RELEASE, CUT_OFF), KbuildError);
    assertStringIncludes(error.message, `"${world.cache}" is not a directory`);
  }));

Deno.test("installRelease() fetches each release once, however many ask at a time", () =>
  inWorld((world) =>
    withServer(mirror(good), async (server) => {
      await putGo(world.bin, `go version go1.9 ${HOST}`);
      const context = world.context(offer(server));
      const all = await Promise.all([1, 2, 3].map(() => installRelease(context, RELEASE, CUT_OFF)));
      assertEquals(new Set(all.map(({ path }) => path)).size, 1);
      assertEquals(server.requests.length, 2);
      assertStringIncludes(world.log.join(""), "Waiting for another kbuild that fetches the same");
    })
  ));
