import type { HashAlgorithm } from "../archive/mod.ts";
import { type Client, downloadBytes, nameOf, NetworkError, WrongContentError } from "../net/mod.ts";
import type { KnownDigest } from "./types.ts";
import { isBefore } from "./version.ts";

/** Lists of a release have some hundred lines. */
const MAX_LIST = 4 << 20;

/** A digest and a name; a web page in its place need not be read. */
const MAX_DIGEST = 1 << 16;

/** Length in hexadecimal. */
const LENGTHS: Readonly<Record<HashAlgorithm, number>> = { sha512: 128, sha256: 64, sha1: 40 };

/** What a server says where there is no such file; buckets say 403 to whoever may not list them. */
export const MISSING: ReadonlySet<number | undefined> = new Set([403, 404, 410]);

/** Whether an error says that a server does not have what it was asked for. */
export function isMissing(error: unknown): error is NetworkError {
  return error instanceof NetworkError && MISSING.has(error.status);
}

/**
 * Finds digests of a version's files at the site that published them: in `SHA512SUMS` or `SHA256SUMS` (from
 * 1.16 on), else beside each file (`.sha512` from 1.12 on, `.sha256` from 1.16 on). `.sha1`, which 1.15 and
 * older have, counts for versions that were published without any other.
 *
 * @param base Directory of the version, without a slash at its end.
 * @param names Files below it.
 * @returns By name; files without a digest are missing.
 * @throws {NetworkError} The site cannot be reached, or refuses.
 * @throws {WrongContentError} Something else came instead of digests.
 */
export async function findDigests(
  client: Client,
  base: string,
  { version, names }: { version: string; names: readonly string[] },
): Promise<ReadonlyMap<string, KnownDigest>> {
  const found = new Map<string, KnownDigest>();
  const left = () => names.filter((name) => !found.has(name));
  const add = (name: string, algorithm: HashAlgorithm, hex: string, source: string) =>
    found.set(name, Object.freeze({ algorithm, hex, source, digestFrom: "origin" }));
  for (const algorithm of ["sha512", "sha256"] as const) {
    if (left().length === 0) break;
    const url = `${base}/${algorithm.toUpperCase()}SUMS`;
    const text = await textAt(client, url, MAX_LIST);
    const list = text === undefined ? undefined : parseList(text, algorithm, url);
    for (const name of left()) {
      const hex = list?.get(name);
      if (hex !== undefined) add(name, algorithm, hex, url);
    }
  }
  for (const name of left()) {
    const digest = await findDigestBeside(client, `${base}/${name}`, algorithmsOf(version));
    if (digest !== undefined) found.set(name, digest);
  }
  return found;
}

/**
 * Finds the digest that is published beside a file, as `URL.sha512`.
 *
 * @param algorithms In the order in which they are tried.
 * @returns undefined if there is none.
 * @throws As {@linkcode findDigests}.
 */
export async function findDigestBeside(
  client: Client,
  file: string,
  algorithms: readonly HashAlgorithm[] = ["sha512", "sha256"],
): Promise<KnownDigest | undefined> {
  for (const algorithm of algorithms) {
    const source = `${file}.${algorithm}`;
    const text = await textAt(client, source, MAX_DIGEST);
    if (text === undefined) continue;
    const hex = parseDigest(text, algorithm, source);
    return Object.freeze({ algorithm, hex, source, digestFrom: "origin" });
  }
  return undefined;
}

/** Best first; SHA-1 for versions that were published before 1.12.0-rc.2 only. */
function algorithmsOf(version: string): readonly HashAlgorithm[] {
  const isOld = isBefore(version, 12) ||
    /^v1\.12\.0-(alpha|beta)\.|^v1\.12\.0-rc\.1$/.test(version);
  return isOld ? ["sha512", "sha256", "sha1"] : ["sha512", "sha256"];
}

/** A document of a site; undefined if the site does not have it. */
async function textAt(client: Client, url: string, most: number): Promise<string | undefined> {
  try {
    const { bytes } = await downloadBytes(client, url, { most });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Reads a list as `sha512sum` writes it: digests by name.
 *
 * @throws {WrongContentError} A line is something else, or one name has two digests.
 */
export function parseList(
  text: string,
  algorithm: HashAlgorithm,
  url: string,
): ReadonlyMap<string, string> {
  const list = new Map<string, string>();
  for (const line of text.split("\n").map((each) => each.replace(/\r$/, ""))) {
    if (line === "") continue;
    const [, digits = "", path = ""] = /^([0-9a-fA-F]+) [ *](?:\.\/)?(.+)$/.exec(line) ?? [];
    if (digits.length !== LENGTHS[algorithm]) throw notDigests(url, algorithm, line);
    const hex = digits.toLowerCase();
    if ((list.get(path) ?? hex) !== hex) {
      throw new WrongContentError(`Cannot use "${url}": it has two digests of "${path}"`);
    }
    list.set(path, hex);
  }
  if (list.size === 0) throw notDigests(url, algorithm, "");
  return list;
}

/**
 * Reads a file with one digest, alone or as `sha512sum` writes it.
 *
 * @throws {WrongContentError} It has something else.
 */
export function parseDigest(text: string, algorithm: HashAlgorithm, url: string): string {
  const digits = /^([0-9a-fA-F]+)(\s|$)/.exec(text.trim())?.[1] ?? "";
  if (digits.length === LENGTHS[algorithm]) return digits.toLowerCase();
  throw notDigests(url, algorithm, text);
}

function notDigests(url: string, algorithm: HashAlgorithm, text: string): WrongContentError {
  const start = text.trim().slice(0, 40).replaceAll(/[\s\p{Cc}]+/gu, " ");
  const found = start === "" ? "it is empty" : `it has "${start}"`;
  return new WrongContentError(`Cannot read a ${nameOf(algorithm)} from "${url}": ${found}`, {
    notes: ["A page of a proxy, or an error in place of the file, may have come"],
  });
}
