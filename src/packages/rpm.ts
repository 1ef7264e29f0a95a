import { createHash } from "node:crypto";
import { concat, GzipWriter } from "../archive/mod.ts";
import { CHUNK_SIZE, readFileChunks, writeAll, writeFileAtomic } from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import { cpioHeader, cpioPadding, cpioTrailer } from "./cpio.ts";
import type { WritePackageOptions } from "./deb.ts";
import { digestsOf, eachChunk, guardedContent } from "./digests.ts";
import { finishedFile, type PackageArchive } from "./package_archive.ts";
import {
  encodeLead,
  encodeRpmHeader,
  HEADER_REGION,
  int32,
  type RpmValue,
  SIGNATURE_REGION,
  text,
} from "./rpm_header.ts";
import { signatureTag } from "./rpm_signature.ts";
import { headerTags, modeOf, type PayloadDigests, versionRelease } from "./rpm_tags.ts";
import type { Signer } from "./signer.ts";
import type { Package } from "./types.ts";

/** As long as a digest, and none. */
const NO_DIGEST = "0".repeat(64);

/** Sizes in headers have 32 bits. */
const MAX_SIZE = 0xffffffff;

/** Options of {@linkcode writeRpm}. */
export interface WriteRpmOptions extends WritePackageOptions {
  /** Signs the header, which has the digest of the payload; default: nobody. */
  readonly signer?: Signer | undefined;
}

/**
 * Writes an rpm that depends on the package alone: lead, signature header with digests, header, and a
 * compressed cpio archive (rpm's docs/manual/format_v4.md). rpm 4.4 and later can read it. The file appears
 * complete or not at all.
 *
 * @param pkg Described for rpms ({@linkcode describePackage}).
 * @param path The file to write; its directory must exist.
 * @throws {KbuildError} A program cannot be read or changes meanwhile; the package is larger than 4 GiB;
 * the file cannot be written.
 */
export async function writeRpm(
  pkg: Package,
  path: string,
  { signer, ...options }: WriteRpmOptions = {},
): Promise<PackageArchive> {
  const { signal } = options;
  const abort = signal === undefined ? {} : { signal };
  const digests = await digestsOf(pkg.files, "sha256", signal);
  const headerOf = (payload: PayloadDigests) =>
    encodeRpmHeader(headerTags(pkg, digests, payload), HEADER_REGION);
  const lead = encodeLead(`${pkg.name}-${versionRelease(pkg)}`);
  // Digests come last: the headers have their lengths before.
  const header = headerOf({ compressed: NO_DIGEST, plain: NO_DIGEST });
  const sign = async (header: Uint8Array, room?: number) =>
    signer === undefined ? undefined : roomFor(await signer.packet(header), room);
  const trial = await sign(header);
  const front = concat([lead, signatureHeader(header, new Uint8Array(16), 0, 0, trial), header]);
  return await writeFileAtomic(path, async (file, temporary) => {
    writeAll(path, file, front);
    const { size, plainSize, ...payload } = await writePayload(
      pkg,
      digests,
      (chunk) => writeAll(path, file, chunk),
      options,
    );
    const header = headerOf(payload);
    if (header.length + size > MAX_SIZE || plainSize > MAX_SIZE) {
      throw new KbuildError(`Cannot write "${path}": an rpm cannot be larger than 4 GiB`);
    }
    const md5 = createHash("md5").update(header);
    for await (const chunk of readFileChunks(temporary, { offset: front.length })) {
      md5.update(chunk);
    }
    const signature = await sign(header, trial?.room);
    await file.seek(lead.length, Deno.SeekMode.Start);
    const all = header.length + size;
    writeAll(path, file, signatureHeader(header, md5.digest(), all, plainSize, signature));
    writeAll(path, file, header);
    const content = headerOf({ ...payload, compressed: NO_DIGEST });
    const contentDigest = createHash("sha256").update(content).digest("hex");
    const finished = await finishedFile(temporary, path, contentDigest);
    const start = front.length - header.length;
    return Object.freeze({ ...finished, plainSize, header: { start, end: front.length } });
  }, abort);
}

/** A signature, and the bytes that are kept for it: it is made anew over the final header. */
interface RoomySignature {
  readonly packet: Uint8Array;
  readonly room: number;
}

/** Signatures by one key differ in length by some bytes. */
const SPARE = 64;

/** Zeros behind a signature, for longer ones: rpm's `RPMSIGTAG_RESERVEDSPACE`. */
const RESERVED_SPACE = 1008;

/** @throws {KbuildError} There is not enough room. */
function roomFor(packet: Uint8Array, room = packet.length + SPARE): RoomySignature {
  if (packet.length < room) return { packet, room };
  throw new KbuildError("Cannot sign an rpm: the signature is longer than the one before", {
    notes: ["Run it again"],
  });
}

/**
 * The signature header, which has digests and, if there is a key, a signature over the header; padded to
 * eight bytes.
 *
 * @param md5 Of header and payload.
 * @param size Bytes of header and payload.
 * @param plainSize Bytes of the cpio archive.
 */
function signatureHeader(
  header: Uint8Array,
  md5: Uint8Array,
  size: number,
  plainSize: number,
  signature: RoomySignature | undefined,
): Uint8Array<ArrayBuffer> {
  const digest = (algorithm: string) => createHash(algorithm).update(header).digest("hex");
  const tags = new Map<number, RpmValue>([
    [269, text(digest("sha1"))],
    [273, text(digest("sha256"))],
    [1000, int32(size)],
    [1004, { type: "bytes", value: md5 }],
    [1007, int32(plainSize)],
  ]);
  if (signature !== undefined) {
    const { packet, room } = signature;
    tags.set(signatureTag(packet), { type: "bytes", value: packet });
    tags.set(RESERVED_SPACE, { type: "bytes", value: new Uint8Array(room - packet.length) });
  }
  const encoded = encodeRpmHeader(tags, SIGNATURE_REGION);
  return concat([encoded, new Uint8Array((8 - encoded.length % 8) % 8)]);
}

/** Writes the compressed cpio archive. Large files begin and end a block, as in tarballs. */
async function writePayload(
  { files, epoch: mtime }: Package,
  digests: ReadonlyMap<string, string>,
  sink: (chunk: Uint8Array) => void,
  { signal, ...options }: WritePackageOptions,
): Promise<PayloadDigests & { size: number; plainSize: number }> {
  const [compressed, plain] = [createHash("sha256"), createHash("sha256")];
  let [size, plainSize] = [0, 0];
  using writer = new GzipWriter((chunk) => {
    signal?.throwIfAborted();
    compressed.update(chunk);
    size += chunk.length;
    sink(chunk);
  }, options);
  const write = async (chunk: Uint8Array) => {
    plain.update(chunk);
    plainSize += chunk.length;
    await writer.write(chunk);
  };
  for (const [index, file] of files.entries()) {
    const { path, size } = file;
    const content = guardedContent(file, "sha256", digests.get(path));
    const mode = modeOf(file);
    await write(cpioHeader({ name: `.${path}`, inode: index + 1, mode, mtime, size }));
    if (content === undefined) continue;
    const isLarge = size >= CHUNK_SIZE;
    if (isLarge) await writer.flush();
    await eachChunk(content, write);
    if (isLarge) await writer.flush();
    await write(new Uint8Array(cpioPadding(size)));
  }
  await write(cpioTrailer());
  await writer.close();
  return {
    ...{ size, plainSize },
    compressed: compressed.digest("hex"),
    plain: plain.digest("hex"),
  };
}
