/** Stores that misbehave: what comes of them is right or nothing, and a build goes on. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../src/errors.ts";
import type { StoredResult } from "../../src/store/mod.ts";
import { parseStoreAddress } from "../../src/store/mod.ts";
import { noMount, withTmpfs } from "../e2e/_tmpfs.ts";
import { bytesOf, keyOf, unitOf } from "./_files.ts";
import { HASTY, inTempDir, opened } from "./_kinds.ts";
import { NO_NGINX, withNginx } from "./_nginx.ts";
import { encodeResult } from "../../src/store/record.ts";

type Answer = (request: Request, path: string) => Response | Promise<Response>;

/** What the tests of a made-up server work with. */
interface Server {
  readonly world: ReturnType<typeof opened>;
  /** "GET /ac/…" in the order of coming. */
  readonly requests: string[];
  readonly result: StoredResult;
  /** The content of the result's only file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  pathOf(): string;
}

/** Runs `test` beside a server that has one result, and misbehaves as `answer` says. */
function withServer(
  answer: (server: Server) => (...args: Parameters<Answer>) => ReturnType<Answer> | undefined,
  test: (server: Server) => Promise<void>,
): Promise<void> {
  return inTempDir(async (dir) => {
    const requests: string[] = [];
    const bytes = bytesOf(1_500_000);
    const result = await unitOf("unit", join(dir, "made"), { "bin/program": bytes });
    let misbehave: ReturnType<typeof answer> = () => undefined;
    const stop = new AbortController();
    const served = Deno.serve({
      ...{ hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} },
      onError: () => new Response(null, { status: 500 }),
    }, async (request) => {
      const { pathname } = new URL(request.url);
      requests.push(`${request.method} ${pathname}`);
      const other = await misbehave(request, pathname);
      if (other !== undefined) return other;
      if (request.method === "PUT") await request.arrayBuffer();
      if (request.method === "PUT") return new Response(null, { status: 201 });
      if (pathname === `/ac/${result.key}`) return new Response(encodeResult(result));
      const isBlob = pathname.startsWith("/cas/");
      return isBlob ? new Response(bytes) : new Response(null, { status: 404 });
    });
    const world = opened(`http://127.0.0.1:${served.addr.port}`, dir);
    const server = {
      ...{ world, requests, result, bytes },
      pathOf: () => join(dir, "made", "bin", "program"),
    };
    misbehave = answer(server);
    try {
      await test(server);
    } finally {
      stop.abort();
      await served.finished;
    }
  });
}

/** A body of that length that breaks off. */
function broken(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!sent) {
        sent = true;
        controller.enqueue(bytes.subarray(0, bytes.length / 2));
        return;
      }
      // Else the error overtakes what was sent.
      await new Promise((resolve) => setTimeout(resolve, 100));
      controller.error(new Error("broken"));
    },
  });
}

const headersOf = (bytes: Uint8Array) => ({ "content-length": `${bytes.length}` });

for (const ranges of [true, false]) {
  const name = ranges ? "is resumed" : "is begun again where the server cannot resume";
  Deno.test(`a download that breaks off ${name}`, () => {
    let broke = false;
    return withServer(({ bytes }) => (request, path) => {
      if (!path.startsWith("/cas/") || request.method !== "GET") return undefined;
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
      if (from > 0 && ranges) {
        const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
        return new Response(bytes.subarray(from), {
          ...{ status: 206, headers: { "content-range": range } },
        });
      }
      if (broke) return undefined;
      broke = true;
      return new Response(broken(bytes), { headers: headersOf(bytes) });
    }, async ({ world, result, bytes, requests }) => {
      using store = await world.open();
      const to = join(world.dir, "to");
      assert(await store.fetch(result.files[0]!, to));
      assertEquals(await Deno.readFile(to), bytes);
      assertEquals(requests.length, 2);
    });
  });
}

Deno.test("a store that goes down in the middle is given up, and said once", () =>
  withServer(({ bytes }) => (_, path) => {
    if (!path.startsWith("/cas/")) return undefined;
    return new Response(broken(bytes.subarray(0, 1000)), { headers: headersOf(bytes) });
  }, async ({ world, result, requests, pathOf }) => {
    using store = await world.open();
    assertEquals(await store.result(result.key), result);
    const to = join(world.dir, "fetched", "program");
    assertEquals(await store.fetch(result.files[0]!, to), false);
    assertEquals([...Deno.readDirSync(join(world.dir, "fetched"))], []);
    const before = requests.length;
    assertEquals(await store.result(result.key), undefined);
    assertEquals(await store.fetch(result.files[0]!, to), false);
    assertEquals(await store.save({ ...result, key: keyOf("other") }, pathOf), false);
    assertEquals(requests.length, before);
    assertEquals(world.log.length, 1);
    assertMatch(world.log[0]!, /WARNING: The store "http:.*" is not used any more: /);
  }));

Deno.test("a store that does not answer is given up after one question", () =>
  withServer(() => () => new Promise<Response>(() => {}), async ({ world, result }) => {
    const retryPolicy = { ...HASTY, headersMs: 300, attempts: 1 };
    using store = await world.open({ retryPolicy });
    const asked = Array.from({ length: 5 }, () => store.result(result.key));
    assertEquals(await Promise.all(asked), Array(5).fill(undefined));
    assertEquals(await store.value(keyOf("value")), undefined);
    assertEquals(world.log.length, 1);
    assertMatch(world.log[0]!, /no answer came within 0.3 s/);
  }));

Deno.test("a store that sends next to nothing is given up", () =>
  withServer(({ bytes }) => (_, path) => {
    if (!path.startsWith("/cas/")) return undefined;
    let timer: ReturnType<typeof setInterval>;
    const drip = new ReadableStream<Uint8Array>({
      start(controller) {
        timer = setInterval(() => controller.enqueue(bytes.subarray(0, 10)), 20);
      },
      cancel: () => clearInterval(timer),
    });
    return new Response(drip, { headers: headersOf(bytes) });
  }, async ({ world, result }) => {
    using store = await world.open({ retryPolicy: { ...HASTY, slowMs: 300, slowBytes: 65_536 } });
    assertEquals(await store.fetch(result.files[0]!, join(world.dir, "to")), false);
    assertMatch(world.log.join(""), /only \d+ B came in/);
  }));

Deno.test("nobody at the address costs one warning", () =>
  inTempDir(async (dir) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    for (const url of [`http://127.0.0.1:${port}`, `oci://127.0.0.1:${port}/results`]) {
      const world = opened(url, dir);
      using store = await world.open({ retryPolicy: { ...HASTY, attempts: 1 } });
      const result = await unitOf("unit", join(dir, "made"), { a: bytesOf(10) });
      assertEquals(await store.result(result.key), undefined);
      assertEquals(await store.save(result, () => join(dir, "made", "a")), false);
      assertEquals(world.log.length, 1);
      assertMatch(world.log[0]!, /is not used any more: connection refused/);
    }
  }));

Deno.test("more bytes than there should be are refused without reading them all", () => {
  let sent = 0;
  return withServer(() => (_, path) => {
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1 << 20;
        controller.enqueue(new Uint8Array(1 << 20));
      },
    });
    return path.startsWith("/ac/") || path.startsWith("/cas/") ? new Response(endless) : undefined;
  }, async ({ world, result }) => {
    using store = await world.open();
    assertEquals(await store.fetch(result.files[0]!, join(world.dir, "to")), false);
    assertEquals(await store.result(result.key), undefined);
    assert(sent < 200 << 20);
    assertMatch(world.log.join(""), /more than its 1500000 bytes came/);
    assertMatch(world.log.join(""), /it is longer than/);
  });
});

Deno.test("a server that fails each time is given up after five failures", () =>
  withServer(() => () => new Response("no\x1b[31m", { status: 500 }), async ({ world }) => {
    using store = await world.open({ retryPolicy: { ...HASTY, attempts: 1 } });
    for (let at = 0; at < 20; at++) await store.value(keyOf(`${at}`));
    assertEquals(world.log.length, 5);
    assertMatch(world.log[4]!, /is not used any more: the server said 500/);
    assert(!world.log.join("").includes("\x1b"));
  }));

Deno.test("a server that takes nothing is read all the same", () =>
  withServer(
    () => ({ method }) => method === "PUT" ? new Response(null, { status: 405 }) : undefined,
    async ({ world, result, pathOf, requests }) => {
      using store = await world.open();
      assertEquals(await store.save({ ...result, key: keyOf("other") }, pathOf), false);
      assertEquals(await store.result(result.key), result);
      const before = requests.length;
      await store.saveValue(keyOf("value"), bytesOf(10));
      assertEquals(requests.length, before);
      assertEquals(world.log.length, 1);
      assertMatch(
        world.log[0]!,
        /Nothing is written to the store .* any more: the server said 405/,
      );
    },
  ));

Deno.test("the abort of a run is not a failure of the store", () =>
  withServer(() => () => new Promise<Response>(() => {}), async ({ world, result }) => {
    const stop = new AbortController();
    using store = await world.open({ signal: stop.signal });
    const asked = store.result(result.key);
    stop.abort(new Error("interrupted"));
    const reason = await asked.then(() => undefined, (error: Error) => error.message);
    assertEquals(reason, "interrupted");
    assertEquals(world.log, []);
  }));

Deno.test({
  name: "a full disk ends writing alone" + (noMount === undefined ? "" : ` (skipped: ${noMount})`),
  ignore: noMount !== undefined,
  fn: () =>
    inTempDir((dir) =>
      withTmpfs("1m", join(dir, "disk"), async () => {
        const world = opened(join(dir, "disk", "store"), dir);
        using store = await world.open();
        const files = { small: bytesOf(1000), "bin/large": bytesOf(2_000_000) };
        const small = await unitOf("small", join(dir, "made"), { small: files.small });
        const large = await unitOf("large", join(dir, "made"), files);
        const pathOf = ({ path }: { path: string }) => join(dir, "made", path);
        assert(await store.save(small, pathOf));
        assertEquals(await store.save(large, pathOf), false);
        await store.saveValue(keyOf("value"), bytesOf(10));
        assertEquals(await store.result(small.key), small);
        assertEquals(await store.result(large.key), undefined);
        assertEquals(world.log.length, 1);
        assertMatch(world.log[0]!, /Nothing is written .* any more: cannot write: no space left/);
        const left = [...Deno.readDirSync(join(dir, "disk", "store", "cas"))];
        assertEquals(left.filter(({ name }) => name.startsWith(".kbuild-tmp-")), []);
      })
    ),
});

Deno.test({
  name: "a log-in is used and shown nowhere" +
    (NO_NGINX === undefined ? "" : ` (skipped: ${NO_NGINX})`),
  ignore: NO_NGINX !== undefined,
  fn: () =>
    inTempDir(async (dir) => {
      await Deno.writeTextFile(join(dir, "users"), "me:{PLAIN}pass word\n");
      const more = `auth_basic "store"; auth_basic_user_file "${dir}/users";`;
      await withNginx(dir, async ({ url }) => {
        const result = await unitOf("unit", join(dir, "made"), { a: bytesOf(1000) });
        const pathOf = () => join(dir, "made", "a");
        const open = (userinfo: string) =>
          opened(`${url.replace("//", `//${userinfo}@`)}/results`, dir);
        const right = open("me:pass%20word");
        using store = await right.open();
        assert(await store.save(result, pathOf));
        assertEquals(store.url, `${url}/results`);
        const wrong = open("me:secret");
        using other = await wrong.open();
        assertEquals(await other.result(result.key), undefined);
        assertStringIncludes(wrong.log.join(""), "401");
        assert(!wrong.log.join("").includes("secret"));
      }, more);
    }),
});

Deno.test("parseStoreAddress() takes directories, web addresses and repositories", () => {
  const kinds = {
    "results": "folder",
    "/srv/results": "folder",
    "https://user:p%40ss@cache.example/k8s/": "http",
    "oci://registry.example:5000/team/results": "registry",
    "oci://localhost:5000/r?insecure": "registry",
  };
  for (const [text, kind] of Object.entries(kinds)) {
    const address = parseStoreAddress(text, "/work");
    assertEquals(address.kind, kind);
    assert(!address.shown.includes("p%40ss"));
  }
  for (
    const text of [
      ...["ftp://host/x", "s3://bucket", "http://", "http://h/x?y", "oci://registry.example"],
      ...["oci:registry.example/x", "https:cache.example/x"],
      ...["oci://u:p@registry.example/x", "oci://registry.example/x?y", "https://u:%@h/x"],
    ]
  ) {
    let error: unknown;
    try {
      parseStoreAddress(text, "/work");
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof UsageError, text);
  }
});

Deno.test("parseStoreAddress() shows no password, whatever it holds", () => {
  const addresses = [
    "https://ci:ab/cd@cache.example/k8s",
    "https://ci:ab#cd@cache.example/k8s",
    "https://ci:12/cd@cache.example/k8s",
    "oci://ci:12/cd@registry.example/k8s",
    "\nhttps://ci:ab%2Fcd@cache.example/k8s",
    " https://ci:ab/cd@cache.example/k8s",
    "https:ci:ab/cd@cache.example/k8s",
  ];
  for (const text of addresses) {
    let shown = "";
    try {
      shown = parseStoreAddress(text, "/work").shown;
    } catch (error) {
      shown = String(error);
    }
    assertEquals(/ab|cd/.test(shown.replaceAll("cache", "")), false, shown);
  }
});
