/** The cache of blobs: shared, checked when it is read, enough without a network. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { fetchImages } from "../../src/registry/mod.ts";
import { fetchOne, HASTY, inWorld, makeImage, NAME, respond, withRegistry } from "./_world.ts";

const image = await makeImage(["amd64", "arm64"]);
const layer = image.layers["amd64"]!;
const hex = layer.slice("sha256:".length);

Deno.test("fetchImages() with --offline takes the cache, and names what is not there", () =>
  inWorld(async (world) => {
    const offline = { KBUILD_OFFLINE: "y" };
    await withRegistry(image, async (server) => {
      await fetchOne(world, server.host);
      const asked = server.requests.length;
      const found = await fetchOne(world, server.host, offline);
      assertEquals([found.digest, server.requests.length], [image.index, asked]);
    });
    const context = world.context(offline);
    const wanted = (reference: string, arch: string) =>
      fetchImages(context, [{ reference, archs: [arch] }]);
    // A digest needs no memory; the tag beside it may be any.
    const name = NAME.split(":")[0];
    assertEquals((await wanted(`${name}:x@${image.index}`, "amd64"))[0]!.digest, image.index);
    for (
      const [reference, arch, words] of [
        [`${name}:v2`, "amd64", 'what "v2" stands for is not in the cache, and --offline'],
        [NAME, "arm64", `${image.manifests["arm64"]} is not in the cache`],
        [`${name}@sha256:${"0".repeat(64)}`, "amd64", "is not in the cache"],
      ] as const
    ) {
      await assertRejects(() => wanted(reference, arch), KbuildError, words);
    }
  }));

Deno.test("fetchImages() asks for tags each time, for blobs once, and for no digest twice", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      await fetchOne(world, server.host);
      assertEquals(server.requests.length, 4);
      await fetchOne(world, server.host);
      assertEquals(server.requests.slice(4), ["HEAD /v2/build-image/go-runner/manifests/v1"]);
      const context = world.context({ KBUILD_MIRRORS: `registry.k8s.io=${server.host}` });
      await fetchImages(context, [{ reference: NAME, archs: ["amd64"] }], { pull: false });
      assertEquals(server.requests.length, 5);
    })
  ));

Deno.test("fetchImages() keeps the cache small: what was not used for longest goes, nothing of today", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const directory = join(world.cache, "blobs/sha256");
      const ago = (days: number) => new Date(Date.now() - days * 24 * 3600_000);
      await Deno.mkdir(directory, { recursive: true });
      for (const [name, days] of [["a", 9], ["b", 3], ["c", 2], ["d", 0.5]] as const) {
        await Deno.writeFile(join(directory, name.repeat(64)), new Uint8Array(600_000));
        await Deno.utime(join(directory, name.repeat(64)), ago(days), ago(days));
      }
      await fetchOne(world, server.host, { KBUILD_BLOB_CACHE_MB: "10" });
      assertEquals(world.blobs().length, 4 + 4);
      // The image's own were used just now, however long they have lain there.
      for (const name of world.blobs()) {
        if (!/^(.)\1*$/.test(name)) await Deno.utime(join(directory, name), ago(99), ago(99));
      }
      await fetchOne(world, server.host, { KBUILD_BLOB_CACHE_MB: "2" });
      const left = world.blobs().filter((name) => /^(.)\1*$/.test(name)).map((name) => name[0]);
      assertEquals([left.sort(), world.blobs().length], [["c", "d"], 4 + 2]);
      await fetchOne(world, server.host, { KBUILD_BLOB_CACHE_MB: "0" });
      assertEquals(world.blobs().length, 4 + 1);
      await assertRejects(
        () => fetchOne(world, server.host, { KBUILD_BLOB_CACHE_MB: "some" }),
        UsageError,
        'Value "some" of KBUILD_BLOB_CACHE_MB is not a whole number',
      );
    })
  ));

Deno.test("fetchImages() takes what a tag has come to stand for", () =>
  inWorld(async (world) => {
    const next = await makeImage(["amd64"], 1000);
    let now = image;
    await withRegistry(image, async (server) => {
      assertEquals((await fetchOne(world, server.host)).digest, image.index);
      now = next;
      assertEquals((await fetchOne(world, server.host)).digest, next.index);
      const offline = await fetchOne(world, server.host, { KBUILD_OFFLINE: "y" });
      assertEquals(offline.digest, next.index);
    }, (request, url) => respond(now, request, url));
  }));

Deno.test("fetchImages() fetches anew what is damaged in the cache; --offline says so", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      await fetchOne(world, server.host);
      const path = join(world.cache, "blobs/sha256", hex);
      const damage = async () => {
        const bytes = await Deno.readFile(path);
        bytes[5]! ^= 1;
        await Deno.writeFile(path, bytes);
      };
      await damage();
      assertEquals(await world.badBlobs(), [hex]);
      await assertRejects(
        () => fetchOne(world, server.host, { KBUILD_OFFLINE: "y" }),
        KbuildError,
        `${layer} is not in the cache`,
      );
      await fetchOne(world, server.host);
      assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], true]);
    })
  ));

Deno.test("fetchImages() fetches each blob once, however many kbuilds want it at a time", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const all = await Promise.all([1, 2, 3, 4].map(() => fetchOne(world, server.host)));
      assertEquals(new Set(all.map(({ digest }) => digest)), new Set([image.index]));
      const blobs = server.requests.filter((request) => request.includes("/blobs/"));
      assertEquals([blobs.length, new Set(blobs).size], [2, 2]);
      const left = [...Deno.readDirSync(join(world.cache, "partial"))].map(({ name }) => name);
      assertEquals([await world.badBlobs(), left], [[], []]);
    }, async (_, url) => {
      if (url.pathname.includes("/blobs/")) await new Promise((done) => setTimeout(done, 100));
      return undefined;
    })
  ));

Deno.test("fetchImages() names what an image has where it lacks the architecture", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const context = world.context({ KBUILD_MIRRORS: `registry.k8s.io=${server.host}` });
      const error = await assertRejects(
        () => fetchImages(context, [{ reference: NAME, archs: ["s390x"] }]),
        KbuildError,
        'it has no image for "linux/s390x"',
      );
      assertStringIncludes(error.notes.join(), "linux/amd64, linux/arm64");
      // One image under its own name, without an index.
      const name = NAME.split(":")[0];
      const reference = `${name}@${image.manifests["arm64"]}`;
      await fetchImages(context, [{ reference, archs: ["arm64"] }]);
      await assertRejects(
        () => fetchImages(context, [{ reference, archs: ["amd64"] }]),
        KbuildError,
        'no image for "linux/amd64"',
      );
    })
  ));

Deno.test("fetchImages() says what it cannot read, keep or find", () =>
  inWorld(async (world) => {
    const v1 = new Response(JSON.stringify({ schemaVersion: 1, fsLayers: [] }));
    await withRegistry(image, async (server) => {
      const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
      assertStringIncludes(error.message, "of docker's first schema");
    }, () => v1);
    await withRegistry(image, async (server) => {
      const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
      assertStringIncludes(error.message, "the server said 404");
    }, () => new Response("", { status: 404 }));
    await withRegistry(image, async (server) => {
      await Deno.remove(world.cache, { recursive: true }).catch(() => {});
      await Deno.writeTextFile(world.cache, "a file");
      await assertRejects(
        () => fetchOne(world, server.host),
        KbuildError,
        `Cannot use KBUILD_CACHE="${world.cache}": "${world.cache}" is not a directory`,
      );
    });
    const nowhere = world.context({ KBUILD_CACHE: "", HOME: "" });
    await assertRejects(
      () => fetchImages(nowhere, [{ reference: NAME, archs: ["amd64"] }], { retryPolicy: HASTY }),
      KbuildError,
      "no directory is known to keep them in",
    );
  }));

Deno.test("fetchImages() goes on where a killed kbuild stopped", () =>
  inWorld(async (world) => {
    const script = join(world.dir, "fetch.ts");
    const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    await Deno.writeTextFile(
      script,
      `import { createLogger } from ${here("../../src/lib/logging.ts")};
import { createShell } from ${here("../../src/shell/mod.ts")};
import { fetchImages } from ${here("../../src/registry/mod.ts")};
const env = Deno.env.toObject();
const log = createLogger({ write: () => {} });
const shell = createShell({ cwd: "/", env });
await fetchImages({ env, host: "linux/amd64", log, shell }, [
  { reference: Deno.args[0]!, archs: ["amd64"] },
]);
`,
    );
    const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.json";
    const bytes = image.blobs.get(layer)!;
    const ranges: (string | null)[] = [];
    const halfway = Promise.withResolvers<void>();
    await withRegistry(image, async (server) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--config", fromFileUrl(new URL(`../../${config}`, import.meta.url))],
          ...[script, NAME],
        ],
        env: { KBUILD_CACHE: world.cache, KBUILD_MIRRORS: `registry.k8s.io=${server.host}` },
        stdout: "null",
        stderr: "null",
      }).spawn();
      const early = child.status.then(({ code }) => {
        throw new Error(`The child ended with ${code} before it was killed`);
      });
      early.catch(() => {});
      await Promise.race([halfway.promise, early]);
      const partial = join(world.cache, "partial", hex);
      while (((await Deno.stat(partial).catch(() => undefined))?.size ?? 0) < 100_000) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      child.kill("SIGKILL");
      await child.status;
      assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], false]);

      await fetchOne(world, server.host);
      assertEquals(ranges, [null, "bytes=100000-"]);
      assertEquals([await world.badBlobs(), world.blobs().includes(hex)], [[], true]);
    }, (request, url) => {
      if (!url.pathname.endsWith(layer)) return undefined;
      ranges.push(request.headers.get("range"));
      if (ranges.length > 1) return undefined;
      halfway.resolve();
      return new Response(
        new ReadableStream({ start: (to) => to.enqueue(bytes.slice(0, 100_000)) }),
      );
    });
  }));
