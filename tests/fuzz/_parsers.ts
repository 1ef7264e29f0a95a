/** Every reader of foreign data, with sound examples of what it reads. */
import { join } from "@std/path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { concat, gunzip, readTar, readZip } from "../../src/archive/mod.ts";
import { readExecutable, scanFile } from "../../src/audit/mod.ts";
import { readChecksums } from "../../src/audit/checksums.ts";
import { parseGoBuild, ProgramScanner } from "../../src/audit/go_binary.ts";
import { listReleaseFiles } from "../../src/audit/mod.ts";
import { readBash, readConfig, readMakefile } from "../../src/checkout/mod.ts";
import { decodeCapabilities, planDockerfile } from "../../src/dockerfile/mod.ts";
import { type ImageFiles, openBase, parseRepoTag } from "../../src/image/mod.ts";
import { zstdFrames } from "../../src/image/zstd_frames.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { init } from "../../mod.ts";
import { openRecords } from "../../src/lib/golang/up_to_date.ts";
import { semanticVersion } from "../../src/lib/version/mod.ts";
import { parseMirrors } from "../../src/net/mirrors.ts";
import { retryAfter } from "../../src/net/failure.ts";
import { wordsIn } from "../../src/net/words.ts";
import { parseChallenges } from "../../src/registry/challenge.ts";
import { credentialFinder } from "../../src/registry/credentials.ts";
import { parseManifest } from "../../src/registry/manifest.ts";
import { parseReference } from "../../src/registry/reference.ts";
import { readImageMakefile } from "../../src/release/image_makefile.ts";
import { readRecord } from "../../src/release/record.ts";
import { createShell } from "../../src/shell/mod.ts";
import { parseDatabase } from "../../src/toolchain/checksum_database.ts";
import { parseGoVersion } from "../../src/toolchain/go_tool.ts";
import { parseNetrc } from "../../src/toolchain/module_proxy.ts";
import { openNote, parseNoteKey } from "../../src/toolchain/signed_note.ts";
import { inPieces } from "../archive/_hostile.ts";
import { noise } from "../archive/helpers.ts";
import { ORIGINALS } from "../archive/_mutations.ts";
import { COMMON, GOLANG } from "../checkout/fixture.ts";
import { baseLayer, dockerFiles, ociFiles, sha256 } from "../image/helpers.ts";
import { zipOf } from "../toolchain/_zip.ts";

/** A reader under test. */
export interface Parser {
  readonly originals: readonly Uint8Array[];
  /** Words of the format, which damage puts in. */
  readonly tokens: readonly string[];
  /**
   * Reads damaged bytes. May throw what it documents, nothing else.
   *
   * @param dir An empty directory, whose files are overwritten by the next call.
   */
  read(bytes: Uint8Array, dir: string): unknown;
  /** Documented errors other than `KbuildError`. */
  readonly errors?: readonly (new (...args: never[]) => Error)[];
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const texts = (...values: string[]): readonly Uint8Array[] => values.map(encode);
const json = (...values: unknown[]): readonly Uint8Array[] =>
  values.map((value) => encode(JSON.stringify(value)));

const JSON_TOKENS = ["{", "}", "[", "]", ",", ":", '"', "null", "-1", "1e999", "true", "\\u0000"];
const SUM_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const LIMITS = { maxBytes: 16 << 20 };

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source);
}

const shell = createShell({ cwd: "/", env: {}, write: () => Promise.resolve() });

/** An ELF, Mach-O (two widths) and PE header that describe a few hundred bytes. */
const EXECUTABLES: readonly Uint8Array[] = [elf(), machO(true), machO(false), pe()];

function header(size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

function elf(): Uint8Array {
  return header(512, (view) => {
    view.setUint32(0, 0x7f454c46);
    view.setUint8(4, 2);
    view.setUint8(5, 1);
    view.setUint16(18, 62, true);
    view.setBigUint64(32, 64n, true);
    view.setBigUint64(40, 300n, true);
    for (const [at, value] of [[54, 56], [56, 2], [58, 64], [60, 3]] as const) {
      view.setUint16(at, value, true);
    }
    view.setBigUint64(72, 0n, true);
    view.setBigUint64(96, 400n, true);
  });
}

function machO(wide: boolean): Uint8Array {
  return header(512, (view) => {
    view.setUint32(0, wide ? 0xfeedfacf : 0xfeedface, true);
    view.setUint32(4, wide ? 0x01000007 : 7, true);
    view.setUint32(16, 2, true);
    const at = wide ? 32 : 28;
    view.setUint32(at, wide ? 0x19 : 1, true);
    view.setUint32(at + 4, 72, true);
    view.setUint32(at + 72, 2, true);
    view.setUint32(at + 76, 24, true);
  });
}

function pe(): Uint8Array {
  return header(512, (view) => {
    view.setUint16(0, 0x4d5a);
    view.setUint32(0x3c, 0x80, true);
    view.setUint32(0x80, 0x50450000);
    view.setUint16(0x84, 0x8664, true);
    view.setUint16(0x86, 2, true);
    view.setUint16(0x94, 16, true);
    view.setUint32(0x80 + 40 + 16, 100, true);
  });
}

/** Go's record, as the linker writes it: flags, two counted strings with marks around the second. */
function buildInfo(): Uint8Array {
  const lines = "path\tk8s.io/kubernetes/cmd/kubectl\nmod\tk8s.io/kubernetes\t(devel)\t\n" +
    'build\t-ldflags="-X a=b"\nbuild\tCGO_ENABLED=0\n';
  const mark = "0123456789abcdef";
  const module = mark + lines + mark;
  const version = "go1.24.3";
  return concat([
    encode("\xff Go buildinf:").slice(1),
    new Uint8Array([8, 2]),
    new Uint8Array(16),
    new Uint8Array([version.length]),
    encode(version),
    new Uint8Array([module.length & 0x7f | 0x80, module.length >> 7]),
    encode(module),
  ]);
}

const latin1 = (bytes: Uint8Array): string => {
  let text = "\xff";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

/** An image's files with one document damaged, and every digest above it made right again. */
function imageOf(files: Record<string, Uint8Array | string>, label: string): ImageFiles {
  const get = (name: string) => files[name];
  return {
    label,
    has: (name) => Promise.resolve(get(name) !== undefined),
    async *read(name) {
      const content = get(name);
      if (content !== undefined) yield typeof content === "string" ? encode(content) : content;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const OCI = await ociFiles([{ arch: "amd64", layers: [baseLayer], config: { User: "65532" } }]);
const DOCKER = await dockerFiles({ arch: "amd64", layers: [baseLayer] });
/** Names of documents by their content; blobs' names change with it. */
const OCI_DOCUMENTS = Object.entries(OCI).map(([name, content]) => ({
  name,
  content: typeof content === "string" ? encode(content) : content,
}));

/** Puts a damaged document into the layout, and its new digest into those that name it. */
function relinked(original: Uint8Array, damaged: Uint8Array): Record<string, Uint8Array | string> {
  const files: Record<string, Uint8Array | string> = {};
  const renamed = new Map<string, string>([[sha256(original), sha256(damaged)]]);
  const pending = OCI_DOCUMENTS.map(({ name, content }) => ({
    name,
    content: sha256(content) === sha256(original) ? damaged : content,
    isDamaged: sha256(content) === sha256(original),
  }));
  // Configuration, manifest, index: three levels.
  for (let level = 0; level < 3; level++) {
    for (const entry of pending) {
      if (entry.isDamaged || entry.content[0] !== 0x7b) continue;
      const before = sha256(entry.content);
      let text = decode(entry.content);
      for (const [from, to] of renamed) text = text.replaceAll(from, to);
      entry.content = encode(text);
      if (sha256(entry.content) !== before) renamed.set(before, sha256(entry.content));
    }
  }
  for (const { name, content } of pending) {
    const isBlob = name.startsWith("blobs/sha256/");
    files[isBlob ? `blobs/sha256/${sha256(content)}` : name] = content;
  }
  return files;
}

const DOCKERFILE = `# syntax
ARG BASEIMAGE=registry.k8s.io/go-runner:v2
FROM --platform=linux/$BUILDARCH \${BASEIMAGE:-scratch} AS cap
ARG BINARY=kube-apiserver
ENV A=b "C D"='e f'
COPY --chmod=0755 --chown=0:0 \${BINARY} /\${BINARY}
RUN setcap cap_net_bind_service=+ep /\${BINARY}
FROM "\${BASEIMAGE}"
COPY --from=cap /a /usr/bin/
WORKDIR /a/../b
ENTRYPOINT ["/bin/x", "y"]
`;

/** The readers, by name. */
export const PARSERS: Readonly<Record<string, Parser>> = {
  gunzip: {
    originals: [gzipSync(noise(3000)), gzipSync(encode("kubernetes ".repeat(200)))],
    tokens: ["\x1f\x8b\x08"],
    read: (bytes) => drain(gunzip(inPieces(bytes, 700), "x.gz", { limits: LIMITS })),
  },
  readTar: {
    originals: ORIGINALS.map((original) => original.slice()),
    tokens: ["../", "\0", "ustar", "L", "x", "g", "7777777"],
    read: async (bytes) => {
      for await (const _ of readTar(inPieces(bytes, 4096), { label: "x.tar", limits: LIMITS }));
    },
  },
  zstdFrames: {
    originals: [
      zstdCompressSync(noise(3000)),
      concat([zstdCompressSync(encode("a".repeat(9000))), zstdCompressSync(encode("b"))]),
    ],
    tokens: ["\x28", "\xb5\x2f\xfd"],
    read: (bytes) => drain(zstdFrames(inPieces(bytes, 500))),
    errors: [SyntaxError],
  },
  readExecutable: {
    originals: EXECUTABLES,
    tokens: ["\0\0\0\0", "\xff\xff\xff\xff"],
    read: (bytes) => readExecutable(bytes),
  },
  ProgramScanner: {
    originals: EXECUTABLES.map((each) => concat([each, encode("v1.20.2\0"), buildInfo()])),
    tokens: ["v1.2.3\0", 'json:"gitTreeState"', "\xff Go buildinf:"],
    read: (bytes) => {
      const scanner = new ProgramScanner();
      for (let at = 0; at < bytes.length; at += 300) scanner.update(bytes.subarray(at, at + 300));
      scanner.finish();
    },
  },
  parseGoBuild: {
    originals: [buildInfo()],
    tokens: ["\t", "\n", "build\t", '"', "`", "="],
    read: (bytes) => parseGoBuild(latin1(bytes)),
  },
  scanFile: {
    originals: [...ORIGINALS, ...ORIGINALS.map((each) => gzipSync(each)), ...EXECUTABLES],
    tokens: ["manifest.json", "\0", "../"],
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "x"), bytes);
      await scanFile(join(dir, "x"));
    },
  },
  "openBase (OCI layout)": {
    originals: OCI_DOCUMENTS.map(({ content }) => content),
    tokens: [...JSON_TOKENS, "sha256:", "../", "blobs/", "linux", "amd64"],
    read: async (bytes) => {
      // Which document was damaged does not matter to the reader: each takes a turn.
      for (const { content } of OCI_DOCUMENTS) {
        await using _ = await openBase(imageOf(relinked(content, bytes), "x"), { arch: "amd64" });
      }
    },
  },
  "openBase (docker archive)": {
    originals: Object.values(DOCKER).map((each) => typeof each === "string" ? encode(each) : each),
    tokens: [...JSON_TOKENS, "Layers", "../", "Config", "layer.tar"],
    read: async (bytes) => {
      for (const name of Object.keys(DOCKER)) {
        const files = { ...DOCKER, [name]: bytes };
        await using _ = await openBase(imageOf(files, "x"), { arch: "amd64" });
      }
    },
  },
  parseManifest: {
    originals: [...Object.values(OCI), ...Object.values(DOCKER)]
      .map((each) => typeof each === "string" ? encode(each) : each)
      .filter((each) => /^\{.*"(config|manifests)":[{[]/.test(decode(each)))
      .filter((each) => !decode(each).includes('"rootfs"')),
    tokens: [...JSON_TOKENS, "manifests", "schemaVersion", "mediaType"],
    read: (bytes) => parseManifest(bytes),
  },
  planDockerfile: {
    originals: texts(DOCKERFILE),
    tokens: ["FROM ", "COPY ", "\\\n", "${", "}", "--from=", '["', "ARG ", "<<EOF\n", "#", "\0"],
    read: (bytes) => planDockerfile(decode(bytes), { path: "Dockerfile", args: {}, arch: "amd64" }),
  },
  readBash: {
    originals: texts(GOLANG, COMMON),
    tokens: [
      "$(",
      "${",
      "}",
      "[[",
      "]]",
      "((",
      "<<EOF\n",
      "'",
      '"',
      "`",
      "done",
      "fi",
      "esac",
      ";;",
    ],
    read: (bytes) =>
      readBash({
        files: [{ path: "a.sh", text: decode(bytes) }],
        variables: { LC_ALL: "C", OSTYPE: "linux-gnu" },
        hostArch: "amd64",
      }),
  },
  "readConfig (TOML)": {
    originals: texts(
      'era = "modules"\ngo = "1.24.3"\nstatic-binaries = ["kubelet"]\n[targets]\n' +
        'server = { add = ["cmd/a"] }\n[platforms]\nserver = { remove = ["linux/s390x"] }\n' +
        '[images]\na = "r.example/b:1"\n[mirrors]\npresets = ["moved"]\n"x.io" = ["y", "direct"]\n',
    ),
    tokens: ["[", "]", "[[", '"""', "'''", "=", ".", "{", "}", "\\u", "1979-05-27", "inf", "0x"],
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "kbuild.toml"), bytes);
      await readConfig(join(dir, "kbuild.toml"));
    },
  },
  "readConfig (JSON)": {
    originals: json({
      era: "modules",
      targets: { server: { add: ["cmd/a"] } },
      images: { a: "b" },
    }),
    tokens: [...JSON_TOKENS, "__proto__", "constructor"],
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "kbuild.json"), bytes);
      await readConfig(join(dir, "kbuild.json"));
    },
  },
  readChecksums: {
    originals: [
      ...texts(`${"a".repeat(64)}  kubernetes.tar.gz\n${"b".repeat(64)} *x\n`),
      ...json({
        version: "v1.20.2",
        artifacts: [{ path: "a.tar.gz", size: 3, sha256: "c".repeat(64), sha512: "d".repeat(128) }],
      }),
    ],
    tokens: [...JSON_TOKENS, "  ", " *", "../", "\r\n", "\\"],
    read: async (bytes, dir) => {
      for (const name of ["SHA256SUMS", "artifacts.json", "a.tar.gz.sha256"]) {
        await Deno.writeFile(join(dir, name), bytes);
      }
      await readChecksums(await listReleaseFiles(dir));
    },
  },
  credentialFinder: {
    originals: json({
      auths: { "r.example": { auth: btoa("user:secret") }, "https://index.docker.io/v1/": {} },
      credHelpers: {},
    }, { auths: { "r.example": { identitytoken: "t" } } }),
    tokens: [...JSON_TOKENS, "auths", "r.example", "auth", "identitytoken", "=="],
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "config.json"), bytes);
      const log = createLogger({ write: () => {} });
      const finder = credentialFinder({ env: { DOCKER_CONFIG: dir }, shell, log });
      await finder.find("r.example", "a/b");
    },
  },
  wordsIn: {
    originals: texts(
      '{"errors":[{"code":"DENIED","message":"no","detail":{"a":1}}]}',
      '{"details":"incorrect username or password"}',
      "too many requests\nlater",
    ),
    tokens: [...JSON_TOKENS, "errors", "code", "message", "<html>"],
    read: (bytes) => wordsIn(decode(bytes), "text/plain"),
  },
  parseChallenges: {
    originals: texts(
      'Bearer realm="https://r.example/t",service="r",scope="a:b:pull", Basic realm=x',
    ),
    tokens: ["Bearer ", "=", '"', "\\", ",", "realm"],
    read: (bytes) => parseChallenges(decode(bytes)),
  },
  parseReference: {
    originals: texts(
      "registry.k8s.io/kube-proxy:v1.35.0",
      `localhost:5000/a/b@sha256:${"a".repeat(64)}`,
    ),
    tokens: [":", "@", "/", "sha256:", "..", "[::1]"],
    read: (bytes) => parseReference(decode(bytes)),
  },
  parseRepoTag: {
    originals: texts("registry.k8s.io/kube-proxy:v1.35.0"),
    tokens: [":", "@", "/"],
    read: (bytes) => parseRepoTag(decode(bytes)),
  },
  parseMirrors: {
    originals: texts("preset:daocloud dl.google.com/go=https://m.example/go,direct a=b"),
    tokens: ["=", ",", "preset:", "direct", "http://", "[::1]:1"],
    read: (bytes) => parseMirrors(decode(bytes)),
  },
  retryAfter: {
    originals: texts("120", "Wed, 21 Oct 2026 07:28:00 GMT"),
    tokens: ["-", "e9", "9999999999"],
    read: (bytes) => retryAfter(decode(bytes)),
  },
  decodeCapabilities: {
    originals: [new Uint8Array([1, 0, 0, 2, 0, 4, ...new Array(14).fill(0)])],
    tokens: ["\0", "\x01"],
    read: (bytes) => decodeCapabilities(bytes),
  },
  readMakefile: {
    originals: texts("A := b\nifeq ($(A),b)\nC = $(A) \\\n d\nendif\nt: u\n\t@echo $(C)\n"),
    tokens: ["$(", ")", "\\\n", "ifeq", "endif", "define", ":=", "\t"],
    read: (bytes) => readMakefile(decode(bytes), { variables: { B: "x" } }).expand("$(A)"),
  },
  readImageMakefile: {
    originals: texts(
      "REGISTRY?=r.example\nBASEIMAGE=$(REGISTRY)/b:v1\nifeq ($(ARCH),arm)\nA=b\nendif\nbuild:\n" +
        "\tsed -i 's/BASEIMAGE/$(BASEIMAGE)/g' Dockerfile\n\tdocker build --build-arg A=$(A) .\n",
    ),
    tokens: ["$(", "${", ")", "\\\n", "ifeq", "else", "endif", "sed -i 's/", "|", "--build-arg "],
    read: (bytes) => readImageMakefile(decode(bytes), { ARCH: "amd64" }),
  },
  readRecord: {
    originals: json({
      format: 1,
      outputs: "x",
      made: { a: { artifact: { path: "p", sha256: "s" } } },
    }),
    tokens: JSON_TOKENS,
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "artifacts.json"), bytes);
      await readRecord(dir);
    },
  },
  openRecords: {
    originals: json({ "/a": { key: "k", size: 1, mtime: 2, sha256: "c".repeat(64) } }),
    tokens: [...JSON_TOKENS, "__proto__"],
    read: async (bytes, dir) => {
      await Deno.mkdir(join(dir, "_output/local/.kbuild"), { recursive: true });
      await Deno.writeFile(join(dir, "_output/local/.kbuild/builds.json"), bytes);
      const log = createLogger({ write: () => {} });
      await openRecords(init.createContext({ root: dir, env: {}, log, shell }));
    },
  },
  parseGoVersion: {
    originals: texts(
      "go version go1.26.8 linux/amd64",
      "go version devel go1.24-abc Mon X:nocoverageredesign",
    ),
    tokens: ["go1.", "rc", "beta", "devel", " "],
    read: (bytes) => parseGoVersion(decode(bytes)),
  },
  readZip: {
    originals: [false, true].map((deflate) =>
      zipOf([["a/b", encode("text")], ["c", noise(2000)], ["d", new Uint8Array(5000)]], { deflate })
    ),
    tokens: ["PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "\xff\xff", "\0\0"],
    read: async (bytes, dir) => {
      await Deno.writeFile(join(dir, "a.zip"), bytes);
      for await (const member of readZip(join(dir, "a.zip"), { limits: LIMITS })) {
        await member.bytes();
      }
    },
  },
  openNote: {
    originals: texts(
      "go.sum database tree\n5\nCBoZUrSykalRTqlHJyj71knJu3++S4WJsSbQpighouQ=\n\n" +
        "\u2014 sum.golang.org Az3grpl0riSZW3i//vLWeqWnSr6encfA5eOVyQJma+n1BHg8lhGeyJxfgLOTuwjB2A" +
        "fhmi5RsN1PE7M2cLXU0LR/mwY=\n",
    ),
    tokens: ["\u2014 ", "\n\n", "=", "sum.golang.org"],
    read: (bytes) => openNote(decode(bytes), parseNoteKey(SUM_KEY)!),
  },
  parseDatabase: {
    originals: texts("sum.golang.org https://sums.test", SUM_KEY),
    tokens: ["+", " ", "https://", "="],
    read: (bytes) => parseDatabase(decode(bytes)),
  },
  parseNetrc: {
    originals: texts(
      "machine a login b password c\nmacdef x\ny\n\ndefault login d password e\n",
    ),
    tokens: ["machine ", "login ", "password ", "default ", "macdef ", "\n\n"],
    read: (bytes) => parseNetrc(decode(bytes)),
  },
  semanticVersion: {
    originals: texts("v1.20.2-3-gabcdef0123456789", "v1.21.0-alpha.1-10-g0123456789abcd"),
    tokens: ["-", "+", "v", ".", "g"],
    read: (bytes) => semanticVersion(decode(bytes), "clean"),
  },
};
