/** Pushing: names, what is sent, and registries that refuse or break off. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { words } from "../archive/helpers.ts";
import { pushImages } from "../../src/registry/mod.ts";
import { pushNames } from "../../src/registry/push_names.ts";
import { NOTHING, pushing, randomBytes, writeArchives } from "./_push.ts";
import { digestOf, HASTY, inWorld, type Misbehave, withRegistry } from "./_world.ts";

Deno.test("pushNames() are krel's: with the architecture, and without it for the list", () => {
  const cases: readonly [string, string, Record<string, string>, string, string][] = [
    [
      "registry.k8s.io/kube-proxy-amd64:v1.35.0",
      "amd64",
      {},
      "registry.k8s.io/kube-proxy-amd64:v1.35.0",
      "registry.k8s.io/kube-proxy:v1.35.0",
    ],
    [
      "gcr.io/google_containers/kube-proxy:v1.7.3",
      "amd64",
      {},
      "gcr.io/google_containers/kube-proxy-amd64:v1.7.3",
      "gcr.io/google_containers/kube-proxy:v1.7.3",
    ],
    [
      "k8s.gcr.io/conformance-arm64:v1_2",
      "arm64",
      { registry: "http://r.example:5000/a/b/", tag: "v2+x" },
      "r.example:5000/a/b/conformance-arm64:v2_x",
      "r.example:5000/a/b/conformance:v2_x",
    ],
    [
      "kube-proxy-arm:v1",
      "arm",
      { registry: "localhost" },
      "localhost/kube-proxy-arm:v1",
      "localhost/kube-proxy:v1",
    ],
  ];
  for (const [repoTag, arch, options, image, list] of cases) {
    const names = pushNames(repoTag, arch, options);
    assertEquals([names.image, names.list], [image, list]);
  }
  for (
    const [options, words] of [
      [{ registry: "team" }, "it does not begin with the host of a registry"],
      [{ registry: "r.example/Team" }, "capital letters"],
      [{ tag: "a b" }, "is not a tag"],
    ] as const
  ) {
    const error = assertThrows(() => pushNames("x.io/a-arm:1", "arm", options), UsageError);
    assertStringIncludes(error.message, words);
  }
});

Deno.test("pushImages() sends each blob once, and mounts what another image brought", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world);
    await pushing(world, paths, () => undefined, async (push, taker) => {
      const results = await push();
      assertEquals(results.map(({ name }) => name.replace(/^[^/]+/, "")), [
        "/r/a-amd64:v1",
        "/r/b-amd64:v1",
        "/r/a:v1",
        "/r/b:v1",
      ]);
      // Two layers and two configurations of their own, one layer that both share.
      assertEquals(taker.answers.filter((answer) => answer === "PUT 201").length, 5 + 4 + 2);
      assert(taker.answers.includes("POST 201"), "the shared layer is mounted");
      const list = JSON.parse(new TextDecoder().decode(taker.manifests.get("r/a:v1")));
      assertEquals(list.manifests[0].digest, results[0]!.digest);
      assertEquals(list.manifests[0].platform, { os: "linux", architecture: "amd64" });
      const before = taker.answers.length;
      assert((await push()).every(({ unchanged }) => unchanged));
      assert(taker.answers.slice(before).every((answer) => answer === "HEAD 200"));
    });
  }));

Deno.test("pushImages() makes these very digests, whatever the machine", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["text"], () => words(2_500_000));
    await pushing(world, paths, () => undefined, async (push) => {
      const digests = (await push()).map((
        { name, digest },
      ) => [name.replace(/^[^/]+/, ""), digest]);
      assertEquals(digests, [
        [
          "/r/text-amd64:v1",
          "sha256:5b1b403c057245e58449aa961b6d0952699fa006f17a24c2db332b8ec8543b93",
        ],
        ["/r/text:v1", "sha256:4059dc62b90f1390cdbc6f16e56ef89f1833a3493af2c12fd27b76f9ea9f8866"],
      ]);
    });
  }));

Deno.test("pushImages() sends a layer of any size in one request, and anew after a failure", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["big"], () => randomBytes(9 << 20));
    let failures = 1;
    const misbehave: Misbehave = (request) =>
      request.method === "PUT" && failures-- > 0 ? new Response("", { status: 503 }) : undefined;
    await pushing(world, paths, misbehave, async (push, taker) => {
      await push();
      assertStringIncludes(world.log.join(""), "the server said 503; again in 0.02 s");
      assertEquals(taker.answers.filter((answer) => answer.startsWith("PATCH")).length, 0);
      const sizes = [...taker.blobs.values()].map(({ length }) => length);
      assert(Math.max(...sizes) > 9 << 20);
      for (const [name, bytes] of taker.blobs) assertStringIncludes(name, digestOf(bytes));
    });
  }));

Deno.test("pushImages() sends a manifest again where the registry does not know its blobs yet", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    // As docker-registry 2.8 answers while somebody else puts the same blob.
    const errors = ["DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"].map((code) => ({ code }));
    let failures = 1;
    const misbehave: Misbehave = (request, url) =>
      request.method === "PUT" && url.pathname.includes("/manifests/") && failures-- > 0
        ? Response.json({ errors }, { status: 400 })
        : undefined;
    await pushing(world, paths, misbehave, async (push, taker) => {
      await push();
      assertMatch(
        world.log.join(""),
        /the server said 400: .*MANIFEST_BLOB_UNKNOWN; again in 0\.02 s/,
      );
      assert(taker.manifests.size > 0);
    });
  }));

Deno.test("pushImages() asks for a token to push with, and gives it to no other server", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    const scopes: string[] = [];
    const elsewhere: (string | null)[] = [];
    await withRegistry(NOTHING, async (other) => {
      const misbehave: Misbehave = (request, url) => {
        if (url.pathname === "/token") {
          scopes.push(...url.searchParams.getAll("scope"));
          return Response.json({ token: "t" });
        }
        if (request.headers.get("authorization") !== "Bearer t") {
          const realm = `Bearer realm="http://${url.host}/token"`;
          return new Response("", { status: 401, headers: { "www-authenticate": realm } });
        }
        if (request.method !== "POST") return undefined;
        return new Response("", {
          status: 202,
          headers: { location: `http://${other.host}/upload?state=1` },
        });
      };
      await pushing(world, paths, misbehave, async (push) => {
        await push({ lists: false });
        assertEquals(scopes, ["repository:r/a-amd64:pull,push"]);
        assertEquals(new Set(elsewhere), new Set([null]));
        assertEquals(other.requests.length, 3);
      });
    }, (request, url) => {
      elsewhere.push(request.headers.get("authorization"));
      assertEquals(url.searchParams.get("state"), "1");
      return new Response("", { status: 201 });
    });
  }));

Deno.test("pushImages() says in the registry's words why it refuses, and what to do", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    const refused = async (misbehave: Misbehave, words: RegExp) => {
      await pushing(world, paths, misbehave, async (push, _taker, server) => {
        const started = performance.now();
        const retryPolicy = { ...HASTY, headersMs: 1000 };
        const error = await assertRejects(() => push({ retryPolicy }), KbuildError);
        assert(performance.now() - started < 60_000);
        const text = [error.message, ...error.notes].join("\n");
        assert(words.test(text), text);
        assertStringIncludes(text, server.host);
      });
    };
    const denied = { errors: [{ code: "DENIED", message: "no quota\nleft" }] };
    await refused(
      (request) => request.method === "POST" ? Response.json(denied, { status: 403 }) : undefined,
      /the server said 403: DENIED: no quota left/,
    );
    await refused(
      (request) => request.method === "PUT" ? new Promise<Response>(() => {}) : undefined,
      /no answer came within/,
    );
    await refused(
      () => new Response("", { status: 401, headers: { "www-authenticate": "Basic" } }),
      /it wants a log-in \(401\)[\s\S]*docker login/,
    );
    await refused(
      (request, url) =>
        request.method === "PUT" && url.pathname.includes("/manifests/")
          ? new Response("", {
            status: 201,
            headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` },
          })
          : undefined,
      /the registry made "sha256:000/,
    );
    // Before minutes go by with compressing.
    const fresh = world.context({ KBUILD_CACHE: join(world.dir, "fresh") });
    const nowhere = { registry: "127.0.0.1:2/r", retryPolicy: HASTY };
    const error = await assertRejects(() => pushImages(fresh, paths, nowhere), KbuildError);
    assertMatch(error.message, /^Cannot push to "127\.0\.0\.1:2": .*refused/);
    assertStringIncludes(error.notes.join("\n"), "Nothing was sent yet");
    await assertRejects(() => Deno.lstat(join(world.dir, "fresh")), Deno.errors.NotFound);
    const offline = world.context({ KBUILD_OFFLINE: "1" });
    await assertRejects(() => pushImages(offline, paths), KbuildError, "--offline forbids");
  }));

Deno.test("pushImages() refuses archives that are not image archives, hold two images, or contradict each other", () =>
  inWorld(async (world) => {
    const [path = ""] = await writeArchives(world, ["a"]);
    const other = join(world.dir, "other");
    await Deno.mkdir(other);
    const [same = ""] = await writeArchives({ ...world, dir: other }, ["a"]);
    const broken = join(world.dir, "broken.tar");
    await Deno.writeFile(broken, (await Deno.readFile(path)).slice(0, 3000));
    const cases: readonly [paths: string[], words: string][] = [
      [[path, same], "Cannot push two different images as"],
      [[broken], "broken.tar"],
      [[join(world.dir, "missing.tar")], "missing.tar"],
    ];
    for (const [paths, words] of cases) {
      await pushing(world, paths, () => undefined, async (push, taker) => {
        const error = await assertRejects(() => push(), KbuildError);
        assertStringIncludes(error.message, words);
        assertEquals([...taker.blobs.keys()], []);
      });
    }
  }));
