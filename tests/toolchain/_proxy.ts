/**
 * A module proxy and a checksum database of our own, on this machine, with one module: Go's
 * toolchain in the shape that Go expects. Go itself checks all of it: zip, hashes, signature, tree.
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { makeLog } from "./_log.ts";
import { goScript, HOST, RELEASE } from "./_world.ts";
import { zipOf } from "./_zip.ts";

const MODULE = "golang.org/toolchain";
/** As Go names the module's version. */
export const VERSION = `v0.0.1-go${RELEASE}.${HOST.replace("/", "-")}`;
const GO_MOD = `module ${MODULE}\n`;
const DATABASE = "kbuild.test";

/** What the proxy serves, by path. */
export interface Proxy {
  readonly respond: (path: string, request: Request) => Response;
  /** `GOPROXY` and `GOSUMDB` for a server at `url`; nothing else can be reached. */
  env(url: string): Record<string, string>;
}

/** What is wrong with a proxy, and how large its log is. */
export interface ProxyOptions {
  /** The zip is sound, but one of its files is not the one whose hash was written down. */
  readonly forged?: boolean;
  /** Only half of the zip is served. */
  readonly half?: boolean;
  /** Changes pages of the checksum database: "lookup", "tree" (for both), or the path of a tile. */
  readonly tamper?: (page: string, text: string) => string | Uint8Array;
  /** Records in the log; the module's is in the middle. */
  readonly records?: number;
  /** Only this `authorization` is let in. */
  readonly authorization?: string;
}

/** Makes both: 700 records need tiles of two levels, complete ones and others. */
export function makeProxy(options: ProxyOptions = {}): Proxy {
  const { authorization, forged = false, half = false, records = 700 } = options;
  const { tamper = (_page, text) => text } = options;
  const files: [string, string][] = [
    ["VERSION", `go${RELEASE}\n`],
    ["bin/go", goScript()],
    [`pkg/tool/${HOST.replace("/", "_")}/compile`, "#!/bin/sh\n"],
    ["bin/gofmt", "#!/bin/sh\n"],
    ["lib/wasm/go_js_wasm_exec", "#!/bin/sh\n"],
    ["src/_go.mod", "module std\n"],
    ["src/runtime/runtime.go", "package runtime\n".repeat(1000)],
  ];
  const named = files.map(([name, text]) =>
    [`${MODULE}@${VERSION}/${name}`, Buffer.from(text)] as const
  );
  const served = named.map(([name, bytes]) =>
    forged && name.endsWith("/bin/go")
      ? [name, Buffer.concat([bytes, bytes])] as const
      : [name, bytes] as const
  );
  const whole = zipOf(served, { deflate: true });
  const zip = half ? whole.subarray(0, whole.length >> 1) : whole;
  const record = `${MODULE} ${VERSION} ${hash1(named)}\n` +
    `${MODULE} ${VERSION}/go.mod ${hash1([["go.mod", Buffer.from(GO_MOD)]])}\n`;
  const index = records >> 1;
  const log = makeLog(
    Array.from({ length: records }, (_, i) => i === index ? record : `other.test v1.0.${i} h1:\n`),
  );
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = Buffer.concat([Buffer.from([1]), rawKey(publicKey)]);
  const keyHash = createHash("sha256").update(`${DATABASE}\n`).update(key).digest().subarray(0, 4);
  const tree = `go.sum database tree\n${records}\n${Buffer.from(log.root).toString("base64")}\n`;
  const signature = Buffer.concat([keyHash, sign(null, Buffer.from(tree), privateKey)]);
  const signed = tamper("tree", `${tree}\n\u2014 ${DATABASE} ${signature.toString("base64")}\n`);

  const pages = new Map<string, string | Uint8Array>([
    [`/${MODULE}/@v/${VERSION}.info`, JSON.stringify({ Version: VERSION })],
    [`/${MODULE}/@v/${VERSION}.mod`, GO_MOD],
    [`/${MODULE}/@v/${VERSION}.zip`, zip],
    [`/sumdb/${DATABASE}/supported`, ""],
  ]);
  for (const base of ["/sums", `/sumdb/${DATABASE}`]) {
    pages.set(`${base}/latest`, signed);
    const answer = tamper("lookup", `${index}\n${record}\n${signed}`);
    pages.set(`${base}/lookup/${MODULE}@${VERSION}`, answer);
    for (const [path, tile] of log.tiles) {
      const text = tamper(path, Buffer.from(tile).toString("latin1"));
      pages.set(
        `${base}/${path}`,
        typeof text === "string" ? Uint8Array.from(Buffer.from(text, "latin1")) : text,
      );
    }
  }
  return {
    respond: (path, request) => {
      const page = pages.get(path);
      if (authorization !== undefined && request.headers.get("authorization") !== authorization) {
        return new Response("who are you", { status: 401 });
      }
      return page === undefined
        ? new Response("not found", { status: 404 })
        : new Response(typeof page === "string" ? page : new Uint8Array(page));
    },
    env: (url) => ({
      GOPROXY: url,
      GOSUMDB: `${DATABASE}+${keyHash.toString("hex")}+${key.toString("base64")} ${url}/sums`,
      // The way that is tried next.
      KBUILD_MIRRORS: "dl.google.com/go=http://127.0.0.1:1",
      KBUILD_GO_SHA256: "",
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
