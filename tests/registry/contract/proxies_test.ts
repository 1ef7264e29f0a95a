/** Proxies: which requests go through them, and how their failures are named. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { KbuildError } from "../../../src/errors.ts";
import { findProgram } from "../../../src/lib/util.ts";
import { pushImages } from "../../../src/registry/mod.ts";
import { writeArchives } from "../_push.ts";
import { fetchOne, HASTY, inWorld, makeImage, textOf, withRegistry } from "../_world.ts";

const image = await makeImage(["amd64"], 1000);

/** A proxy that answers every request itself, or tunnels CONNECT to one place. */
async function withProxy<T>(
  answer: string | { tunnelTo: number },
  body: (proxy: { host: string; heads: string[] }) => Promise<T>,
): Promise<T> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heads: string[] = [];
  const serve = async (connection: Deno.TcpConn) => {
    const bytes = new Uint8Array(8192);
    const count = await connection.read(bytes) ?? 0;
    const head = new TextDecoder().decode(bytes.subarray(0, count));
    if (head !== "") heads.push(head);
    if (typeof answer === "string") {
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
      return;
    }
    const target = await Deno.connect({ hostname: "127.0.0.1", port: answer.tunnelTo });
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
    await Promise.allSettled([
      connection.readable.pipeTo(target.writable),
      target.readable.pipeTo(connection.writable),
    ]);
  };
  const open: Promise<void>[] = [];
  const serving = (async () => {
    for await (const connection of listener) open.push(serve(connection).catch(() => {}));
  })();
  try {
    return await body({ host: `127.0.0.1:${listener.addr.port}`, heads });
  } finally {
    listener.close();
    await serving;
    await Promise.all(open);
  }
}

const answerOf = (status: string, text = "") =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`;

Deno.test("Go's rules decide over proxies, whatever Deno would make of the process' environment", () =>
  inWorld((world) =>
    withProxy(answerOf("200 OK", "proxy"), async (proxy) => {
      const script = join(world.dir, "ask.ts");
      const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
      await Deno.writeTextFile(
        script,
        `import { createClient } from ${from("../../../src/net/mod.ts")};
import { createLogger } from ${from("../../../src/lib/logging.ts")};
const log = createLogger({ write: () => {} });
const before = Deno.env.toObject();
using client = await createClient({ env: before, host: "linux/amd64", log });
for (const url of Deno.args) console.log(await (await client.send(url)).text());
const shown = (env) => Object.entries(env).sort().join();
console.log(shown(Deno.env.toObject()) === shown(before) ? "unchanged" : "changed");
`,
      );
      const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.json";
      const { shell } = world.context();
      await withRegistry(image, async (direct) => {
        const here = `http://${direct.host}/x`;
        const there = "http://mirror.invalid/x";
        const pem = join(world.dir, "ca.pem");
        await Deno.writeTextFile(pem, CERTIFICATE);
        const url = `http://${proxy.host}`;
        const cases: readonly [env: Record<string, string>, asked: string[], said: string[]][] = [
          // Loopback is direct, as for Go, though Deno would ask the proxy.
          [{ HTTP_PROXY: url }, [here, there], ["direct", "proxy"]],
          [{ http_proxy: url, KBUILD_CA_FILE: pem }, [here, there], ["direct", "proxy"]],
          [{ HTTP_PROXY: url, no_proxy: "*" }, [here], ["direct"]],
          [{ ALL_PROXY: url }, [here], ["direct"]],
          // Not the name itself, for Go; Deno leaves it out, too.
          [{ HTTP_PROXY: url, NO_PROXY: ".mirror.invalid" }, [there], ["proxy"]],
          [{ HTTP_PROXY: "http://127.0.0.1:1", HTTPS_PROXY: "nonsense:" }, [here], ["direct"]],
        ];
        for (const [env, asked, said] of cases) {
          const root = fromFileUrl(new URL(`../../../${config}`, import.meta.url));
          const argv = [Deno.execPath(), "run", "-A", "--config", root, script, ...asked];
          const clean = Object.entries(Deno.env.toObject()).filter(([name]) =>
            !/proxy/i.test(name)
          );
          const { stdout } = await shell.run(argv, {
            env: { ...Object.fromEntries(clean), ...env },
          });
          assertEquals(stdout.trim().split("\n"), [...said, "unchanged"], JSON.stringify(env));
        }
        assert(proxy.heads.every((head) => head.startsWith("GET http://mirror.invalid/x ")));
      }, () => new Response("direct"));
    })
  ));

interface Case {
  readonly what: string;
  /** What the proxy answers; undefined: nothing listens there. */
  readonly answer?: string;
  readonly scheme: "http" | "https";
  readonly says: string;
}

const CASES: readonly Case[] = [
  { what: "is dead", scheme: "http", says: ": connection refused" },
  { what: "is dead", scheme: "https", says: ": connection refused" },
  {
    what: "refuses a tunnel",
    answer: answerOf("403 Forbidden"),
    scheme: "https",
    says: ": unsuccessful tunnel",
  },
  {
    what: "wants a log-in",
    answer: answerOf("407 Proxy Authentication Required"),
    scheme: "https",
    says: ": proxy authentication required",
  },
  {
    what: "wants a log-in",
    answer: answerOf("407 Proxy Authentication Required"),
    scheme: "http",
    says: "the server said 407",
  },
  {
    what: "answers nonsense",
    answer: "nonsense\r\n\r\n",
    scheme: "http",
    says: "does not speak HTTP",
  },
  {
    what: "refuses",
    answer: answerOf("403 Forbidden", "not allowed"),
    scheme: "http",
    says: "403: not allowed",
  },
];

for (const { what, answer, scheme, says } of CASES) {
  Deno.test(`a proxy that ${what} is named, not the registry (${scheme})`, () =>
    inWorld(async (world) => {
      const archives = await writeArchives(world, ["a"]);
      const check = async (host: string) => {
        const variable = `${scheme.toUpperCase()}_PROXY`;
        const env = { [variable]: `http://user:s3cret@${host}` };
        const errors = [
          await assertRejects(() => fetchOne(world, `${scheme}://r.invalid`, env), KbuildError),
          await assertRejects(
            () =>
              pushImages(world.context(env), archives, {
                registry: `${scheme}://r.invalid/r`,
                retryPolicy: HASTY,
              }),
            KbuildError,
          ),
        ];
        for (const error of errors) {
          const text = textOf(error);
          assertStringIncludes(text, `proxy "http://${host}" (${variable})`);
          assertStringIncludes(text, says);
          assertEquals(text.includes("s3cret"), false);
        }
      };
      if (answer === undefined) await check("127.0.0.1:1");
      else await withProxy(answer, ({ host }) => check(host));
    }));
}

const openssl = await findProgram("openssl", Deno.env.get("PATH"));

Deno.test({
  name: `pulls go through a tunnel, with the proxy's log-in${
    openssl === undefined ? " (skipped: no openssl in PATH)" : ""
  }`,
  ignore: openssl === undefined,
  fn: () =>
    inWorld(async (world) => {
      const { shell } = world.context();
      await shell.run([
        ...[
          openssl!,
          "req",
          "-x509",
          "-newkey",
          "rsa:2048",
          "-nodes",
          "-days",
          "2",
          "-subj",
          "/CN=r",
        ],
        ...["-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=DNS:r.invalid"],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ], { cwd: world.dir });
      const [cert, key] = await Promise.all(
        ["cert.pem", "key.pem"].map((name) => Deno.readTextFile(join(world.dir, name))),
      );
      await withRegistry(
        image,
        (server) =>
          withProxy({ tunnelTo: Number(server.host.split(":")[1]) }, async (proxy) => {
            const found = await fetchOne(world, "https://r.invalid", {
              KBUILD_CA_FILE: join(world.dir, "cert.pem"),
              HTTPS_PROXY: `http://us%40er:pass@${proxy.host}`,
            });
            assertEquals([found.digest, await world.badBlobs()], [image.index, []]);
            // The first ones ask the tag's own registry for its digest.
            const head = proxy.heads.find((each) => each.startsWith("CONNECT r.invalid:443 "));
            assertStringIncludes(
              head!.toLowerCase(),
              `proxy-authorization: basic ${btoa("us@er:pass")}`.toLowerCase(),
            );
          }),
        undefined,
        { cert: cert!, key: key! },
      );
    }),
});

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
