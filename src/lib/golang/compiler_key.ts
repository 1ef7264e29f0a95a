import { createHash } from "node:crypto";
import { ifPresent, readText } from "../../files/mod.ts";
import type { KubeContext } from "../init.ts";
import { findProgram } from "../util.ts";
import type { BuildStep } from "./plan.ts";

/** What a C compiler reads for the packages of a step. */
export interface CSources {
  /** Go files with cgo, C files and headers; absolute. */
  readonly files: readonly string[];
  /** Flags of `#cgo CFLAGS` and `CPPFLAGS`. */
  readonly cFlags: readonly string[];
  /** Flags of `#cgo LDFLAGS`. */
  readonly linkFlags: readonly string[];
  /** Names of `#cgo pkg-config`. */
  readonly pkgConfig: readonly string[];
}

/** The programs that GCC starts (GCC's manual, `-print-prog-name`). */
const PROGRAMS = ["cc1", "as", "collect2", "ld"] as const;

/** Files and libraries that GCC links programs of Go with. */
const LINKED = [
  ...["crt1.o", "Scrt1.o", "rcrt1.o", "crti.o", "crtn.o"],
  ...["crtbegin.o", "crtbeginS.o", "crtbeginT.o", "crtend.o", "crtendS.o"],
  ...["libgcc.a", "libgcc_eh.a", "libgcc_s.so.1", "libc_nonshared.a"],
] as const;
const LIBRARIES = ["c", "pthread", "resolv", "dl", "m", "rt"] as const;

/**
 * A digest of the C compiler of a step, and of what it reads beside the sources: its programs, libraries and
 * the system's headers. Only GCC and its like on Linux can say which those are.
 *
 * @returns `why`, the end of a sentence, where it cannot be known.
 */
export async function compilerKey(
  { host, shell }: KubeContext,
  { env }: BuildStep,
  { files, cFlags, linkFlags, pkgConfig }: CSources,
  { digestOf, signal }: {
    digestOf: (path: string) => Promise<string>;
    signal?: AbortSignal | undefined;
  },
): Promise<{ readonly key: string; readonly why?: undefined } | { readonly why: string }> {
  if (!host.startsWith("linux/")) return { why: `it has cgo, and what ${host} links is not known` };
  if (pkgConfig.length > 0) return { why: "it has cgo with pkg-config" };
  const words = (env["CC"] || "gcc").trim().split(/\s+/);
  const found = await findProgram(words[0] ?? "", env["PATH"]);
  if (found === undefined) return { why: `the C compiler "${words[0]}" is missing` };
  const compiler = [found, ...words.slice(1)];
  const ask = async (args: readonly string[], stdin?: string) =>
    await shell.run([...compiler, ...args], {
      ...{ cwd: "/", env, allowed: "any" as const },
      ...signal === undefined ? {} : { signal },
      ...stdin === undefined ? {} : { stdin },
    });
  const paths = new Set([found]);
  const names = [
    ...LINKED,
    ...[...LIBRARIES, ...linkFlags.flatMap((flag) => /^-l(.+)$/.exec(flag)?.[1] ?? [])]
      .flatMap((name) => [`lib${name}.a`, `lib${name}.so`]),
  ];
  for (const name of PROGRAMS) {
    const { code, stdout } = await ask([`-print-prog-name=${name}`]);
    if (code !== 0) return { why: `"${words[0]}" does not say which programs it starts` };
    const path = stdout.trim();
    const program = path.startsWith("/") ? path : await findProgram(path, env["PATH"]);
    if (program !== undefined) paths.add(program);
  }
  for (const name of names) {
    const path = (await ask([`-print-file-name=${name}`])).stdout.trim();
    if (path.startsWith("/")) paths.add(path);
  }
  const includes = new Set<string>();
  for (const path of files) {
    const text = await ifPresent(readText(path)) ?? "";
    for (const [, name = ""] of text.matchAll(/^\s*(?:\/\/)?\s*#\s*include\s*<([^>\n]+)>/gm)) {
      includes.add(name);
    }
  }
  const probe = [...includes].sort()
    .map((name) => `#if __has_include(<${name}>)\n#include <${name}>\n#endif\n`).join("");
  const given = (env["CGO_CFLAGS"] ?? "").split(/\s+/).filter((word) => word !== "");
  const defines = cFlags.filter((flag) => /^-[DI]/.test(flag));
  const args = ["-D_GNU_SOURCE", ...given, ...defines, "-M", "-x", "c", "-"];
  const headers = await ask(args, probe);
  if (headers.code !== 0) return { why: `"${words[0]}" does not say which headers it reads` };
  for (const [, path = ""] of headers.stdout.matchAll(/(\/(?:\\ |\S)+)/g)) {
    paths.add(path.replaceAll("\\ ", " "));
  }
  const hash = createHash("sha256");
  // By name and content: another machine may have them elsewhere.
  const lines = await Promise.all(
    [...paths].map(async (path) =>
      `${path.slice(path.lastIndexOf("/") + 1)} ${await digestOf(path)}`
    ),
  );
  for (const line of lines.sort()) hash.update(`${line}\n`);
  return { key: hash.digest("hex") };
}
