/** Questions that a registry refuses before a push: mounts, HEAD of tags. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../../src/errors.ts";
import { pushing, writeArchives } from "../_push.ts";
import { digestOf, inWorld, type Misbehave, textOf } from "../_world.ts";

for (const status of [202, 400, 401, 403, 404, 405, 500]) {
  Deno.test(`pushImages() sends a blob where its mount is answered by ${status}`, () =>
    inWorld(async (world) => {
      const paths = await writeArchives(world);
      let mounts = 0;
      const misbehave: Misbehave = (request, url) => {
        if (request.method !== "POST" || !url.searchParams.has("mount")) return undefined;
        mounts++;
        if (status !== 202) return new Response(null, { status });
        const location = url.pathname;
        return fetch(`http://${url.host}${location}`, { method: "POST" });
      };
      await pushing(world, paths, misbehave, async (push, taker) => {
        await push({ lists: false });
        assert(mounts > 0);
        assertEquals(taker.manifests.size, 2);
        const of = (name: string) => [...taker.blobs.keys()].filter((key) => key.startsWith(name));
        assertEquals([of("r/a-amd64 ").length, of("r/b-amd64 ").length], [3, 3]);
      });
    }));
}

Deno.test("pushImages() sends a blob where a token for the other repository is refused", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world);
    const scopes: string[] = [];
    const misbehave: Misbehave = (request, url) => {
      if (url.pathname === "/token") {
        const asked = url.searchParams.getAll("scope");
        scopes.push(asked.join(" "));
        if (asked.length > 1) return new Response(null, { status: 403 });
        return Response.json({ token: `t:${asked[0]}` });
      }
      const [, repository] = /^\/v2\/(.+?)\/(manifests|blobs)\//.exec(url.pathname) ?? [];
      const wanted = `Bearer t:repository:${repository}:pull,push`;
      const isMount = url.searchParams.has("mount");
      if (!isMount && request.headers.get("authorization") === wanted) return undefined;
      const realm = `Bearer realm="http://${url.host}/token"`;
      return new Response(null, { status: 401, headers: { "www-authenticate": realm } });
    };
    await pushing(world, paths, misbehave, async (push, taker) => {
      await push({ lists: false });
      assertEquals(taker.manifests.size, 2);
      assert(scopes.some((scope) => scope.includes(" ")), scopes.join());
    });
  }));

for (const status of [401, 403, 405, 500]) {
  for (const force of [false, true]) {
    Deno.test(
      `pushImages() to a registry that answers HEAD and GET of what is new by ${status}${
        force ? ", with force" : ""
      }`,
      () =>
        inWorld(async (world) => {
          const paths = await writeArchives(world);
          const misbehave: Misbehave = (request) =>
            request.method === "HEAD" || request.method === "GET"
              ? new Response(null, { status })
              : undefined;
          await pushing(world, paths, misbehave, async (push, taker) => {
            await push({ force });
            assertEquals(taker.manifests.size, 2 + 2 * 2);
            const warned = world.log.join("").includes("does not say whether these tags are there");
            assertEquals(warned, !force);
          });
        }),
    );
  }
}

Deno.test("pushImages() finds a tag by GET where HEAD is refused, and does not replace it", () =>
  inWorld(async (world) => {
    const paths = await writeArchives(world, ["a"]);
    const misbehave: Misbehave = (request) =>
      request.method === "HEAD" ? new Response(null, { status: 405 }) : undefined;
    await pushing(world, paths, misbehave, async (push, taker) => {
      taker.manifests.set("r/a-amd64:v1", new TextEncoder().encode("{}"));
      const error = await assertRejects(
        () => push(),
        KbuildError,
        "a tag points to a different image",
      );
      assertStringIncludes(textOf(error), digestOf("{}"));
    });
  }));
