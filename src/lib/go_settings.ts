/**
 * The user's settings of Go: what `go env -w` has written. kbuild starts Go with `GOENV=off`, so that
 * they change no build; those that only say where things come from are handed on.
 *
 * @module
 */
import { join } from "@std/path";
import { ifPresentSync, readTextSync, reasonOf } from "../files/mod.ts";

type Environment = Readonly<Record<string, string>>;

/** Where modules come from and where Go keeps what it has: nothing of it changes a byte. */
const SOURCES: ReadonlySet<string> = new Set([
  ...["GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOVCS", "GOAUTH"],
  ...["GOCACHE", "GOMODCACHE", "GOTMPDIR", "GOCACHEPROG"],
]);

/** What kbuild decides in any case, so that nobody has to hear of it. */
const DECIDED: ReadonlySet<string> = new Set([
  ...["GO111MODULE", "GOARCH", "GOBIN", "GOENV", "GOOS", "GOPATH", "GOROOT", "GOTELEMETRY"],
  ...["GOTOOLCHAIN", "GOTOOLDIR", "GOWORK"],
]);

/** What a go env file says, and what becomes of it. */
export interface GoSettings {
  /** The environment for everything that is started: `GOENV=off`, and what is handed on. */
  readonly env: Environment;
  /** What does not count, for the log: one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads the go env file and takes over what changes no build. An environment with `GOENV=off` stays
 * as it is.
 *
 * @param os The system, as Deno names it.
 */
export function readGoSettings(env: Environment, os: string = Deno.build.os): GoSettings {
  const file = goEnvFile(env, os);
  const off = { ...env, GOENV: "off" };
  if (file === undefined) return settings(off, []);
  let text: string | undefined;
  try {
    text = ifPresentSync(() => readTextSync(file));
  } catch (error) {
    return settings(off, [`"${file}" does not count: ${reasonOf(error)}`]);
  }
  const taken: Record<string, string> = {};
  const notes: string[] = [];
  for (const [name, value] of assignments(text ?? "")) {
    if (value === "" || env[name] || DECIDED.has(name)) continue;
    if (SOURCES.has(name)) taken[name] = value;
    else notes.push(`${name}=${value} of "${file}" does not count; as an argument it would`);
  }
  return settings({ ...off, ...taken }, notes);
}

function settings(env: Environment, notes: readonly string[]): GoSettings {
  return Object.freeze({ env: Object.freeze(env), notes: Object.freeze(notes) });
}

/** The file, as Go finds it (cmd/go/internal/cfg, os.UserConfigDir). */
function goEnvFile(env: Environment, os: string): string | undefined {
  const named = env["GOENV"];
  if (named === "off") return undefined;
  if (named) return named;
  const home = env["HOME"];
  const directory = os === "darwin"
    ? home && join(home, "Library", "Application Support")
    : env["XDG_CONFIG_HOME"] || home && join(home, ".config");
  return directory ? join(directory, "go", "env") : undefined;
}

/** As Go reads it: `NAME=value` lines; a line that does not begin with a capital letter is ignored. */
function assignments(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split("\n").flatMap((line) => {
    const [, name, value = ""] = /^([A-Z][A-Z0-9_]*)=(.*?)\r?$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value] as const];
  });
}
