/** Logging in: where credentials come from, and where they go. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { findCredentials } from "../../src/registry/credentials.ts";
import { fetchOne, inWorld, makeImage, withRegistry, type World } from "./_world.ts";

const image = await makeImage(["amd64"], 1000);
const layer = image.layers["amd64"]!;

async function writeConfig(world: World, config: unknown): Promise<Record<string, string>> {
  const dir = join(world.dir, "docker config");
  await Deno.mkdir(dir, { recursive: true });
  const text = typeof config === "string" ? config : JSON.stringify(config);
  await Deno.writeTextFile(join(dir, "config.json"), text);
  return { DOCKER_CONFIG: dir };
}

async function writeHelper(world: World, name: string, script: string): Promise<string> {
  const bin = join(world.dir, "bin");
  await Deno.mkdir(bin, { recursive: true });
  const path = join(bin, `docker-credential-${name}`);
  await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${bin}:${Deno.env.get("PATH")}`;
}

Deno.test("fetchImages() gets a token with what docker login keeps, once for all requests", () =>
  inWorld(async (world) => {
    const asked: [authorization: string | null, query: string][] = [];
    await withRegistry(image, async (server) => {
      const auth = btoa("user:pa:ss");
      const env = await writeConfig(world, { auths: { [server.host]: { auth } } });
      await fetchOne(world, server.host, env);
      assertEquals(asked, [[
        `Basic ${btoa("user:pa:ss")}`,
        "service=reg&scope=repository%3Abuild-image%2Fgo-runner%3Apull",
      ]]);
    }, (request, url) => {
      const authorization = request.headers.get("authorization");
      if (url.pathname === "/token") {
        asked.push([authorization, url.search.slice(1)]);
        return Response.json({ access_token: "t0ken" });
      }
      if (authorization === "Bearer t0ken") return undefined;
      const realm = `http://${url.host}/token`;
      return new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}",service="reg"` },
      });
    });
  }));

Deno.test("fetchImages() takes a new token when the old one has run out", () =>
  inWorld(async (world) => {
    let tokens = 0;
    await withRegistry(image, async (server) => {
      await fetchOne(world, server.host);
      assertEquals(tokens, 2);
    }, (request, url) => {
      if (url.pathname === "/token") return Response.json({ token: `t${++tokens}` });
      const wanted = url.pathname.includes("/blobs/") ? "Bearer t2" : "Bearer t1";
      if (request.headers.get("authorization") === wanted) return undefined;
      const realm = `http://${url.host}/token`;
      return new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}"` },
      });
    });
  }));

Deno.test("fetchImages() logs in with basic and a helper; redirects get no credentials", () =>
  inWorld(async (world) => {
    const elsewhere: (string | null)[] = [];
    await withRegistry(image, async (cdn) => {
      await withRegistry(image, async (server) => {
        const PATH = await writeHelper(
          world,
          "vault",
          `read -r server; [ "$server" = "${server.host}" ] && [ "$1" = get ] || exit 1\n` +
            `echo '{"ServerURL":"x","Username":"user","Secret":"s3cret"}'`,
        );
        const env = await writeConfig(world, { credHelpers: { [server.host]: "vault" } });
        await fetchOne(world, server.host, { ...env, PATH });
        assertEquals(elsewhere, [null]);
      }, (request, url) => {
        if (request.headers.get("authorization") !== `Basic ${btoa("user:s3cret")}`) {
          return new Response("", {
            status: 401,
            headers: { "www-authenticate": 'Basic realm="x"' },
          });
        }
        if (!url.pathname.endsWith(layer)) return undefined;
        const location = `http://${cdn.host}/v2/cdn/blobs/${layer}?signature=1`;
        return new Response(null, { status: 307, headers: { location } });
      });
    }, (request) => {
      elsewhere.push(request.headers.get("authorization"));
      return undefined;
    });
  }));

Deno.test("fetchImages() logs in where a registry sends it on to, with that one's log-in alone", () =>
  inWorld(async (world) => {
    const seen: string[] = [];
    const behind = (request: Request, url: URL) => {
      const authorization = request.headers.get("authorization");
      seen.push(`${url.pathname.split("/").at(-2)} ${authorization}`);
      if (url.pathname === "/token") return Response.json({ token: "theirs" });
      if (authorization === "Bearer theirs") return undefined;
      const challenge = `Bearer realm="http://${url.host}/token",service="s"`;
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    };
    await withRegistry(image, async (real) => {
      await withRegistry(image, async (signpost) => {
        const logins = { [signpost.host]: "signpost:1", [real.host]: "real:2" };
        const auths = Object.entries(logins).map(([host, text]) => [host, { auth: btoa(text) }]);
        const env = await writeConfig(world, { auths: Object.fromEntries(auths) });
        await fetchOne(world, signpost.host, env);
        assertEquals([await world.badBlobs(), world.blobs().length], [[], 4]);
        assertEquals(
          new Set(seen.map((line) => line.split(" ").slice(1).join(" "))),
          new Set([
            "null",
            `Basic ${btoa("real:2")}`,
            "Bearer theirs",
          ]),
        );
        // One token for all.
        assertEquals(seen.filter((line) => line.includes("Basic")).length, 1);
      }, (_, url) => {
        const location = `http://${real.host}/v2/behind/images${url.pathname.slice(3)}`;
        return new Response(null, { status: 307, headers: { location } });
      });
    }, behind);
    // One that has always another place to ask comes to an end.
    let asked = 0;
    const endless = (_: Request, url: URL) => {
      // Every second request is one that was sent on.
      if (++asked % 2 === 0) return new Response("", { status: 401 });
      const other = url.hostname === "localhost" ? "127.0.0.1" : "localhost";
      const location = `http://${other}:${url.port}/v2/x${asked}/blobs/${layer}`;
      return new Response(null, { status: 307, headers: { location } });
    };
    await withRegistry(image, async (server) => {
      await assertRejects(() => fetchOne(world, server.host), KbuildError, "401");
      assert(asked < 20, `${asked} requests`);
    }, endless);
  }));

Deno.test("findCredentials() reads what docker and podman write", () =>
  inWorld(async (world) => {
    const auth = (text: string) => ({ auth: btoa(text) });
    const env = await writeConfig(world, {
      auths: {
        "https://index.docker.io/v1/": auth("hub:1"),
        "https://plain.example": auth("plain:2"),
        "m.example": auth("short:3"),
        "m.example/team": auth("long:4"),
        "token.example": { auth: btoa("x:y"), identitytoken: "idt" },
        "fields.example:5000": { username: "f", password: "5" },
        "empty.example": {},
      },
    });
    const context = world.context(env);
    const cases: readonly [host: string, repository: string, found: unknown][] = [
      ["docker.io", "library/busybox", { username: "hub", password: "1" }],
      ["plain.example", "a", { username: "plain", password: "2" }],
      ["m.example", "a", { username: "short", password: "3" }],
      ["m.example", "teams/a", { username: "short", password: "3" }],
      ["m.example", "team/a", { username: "long", password: "4" }],
      ["token.example", "a", { identityToken: "idt" }],
      ["fields.example:5000", "a", { username: "f", password: "5" }],
      ["fields.example", "a", undefined],
      ["empty.example", "a", undefined],
      ["example", "a", undefined],
    ];
    for (const [host, repository, found] of cases) {
      assertEquals(await findCredentials(context, host, repository), found as never, host);
    }
    const podman = join(world.dir, "auth.json");
    await Deno.writeTextFile(podman, JSON.stringify({ auths: { "p.example": auth("p:6") } }));
    const both = world.context({ ...env, REGISTRY_AUTH_FILE: podman });
    assertEquals(await findCredentials(both, "p.example", "a"), { username: "p", password: "6" });
    assertEquals(await findCredentials(both, "m.example", "a"), {
      username: "short",
      password: "3",
    });
  }));

Deno.test("findCredentials() asks the helper for all, and takes no for an answer", () =>
  inWorld(async (world) => {
    const config = await writeConfig(world, {
      credsStore: "store",
      auths: { "m.example": { auth: btoa("file:1") } },
    });
    const ask = async (script: string) => {
      const PATH = await writeHelper(world, "store", script);
      return await findCredentials(world.context({ ...config, PATH }), "m.example", "a");
    };
    assertEquals(
      await ask(`echo '{"Username":"<token>","Secret":"idt"}'`),
      { identityToken: "idt" },
    );
    assertEquals(await ask("echo 'credentials not found in native keychain'; exit 1"), {
      username: "file",
      password: "1",
    });
    for (
      const [script, words] of [
        ["echo secret-words; exit 3", "Cannot get the log-in"],
        ["echo secret-words", "Cannot understand"],
      ] as const
    ) {
      const error = await assertRejects(() => ask(script), KbuildError, words);
      const text = [error.message, ...error.notes, ...error.output].join("\n");
      assertEquals([text.includes("secret-words"), text.includes("docker-credential-store")], [
        false,
        true,
      ]);
    }
    const gone = await assertRejects(
      () => findCredentials(world.context({ ...config, PATH: "/nowhere" }), "m.example", "a"),
      KbuildError,
    );
    assertStringIncludes(gone.message, "docker-credential-store");
  }));

Deno.test("findCredentials() says which file is damaged, and shows nothing of it", () =>
  inWorld(async (world) => {
    const cases: readonly [config: unknown, words: string][] = [
      ['{"auths": secret-words', "it is no JSON"],
      [{ auths: { "m.example": { auth: "secret-words!" } } }, 'the log-in for "m.example"'],
      [{ credHelpers: { "m.example": "../../secret" } }, "Cannot use the credential helper"],
    ];
    for (const [config, words] of cases) {
      const env = await writeConfig(world, config);
      const error = await assertRejects(
        () => findCredentials(world.context(env), "m.example", "a"),
        KbuildError,
        words,
      );
      assertStringIncludes([error.message, ...error.notes].join(), "docker config/config.json");
      assertEquals(error.message.includes("secret-words"), false);
    }
  }));
