import { CHUNK_SIZE, ifPossibleSync, readFileChunks } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { BLOCK_SIZE, encodeHeader, paddingOf } from "./header.ts";
import type { TarEntry } from "./types.ts";
import { changed, readSmallFile, SMALL_FILE } from "./write_tar.ts";

/**
 * A transient archive for a program's stdin, such as a build context for `docker build -` or sources
 * for a container, written with `TarStream` of `@std/tar`. It is plain ustar, and not kept: for
 * what is released, and for what ustar cannot hold, use {@linkcode writeTar}; for long names, {@linkcode streamLongNames}.
 *
 * An entry is refused when its turn comes if it is a hard link or has extended attributes, if its
 * name does not fit (100 bytes, or 155 and 99 around a "/"), its link target (100 bytes), its size
 * (8 GiB), its owner (262143, 31 ASCII characters) or its time (before 1970).
 *
 * @returns Chunks of at most 1 MiB. Each is valid until the next one is requested.
 * @throws {KbuildError} An entry is refused, a source cannot be read, or its size is not the one in its
 * entry.
 *
 * @example
 * ```ts
 * import { archive, shell } from "@k8s/kbuild";
 *
 * const { $ } = shell.createShell({ cwd: "/", env: Deno.env.toObject() });
 * const text = new TextEncoder().encode("FROM scratch\n");
 * const context = archive.streamTar([archive.bytesEntry("Dockerfile", text, { mtime: 0 })]);
 * console.log(await $`tar -tf -`.with({ stdin: context }).lines());
 * ```
 */
export async function* streamTar(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
): AsyncGenerator<Uint8Array> {
  // Late: kbuild's own archives do not need it.
  const { assertValidPath, assertValidTarStreamOptions, TarStream } = await import("@std/tar");

  /** Those that may have a file open. */
  const contents = new Set<AsyncGenerator<Uint8Array>>();
  const inputs = async function* () {
    for await (const entry of entries) {
      const { name: path, type, size, linkName = "", mode, mtime } = entry;
      const { uid = 0, gid = 0, uname = "root", gname = "root" } = entry;
      // TarStream writes its defaults into what it is given.
      const options = { mode, mtime, uid, gid, uname, gname };
      checkUstar(entry, () => {
        assertValidPath(path);
        assertValidTarStreamOptions(options);
      });
      if (type === "directory") {
        yield { type, path, options };
      } else if (type === "symlink") {
        yield { type, path, linkname: linkName, options };
      } else {
        let readable = smallContent(entry);
        if (readable === undefined) {
          const content: AsyncGenerator<Uint8Array> = ending(
            contentOf(entry),
            () => contents.delete(content),
          );
          contents.add(content);
          readable = ReadableStream.from(content);
        }
        yield {
          type: "file" as const,
          path,
          size,
          readable,
          options,
        };
      }
    }
  };

  const stream = new TarStream();
  const stop = new AbortController();
  const { signal } = stop;
  const piping = ReadableStream.from(inputs()).pipeTo(stream.writable, { signal });
  // What fails there fails the reader below.
  // deno-lint-ignore kbuild/no-swallow
  piping.catch(() => {});
  // A reader that brings no buffer gets 512 bytes at a time.
  const reader = stream.readable.getReader({ mode: "byob" });
  let buffer = new Uint8Array(CHUNK_SIZE);
  try {
    for (;;) {
      // TarStream leaves what is behind a short name as it was.
      buffer.fill(0, 0, BLOCK_SIZE);
      const { done, value } = await reader.read(buffer);
      if (done) return;
      yield value;
      buffer = new Uint8Array(value.buffer);
    }
  } finally {
    stop.abort();
    for (const content of contents) await content.return(undefined);
  }
}

/**
 * Makes the question whether {@linkcode streamTar} takes a name (that of a directory ends with a "/") and a link target.
 *
 * @returns False for those that need {@linkcode streamLongNames}.
 */
export async function plainNames(): Promise<(name: string, linkName?: string) => boolean> {
  const { assertValidPath } = await import("@std/tar");
  const fields = { size: 0, mode: 0, mtime: 0 };
  return (name, linkName) => {
    const type = linkName !== undefined ? "symlink" : name.endsWith("/") ? "directory" : "file";
    const link = linkName === undefined ? {} : { linkName };
    return encodeHeader({ name, type, ...link, ...fields }).length === BLOCK_SIZE &&
      ifPossibleSync(() => {
          assertValidPath(name);
          return true;
        }) === true;
  };
}

/**
 * The first part of an archive that {@linkcode streamTar} completes: entries with names and link targets of any length, in GNU
 * tar's own form, which busybox reads, too.
 *
 * @returns Chunks without the mark of the end.
 * @throws {KbuildError} A source cannot be read, or its size is not the one in its entry.
 */
export async function* streamLongNames(
  entries: Iterable<TarEntry>,
): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield encodeHeader(entry, "gnu");
    if (entry.type !== "file") continue;
    yield* contentOf(entry);
    yield new Uint8Array(paddingOf(entry.size));
  }
}

/** Refuses what a ustar header cannot hold, or TarStream does not write. */
function checkUstar(entry: TarEntry, check: () => void): void {
  const refuse = (why: string, cause?: unknown): never => {
    const { name } = entry;
    throw new KbuildError(`Cannot stream ${JSON.stringify(name)} as a plain tar: ${why}`, {
      cause,
    });
  };
  if (entry.type === "hardlink") refuse("it is a hard link");
  if (encodeHeader(entry).length > BLOCK_SIZE) {
    refuse("its name, link target, size, time, owner or attributes do not fit");
  }
  try {
    check();
  } catch (cause) {
    refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Most files are small: one read, and a stream without a generator behind it. */
function smallContent({ size, content }: TarEntry): ReadableStream<Uint8Array> | undefined {
  if (content === undefined || !("path" in content)) return undefined;
  const { path, offset } = content;
  if (offset !== undefined || size > SMALL_FILE) return undefined;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const bytes = readSmallFile(path);
      if (bytes.length !== size) throw changed(path, size, bytes.length);
      if (size > 0) controller.enqueue(bytes);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

async function* ending(
  chunks: AsyncIterable<Uint8Array>,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    onEnd();
  }
}

/** The content of a file, held to its size. */
async function* contentOf({ name, size, content }: TarEntry): AsyncGenerator<Uint8Array> {
  if (content === undefined || "bytes" in content) {
    const bytes = content?.bytes ?? new Uint8Array(0);
    if (bytes.length !== size) throw changed(name, size, bytes.length);
    // Copies: TarStream takes the memory of a chunk away.
    for (let at = 0; at < size; at += CHUNK_SIZE) yield bytes.slice(at, at + CHUNK_SIZE);
  } else if ("write" in content) {
    yield* exactly(written(content.write), size, content.label);
  } else {
    const { path, offset } = content;
    const range = offset === undefined ? {} : { offset, size };
    yield* exactly(readFileChunks(path, range), size, path);
  }
}

async function* exactly(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  label: string,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of chunks) {
    count += chunk.length;
    if (count > size) throw changed(label, size, count);
    yield chunk;
  }
  if (count !== size) throw changed(label, size, count);
}

/** Chunks of content that is written to a sink. */
async function* written(
  write: (sink: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const writing = write((chunk) => writer.write(chunk.slice()))
    .then(() => writer.close(), (error) => writer.abort(error));
  // It fails again where it is read.
  // deno-lint-ignore kbuild/no-swallow
  writing.catch(() => {});
  yield* readable;
}
