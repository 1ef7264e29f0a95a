/** Logging in: where credentials come from, and where they go. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { credentialFinder } from "../../src/registry/credentials.ts";
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

async function find(world: World, env: Record<string, string>, host: string, repository: string) {
  return await credentialFinder(world.context(env)).find(host, repository);
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

Deno.test("credentialFinder() reads what docker and podman write", () =>
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
      const { credentials, problems } = await find(world, env, host, repository);
      assertEquals([credentials, problems], [found, []] as never, host);
    }
    const podman = join(world.dir, "auth.json");
    await Deno.writeTextFile(podman, JSON.stringify({ auths: { "p.example": auth("p:6") } }));
    const both = { ...env, REGISTRY_AUTH_FILE: podman };
    for (
      const [host, credentials] of [
        ["p.example", { username: "p", password: "6" }],
        ["m.example", { username: "short", password: "3" }],
      ] as const
    ) {
      assertEquals((await find(world, both, host, "a")).credentials, credentials);
    }
  }));

Deno.test("credentialFinder() asks the helper for all, and takes no for an answer", () =>
  inWorld(async (world) => {
    const config = await writeConfig(world, {
      credsStore: "store",
      auths: { "m.example": { auth: btoa("file:1") } },
    });
    const ask = async (script: string) => {
      const PATH = await writeHelper(world, "store", script);
      return await find(world, { ...config, PATH }, "m.example", "a");
    };
    const { credentials } = await ask(`echo '{"Username":"<token>","Secret":"idt"}'`);
    assertEquals(credentials, { identityToken: "idt" });
    const inFile = { username: "file", password: "1" };
    assertEquals(await ask("echo 'credentials not found in native keychain'; exit 1"), {
      credentials: inFile,
      problems: [],
    });
    for (
      const [script, words] of [
        ["echo secret-words; exit 3", "it ended with status 3"],
        ["echo secret-words", "Cannot understand"],
      ] as const
    ) {
      world.log.length = 0;
      const { credentials, problems } = await ask(script);
      // The next source counts, with a line.
      assertEquals([credentials, problems.length], [inFile, 1]);
      for (const said of [problems.join(), world.log.join("")]) {
        assertStringIncludes(said, words);
        assertStringIncludes(said, "docker-credential-store");
        assertEquals(said.includes("secret-words"), false);
      }
    }
    const gone = await find(world, { ...config, PATH: "/nowhere" }, "m.example", "a");
    assertEquals(gone.credentials, inFile);
    assertStringIncludes(gone.problems.join(), "docker-credential-store");
  }));

Deno.test("credentialFinder() asks a source once a run, and warns once", () =>
  inWorld(async (world) => {
    const count = join(world.dir, "count");
    const PATH = await writeHelper(world, "store", `echo x >>'${count}'; exit 1`);
    const env = { ...await writeConfig(world, { credsStore: "store" }), PATH };
    const finder = credentialFinder(world.context(env));
    await Promise.all(["a", "a", "a"].map((name) => finder.find("m.example", name)));
    await finder.find("m.example", "b");
    assertEquals((await Deno.readTextFile(count)).length, 4);
    assertEquals(world.log.join("").split("Cannot get the log-in").length - 1, 1);
  }));

Deno.test("credentialFinder() says which file is damaged, and shows nothing of it", () =>
  inWorld(async (world) => {
    const cases: readonly [config: unknown, words: string][] = [
      ['{"auths": secret-words', "it is not JSON"],
      [{ auths: { "m.example": { auth: "secret-words!" } } }, 'the log-in for "m.example"'],
      [{ credHelpers: { "m.example": "../../secret" } }, "Cannot use the credential helper"],
    ];
    for (const [config, words] of cases) {
      const env = await writeConfig(world, config);
      const { credentials, problems } = await find(world, env, "m.example", "a");
      assertEquals([credentials, problems.length], [undefined, 1]);
      assertStringIncludes(problems.join(), words);
      assertStringIncludes(problems.join(), "docker config/config.json");
      assertEquals(problems.join().includes("secret-words"), false);
    }
  }));

Deno.test("credentialFinder() takes no log-ins for missing that cannot be read, root included", () =>
  inWorld(async (world) => {
    const loop = join(world.dir, "loop");
    await Deno.symlink(loop, loop);
    const file = join(world.dir, "file");
    await Deno.writeTextFile(file, "");
    for (
      const [directory, says] of [[loop, "symbolic links"], [file, "not a directory"]] as const
    ) {
      const { credentials, problems } = await find(
        world,
        { DOCKER_CONFIG: directory },
        "m.example",
        "a",
      );
      assertEquals([credentials, problems.length], [undefined, 1]);
      assertStringIncludes(problems.join(), `"${directory}/config.json"`);
      assertStringIncludes(problems.join(), says);
    }
    const none = { DOCKER_CONFIG: join(world.dir, "none") };
    assertEquals((await find(world, none, "m.example", "a")).problems, []);
  }));

Deno.test("fetchImages() goes on without a credential helper that is missing or fails", () =>
  inWorld(async (world) => {
    const env = await writeConfig(world, { credsStore: "desktop.exe" });
    let open = true;
    await withRegistry(image, async (server) => {
      await fetchOne(world, server.host, env);
      assertStringIncludes(world.log.join(""), "docker-credential-desktop.exe");
      // Where a log-in is needed, the registry's refusal counts, and the helper is named with it.
      open = false;
      await Deno.remove(world.cache, { recursive: true });
      const error = await assertRejects(() => fetchOne(world, server.host, env), KbuildError);
      const text = [error.message, ...error.notes].join("\n");
      assertStringIncludes(text, "gives no token without a log-in (401): no anonymous pulls");
      assertStringIncludes(text, "docker-credential-desktop.exe");
    }, (request, url) => {
      if (url.pathname === "/token") {
        return open
          ? Response.json({ token: "t" })
          : Response.json({ details: "no anonymous pulls" }, { status: 401 });
      }
      if (request.headers.get("authorization") === "Bearer t") return undefined;
      const challenge = `Bearer realm="http://${url.host}/token"`;
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    });
  }));
