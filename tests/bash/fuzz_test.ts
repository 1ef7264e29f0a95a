/** Damaged scripts: the reader neither crashes nor hangs, and never says what bash does not. */

import { assert } from "@std/assert";
import { join } from "@std/path";
import { type BashReader, readBash } from "../../src/checkout/mod.ts";
import { COMMON, GOLANG } from "../checkout/fixture.ts";
import { mutate, randomNumbers } from "./_mutations.ts";
import { SAME_AS_BASH } from "./_scripts.ts";

const SEEDS = [...Object.values(SAME_AS_BASH), GOLANG, COMMON];
const MUTATIONS = 10_000;
/** `KBUILD_FUZZ_COMPARED` says how many are held against bash; other seeds than the last time: later ones. */
const COMPARED = Number(Deno.env.get("KBUILD_FUZZ_COMPARED") ?? "300");
const NAMES = [
  "A",
  "B",
  "C",
  "D",
  "KUBE_SERVER_TARGETS",
  "KUBE_ALL_TARGETS",
  "KUBE_SERVER_PLATFORMS",
];

function damaged(i: number): string {
  return mutate(SEEDS[i % SEEDS.length]!, randomNumbers(i));
}

function read(text: string): BashReader {
  return readBash({
    files: [{ path: "a.sh", text }],
    variables: { LC_ALL: "C", OSTYPE: "linux-gnu" },
    hostArch: "amd64",
  });
}

/** What the reader has of a variable, as {@linkcode FINISH} prints it; undefined: nothing. */
function known(bash: BashReader, name: string): string | undefined {
  const array = bash.array(name);
  const value = array === undefined ? bash.get(name) : undefined;
  const items = array ?? (value === undefined ? undefined : [value]);
  return items && `${items.length}: ${items.map((item) => `<${item}>`).join("")}`;
}

Deno.test(`readBash() neither crashes nor hangs on ${MUTATIONS} damaged scripts`, () => {
  let understood = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const text = damaged(i);
    const started = performance.now();
    const bash = read(text);
    understood += NAMES.filter((name) => known(bash, name) !== undefined).length;
    const took = performance.now() - started;
    // A few milliseconds; more only where others keep the machine busy.
    assert(took < 60_000, `Mutation ${i} takes ${took.toFixed(0)} ms:\n${text}`);
  }
  assert(understood > MUTATIONS, `Only ${understood} values`);
});

/** Prints the variables, when all of the script was run. */
const FINISH = `
set +u +e +f
IFS=' '
printf '\\1%s\\1' end
for __name in ${NAMES.join(" ")}; do
  eval '__count=\${#'"$__name"'[@]}'
  __copy="$__name[@]"
  printf '%s=%s: ' "$__name" "$__count"
  [[ $__count == 0 ]] || printf '<%s>' "\${!__copy}"
  printf '\\1'
done
`;

/** Nothing is run of a script with a syntax error: bash would run everything before its line. */
const CONFINE = `ulimit -t 2 -v 400000 -f 0 -c 0 -n 32
"$1" -n "$2" || exit
nobody=()
if (( EUID == 0 )); then
  nobody=("$(type -P setpriv)" --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
  type -P setpriv > /dev/null || exit
  ulimit -u 64
fi
PATH=$0/bin exec "\${nobody[@]}" "$1" --restricted --noprofile --norc -c "$3"`;

/** What bash says when it leaves out the rest of a line, or when it may not go on. */
const ENDS_A_LINE =
  /: restricted|maximum function nesting|bad substitution|error token|invalid indirect|invalid variable name|not a valid identifier|readonly variable|syntax error|unexpected/;

/** The programs that scripts may start, by what is run for them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["basename", "dirname", "sort", "tr", "uniq"].map((name) => [name, name])),
  awk: "awk",
  cat: "cat",
  sed: "sed --sandbox",
};

/** A directory with those programs and `finish`. */
async function confinement(): Promise<string> {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(join(directory, "bin"));
  for (const [name, command] of Object.entries(PROGRAMS)) {
    const text = `#!${bashPath}\nPATH=/usr/bin:/bin exec ${command} "$@"\n`;
    await Deno.writeTextFile(join(directory, "bin", name), text, { mode: 0o755 });
  }
  await Deno.writeTextFile(join(directory, "finish"), FINISH);
  await Deno.chmod(directory, 0o755);
  return directory;
}

/**
 * Runs a script in a bash that can do no harm: restricted, as nobody, with a few programs that only
 * print, with little time and memory, in a directory of its own, writing no files.
 */
async function runConfined(
  directory: string,
  name: string,
): Promise<Map<string, string> | undefined> {
  const confined = `source ${name}; source finish`;
  const child = new Deno.Command("bash", {
    args: ["-c", CONFINE, directory, bashPath, name, confined],
    clearEnv: true,
    // Damage makes functions that call themselves, in subshells too.
    env: { LC_ALL: "C", FUNCNEST: "30" },
    cwd: directory,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // The whole group: a script may leave children behind that hold the pipes open.
  const timer = setTimeout(() => killGroup(child.pid), 5000);
  const { stdout, stderr, success } = await child.output();
  clearTimeout(timer);
  killGroup(child.pid);
  const text = new TextDecoder().decode(stdout);
  const end = text.lastIndexOf("\x01end\x01");
  // What the confinement forbids would have gone otherwise; some errors end a whole line.
  const hindered = ENDS_A_LINE.test(new TextDecoder().decode(stderr));
  if (!success || end < 0 || hindered) return undefined;
  return new Map(
    text.slice(end + 5).split("\x01").filter((line) => line !== "").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

const bashPath = await findBash();

async function findBash(): Promise<string> {
  const script = "(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 403 )) && type -P bash";
  try {
    const { success, stdout } = await new Deno.Command("bash", { args: ["-c", script] }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return "";
  }
}

Deno.test({
  name: `readBash() says of damaged scripts what bash says, or nothing${
    bashPath === "" ? " (skipped: needs bash 4.3)" : ""
  }`,
  ignore: bashPath === "",
  fn: async () => {
    const directory = await confinement();
    try {
      let compared = 0;
      let equal = 0;
      const wrong: string[] = [];
      let next = 0;
      const work = async () => {
        for (let i = next++; i < COMPARED; i = next++) {
          const text = damaged(i);
          await Deno.writeTextFile(join(directory, `s${i}`), text);
          const bash = await runConfined(directory, `s${i}`);
          if (bash === undefined) continue;
          const reader = read(text);
          compared++;
          for (const name of NAMES) {
            const ours = known(reader, name);
            if (ours === undefined) continue;
            if (ours === bash.get(name)) equal++;
            else {wrong.push(
                `Mutation ${i}: ${name} is ${bash.get(name)}, not ${ours}, in\n${text}`,
              );}
          }
        }
      };
      await Promise.all([work(), work(), work()]);
      assert(
        wrong.length === 0,
        `${wrong.length} of ${compared}:\n${wrong.slice(0, 5).join("\n\n")}`,
      );
      assert(compared > COMPARED / 4, `Only ${compared} scripts ran to their end`);
      assert(equal > compared, `Only ${equal} values in ${compared} scripts`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
