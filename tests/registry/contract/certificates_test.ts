/** Certificates as they are made in the field, with and without `--ca-file`, for pulls and pushes. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../../src/errors.ts";
import { findProgram } from "../../../src/lib/util.ts";
import { pushImages } from "../../../src/registry/mod.ts";
import { NOTHING, randomBytes, Taker, writeArchives } from "../_push.ts";
import { fetchOne, HASTY, inWorld, makeImage, textOf, withRegistry } from "../_world.ts";

const image = await makeImage(["amd64"], 1000);
const openssl = await findProgram("openssl", Deno.env.get("PATH"));
const go = await findProgram("go", Deno.env.get("PATH"));
const needsOpenssl = (name: string) => ({
  name: openssl === undefined ? `${name} (skipped: no openssl in PATH)` : name,
  ignore: openssl === undefined,
});

/** Makes certificates in a directory. */
function certificates(dir: string) {
  const run = async (...words: string[]) => {
    const { success, stderr } = await new Deno.Command(openssl!, { args: words, cwd: dir })
      .output();
    assert(success, new TextDecoder().decode(stderr));
  };
  const newKey = (name: string) => [
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", `${name}.key`],
  ];
  return {
    path: (name: string) => join(dir, `${name}.pem`),
    async read(name: string) {
      const [cert, key] = [`${name}.pem`, `${name}.key`].map((file) => join(dir, file));
      return { cert: await Deno.readTextFile(cert!), key: await Deno.readTextFile(key!) };
    },
    /** As docker's manual makes one; `more` are options of `openssl req`. */
    selfSigned: (name: string, subject: string, ...more: string[]) =>
      run(
        ...["req", "-x509", ...newKey(name), "-out", `${name}.pem`, "-days", "2"],
        "-subj",
        `/CN=${subject}`,
        ...more,
      ),
    /** Signed by another one. */
    async signed(name: string, by: string, extensions: string, dates: readonly string[] = []) {
      await run("req", "-new", ...newKey(name), "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      await Deno.writeTextFile(
        join(dir, "ca.cnf"),
        `[ca]
default_ca = own
[own]
database = ${dir}/index.txt
new_certs_dir = ${dir}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[ext]
${extensions}
`,
      );
      await Deno.writeTextFile(join(dir, "index.txt"), "");
      await run(
        ...[
          "ca",
          "-batch",
          "-notext",
          "-config",
          "ca.cnf",
          "-in",
          `${name}.csr`,
          "-out",
          `${name}.pem`,
        ],
        ...["-extensions", "ext", ...dates.length > 0 ? dates : ["-days", "2"]],
        ...by === name
          ? ["-selfsign", "-keyfile", `${name}.key`]
          : ["-cert", `${by}.pem`, "-keyfile", `${by}.key`],
      );
    },
  };
}

const HERE = "subjectAltName=IP:127.0.0.1,DNS:localhost";
const SERVER = `basicConstraints=critical,CA:FALSE\n${HERE}`;
const AUTHORITY = "basicConstraints=critical,CA:TRUE";
const PAST = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
const NAME_IT = /--ca-file FILE \(KBUILD_CA_FILE\)/;
const MAKE_ONE =
  /openssl req -x509 .*-addext subjectAltName=(IP:127\.0\.0\.1|DNS:localhost) .*CA:FALSE/;

interface Case {
  readonly what: string;
  make(made: ReturnType<typeof certificates>): Promise<void>;
  /** What the server sends, by name of certificate; default "server" alone. */
  readonly chain?: readonly string[];
  readonly host?: string;
  /** Certificates in the CA file; default that of the server. */
  readonly ca?: readonly string[];
  /** The message without a CA file. */
  readonly without: readonly RegExp[];
  /** The message with one; undefined: it works. */
  readonly with?: readonly RegExp[];
}

const CASES: readonly Case[] = [
  {
    what: "is self-signed, as openssl req -x509 makes it",
    make: (c) => c.selfSigned("server", "127.0.0.1", "-addext", HERE),
    without: [/it is self-signed/, NAME_IT],
  },
  {
    what: "is self-signed, and not an authority's",
    make: (c) => c.signed("server", "server", SERVER),
    without: [/its issuer is not known/, NAME_IT],
  },
  {
    what: "is self-signed, and another one is named",
    make: async (c) => {
      await c.selfSigned("server", "127.0.0.1", "-addext", HERE);
      await c.selfSigned("other", "127.0.0.1", "-addext", HERE);
    },
    ca: ["other"],
    without: [/it is self-signed/, NAME_IT],
    with: [/it is self-signed/, /must be in ".*ca\.pem" itself/, MAKE_ONE],
  },
  {
    what: "is self-signed for localhost, without a subjectAltName",
    make: (c) => c.selfSigned("server", "localhost"),
    host: "localhost",
    without: [/it is self-signed/, NAME_IT],
  },
  {
    what: "is self-signed for another host",
    make: (c) =>
      c.selfSigned("server", "other.example", "-addext", "subjectAltName=DNS:other.example"),
    without: [/it is self-signed/, NAME_IT],
    with: [/is for another host \(DNS:other\.example\)/, MAKE_ONE],
  },
  {
    what: "is self-signed and has expired",
    make: (c) => c.signed("server", "server", `${AUTHORITY}\n${HERE}`, PAST),
    without: [/certificate/],
    with: [/has expired \(2020-02-01\)/, MAKE_ONE],
  },
  {
    what: "has no subjectAltName",
    make: (c) => c.signed("server", "server", "basicConstraints=critical,CA:FALSE"),
    without: [/its issuer is not known/, NAME_IT],
    with: [/it has no subjectAltName/, MAKE_ONE],
  },
  {
    what: "is of an authority of one's own",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("server", "root", SERVER);
    },
    ca: ["root"],
    without: [/its issuer is not known/, NAME_IT],
  },
  {
    what: "is of another authority than the named one",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.selfSigned("other", "Other CA");
      await c.signed("server", "root", SERVER);
    },
    ca: ["other"],
    without: [/its issuer is not known/, NAME_IT],
    with: [/No certificate in ".*ca\.pem" has signed it/, /intermediate/],
  },
  {
    what: "lacks an intermediate authority",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("middle", "root", AUTHORITY);
      await c.signed("server", "middle", SERVER);
    },
    ca: ["root"],
    without: [/its issuer is not known/, NAME_IT],
    with: [/its issuer is not known/, /intermediate authority has, add that one's certificate/],
  },
  {
    what: "lacks an intermediate authority, which the CA file has",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("middle", "root", AUTHORITY);
      await c.signed("server", "middle", SERVER);
    },
    ca: ["root", "middle"],
    without: [/its issuer is not known/],
  },
  {
    what: "comes with its intermediate authority",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("middle", "root", AUTHORITY);
      await c.signed("server", "middle", SERVER);
    },
    chain: ["server", "middle"],
    ca: ["root"],
    without: [/its issuer is not known/],
  },
  {
    what: "has expired",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("server", "root", SERVER, PAST);
    },
    ca: ["root"],
    without: [/certificate/],
    with: [/has expired \(2020-02-01\)/, /clock/, MAKE_ONE],
  },
  {
    what: "is for another host",
    make: async (c) => {
      await c.selfSigned("root", "Own CA");
      await c.signed("server", "root", "subjectAltName=DNS:other.example");
    },
    ca: ["root"],
    without: [/its issuer is not known/],
    with: [/is for another host.*other\.example/s, MAKE_ONE],
  },
];

for (
  const { what, make, chain = ["server"], host = "127.0.0.1", ca = ["server"], ...says } of CASES
) {
  Deno.test({
    ...needsOpenssl(`pulls and pushes where the certificate ${what}`),
    fn: () =>
      inWorld(async (world) => {
        const made = certificates(world.dir);
        await make(made);
        const all = async (names: readonly string[]) =>
          (await Promise.all(names.map((name) => Deno.readTextFile(made.path(name))))).join("");
        const caFile = join(world.dir, "ca.pem");
        await Deno.writeTextFile(caFile, await all(ca));
        const tls = { cert: await all(chain), key: (await made.read("server")).key };
        const taker = new Taker();
        const archives = await writeArchives(world, ["a"], () => randomBytes(2 << 20));
        const push = (port: string, env: Record<string, string>) =>
          pushImages(world.context(env), archives, {
            registry: `https://${host}:${port}/r`,
            retryPolicy: HASTY,
          });
        await withRegistry(image, async (server) => {
          const port = server.host.split(":")[1]!;
          const where = `https://${host}:${port}`;
          for (
            const [env, expected] of [
              [{} as Record<string, string>, says.without],
              [{ KBUILD_CA_FILE: caFile }, says.with],
            ] as const
          ) {
            if (expected === undefined) {
              const found = await fetchOne(world, where, env);
              assertEquals([found.digest, await world.badBlobs()], [image.index, []]);
              assertEquals((await push(port, env)).length, 2);
              assert(
                Math.max(...[...taker.blobs.values()].map(({ length }) =>
                  length
                )) > 2 << 20,
              );
              continue;
            }
            const errors = [
              await assertRejects(() => fetchOne(world, where, env), KbuildError),
              await assertRejects(() => push(port, env), KbuildError),
            ];
            for (const words of expected) {
              for (const error of errors) assertMatch(textOf(error), words);
            }
          }
        }, (request, url) =>
          url.pathname.startsWith("/v2/r/") ? taker.respond(request, url) : undefined, tls);
      }),
  });
}

Deno.test({
  ...needsOpenssl("what the system trusts is trusted, as by Go, and nothing else is"),
  ignore: openssl === undefined || Deno.build.os !== "linux",
  fn: () =>
    inWorld(async (world) => {
      const made = certificates(world.dir);
      await made.selfSigned("root", "Own CA");
      await made.selfSigned("other", "Other CA");
      await made.signed("server", "root", SERVER);
      const odd = join(world.dir, "odd.pem");
      const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
      await Deno.writeTextFile(odd, broken);
      await withRegistry(
        image,
        async (server) => {
          const where = `https://${server.host}`;
          const found = await fetchOne(world, where, { SSL_CERT_FILE: made.path("root") });
          assertEquals(found.digest, image.index);
          for (const path of [made.path("other"), odd, join(world.dir, "missing.pem")]) {
            const refused = () => fetchOne(world, where, { SSL_CERT_FILE: path });
            const error = await assertRejects(refused, KbuildError);
            assertMatch(textOf(error), /its issuer is not known/);
          }
          // The user's own file counts whatever the system's has in it.
          const env = { SSL_CERT_FILE: odd, KBUILD_CA_FILE: made.path("root") };
          assertEquals((await fetchOne(world, where, env)).digest, image.index);
        },
        undefined,
        await made.read("server"),
      );
    }),
});

Deno.test({
  ...needsOpenssl("a server that has a trusted certificate, but not its key, gets nothing"),
  ignore: openssl === undefined || go === undefined,
  fn: () =>
    inWorld(async (world) => {
      const made = certificates(world.dir);
      await made.selfSigned("server", "127.0.0.1", "-addext", HERE);
      const thief = join(world.dir, "thief");
      await Deno.mkdir(thief);
      await Deno.writeTextFile(join(thief, "go.mod"), "module thief\n\ngo 1.18\n");
      await Deno.writeTextFile(join(thief, "main.go"), THIEF);
      const env = { ...Deno.env.toObject(), GOFLAGS: "", GOTOOLCHAIN: "local" };
      const built = await new Deno.Command(go!, { args: ["build", "."], cwd: thief, env }).output();
      assert(built.success, new TextDecoder().decode(built.stderr));
      for (const version of ["1.2", "1.3"]) {
        const child = new Deno.Command(join(thief, "thief"), {
          args: [made.path("server"), version],
          stdout: "piped",
          stderr: "null",
        }).spawn();
        const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
        try {
          const where = `https://${(await reader.read()).value!.trim()}`;
          const env = { KBUILD_CA_FILE: made.path("server") };
          const error = await assertRejects(() => fetchOne(world, where, env), KbuildError);
          assertMatch(textOf(error), /certificate|signature/);
        } finally {
          child.kill();
          await child.status;
          // What the server has seen, if anything.
          const seen = await reader.read();
          assertEquals(seen.value, undefined);
        }
      }
    }),
});

const THIEF = `package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	text, _ := os.ReadFile(os.Args[1])
	block, _ := pem.Decode(text)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	version := uint16(tls.VersionTLS13)
	if os.Args[2] == "1.2" {
		version = tls.VersionTLS12
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("got it") }),
		TLSConfig: &tls.Config{
			MaxVersion:   version,
			Certificates: []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: key}},
		},
	}
	server.ServeTLS(listener, "", "")
}
`;

Deno.test({
  ...needsOpenssl("a CA file that is missing, or holds no certificate"),
  fn: () =>
    inWorld(async (world) => {
      await certificates(world.dir).selfSigned("server", "localhost");
      const cases: readonly [file: string, says: string][] = [
        [join(world.dir, "server.key"), "Cannot find a certificate in"],
        [join(world.dir, "nothing"), "Cannot read the certificates in"],
      ];
      for (const [file, says] of cases) {
        await assertRejects(
          () => fetchOne(world, "127.0.0.1:1", { KBUILD_CA_FILE: file }),
          KbuildError,
          says,
        );
      }
    }),
});

Deno.test("a server that does not speak TLS: http:// is named", () =>
  inWorld((world) =>
    withRegistry(image, async (server) => {
      const where = `https://${server.host}`;
      const error = await assertRejects(() => fetchOne(world, where), KbuildError);
      assertStringIncludes(error.message, "it does not speak TLS");
      assertStringIncludes(textOf(error), `"http://" in front`);
    })
  ));

Deno.test({
  ...needsOpenssl("a server on this machine that speaks TLS, without a scheme: https:// is named"),
  fn: () =>
    inWorld(async (world) => {
      const made = certificates(world.dir);
      await made.selfSigned("server", "127.0.0.1", "-addext", HERE);
      const archives = await writeArchives(world, ["a"]);
      const both = async (host: string) => [
        await assertRejects(() => fetchOne(world, host), KbuildError),
        await assertRejects(
          () =>
            pushImages(world.context(), archives, { registry: `${host}/r`, retryPolicy: HASTY }),
          KbuildError,
        ),
      ];
      const tls = await made.read("server");
      await withRegistry(
        NOTHING,
        async (server) => {
          for (const error of await both(server.host)) {
            assertStringIncludes(textOf(error), 'write it with "https://" in front');
          }
        },
        undefined,
        tls,
      );
      // As servers of Go (docker-registry) and nginx answer.
      for (
        const words of [
          "Client sent an HTTP request to an HTTPS server.\n",
          "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
        ]
      ) {
        await withRegistry(NOTHING, async (server) => {
          for (const error of await both(server.host)) {
            assertStringIncludes(textOf(error), 'write it with "https://" in front');
          }
        }, () => new Response(words, { status: 400 }));
      }
    }),
});
