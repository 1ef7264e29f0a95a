/**
 * A module proxy and a checksum database of our own, on this machine, with one module: Go's
 * toolchain in the shape that Go expects. Go itself checks all of it: zip, hashes, signature, tree.
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { crc32 } from "node:zlib";
import { goScript, HOST, RELEASE } from "./_world.ts";

const MODULE = "golang.org/toolchain";
/** As Go names the module's version. */
export const VERSION = `v0.0.1-go${RELEASE}.${HOST.replace("/", "-")}`;
const GO_MOD = `module ${MODULE}\n`;
const DATABASE = "kbuild.test";

/** What the proxy serves, by path. */
export interface Proxy {
  readonly respond: (path: string) => Response;
  /** `GOPROXY` and `GOSUMDB` for a server at `url`. */
  env(url: string): Record<string, string>;
}

/** What is wrong with a proxy. */
export interface Faults {
  /** The zip is sound, but one of its files is not the one whose hash was written down. */
  readonly forged?: boolean;
  /** Only half of the zip is served. */
  readonly half?: boolean;
}

/** Makes both. */
export function makeProxy({ forged = false, half = false }: Faults = {}): Proxy {
  const files: [string, string][] = [
    ["VERSION", `go${RELEASE}\n`],
    ["bin/go", goScript()],
    [`pkg/tool/${HOST.replace("/", "_")}/compile`, "#!/bin/sh\n"],
    ["bin/gofmt", "#!/bin/sh\n"],
    ["lib/wasm/go_js_wasm_exec", "#!/bin/sh\n"],
    ["src/_go.mod", "module std\n"],
  ];
  const named = files.map(([name, text]) =>
    [`${MODULE}@${VERSION}/${name}`, Buffer.from(text)] as const
  );
  const served = named.map(([name, bytes]) =>
    forged && name.endsWith("/bin/go")
      ? [name, Buffer.concat([bytes, bytes])] as const
      : [name, bytes] as const
  );
  const whole = zipOf(served);
  const zip = half ? whole.subarray(0, whole.length >> 1) : whole;
  const record = `${MODULE} ${VERSION} ${hash1(named)}\n` +
    `${MODULE} ${VERSION}/go.mod ${hash1([["go.mod", Buffer.from(GO_MOD)]])}\n`;
  const leaf = createHash("sha256").update("\0").update(record).digest();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = Buffer.concat([Buffer.from([1]), rawKey(publicKey)]);
  const keyHash = createHash("sha256").update(`${DATABASE}\n`).update(key).digest().subarray(0, 4);
  const tree = `go.sum database tree\n1\n${leaf.toString("base64")}\n`;
  const signature = Buffer.concat([keyHash, sign(null, Buffer.from(tree), privateKey)]);
  const signed = `${tree}\n\u2014 ${DATABASE} ${signature.toString("base64")}\n`;

  const pages = new Map<string, string | Buffer>([
    [`/${MODULE}/@v/${VERSION}.info`, JSON.stringify({ Version: VERSION })],
    [`/${MODULE}/@v/${VERSION}.mod`, GO_MOD],
    [`/${MODULE}/@v/${VERSION}.zip`, zip],
    ["/sums/latest", signed],
    [`/sums/lookup/${MODULE}@${VERSION}`, `0\n${record}\n${signed}`],
    ["/sums/tile/8/0/000.p/1", leaf],
  ]);
  return {
    respond: (path) => {
      const page = pages.get(path);
      return page === undefined
        ? new Response("not found", { status: 404 })
        : new Response(typeof page === "string" ? page : new Uint8Array(page));
    },
    env: (url) => ({
      GOPROXY: url,
      GOSUMDB: `${DATABASE}+${keyHash.toString("hex")}+${key.toString("base64")} ${url}/sums`,
    }),
  };
}

/** The 32 bytes of an Ed25519 key, at the end of its DER form. */
function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ type: "spki", format: "der" })).subarray(-32);
}

/** Go's `h1:` hash of files: of the sorted list of their hashes and names. */
function hash1(files: readonly (readonly [string, Buffer])[]): string {
  const lines = files.map(([name, bytes]) =>
    `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`
  );
  const sorted = lines.toSorted((a, b) => a.slice(66) < b.slice(66) ? -1 : 1);
  return `h1:${createHash("sha256").update(sorted.join("")).digest("base64")}`;
}

/** A zip of stored files. */
function zipOf(files: readonly (readonly [string, Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, bytes] of files) {
    const name = Buffer.from(path);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, name, bytes]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), fields, rest, name]),
    );
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, list, Buffer.from("PK\x05\x06"), end]);
}
