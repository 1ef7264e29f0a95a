import { type ByteSink, type TarEntry, writeTar } from "../../src/archive/mod.ts";

/** A sink and what it was given. */
export function collect(): {
  sink: ByteSink;
  bytes: () => Uint8Array<ArrayBuffer>;
  parts: number[];
} {
  const chunks: Uint8Array[] = [];
  const parts: number[] = [];
  return {
    parts,
    sink: (chunk) => {
      parts.push(chunk.length);
      chunks.push(chunk.slice());
    },
    bytes: () => {
      const whole = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
      let offset = 0;
      for (const chunk of chunks) {
        whole.set(chunk, offset);
        offset += chunk.length;
      }
      return whole;
    },
  };
}

/** The archive of some entries, in memory. */
export async function tarOf(entries: Iterable<TarEntry>): Promise<Uint8Array<ArrayBuffer>> {
  const out = collect();
  await writeTar(entries, out.sink);
  return out.bytes();
}

/** Runs `body` in a directory that is removed afterwards; its name has what paths may have. */
export async function inTempDir(body: (dir: string) => Promise<void>): Promise<void> {
  const top = await Deno.makeTempDir({ prefix: "kbuild" });
  try {
    const dir = `${top}/a b ü$(x)\n`;
    await Deno.mkdir(dir);
    await body(dir);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

/** Whether a program can be started. */
export function has(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** The name of a test that needs a program, with the reason when it is skipped. */
export function needing(program: string, present: boolean, name: string): {
  name: string;
  ignore: boolean;
} {
  return { name: present ? name : `${name} (skipped: needs ${program})`, ignore: !present };
}

/** Runs a program; its stdout, or an error with its stderr. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
  }).output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Bytes that do not compress to nothing, the same each time. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = (state >>> 16) & (i % 3 === 0 ? 0xff : 0x0f);
  }
  return bytes;
}

/** Text that compresses as programs and sources do, with matches near and far; always the same. */
export function words(size: number): Uint8Array<ArrayBuffer> {
  const letters = noise(size + 4096, 5);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size;) {
    const pick = letters[i]! * 16 + (letters[i + 1]! & 15);
    const length = 3 + (letters[i + 2]! & 7);
    for (let k = 0; k < length && i < size; k++) bytes[i++] = letters[(pick * 7 + k) % 4096]!;
  }
  return bytes;
}
