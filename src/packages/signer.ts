import { KbuildError } from "../errors.ts";
import type { Shell } from "../shell/mod.ts";

/** Signs the indices of repositories. */
export interface Signer {
  /** The text with a signature around it. */
  clear(text: string): Promise<string>;
  /** A signature over the text, armoured. */
  detached(text: string): Promise<string>;
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
  });
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
