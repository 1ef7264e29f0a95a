import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Public key that signs notes, as Go writes it: `sum.golang.org+033de0ae+Ac4zctda…`. */
export interface NoteKey {
  /** Name of the signer, which the key's hash covers. */
  readonly name: string;
  /** First four bytes of SHA-256 of name and key, in hex. */
  readonly hash: string;
  /** Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** Go's number for Ed25519. */
const ED25519 = 1;

/**
 * Reads a key in the format of golang.org/x/mod/sumdb/note: name, hash and base64 of algorithm and
 * key, separated by "+".
 *
 * @returns undefined if it is not one, or of another algorithm than Ed25519.
 */
export function parseNoteKey(text: string): NoteKey | undefined {
  const [, name = "", hash = "", base64 = ""] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  if (bytes.length !== 33 || bytes[0] !== ED25519) return undefined;
  const computed = createHash("sha256").update(`${name}\n`).update(bytes).digest("hex");
  if (computed.slice(0, 8) !== hash) return undefined;
  return Object.freeze({ name, hash, key: bytes.slice(1) });
}

/**
 * Opens a signed note: text, an empty line, and lines `— <name> <base64 of key hash and signature>`.
 *
 * @returns The text with its last line end; undefined if no signature of the key is in the note, or
 * it is not valid.
 */
export async function openNote(note: string, key: NoteKey): Promise<string | undefined> {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) return undefined;
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2).split("\n")) {
    const [, name, base64 = ""] = /^\u2014 (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    const signature = Buffer.from(base64, "base64");
    if (name !== key.name || signature.subarray(0, 4).toString("hex") !== key.hash) continue;
    return await isSigned(text, Uint8Array.from(signature.subarray(4)), key) ? text : undefined;
  }
  return undefined;
}

async function isSigned(
  text: string,
  signature: Uint8Array<ArrayBuffer>,
  { key }: NoteKey,
): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify(
    "Ed25519",
    imported,
    signature,
    new TextEncoder().encode(text),
  );
}
