import { KbuildError, type Subject, systemCode, UsageError } from "../errors.ts";
import { NetworkError } from "../net/mod.ts";
import { CommandError } from "../shell/mod.ts";
import { type EngineName, ENGINES } from "./engines.ts";

/** Groups of checks by the words that name them: `kbuild doctor git`. */
export const GROUPS = Object.freeze(
  {
    settings: "variables and kbuild.toml",
    git: "git, tags and the version",
    go: "Go and C compilers",
    checkout: "whether a quick release can be planned",
    machine: "memory, limits, disk and file system",
    network: "proxies, certificates, registries and their images",
  } as const,
);

/** A key of {@linkcode GROUPS}. */
export type GroupName = keyof typeof GROUPS;

/** The checks of each subject of an error. */
const WORDS: Readonly<Record<Subject, GroupName | EngineName>> = Object.freeze({
  compiler: "go",
  engine: "docker",
  git: "git",
  go: "go",
  machine: "machine",
  network: "network",
});

/** What the system says where a machine has too little of something. */
const MACHINE_CODES: readonly string[] = ["EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC"];

/**
 * The checks that can find out more about an error, as `kbuild doctor` takes them: decided by its class
 * and its fields and those of its causes, never by its text.
 *
 * @returns Undefined where doctor knows nothing of it, and for wrong usage.
 */
export function doctorWord(error: unknown): GroupName | EngineName | undefined {
  if (error instanceof UsageError) return undefined;
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof KbuildError && inner.subject !== undefined) return WORDS[inner.subject];
    if (inner instanceof NetworkError) return "network";
    if (MACHINE_CODES.includes(systemCode(inner) ?? "")) return "machine";
    if (inner instanceof CommandError) {
      const word = wordOfProgram(inner.argv[0] ?? "");
      if (word !== undefined) return word;
    }
  }
  return undefined;
}

/** The checks of a program that failed, or could not be started. */
function wordOfProgram(program: string): GroupName | EngineName | undefined {
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (name === "git") return "git";
  return Object.hasOwn(ENGINES, name) ? name as EngineName : undefined;
}
