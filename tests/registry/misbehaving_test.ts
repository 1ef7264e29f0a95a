/** Registries that misbehave: each ends in time, says whose fault it is, and leaves nothing bad. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { openBase } from "../../src/image/mod.ts";
import type { RetryPolicy } from "../../src/net/mod.ts";
import { fetchImages } from "../../src/registry/mod.ts";
import {
  fetchOne,
  HASTY,
  inWorld,
  makeImage,
  type Misbehave,
  NAME,
  respond,
  withRegistry,
} from "./_world.ts";

const image = await makeImage(["amd64", "arm64"]);
const layer = image.layers["amd64"]!;
const hex = layer.slice("sha256:".length);
const isLayer = (url: URL) => url.pathname.endsWith(layer);
const bytesOf = (digest: string) => image.blobs.get(digest)!;

/** Sends some bytes, then fails. */
function broken(bytes: Uint8Array<ArrayBuffer>, from: number, count: number, total: number) {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.slice(from, from + count));
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.error(new Error("the connection breaks"));
    },
  });
  const headers: Record<string, string> = from === 0
    ? {}
    : { "content-range": `bytes ${from}-${total - 1}/${total}` };
  return new Response(body, { status: from === 0 ? 200 : 206, headers });
}

/** One byte now and then: never silent, never done. */
function drip(): Response {
  let timer: ReturnType<typeof setInterval>;
  return new Response(
    new ReadableStream({
      start(controller) {
        timer = setInterval(() => controller.enqueue(new Uint8Array([31])), 50);
      },
      cancel: () => clearInterval(timer),
    }),
  );
}

const never = () => new Promise<Response>(() => {});
const wrongBytes = (digest: string) => {
  const bytes = bytesOf(digest).slice();
  bytes[bytes.length >> 1]! ^= 1;
  return new Response(bytes);
};

interface Case {
  readonly what: string;
  readonly misbehave: Misbehave;
  /** What the error must say of the server. */
  readonly says: RegExp;
  /** A further thing to do that it must name. */
  readonly next?: RegExp;
  readonly retryPolicy?: Partial<RetryPolicy>;
}

const CASES: readonly Case[] = [
  {
    what: "hangs",
    misbehave: never,
    says: /no answer came within 1 s/,
    retryPolicy: { headersMs: 1000 },
  },
  {
    what: "hangs at a blob",
    misbehave: (_, url) => isLayer(url) ? never() : undefined,
    says: /no answer came within 1 s/,
    retryPolicy: { headersMs: 1000 },
  },
  {
    what: "says 503",
    misbehave: () => new Response("", { status: 503 }),
    says: /the server said 503, 3 times/,
  },
  {
    what: "says 429 for longer than anybody waits",
    misbehave: () => new Response("", { status: 429, headers: { "retry-after": "600" } }),
    says: /the server said 429, and wants 600 s of waiting/,
  },
  {
    what: "falls silent in mid-blob",
    misbehave: (_, url) =>
      isLayer(url)
        ? new Response(
          new ReadableStream({ start: (to) => to.enqueue(bytesOf(layer).slice(0, 1000)) }),
        )
        : undefined,
    says: /no byte came for 0\.7 s, 3 times/,
    retryPolicy: { stallMs: 700 },
  },
  {
    what: "breaks off at each attempt",
    misbehave: (request, url) => {
      if (!isLayer(url)) return undefined;
      const from = Number(/\d+/.exec(request.headers.get("range") ?? "")?.[0] ?? 0);
      return broken(bytesOf(layer), from, 1000, bytesOf(layer).length);
    },
    says: /3 times/,
  },
  {
    what: "serves wrong bytes of a blob",
    misbehave: (_, url) => isLayer(url) ? wrongBytes(layer) : undefined,
    says: new RegExp(`its digest is "sha256:[0-9a-f]{64}", want "${layer}"`),
  },
  {
    what: "serves a blob without end",
    misbehave: (_, url) =>
      isLayer(url)
        ? new Response(
          new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(100_000)) }),
        )
        : undefined,
    says: /more than \d+ bytes came/,
  },
  {
    what: "serves wrong bytes of a manifest",
    misbehave: (_, url) =>
      url.pathname.endsWith(image.manifests["amd64"]!)
        ? wrongBytes(image.manifests["amd64"]!)
        : undefined,
    says: /its digest is "sha256:[0-9a-f]{64}", want "sha256:/,
  },
  {
    what: "gives a wrong digest header",
    misbehave: (_, url) =>
      url.pathname.endsWith("/manifests/v1")
        ? new Response(bytesOf(image.index), {
          headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` },
        })
        : undefined,
    says: /but the registry says "sha256:0000/,
  },
  {
    what: "serves a log-in page",
    misbehave: () => new Response("<html>Please log in</html>"),
    says: /it is not JSON/,
  },
  {
    what: "says 401 again and again",
    misbehave: (request, url) =>
      url.pathname === "/token" ? Response.json({ token: "abc" }) : new Response("", {
        status: 401,
        headers: {
          "www-authenticate": `Bearer realm="http://${request.headers.get("host")}/token"`,
        },
      }),
    says: /it refuses the log-in that it asked for \(401\)/,
    next: /docker login 127\.0\.0\.1:\d+/,
  },
  {
    what: "gives no token",
    misbehave: (request, url) =>
      url.pathname === "/token" ? new Response("", { status: 403 }) : new Response("", {
        status: 401,
        headers: {
          "www-authenticate": `Bearer realm="http://${request.headers.get("host")}/token"`,
        },
      }),
    says: /it gives no token without a log-in \(403\)/,
    next: /docker login/,
  },
  {
    what: "wants a password that nobody has",
    misbehave: () =>
      new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }),
    says: /it wants a log-in \(401\)/,
    next: /docker login/,
  },
  {
    what: "redirects to a dead host",
    misbehave: (_, url) =>
      isLayer(url)
        ? new Response(null, { status: 307, headers: { location: "http://cdn.invalid/blob" } })
        : undefined,
    says: /after a redirect to "cdn\.invalid"/,
  },
  {
    what: "redirects to a host that refuses",
    misbehave: (_, url) =>
      url.pathname === "/blocked"
        ? new Response("", { status: 403 })
        : isLayer(url)
        ? new Response(null, { status: 307, headers: { location: "/blocked" } })
        : undefined,
    says: /the server said 403 \(redirected to "http:\/\/127\.0\.0\.1:\d+\/blocked"\)/,
  },
  {
    what: "redirects in circles",
    misbehave: (_, url) => new Response(null, { status: 302, headers: { location: url.pathname } }),
    says: /redirects more than 10 times/,
  },
  {
    what: "drips",
    misbehave: (_, url) => isLayer(url) ? drip() : undefined,
    says: /only \d+ B came in 1(\.\d+)? s/,
    retryPolicy: { slowMs: 1000, slowBytes: 1000 },
  },
];

for (const { what, misbehave, says, next, retryPolicy } of CASES) {
  Deno.test(`fetchImages() from a registry that ${what}`, () =>
    inWorld((world) =>
      withRegistry(image, async (bad) => {
        const started = performance.now();
        const error = await assertRejects(
          () => fetchOne(world, `http://${bad.host}`, {}, retryPolicy),
          KbuildError,
        );
        const took = performance.now() - started;
        assert(took < 60_000, `took ${took} ms`);
        const text = [error.message, ...error.notes].join("\n");
        assert(says.test(text), text);
        assertStringIncludes(text, `"${bad.host}" (mirror registry.k8s.io=http://${bad.host})`);
        assertStringIncludes(text, "--mirror registry.k8s.io=WHERE");
        if (next !== undefined) assert(next.test(text), text);
        assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], false]);

        // The next mirror has it; what the first left does no harm.
        await withRegistry(image, async (good) => {
          const found = await fetchOne(world, `http://${bad.host},${good.host}`, {}, retryPolicy);
          assertEquals([found.digest, found.images["amd64"]], [
            image.index,
            image.manifests["amd64"],
          ]);
          assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], true]);
          const said = world.log.join("");
          assertStringIncludes(said, `from "${bad.host}"`);
          assertStringIncludes(said, `Trying "${good.host}" (mirror registry.k8s.io=${good.host})`);
          await using base = await openBase(found.files, { arch: "amd64" });
          assertEquals([...base.tree.keys()], ["etc/amd64"]);
        });
      }, misbehave)
    ));
}

Deno.test("fetchImages() waits as long as Retry-After says, where that is not too long", () =>
  inWorld(async (world) => {
    let refusals = 1;
    await withRegistry(
      image,
      async (server) => {
        const started = performance.now();
        await fetchOne(world, server.host);
        assert(performance.now() - started >= 1000);
        assertStringIncludes(world.log.join(""), "the server said 429; again in 1 s");
      },
      () =>
        refusals-- > 0
          ? new Response("", { status: 429, headers: { "retry-after": "1" } })
          : undefined,
    );
  }));

Deno.test("fetchImages() goes on where a blob broke off, also in a later run", () =>
  inWorld(async (world) => {
    const ranges: (string | null)[] = [];
    let breaks = 4;
    await withRegistry(image, async (server) => {
      await assertRejects(() => fetchOne(world, server.host), KbuildError, NAME.split(":")[0]);
      const before = ranges.length;
      const found = await fetchOne(world, server.host);
      assertEquals(found.digest, image.index);
      assertEquals(ranges.slice(0, before), [null, "bytes=1000-", "bytes=2000-"]);
      assertEquals(ranges.slice(before), ["bytes=3000-", "bytes=4000-"]);
      assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], true]);
    }, (request, url) => {
      if (!isLayer(url)) return undefined;
      const range = request.headers.get("range");
      ranges.push(range);
      if (breaks-- <= 0) return undefined;
      const from = Number(/\d+/.exec(range ?? "")?.[0] ?? 0);
      return broken(bytesOf(layer), from, 1000, bytesOf(layer).length);
    });
  }));

Deno.test("fetchImages() starts anew where a server cannot go on, or existing content was wrong", () =>
  inWorld(async (world) => {
    let wrong = true;
    await withRegistry(image, async (server) => {
      await assertRejects(() => fetchOne(world, server.host, {}, { attempts: 1 }), KbuildError);
      wrong = false;
      // 1000 wrong bytes exist; the rest is asked for, and then all of it.
      await fetchOne(world, server.host);
      assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], true]);
    }, (request, url) => {
      if (!isLayer(url)) return undefined;
      return wrong
        ? broken(new Uint8Array(bytesOf(layer).length), 0, 1000, 0)
        : respond(image, request, url);
    });
  }));

Deno.test("fetchImages() waits for a mirror that hangs once, not for each image", () =>
  inWorld((world) =>
    withRegistry(image, (bad) =>
      withRegistry(image, async (good) => {
        const context = world.context({
          KBUILD_MIRRORS: `registry.k8s.io=${bad.host},${good.host}`,
        });
        const wanted = ["a:1", "b:1", "c:1"].map((name) => (
          { reference: `registry.k8s.io/${name}`, archs: ["amd64", "arm64"] }
        ));
        const images = await fetchImages(context, wanted, {
          retryPolicy: { ...HASTY, headersMs: 1000 },
        });
        assertEquals(images.map(({ digest }) => digest), [image.index, image.index, image.index]);
        assertEquals(bad.requests, ["GET /v2/a/manifests/1", "GET /v2/a/manifests/1"]);
      }), never)
  ));

Deno.test("fetchImages() stops when it is asked to, and leaves nothing", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const stop = new AbortController();
      const reason = new KbuildError("Stopped by Ctrl-C", { exitCode: 130 });
      setTimeout(() => stop.abort(reason), 100);
      const context = world.context({ KBUILD_MIRRORS: `registry.k8s.io=${server.host}` }, {
        signal: stop.signal,
      });
      const error = await assertRejects(
        () => fetchImages(context, [{ reference: NAME, archs: ["amd64"] }]),
        KbuildError,
      );
      assertEquals([error.exitCode, world.blobs().includes(hex)], [130, false]);
    }, (_, url) => isLayer(url) ? never() : undefined)
  ));
