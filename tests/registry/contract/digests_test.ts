/** Who says what a tag stands for: its own registry or a lock; a mirror only carries. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { KbuildError, UsageError } from "../../../src/errors.ts";
import { parseMirrors } from "../../../src/net/mod.ts";
import {
  endpointsFor,
  fetchImages,
  parseDigests,
  parseReference,
  planFetch,
} from "../../../src/registry/mod.ts";
import { isOrigin, originOf } from "../../../src/registry/reference.ts";
import {
  HASTY,
  inWorld,
  type MadeImage,
  makeImage,
  respond,
  textOf,
  withRegistry,
  type World,
} from "../_world.ts";

const image = await makeImage(["amd64"], 1000);
const other = await makeImage(["amd64"], 2000);

/** Fetches `origin/a:v1` through a mirror. */
async function fetch(
  world: World,
  { origin, mirror, env = {} }: { origin: string; mirror: string; env?: Record<string, string> },
) {
  const context = world.context({ KBUILD_MIRRORS: `${origin}=${mirror}`, ...env });
  const wanted = [{ reference: `${origin}/a:v1`, archs: ["amd64"] }];
  const [found] = await fetchImages(context, wanted, { retryPolicy: HASTY });
  return found!;
}

/** Runs `body` beside an origin and a mirror, which serve these images. */
async function withBoth(
  { origin, mirror }: { origin: MadeImage; mirror: MadeImage },
  body: (hosts: { origin: string; mirror: string }, asked: {
    origin: string[];
    mirror: string[];
  }) => Promise<void>,
): Promise<void> {
  await withRegistry(
    origin,
    (one) =>
      withRegistry(mirror, (two) =>
        body({ origin: one.host, mirror: two.host }, {
          origin: one.requests,
          mirror: two.requests,
        })),
  );
}

Deno.test("a tag's digest comes from its own registry, all else from the mirror", () =>
  inWorld((world) =>
    withBoth({ origin: image, mirror: image }, async (hosts, asked) => {
      const found = await fetch(world, hosts);
      assertEquals([found.digest, found.digestFrom], [image.index, "origin"]);
      assertEquals(asked.origin, ["HEAD /v2/a/manifests/v1"]);
      assertEquals(asked.mirror.length, 4);
      assert(asked.mirror.every((request) => !request.endsWith("/v1")), asked.mirror.join());
      assertEquals(world.log.join("").includes("WARNING"), false);
    })
  ));

Deno.test("a mirror that serves something else under a tag is refused", () =>
  inWorld((world) =>
    withBoth({ origin: image, mirror: other }, async (hosts) => {
      const text = textOf(await assertRejects(() => fetch(world, hosts), KbuildError));
      assertStringIncludes(text, `its digest is "${other.index}", want "${image.index}"`);
      assertStringIncludes(text, "That mirror has another image under this name, or an older one");
      assertEquals(world.blobs(), []);
      // The next place has it.
      const found = await fetch(world, { ...hosts, mirror: `${hosts.mirror},direct` });
      assertEquals([found.digest, found.digestFrom], [image.index, "origin"]);
    })
  ));

Deno.test("a mirror that knows the tag alone is taken where its digest is the origin's", () =>
  inWorld((world) =>
    withRegistry(image, (origin) =>
      withRegistry(
        image,
        async (mirror) => {
          const found = await fetch(world, { origin: origin.host, mirror: mirror.host });
          assertEquals([found.digest, found.digestFrom], [image.index, "origin"]);
        },
        (_, url) =>
          url.pathname.endsWith(image.index) ? new Response("", { status: 404 }) : undefined,
      ))
  ));

Deno.test("where the origin cannot be asked, the mirror's word counts, with a warning", () =>
  inWorld(async (world) => {
    const cases: readonly [origin: string, says: string][] = [
      ["127.0.0.1:2", "connection refused"],
      ["r.invalid", 'its proxy "http://127.0.0.1:1" (HTTPS_PROXY): connection refused'],
    ];
    for (const [origin, says] of cases) {
      world.log.length = 0;
      await withRegistry(other, async ({ host: mirror }) => {
        const found = await fetch(world, { origin, mirror });
        assertEquals([found.digest, found.digestFrom], [other.index, "mirror"]);
        const log = world.log.join("");
        assertStringIncludes(
          log,
          `The tag of "${origin}/a:v1" is resolved by the mirror "${mirror}", not verified against ` +
            `"${origin}": ${says}`,
        );
        assertStringIncludes(log, `[digests]: ${other.index}`);
        const offline = await fetch(world, { origin, mirror, env: { KBUILD_OFFLINE: "y" } });
        assertEquals(offline.digestFrom, "mirror");
      });
    }
  }));

for (
  const [what, answer, says] of [
    ["has no such tag", () => new Response("", { status: 404 }), "it has no such tag"],
    ["refuses", () => new Response("", { status: 403 }), "the server said 403"],
    ["hangs", () => new Promise<Response>(() => {}), "no answer came within 1 s"],
  ] as const
) {
  Deno.test(`an origin that ${what} is asked once, without retries`, () =>
    inWorld((world) =>
      withRegistry(image, (origin) =>
        withRegistry(image, async (mirror) => {
          const context = world.context({ KBUILD_MIRRORS: `${origin.host}=${mirror.host}` });
          const wanted = ["a:v1", "b:v1"].map((name) => (
            { reference: `${origin.host}/${name}`, archs: ["amd64"] }
          ));
          const images = await fetchImages(context, wanted, {
            retryPolicy: { ...HASTY, headersMs: 1000 },
          });
          assertEquals(images.map(({ digestFrom }) => digestFrom), ["mirror", "mirror"]);
          assertStringIncludes(world.log.join(""), says);
          if (what === "hangs") assertEquals(origin.requests, ["HEAD /v2/a/manifests/v1"]);
        }), answer)
    ));
}

Deno.test("what the origin said earlier counts where it cannot be asked now", () =>
  inWorld(async (world) => {
    let alive = true;
    let now = image;
    await withRegistry(
      image,
      (origin) =>
        withRegistry(other, async (mirror) => {
          const hosts = { origin: origin.host, mirror: mirror.host };
          assertEquals((await fetch(world, hosts)).digestFrom, "origin");
          alive = false;
          now = other;
          const found = await fetch(world, hosts);
          assertEquals([found.digest, found.digestFrom], [image.index, "lock"]);
          assertStringIncludes(world.log.join(""), `is taken for what "${origin.host}" said on 20`);
        }, (request, url) => respond(now, request, url)),
      () => alive ? undefined : new Response("", { status: 503 }),
    );
  }));

Deno.test("a digest of KBUILD_DIGESTS beats all registries, and is asked for without the tag", () =>
  inWorld((world) =>
    withBoth({ origin: other, mirror: image }, async (hosts, asked) => {
      const env = {
        KBUILD_DIGESTS: `x.io/y:1=sha256:${"0".repeat(64)} ${hosts.origin}/a:v1=${image.index}`,
      };
      const found = await fetch(world, { ...hosts, env });
      assertEquals([found.digest, found.digestFrom], [image.index, "lock"]);
      assertEquals(asked.origin, []);
      assert(asked.mirror.every((request) => !request.endsWith("/v1")), asked.mirror.join());
      const wrong = { KBUILD_DIGESTS: `${hosts.origin}/a:v1=sha256:${"0".repeat(64)}` };
      await assertRejects(() => fetch(world, { ...hosts, env: wrong }), KbuildError, "want");
    })
  ));

Deno.test("parseDigests() refuses what is not a name with a tag and a digest", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  assertEquals([...parseDigests(`busybox:1=${digest}, x.io/a=${digest}`)], [
    ["docker.io/library/busybox:1", digest],
    ["x.io/a:latest", digest],
  ]);
  for (
    const text of ["a:1", "a:1=sha256:abc", `=${digest}`, `a@${digest}=${digest}`, `a/B=${digest}`]
  ) {
    assertThrows(() => parseDigests(text), UsageError);
  }
});

Deno.test("originOf() is the registry that a name has moved to", () => {
  const cases: readonly [name: string, origin: string, others: readonly string[]][] = [
    ["k8s.gcr.io/pause", "https://registry.k8s.io/pause", ["https://k8s.gcr.io/pause"]],
    ["gcr.io/google_containers/a", "https://registry.k8s.io/a", []],
    ["registry.k8s.io/pause", "https://registry.k8s.io/pause", []],
    ["busybox", "https://registry-1.docker.io/library/busybox", []],
  ];
  for (const [name, origin, others] of cases) {
    const reference = parseReference(name);
    assertEquals(originOf(reference).url, origin);
    const urls = endpointsFor(
      parseMirrors(`${reference.host}=m.example,direct preset:moved`),
      reference,
    )
      .filter((endpoint) => isOrigin(endpoint, reference)).map(({ url }) => url);
    assert(urls.every((url) => url === origin || others.includes(url)), urls.join());
  }
});

Deno.test("planFetch() lists the origin's question, but not where a lock answers it", () => {
  const reference = "registry.k8s.io/pause:3.9";
  const plan = (env: Record<string, string>) =>
    planFetch({ env }, [{ reference, archs: [] }])[0]!.urls.map(({ url, when }) => [url, when]);
  const own = "https://registry.k8s.io/v2/pause";
  const mirror = "https://m.example/v2/pause";
  const parts = (at: string) => [
    [`${at}/manifests/sha256:…`, "what that names"],
    [`${at}/blobs/sha256:…`, "what is not in the cache"],
  ];
  assertEquals(plan({}), [[`${own}/manifests/3.9`, "first"], ...parts(own)]);
  assertEquals(plan({ KBUILD_MIRRORS: "registry.k8s.io=m.example" }), [
    [`${own}/manifests/3.9`, "digest, first"],
    [`${mirror}/manifests/3.9`, "digest from the mirror itself, if that fails"],
    ...parts(mirror),
  ]);
  const digest = `sha256:${"a".repeat(64)}`;
  const locked = { KBUILD_DIGESTS: `${reference}=${digest}` };
  assertEquals(plan({ KBUILD_MIRRORS: "registry.k8s.io=m.example", ...locked }), [
    [`${mirror}/manifests/${digest}`, "first"],
    ...parts(mirror),
  ]);
});
