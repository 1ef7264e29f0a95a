import { KbuildError } from "../errors.ts";
import { concat } from "../files/mod.ts";
import type { Shell } from "../shell/mod.ts";
import { signatureTag } from "./rpm_signature.ts";
import type { PackageFormat } from "./types.ts";

/** Signs indices of repositories, and rpms. */
export interface Signer {
  /** The text with a signature around it. */
  clear(text: string): Promise<string>;
  /** A signature over the text, armoured. */
  detached(text: string): Promise<string>;
  /** A signature over bytes, as a packet of OpenPGP. */
  packet(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Signs with the user's gpg.
 *
 * @param key What gpg knows the secret key by: a fingerprint, an address.
 */
export function gpgSigner(
  shell: Shell,
  key: string,
  options: { signal?: AbortSignal | undefined } = {},
): Signer {
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  const sign = async (how: string, text: string) => {
    const argv = ["gpg", "--batch", "--local-user", key, "--armor", how];
    const { stdout } = await shell.run(argv, { stdin: text, label: "Signing an index", ...abort });
    return stdout;
  };
  return Object.freeze({
    clear: (text: string) => sign("--clearsign", text),
    detached: (text: string) => sign("--detach-sign", text),
    async packet(bytes: Uint8Array) {
      const chunks: Uint8Array[] = [];
      // The digest that rpmsign chooses, which every rpm that knows SHA-2 verifies.
      const how = ["--no-armor", "--digest-algo", "SHA256", "--detach-sign"];
      await shell.run(["gpg", "--batch", "--local-user", key, ...how], {
        stdin: once(bytes),
        onStdout: (chunk) => void chunks.push(chunk.slice()),
        label: "Signing an rpm",
        ...abort,
      });
      return concat(chunks);
    },
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

/**
 * Signs something, to see whether that is possible: a key may want a passphrase that nobody can type.
 *
 * @throws {KbuildError} It cannot sign, or rpms cannot have its signatures.
 */
export async function checkSigning(
  signer: Signer,
  key: string,
  { formats }: { formats: readonly PackageFormat[] },
): Promise<void> {
  try {
    await signer.detached("");
  } catch (cause) {
    if (!(cause instanceof KbuildError)) throw cause;
    throw new KbuildError(`Cannot sign with "${key}": gpg cannot use the key`, {
      cause,
      output: cause.output,
      notes: [
        "Nothing was written. If the key has a passphrase, let gpg ask for it in a terminal: " +
        "export GPG_TTY=$(tty)",
        `Or have its agent know it before: gpg --local-user "${key}" --clearsign </dev/null`,
      ],
    });
  }
  if (formats.includes("rpm")) signatureTag(await signer.packet(new Uint8Array()));
}

/**
 * Checks that gpg has a secret key.
 *
 * @throws {KbuildError} There is no gpg, or no such key.
 */
export async function checkSigningKey(shell: Shell, key: string): Promise<void> {
  const argv = ["gpg", "--batch", "--list-secret-keys", "--", key];
  await shell.run(argv).catch((cause: unknown) => {
    const output = cause instanceof KbuildError ? cause.output : [];
    throw new KbuildError(`Cannot sign with "${key}": gpg has no such secret key`, {
      cause,
      output,
      notes: ["Its keys: gpg --list-secret-keys", "Without --sign, nothing is signed"],
    });
  });
}
