import { KbuildError } from "../errors.ts";

/** Tags of a signature over the header; which one depends on the key: rpm's `lib/rpmsignature.c`. */
const RSA_TAG = 268;
const DSA_TAG = 267;

/** Algorithms of keys: RFC 4880, 9.1, and 22 for EdDSA. */
const RSA = 1;
const OTHERS: ReadonlySet<number> = new Set([17, 19, 22]);

/**
 * The tag of a signature over the header of an rpm.
 *
 * @param packet A signature packet of OpenPGP, version 3 or 4.
 * @throws {KbuildError} It is something else.
 */
export function signatureTag(packet: Uint8Array): number {
  const algorithm = algorithmOf(packet);
  if (algorithm === RSA) return RSA_TAG;
  if (algorithm !== undefined && OTHERS.has(algorithm)) return DSA_TAG;
  throw new KbuildError(
    "Cannot sign an rpm: gpg made a signature of a kind that rpm does not know",
    {
      notes: ["Use a key for RSA or EdDSA"],
    },
  );
}

/** The algorithm of the key; undefined if the bytes are not a signature. RFC 4880, 4.2, 5.2.2 and 5.2.3. */
function algorithmOf(packet: Uint8Array): number | undefined {
  const [first = 0, length = 0] = packet;
  const isNew = (first & 0xc0) === 0xc0;
  const kind = isNew ? first & 0x3f : (first & 0x3c) >> 2;
  if ((first & 0x80) === 0 || kind !== 2) return undefined;
  const lengthBytes = isNew ? (length < 192 ? 1 : length < 224 ? 2 : 5) : [1, 2, 4][first & 3];
  if (lengthBytes === undefined) return undefined;
  const body = packet.subarray(1 + lengthBytes);
  if (body[0] === 4) return body[2];
  return body[0] === 3 ? body[15] : undefined;
}
