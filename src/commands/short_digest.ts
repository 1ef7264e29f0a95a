/** Hexadecimal digits of a digest that tables show; --json and checksum files have all. */
const SHOWN_DIGITS = 12;

/** `sha256:286844c5504d…`, for tables. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(":") + 1;
  const end = colon + SHOWN_DIGITS;
  return digest.length > end ? `${digest.slice(0, end)}…` : digest;
}
