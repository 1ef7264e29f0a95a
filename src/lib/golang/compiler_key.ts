import { createHash } from "node:crypto";
import { ifPresent, readText } from "../../files/mod.ts";
import type { RunResult } from "../../shell/mod.ts";
import type { KubeContext } from "../init.ts";
import { findProgram } from "../util.ts";
import { type CSources, flagsIn, includesOf, isPlainFlag } from "./keyless_cgo.ts";
import type { BuildStep } from "./plan.ts";

/** The programs that GCC starts (GCC's manual, `-print-prog-name`). */
const PROGRAMS = ["cc1", "as", "collect2", "ld"] as const;

/** Files and libraries that GCC links programs of Go with. */
const LINKED = [
  ...["crt1.o", "Scrt1.o", "rcrt1.o", "crti.o", "crtn.o"],
  ...["crtbegin.o", "crtbeginS.o", "crtbeginT.o", "crtend.o", "crtendS.o"],
  ...["libgcc.a", "libgcc_eh.a", "libgcc_s.so.1", "libc_nonshared.a"],
  ...["libc.so.6", "libpthread.so.0", "libresolv.so.2", "libdl.so.2", "libm.so.6", "librt.so.1"],
] as const;
const LIBRARIES = ["c", "pthread", "resolv", "dl", "m", "rt"] as const;

/** Bytes that a script of a linker has at most. */
const MAX_SCRIPT = 8192;

/** What C compilers have said, by the question. */
export type CompilerAnswers = Map<string, Promise<Pick<RunResult, "code" | "stdout">>>;

/**
 * A digest of the C compiler of a step, and of what it reads beside the sources: its programs, libraries and
 * the system's headers. Only GCC and its like on Linux can say which those are.
 *
 * @returns `why`, the end of a sentence, where it cannot be known.
 */
export async function compilerKey(
  { host, shell }: KubeContext,
  { env }: BuildStep,
  { packages, cFlags, linkFlags }: CSources,
  { digestOf, answers, signal }: {
    digestOf: (path: string) => Promise<string>;
    answers: CompilerAnswers;
    signal?: AbortSignal | undefined;
  },
): Promise<{ readonly key: string; readonly why?: undefined } | { readonly why: string }> {
  if (!host.startsWith("linux/")) return { why: `it has cgo, and what ${host} links is not known` };
  const words = (env["CC"] || "gcc").trim().split(/\s+/);
  const found = await findProgram(words[0] ?? "", env["PATH"]);
  if (found === undefined) return { why: `the C compiler "${words[0]}" is missing` };
  const more: string[] = [];
  for (const word of words.slice(1)) {
    // A launcher has the compiler behind it.
    const program = word.startsWith("-") ? undefined : await findProgram(word, env["PATH"]);
    if (program !== undefined) more.push(program);
    else if (!isPlainFlag(word)) return { why: `what "${word}" of CC brings in is not known` };
  }
  const compiler = [found, ...words.slice(1)];
  const ask = async (args: readonly string[], stdin?: string) => {
    const question = JSON.stringify([compiler, args, stdin, env]);
    const answer = answers.get(question) ?? shell.run([...compiler, ...args], {
      ...{ cwd: "/", env, allowed: "any" as const },
      ...signal === undefined ? {} : { signal },
      ...stdin === undefined ? {} : { stdin },
    });
    answers.set(question, answer);
    return await answer;
  };
  const paths = new Set([found, ...more]);
  for (const name of PROGRAMS) {
    const { code, stdout } = await ask([`-print-prog-name=${name}`]);
    if (code !== 0) return { why: `"${words[0]}" does not say which programs it starts` };
    const path = stdout.trim();
    const program = path.startsWith("/") ? path : await findProgram(path, env["PATH"]);
    if (program === undefined) {
      return { why: `"${words[0]}" does not say which programs it starts` };
    }
    paths.add(program);
  }
  const find = async (name: string) => {
    const path = (await ask([`-print-file-name=${name}`])).stdout.trim();
    if (!path.startsWith("/")) return false;
    paths.add(path);
    // A script of the linker names others.
    const info = await ifPresent(Deno.stat(path));
    if (info?.isFile === true && info.size < MAX_SCRIPT) {
      const text = await readText(path);
      if (/\b(GROUP|INPUT)\s*\(/.test(text)) {
        for (const [other] of text.matchAll(/\/[^\s()]+/g)) paths.add(other);
      }
    }
    return true;
  };
  for (const name of LINKED) await find(name);
  for (const name of LIBRARIES) for (const end of ["a", "so"]) await find(`lib${name}.${end}`);
  for (const flag of [...linkFlags, ...flagsIn(env["CGO_LDFLAGS"])]) {
    const name = /^-l(.+)$/.exec(flag)?.[1];
    if (name === undefined) continue;
    const isThere = [await find(`lib${name}.a`), await find(`lib${name}.so`)];
    if (!isThere.includes(true)) return { why: `where the C library "${name}" is is not known` };
  }
  const includes = new Set<string>();
  for (const each of packages) {
    for (const { name } of await includesOf(each)) includes.add(name);
  }
  const probe = [...includes].sort()
    .map((name) => `#if __has_include(<${name}>)\n#include <${name}>\n#endif\n`).join("");
  const given = [...flagsIn(env["CGO_CPPFLAGS"]), ...flagsIn(env["CGO_CFLAGS"])];
  const args = [
    "-D_GNU_SOURCE",
    ...given,
    ...cFlags.filter((flag) => flag.startsWith("-D")),
    "-M",
    "-x",
    "c",
    "-",
  ];
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
