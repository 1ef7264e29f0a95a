import { KbuildError } from "../errors.ts";
import { type Client, downloadBytes, tryCandidates, WrongContentError } from "../net/mod.ts";
import { clientFor, DIRECT, type Endpoint } from "./module_proxy.ts";
import { type NoteKey, openNote, parseNoteKey } from "./signed_note.ts";
import { recordHash, treeHash } from "./transparency_log.ts";
import type { ModuleVersion } from "./urls.ts";

/** A database of the hashes of all modules: `GOSUMDB`. */
export interface ChecksumDatabase {
  /** Key that signs its log. */
  readonly key: NoteKey;
  /** Its own URL, without a slash at the end. */
  readonly url: string;
  /** Whether module proxies may answer for it: not if `GOSUMDB` gives a URL. */
  readonly proxied: boolean;
}

/** Keys that Go knows by name (cmd/go/internal/modfetch/key.go). */
const KNOWN_KEYS: Readonly<Record<string, string>> = Object.freeze({
  "sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
});
/** The same database under a name that can be reached from China (cmd/go/internal/modfetch/sumdb.go). */
const ALIASES: Readonly<Record<string, string>> = Object.freeze({
  "sum.golang.google.cn": "sum.golang.org https://sum.golang.google.cn",
});

/** A record, its number and a signed tree are short; a tile has 8 KiB. */
const MAX_ANSWER = 1 << 16;

/**
 * Reads `GOSUMDB`: the name of a known database or a key, and maybe a URL.
 *
 * @returns undefined for "off".
 * @throws {KbuildError} It names a database whose key is not known.
 */
export function parseDatabase(text: string): ChecksumDatabase | undefined {
  if (text === "off") return undefined;
  const [name = "", url, ...rest] = (ALIASES[text] ?? text).trim().split(/\s+/);
  const key = parseNoteKey(KNOWN_KEYS[name] ?? name);
  if (key === undefined || rest.length > 0 || !(url === undefined || URL.canParse(url))) {
    throw new KbuildError(`Cannot use the checksum database "${text}" of GOSUMDB`, {
      notes: ['Use "sum.golang.org", a key as Go writes it ("name+hash+key"), or "off"'],
    });
  }
  return Object.freeze({
    key,
    url: (url ?? `https://${key.name}`).replace(/\/+$/, ""),
    proxied: url === undefined,
  });
}

/**
 * Where a database can be asked, in order: through module proxies, which need not be trusted, then
 * at its own URL.
 */
export function databaseEndpoints(
  { key, url, proxied }: ChecksumDatabase,
  proxies: readonly Endpoint[],
): readonly Endpoint[] {
  const through = proxied ? proxies.filter((proxy) => proxy.url !== DIRECT) : [];
  return Object.freeze([
    ...through.map((proxy) => ({ ...proxy, url: `${proxy.url}/sumdb/${key.name}` })),
    { url, rule: undefined, headers: {} },
  ]);
}

/** Path of a module's record below the URL of a database. */
export function lookupPath({ path, version }: ModuleVersion): string {
  return `lookup/${path}@${version}`;
}

/**
 * Asks the checksum database for the hash of a module's zip. The answer counts if the tree that comes
 * with it is signed by the database, and the record is in that tree. Whether that tree continues one
 * that was seen before is not checked, unlike by Go: nothing is kept.
 *
 * @param endpoints From {@linkcode databaseEndpoints}.
 * @returns "h1:…".
 * @throws {KbuildError} No endpoint gave an answer that counts.
 */
export async function lookUpSum(
  client: Client,
  database: ChecksumDatabase,
  { module, endpoints }: { module: ModuleVersion; endpoints: readonly Endpoint[] },
): Promise<string> {
  return await tryCandidates(
    `checksum of ${module.path}@${module.version}`,
    endpoints,
    (endpoint) =>
      lookUpAt(clientFor(client, endpoint), endpoint.url, { module, key: database.key }),
    client,
  );
}

async function lookUpAt(
  client: Client,
  base: string,
  { module, key }: { module: ModuleVersion; key: NoteKey },
): Promise<string> {
  const url = `${base}/${lookupPath(module)}`;
  const get = async (from: string) =>
    (await downloadBytes(client, from, { most: MAX_ANSWER })).bytes;
  const answer = parseAnswer(new TextDecoder().decode(await get(url)));
  if (answer === undefined) {
    throw wrong(url, "it is not the answer of a checksum database");
  }
  const tree = parseTree(await openNote(answer.signedTree, key));
  if (tree === undefined) throw wrong(url, `it is not signed by "${key.name}"`);
  if (answer.index >= tree.size) throw wrong(url, "its record is not in the signed tree");
  const place = { index: answer.index, size: tree.size };
  const root = await treeHash(recordHash(answer.record), place, async (path, size) => {
    const bytes = await get(`${base}/${path}`);
    if (bytes.length === size) return bytes;
    throw wrong(`${base}/${path}`, `it has ${bytes.length} bytes, not ${size}`);
  });
  if (toBase64(root) !== tree.hash) throw wrong(url, "its record is not in the signed tree");
  const line = answer.record.split("\n")
    .find((each) => each.startsWith(`${module.path} ${module.version} h1:`));
  const sum = line?.split(" ")[2];
  if (sum === undefined) throw wrong(url, "its record is about something else");
  return sum;
}

/** Number, record, and the signed tree, as golang.org/x/mod/sumdb/tlog has them. */
function parseAnswer(
  text: string,
): { index: number; record: string; signedTree: string } | undefined {
  const match = /^(\d{1,15})\n((?:[^\n]+\n)+)\n([\s\S]+)$/.exec(text);
  if (match === null) return undefined;
  const [, index, record = "", signedTree = ""] = match;
  return { index: Number(index), record, signedTree };
}

/** Size and hash of a tree. */
function parseTree(text: string | undefined): { size: number; hash: string } | undefined {
  const match = /^go\.sum database tree\n(\d{1,15})\n([A-Za-z0-9+/]{43}=)\n/.exec(text ?? "");
  return match === null ? undefined : { size: Number(match[1]), hash: match[2]! };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function wrong(url: string, why: string): WrongContentError {
  return new WrongContentError(`Cannot use "${url}": ${why}`, {
    notes: ["The module proxy, or something on the way to it, changes what it passes on"],
  });
}
