/** Certificates of one's own, and proxies, as the whole program meets them. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { findProgram } from "../../src/lib/util.ts";
import { fetchOne, inWorld, makeImage, withRegistry, type World } from "./_world.ts";

const image = await makeImage(["amd64"], 1000);
const openssl = await findProgram("openssl", Deno.env.get("PATH"));

/** A certificate authority, and a certificate for 127.0.0.1 that it signed. */
async function makeCertificates(
  world: World,
): Promise<{ ca: string; cert: string; key: string }> {
  const { shell } = world.context();
  const run = (...args: string[]) => shell.run([openssl!, ...args], { cwd: world.dir });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=Own CA",
  );
  await run(
    "req",
    "-new",
    ...ec,
    "-keyout",
    "server.key",
    "-out",
    "server.csr",
    "-subj",
    "/CN=server",
  );
  await Deno.writeTextFile(join(world.dir, "ext"), "subjectAltName=IP:127.0.0.1\n");
  await run(
    ...["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"],
    ...["-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "ext"],
  );
  const read = (name: string) => Deno.readTextFile(join(world.dir, name));
  return {
    ca: join(world.dir, "ca.pem"),
    cert: await read("server.pem"),
    key: await read("server.key"),
  };
}

Deno.test({
  name: `fetchImages() trusts a certificate of one's own with --ca-file, and else says so${
    openssl === undefined ? " (skipped: no openssl in PATH)" : ""
  }`,
  ignore: openssl === undefined,
  fn: () =>
    inWorld(async (world) => {
      const { ca, cert, key } = await makeCertificates(world);
      await withRegistry(
        image,
        async (server) => {
          const where = `https://${server.host}`;
          const error = await assertRejects(() => fetchOne(world, where), KbuildError);
          const text = [error.message, ...error.notes].join("\n");
          assertStringIncludes(text, "its certificate is not trusted");
          assertStringIncludes(text, "--ca-file FILE (KBUILD_CA_FILE)");
          assertStringIncludes(text, `(mirror registry.k8s.io=${where})`);
          const found = await fetchOne(world, where, { KBUILD_CA_FILE: ca });
          assertEquals(found.digest, image.index);
          const none = { KBUILD_CA_FILE: join(world.dir, "server.key") };
          await assertRejects(
            () => fetchOne(world, where, none),
            KbuildError,
            "Cannot find a cert",
          );
          const gone = { KBUILD_CA_FILE: join(world.dir, "nothing") };
          await assertRejects(
            () => fetchOne(world, where, gone),
            KbuildError,
            "Cannot read the cert",
          );
        },
        undefined,
        { cert, key },
      );
    }),
});

Deno.test("fetchImages() says what helps when a server does not speak TLS", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const error = await assertRejects(
        () => fetchOne(world, `https://${server.host}`),
        KbuildError,
      );
      assertStringIncludes(error.message, "it does not speak TLS");
      assertStringIncludes(error.notes.join(), `"http://" in front`);
    })
  ));

Deno.test("downloads go through HTTP_PROXY, also with a CA file, and NO_PROXY leaves hosts out", () =>
  inWorld(async (world) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const seen: string[] = [];
    const serving = (async () => {
      for await (const connection of listener) {
        const head = new Uint8Array(4096);
        const count = await connection.read(head) ?? 0;
        seen.push(new TextDecoder().decode(head.subarray(0, count)).split("\r\n")[0]!);
        const answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy";
        await connection.write(new TextEncoder().encode(answer));
        connection.close();
      }
    })();
    const pem = join(world.dir, "ca.pem");
    await Deno.writeTextFile(pem, CERTIFICATE);
    const script = join(world.dir, "ask.ts");
    const net = new URL("../../src/net/mod.ts", import.meta.url).href;
    const logging = new URL("../../src/lib/logging.ts", import.meta.url).href;
    await Deno.writeTextFile(
      script,
      `
import { createClient } from ${JSON.stringify(net)};
import { createLogger } from ${JSON.stringify(logging)};
const [ca, ...urls] = Deno.args;
const log = createLogger({ write: () => {} });
const env = ca === "" ? {} : { KBUILD_CA_FILE: ca };
using client = await createClient({ env, host: "linux/amd64", log });
for (const url of urls) console.log(await (await client.send(url)).text());
`,
    );
    const config = fromFileUrl(
      new URL(`../../${Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.json"}`, import.meta.url),
    );
    try {
      await withRegistry(image, async (direct) => {
        const { shell } = world.context();
        for (const ca of ["", pem]) {
          const proxy = `http://127.0.0.1:${listener.addr.port}`;
          const { stdout } = await shell.run(
            [
              ...[Deno.execPath(), "run", "-A", "--config", config, script, ca],
              ...["http://mirror.invalid/x", `http://${direct.host}/x`],
            ],
            {
              env: {
                ...Deno.env.toObject(),
                HTTP_PROXY: proxy,
                http_proxy: proxy,
                NO_PROXY: "127.0.0.1",
                no_proxy: "127.0.0.1",
              },
            },
          );
          assertEquals(stdout, "proxy\ndirect\n");
        }
        assertEquals(seen.length, 2);
        assert(seen.every((line) => line.startsWith("GET http://mirror.invalid/x ")), seen.join());
        assertEquals(direct.requests, ["GET /x", "GET /x"]);
      }, () => new Response("direct"));
    } finally {
      listener.close();
      await serving;
    }
  }));

/** Any certificate: it is read, and none is checked against it. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUDR0ZxyrDxl26bl8VJye0kv4aqw4wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLa2J1aWxkIHRlc3QwIBcNMjYxMTI1MTUzOTMzWhgPMjEyNjEx
MDExNTM5MzNaMBYxFDASBgNVBAMMC2tidWlsZCB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEsFKKKDbDw0L5BC+6GRTkGa7VRy2sGNJfIFMh0WwyC9bNwuak
hVAlPHf3u3oAQxM8vrzIsNeIB+u7xhN0RqaQKaNTMFEwHQYDVR0OBBYEFKnavjin
8/mwiAbxQl6DgXYpebaiMB8GA1UdIwQYMBaAFKnavjin8/mwiAbxQl6DgXYpebai
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJsm/JC4iWTnWv3J
+3xTg40YX9+9M2gvEitx/0uBE7X0AiAFtUpwNHA2SzMtGlN0+m3ZeWwaI6yaV9Xw
iSKfPt6SbQ==
-----END CERTIFICATE-----
`;
