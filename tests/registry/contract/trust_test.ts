/** What a server says is not trusted: headers, redirects, sizes. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KbuildError } from "../../../src/errors.ts";
import { fetchOne, inWorld, makeImage, textOf, withRegistry } from "../_world.ts";

const image = await makeImage(["amd64"], 1000);
const layer = image.layers["amd64"]!;

Deno.test("no header of a server takes log-ins elsewhere", () =>
  inWorld(async (world) => {
    await withRegistry(image, async (thief) => {
      await withRegistry(image, async (server) => {
        const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
        assertStringIncludes(textOf(error), "401");
        assertEquals(thief.requests, []);
      }, () =>
        new Response("", {
          status: 401,
          headers: {
            "x-kbuild-final-url": `http://${thief.host}/v2/a/manifests/v1`,
            "www-authenticate": "Negotiate",
          },
        }));
    });
  }));

for (const status of [301, 302, 307, 308]) {
  Deno.test(`a refresh token goes to no other server, whatever redirects with ${status}`, () =>
    inWorld(async (world) => {
      const stolen: string[] = [];
      await withRegistry(image, async (thief) => {
        await withRegistry(image, async (server) => {
          const config = { auths: { [server.host]: { identitytoken: "refresh-me" } } };
          await Deno.writeTextFile(`${world.dir}/config.json`, JSON.stringify(config));
          const env = { DOCKER_CONFIG: world.dir };
          const error = await assertRejects(() => fetchOne(world, server.host, env), KbuildError);
          assertStringIncludes(textOf(error), "redirects a request with credentials to another");
          assertEquals(stolen, []);
        }, (_, url) => {
          if (url.pathname === "/token") {
            const location = `http://${thief.host}/token`;
            return new Response(null, { status, headers: { location } });
          }
          const challenge = `Bearer realm="http://${url.host}/token"`;
          return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
        });
      }, async (request) => {
        stolen.push(await request.text());
        return Response.json({ token: "t" });
      });
    }));
}

Deno.test("signatures in redirects are not shown", () =>
  inWorld(async (world) => {
    await withRegistry(image, async (server) => {
      const text = textOf(await assertRejects(() => fetchOne(world, server.host), KbuildError));
      assertStringIncludes(text, "/blocked?…");
      assertEquals(text.includes("s3cret"), false);
    }, (_, url) => {
      if (url.pathname === "/blocked") return new Response("", { status: 403 });
      if (!url.pathname.endsWith(layer)) return undefined;
      const location = "/blocked?signature=s3cret";
      return new Response(null, { status: 307, headers: { location } });
    });
  }));

Deno.test("a configuration of any size is not read into memory", () =>
  inWorld(async (world) => {
    const config = [...image.blobs].find(([, bytes]) =>
      new TextDecoder().decode(bytes).includes('"rootfs"')
    )![0];
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: { mediaType: "application/json", digest: config, size: 2 ** 40 },
      layers: [],
    });
    await withRegistry(image, async (server) => {
      const error = await assertRejects(() =>
        fetchOne(world, server.host), KbuildError);
      assertStringIncludes(textOf(error), "its configuration has 1.1 TB");
      assertEquals(server.requests.some((request) => request.includes("/blobs/")), false);
    }, (_, url) =>
      url.pathname.includes("/manifests/")
        ? new Response(manifest, {
          headers: { "content-type": "application/vnd.docker.distribution.manifest.v2+json" },
        })
        : undefined);
  }));
