import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { dirname, join } from "@std/path";
import { fileDigest } from "../../archive/mod.ts";
import { KbuildError } from "../../errors.ts";
import { hex, ifPossible, objectIn, readText, writeFileAtomic } from "../../files/mod.ts";
import type { Store } from "../../store/mod.ts";
import { workQueue } from "../util.ts";

/** What {@linkcode serveGoCache} works with. */
export interface GoCacheOptions {
  /** What Go writes: its requests. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes a line to Go: an answer. */
  readonly answer: (line: string) => void;
  /** Go's own cache on this machine, `GOCACHE`: outputs are there as Go itself keeps them. Absolute. */
  readonly directory: string;
  /** Where other machines find them; undefined: there is none, or it cannot be used. */
  readonly store: Store | undefined;
  /**
   * What outputs depend on beside Go's keys, `goCacheMachine()`: machines with another text share nothing. Called once,
   * when the store is needed; if it fails, the store is not used.
   */
  readonly machine: () => Promise<string>;
}

/** A request of Go (`go doc cmd/go/internal/cacheprog`); bytes are in base64. */
interface Request {
  readonly ID: number;
  readonly Command: string;
  readonly ActionID?: string;
  /** SHA-256 of the output. */
  readonly OutputID?: string;
  readonly BodySize?: number;
}

/** An output of an action. */
interface Output {
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
  readonly size: number;
  /** When it was put: milliseconds since 1970. */
  readonly at: number;
}

/** What Go knows of an action (cmd/go/internal/cache, `DiskCache`): its ID, that of its output, size, nanoseconds. */
const ENTRY = /^v1 ([0-9a-f]{64}) ([0-9a-f]{64}) +(\d+) +(\d+)\n$/;

/**
 * How outputs begin that are kept on this machine alone, because their keys have paths and times of files in place of
 * contents: indexes of packages (cmd/go/internal/modindex, `indexVersion`), and the files that a test has opened
 * (cmd/go/internal/test, `testlogMagic`). Without the latter, no result of a test comes from another machine.
 */
const LOCAL = ["go index v", "# test log\n"].map((text) => Buffer.from(text));

const HOUR = 3600_000;

/** Uploads that are under way; further ones wait. */
const CONCURRENCY = 8;

/** The version of the keys: another one finds nothing of before. */
const VERSION = 1;

/**
 * Serves Go's compile cache, as a program of `GOCACHEPROG` (Go 1.24 and later): outputs are looked for in Go's own cache
 * on this machine, then in the store. Whatever is wrong with the store, or is not what it was, is a miss: Go compiles.
 * Ends with Go's `close`, or when the input does; uploads that have begun are finished first.
 */
export async function serveGoCache(given: GoCacheOptions): Promise<void> {
  const { input, answer, store } = given;
  let machine: Promise<string> | undefined;
  const options = { ...given, machine: () => machine ??= given.machine() };
  const answers = new Set<Promise<void>>();
  // Go waits for none of them until it ends.
  const uploads = workQueue(CONCURRENCY);
  const settle = () => Promise.all([...answers, uploads.settle()]);
  const reply = (ID: number, rest: Readonly<Record<string, unknown>>) =>
    answer(JSON.stringify({ ID, ...rest }));
  const lines = linesOf(input);
  reply(0, { KnownCommands: ["get", "put", "close"] });
  for await (const line of lines) {
    const request = objectIn(line.toString("utf8")) as Request | undefined;
    if (request === undefined) {
      throw new KbuildError("Cannot serve Go's compile cache: a line is not a request", {
        notes: ["Go starts this program itself: GOCACHEPROG='kbuild store go-cache --store STORE'"],
      });
    }
    const { ID, Command } = request;
    if (Command === "get") {
      const one = getOutput(options, request).then((found) => reply(ID, found))
        .finally(() => answers.delete(one));
      answers.add(one);
    } else if (Command === "put") {
      const body = (request.BodySize ?? 0) > 0 ? (await lines.next()).value : undefined;
      const bytes = body === undefined
        ? Buffer.alloc(0)
        : Buffer.from(new TextDecoder().decode(body.subarray(1, -1)), "base64");
      const path = await putOutput(options, request, bytes).catch((error: unknown) => {
        reply(ID, { Err: error instanceof Error ? error.message : String(error) });
      });
      if (path === undefined) continue;
      reply(ID, { DiskPath: path });
      if (store?.isWritable === true && !isLocal(bytes)) {
        const { length } = bytes;
        void uploads.add(() => shareOutput(options, request, path, length));
      }
    } else if (Command === "close") {
      await settle();
      return reply(ID, {});
    } else reply(ID, { Err: `unknown command "${Command}"` });
  }
  await settle();
}

/** Lines without their ends; empty ones are left out. */
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let parts: Uint8Array[] = [];
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(parts);
      parts = [];
      if (line.length > 0) yield line;
    }
    if (from < chunk.length) parts.push(chunk.slice(from));
  }
}

const MISS = Object.freeze({ Miss: true });

/** The answer to "get". */
async function getOutput(
  options: GoCacheOptions,
  { ActionID = "" }: Request,
): Promise<Readonly<Record<string, unknown>>> {
  const action = hex(Buffer.from(ActionID, "base64"));
  const known = await localOutput(options, action) ??
    await ifPossible(fetchOutput(options, action));
  if (known === undefined) return MISS;
  const { digest, size, at } = known;
  return {
    OutputID: Buffer.from(digest, "hex").toString("base64"),
    Size: size,
    Time: new Date(at).toISOString(),
    DiskPath: outputPath(options, digest),
  };
}

/** What this machine has of an action, if its output is there. */
async function localOutput(
  options: GoCacheOptions,
  action: string,
): Promise<Output | undefined> {
  const path = actionPath(options, action);
  const text = await ifPossible(readText(path));
  const [, id, digest = "", size, time] = ENTRY.exec(text ?? "") ?? [];
  if (id !== action) return undefined;
  const output = { digest, size: Number(size), at: Number(time) / 1e6 };
  const info = await ifPossible(Deno.stat(outputPath(options, digest)));
  if (info?.size !== output.size) return undefined;
  // Go removes what was not used for five days.
  const now = new Date();
  if (now.getTime() - (info.mtime?.getTime() ?? 0) > HOUR) {
    for (const each of [path, outputPath(options, digest)]) {
      await ifPossible(Deno.utime(each, now, now));
    }
  }
  return output;
}

/** Brings an output from the store; undefined if it lacks it. */
async function fetchOutput(
  options: GoCacheOptions,
  action: string,
): Promise<Output | undefined> {
  const { store } = options;
  if (store === undefined) return undefined;
  const result = await store.result(await keyOf(options, action));
  const [file, ...others] = result?.files ?? [];
  if (file === undefined || others.length > 0) return undefined;
  const output = { digest: file.digest.slice("sha256:".length), size: file.size, at: Date.now() };
  const path = outputPath(options, output.digest);
  if (!await hasOutput(path, output) && !await store.fetch(file, path)) return undefined;
  await writeEntry(options, action, output);
  return output;
}

/** Writes an output on this machine; returns its path. */
async function putOutput(
  options: GoCacheOptions,
  { ActionID = "", OutputID = "" }: Request,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== hex(Buffer.from(OutputID, "base64"))) {
    throw new Error("the output is not what its ID says");
  }
  const output = { digest, size: bytes.length, at: Date.now() };
  const path = outputPath(options, digest);
  await Deno.mkdir(dirname(path), { recursive: true });
  if (!await hasOutput(path, output)) await writeFileAtomic(path, bytes);
  await writeEntry(options, hex(Buffer.from(ActionID, "base64")), output);
  return path;
}

async function writeEntry(
  options: GoCacheOptions,
  action: string,
  { digest, size, at }: Output,
): Promise<void> {
  const path = actionPath(options, action);
  await Deno.mkdir(dirname(path), { recursive: true });
  const time = `${Math.round(at)}000000`;
  const text = `v1 ${action} ${digest} ${`${size}`.padStart(20)} ${time.padStart(20)}\n`;
  await writeFileAtomic(path, text);
}

async function hasOutput(path: string, { digest, size }: Output): Promise<boolean> {
  const info = await ifPossible(Deno.stat(path));
  return info?.size === size && await ifPossible(fileDigest(path)) === digest;
}

function isLocal(bytes: Buffer<ArrayBuffer>): boolean {
  return LOCAL.some((start) => bytes.subarray(0, start.length).equals(start));
}

/** Saves an output in the store; what is wrong with it is not Go's concern. */
async function shareOutput(
  options: GoCacheOptions,
  { ActionID = "", OutputID = "" }: Request,
  path: string,
  size: number,
): Promise<void> {
  const digest = `sha256:${hex(Buffer.from(OutputID, "base64"))}`;
  const key = await ifPossible(keyOf(options, hex(Buffer.from(ActionID, "base64"))));
  if (key === undefined) return;
  const files = [{ path: "output", digest, size, mode: 0o644 }];
  await ifPossible(options.store!.save({ key, files }, () => path));
}

async function keyOf({ machine }: GoCacheOptions, action: string): Promise<string> {
  const text = `go cache ${VERSION}\n${await machine()}\n${action}\n`;
  return createHash("sha256").update(text).digest("hex");
}

function actionPath({ directory }: GoCacheOptions, action: string): string {
  return join(directory, action.slice(0, 2), `${action}-a`);
}

function outputPath({ directory }: GoCacheOptions, digest: string): string {
  return join(directory, digest.slice(0, 2), `${digest}-d`);
}
