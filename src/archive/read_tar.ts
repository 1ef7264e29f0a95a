import { CHUNK_SIZE, readFileChunks } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { ByteReader, EndOfInput } from "./byte_reader.ts";
import { EXTENSION_FLAGS, Extensions } from "./extensions.ts";
import { BLOCK_SIZE, paddingOf } from "./header.ts";
import { quoteName } from "./names.ts";
import { HeaderError, isZeroBlock, parseHeader } from "./parse_header.ts";
import { beyondLimit, bytesText, type ReadLimits, readLimits } from "./read_limits.ts";
import { maybeGunzip } from "./streams.ts";
import { Content, type TarMember, toMember } from "./tar_member.ts";

/** Options of {@linkcode readTar}. */
export interface ReadTarOptions {
  /** What the user knows the archive by; default: its path. */
  label?: string;
  /** Stops the reading between two members or chunks. */
  signal?: AbortSignal;
  /** Replaces some of `DEFAULT_READ_LIMITS`. */
  limits?: Partial<ReadLimits>;
}

/**
 * Reads an archive member by member, with bounded memory. It understands ustar, PAX (path, linkpath,
 * size, mtime, owner, xattrs; also global headers), GNU long names and base-256 numbers, and gzip
 * around it all. What different programs would read differently is refused, so that no archive shows
 * kbuild one thing and others another: sparse files, two names for a member, sizes that contradict
 * each other, content behind the end.
 *
 * Names are given unchanged, "../x" and "/etc" too: `unpackTar` unpacks safely, others must
 * check them. A byte of a name that is not valid UTF-8 becomes a lone surrogate (U+DC80 to U+DCFF), so
 * that different names stay different.
 *
 * @param source A file, or the chunks of one.
 * @throws {KbuildError} Naming archive and offset: an invalid header, a NUL in a name, an absurd
 * size, an end in the middle or without the closing zero block; more than a limit allows.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | string,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember, void> {
  const { signal } = options;
  const limits = readLimits(options.limits);
  const label = options.label ?? (typeof source === "string" ? source : "archive");
  const chunks = typeof source === "string" ? readFileChunks(source) : source;
  const reader = new ByteReader(maybeGunzip(chunks, label, { limits }));
  const extensions = new Extensions();
  let at = 0;
  let isHeader = false;
  let members = 0;
  try {
    while (true) {
      signal?.throwIfAborted();
      at = reader.offset;
      isHeader = false;
      const block = await reader.exactly(BLOCK_SIZE);
      if (isZeroBlock(block)) {
        isHeader = true;
        if (extensions.waiting) throw new HeaderError("extended headers precede the end");
        return await finish(reader, signal);
      }
      const raw = parseHeader(block);
      isHeader = true;
      if (EXTENSION_FLAGS.includes(raw.typeFlag)) {
        const size = extensions.size + Extensions.sizeOf(raw.size);
        if (size > limits.maxExtension) {
          const what = `the extended headers at byte ${at} have ${size} bytes, ` +
            `more than ${bytesText(limits.maxExtension)}`;
          throw beyondLimit(label, what, "maxExtension");
        }
        extensions.add(raw.typeFlag, await reader.exactly(raw.size));
        await reader.skip(paddingOf(raw.size));
        continue;
      }
      const content = new Content(reader, (error) => explain(error, label, at, true), signal);
      const member = toMember(raw, extensions, content);
      if (++members > limits.maxMembers) {
        const what = `it has more than ${limits.maxMembers} members`;
        throw beyondLimit(label, what, "maxMembers");
      }
      checkLimits(member, label, limits);
      extensions.nextMember();
      yield member;
      await content.skip();
      await reader.skip(paddingOf(member.size));
    }
  } catch (error) {
    throw explain(error, label, at, isHeader);
  } finally {
    await reader.close();
  }
}

function checkLimits(member: TarMember, label: string, limits: ReadLimits): void {
  const { maxBytes, maxName } = limits;
  const { name, linkName = "", offset, size } = member;
  if (offset + size > maxBytes) {
    throw beyondLimit(label, `it unpacks to more than ${bytesText(maxBytes)}`, "maxBytes");
  }
  for (const text of [name, linkName]) {
    // A UTF-16 unit takes three bytes at most: short names need no counting.
    if (text.length * 3 <= maxName) continue;
    const bytes = new TextEncoder().encode(text).length;
    if (bytes <= maxName) continue;
    const what = `the name ${quoteName(text)} has ${bytes} bytes, more than ${bytesText(maxName)}`;
    throw beyondLimit(label, what, "maxName");
  }
}

/** Behind the first zero block comes a second one, or nothing; then zeros that fill the record. */
async function finish(reader: ByteReader, signal: AbortSignal | undefined): Promise<void> {
  const start = reader.offset;
  for (let part; (part = await reader.some(CHUNK_SIZE)) !== undefined;) {
    signal?.throwIfAborted();
    const other = firstOther(part);
    if (other < 0) continue;
    const inBlock = reader.offset - part.length - start + other;
    throw new HeaderError(
      inBlock < BLOCK_SIZE
        ? "a single zero block precedes it"
        : `the archive ends here, but something follows at byte ${start + inBlock}`,
    );
  }
}

/** Index of the first byte that is not zero, or -1: a plain loop, as it may be many bytes. */
function firstOther(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return i;
  return -1;
}

function explain(error: unknown, label: string, at: number, isHeader: boolean): unknown {
  const what = `Cannot read archive "${label}":`;
  if (error instanceof EndOfInput) {
    return new KbuildError(`${what} it ends in the middle of the member at byte ${at}`, {
      cause: error,
      notes: ["The file was not copied completely: get it again"],
    });
  }
  if (!(error instanceof HeaderError)) return error;
  const verdict = isHeader ? "refused" : "not a tar member";
  const note = isHeader
    ? "The file is damaged, or is one that not all programs read in the same way"
    : "The file is damaged, or is not a tar archive";
  return new KbuildError(`${what} the member at byte ${at} is ${verdict}: ${error.message}`, {
    cause: error,
    notes: [note],
  });
}
