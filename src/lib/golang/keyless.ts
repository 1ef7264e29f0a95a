import { type GoTool, isGoSince } from "../../toolchain/mod.ts";
import type { BuildStep } from "./plan.ts";

/** Flags of `go build` that bring in a file, a program or a C library that `go list` does not name. */
const FLAGS: Readonly<Record<string, RegExp>> = {
  pgo: /^(?!(auto|off)$)/,
  overlay: /./,
  toolexec: /./,
  modfile: /./,
  pkgdir: /./,
  C: /./,
  compiler: /^(?!gc$)/,
  linkshared: /^(?!(false|f|0)$)/i,
  asan: /^(?!(false|f|0)$)/i,
  msan: /^(?!(false|f|0)$)/i,
};

/** Flags of Go's linker that start another linker, or give it arguments. */
const LINKER = /(^|[\s'"=])--?(extld\w*|linkmode[= ]\W*external|libgcc|r[= ])/;

/** Why a step cannot have a key, as the end of a sentence, before Go is asked; undefined: it may have one. */
export function keylessReason(
  { argv, env, files, outputs }: Pick<BuildStep, "argv" | "env" | "files" | "outputs">,
  go: Pick<GoTool, "devel" | "version">,
): string | undefined {
  if (outputs.length === 0) return "it leaves no program";
  if (argv.includes("-coverpkg")) return "it measures coverage";
  if (!isGoSince(go, "1.13")) return `Go ${go.version} is older than 1.13`;
  const words = [
    ...argv.slice(2),
    ...(env["GOFLAGS"] ?? "").split(/\s+/).map((word) => word.replaceAll(/^['"]|['"]$/g, "")),
  ];
  for (const [at, word] of words.entries()) {
    const [, name = "", given] = /^--?([a-zA-Z]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const isRefused = FLAGS[name];
    const value = given ?? words[at + 1] ?? "";
    // kbuild's own overlays are among the files of the step.
    const isOwn = name === "overlay" && files.some(({ path }) => path === value);
    if (isRefused?.test(value) === true && !isOwn) {
      return `what -${name} brings in is not known`;
    }
    if (/^--?ldflags\b/.test(word) && LINKER.test(`${word} ${given ?? value}`)) {
      return "another linker than Go's own is asked for";
    }
  }
  return undefined;
}
