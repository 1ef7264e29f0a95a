import { join } from "@std/path";
import type { Checkout } from "../../checkout/mod.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import type { OverlayFile } from "./overlay.ts";
import { ifPresent, readText } from "../../files/mod.ts";

/** A source file that a current Go does not take as it is, corrected. */
export interface Correction extends OverlayFile {
  /** For people: what is wrong with the original, and since which Go. */
  readonly why: string;
}

const CODEC = "vendor/github.com/ugorji/go/codec/gen.go";

/**
 * What has to be corrected in a checkout so that programs built with a Go much later than its own
 * run. Up to 1.14 the vendored codec makes an encoding whose alphabet has one character twice; since
 * Go 1.22 that stops every program at its start. Only the code generator, which is not built, uses
 * that encoding. Go gets the corrected file as an overlay; the tree stays as it is.
 */
export async function currentGoCorrections(
  checkout: Checkout,
  go: GoTool,
): Promise<readonly Correction[]> {
  if (checkout.era.goMode !== "gopath") return [];
  if (!isGoSince(go, "1.22")) return [];
  const text = await ifPresent(readText(join(checkout.root, CODEC))) ?? "";
  const corrected = text.replace(
    /(base64\.NewEncoding\(")([A-Za-z0-9_+\/-]{64})("\))/g,
    (_match, before: string, alphabet: string, after: string) =>
      before + withoutDuplicates(alphabet) + after,
  );
  if (corrected === text) return [];
  const why = `${CODEC} stops programs built with Go 1.22 or later; go gets a corrected copy`;
  return Object.freeze([Object.freeze({ place: CODEC, text: corrected, why })]);
}

function withoutDuplicates(alphabet: string): string {
  const spare = [..."-_+/"].filter((letter) => !alphabet.includes(letter));
  return [...alphabet].map((letter, index) =>
    alphabet.indexOf(letter) === index ? letter : spare.shift() ?? letter
  ).join("");
}
