/** What the tests of the sample share: a real shell, real samples in temporary directories. */
import { createSample, type EraParameter, type SampleInfo } from "../../src/sample/mod.ts";
import { createShell, type Shell } from "../../src/shell/mod.ts";

export const ENV: Readonly<Record<string, string>> = (() => {
  const names = ["PATH", "HOME", "TMPDIR"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
})();

export const shell: Shell = createShell({ cwd: "/", env: ENV });

/** Runs `body` in a new directory with an awkward name, and removes it. */
export async function inTemp(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild sample ü$(x) " });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Runs `body` with a new sample in a directory whose name go can bear too. */
export async function withSample(
  era: EraParameter,
  body: (sample: SampleInfo) => Promise<void>,
): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "kbuild-sample-" });
  try {
    await body(await createSample({ dir: `${parent}/kubernetes`, era, git: shell, env: ENV }));
  } finally {
    await shell.$`chmod -R u+w ${parent}`;
    await Deno.remove(parent, { recursive: true });
  }
}

/** Standard output of a program. */
export async function output(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { stdout } = await shell.run(argv, {
    cwd: options.cwd ?? "/",
    env: { ...ENV, ...options.env },
  });
  return stdout;
}

/** Whether a program is in PATH. */
export function have(program: string): boolean {
  return (ENV.PATH ?? "").split(":").some((dir) => {
    try {
      return Deno.statSync(`${dir}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** The major and minor number of the go in PATH, as one number: 1.26 is 126. */
export async function goVersion(): Promise<number> {
  const text = await output(["go", "env", "GOVERSION"], { env: { GOTOOLCHAIN: "local" } });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 100 + Number(minor);
}
