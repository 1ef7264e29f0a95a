import { readText } from "./regular.ts";
import { dirname } from "@std/path";
import { isNotCapable } from "../errors.ts";
import { ifPresent } from "./if_present.ts";

/** Where the Linux kernel lists the mounts that this process sees. */
const MOUNTS = "/proc/self/mountinfo";

/**
 * Every mount point that this process sees, links resolved. Empty on systems without `/proc`, and
 * where Deno does not show it (only `--allow-all` does): there a mount shows as a directory on another
 * device.
 */
export async function mountPoints(): Promise<readonly string[]> {
  const text = await readMounts() ?? "";
  return Object.freeze(
    text.split("\n").flatMap((line) => {
      const point = line.split(" ")[4];
      return point === undefined ? [] : [unescape(point)];
    }),
  );
}

/** What is mounted at a path. */
export interface Mount {
  /** Where. */
  readonly point: string;
  /** "rw", "noexec", "nosuid" …, of the mount and of the file system. */
  readonly options: readonly string[];
}

/**
 * The mount that a path is on.
 *
 * @param real Absolute path, links resolved; it need not exist.
 * @returns Undefined where the system does not list its mounts.
 */
export async function mountOf(real: string): Promise<Mount | undefined> {
  let found: Mount | undefined;
  for (const line of (await readMounts() ?? "").split("\n")) {
    // proc(5): 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , place, own = ""] = before.split(" ");
    if (place === undefined) continue;
    const point = unescape(place);
    const isAround = real === point || real.startsWith(point === "/" ? "/" : `${point}/`);
    // Of several at one place, the last one is seen.
    if (!isAround || point.length < (found?.point.length ?? 0)) continue;
    const options = [...own.split(","), ...(after.split(" ")[2] ?? "").split(",")];
    found = Object.freeze({ point, options: Object.freeze(options) });
  }
  return found;
}

async function readMounts(): Promise<string | undefined> {
  try {
    return await ifPresent(readText(MOUNTS));
  } catch (error) {
    if (isNotCapable(error)) return undefined;
    throw error;
  }
}

/**
 * Whether something is mounted at a directory.
 *
 * @param real Absolute path, links resolved; it need not exist.
 */
export async function isMountPoint(real: string): Promise<boolean> {
  const info = await ifPresent(Deno.stat(real));
  if (info === undefined) return false;
  return info.dev !== (await Deno.stat(dirname(real))).dev || (await mountPoints()).includes(real);
}

/** The kernel writes spaces, line breaks and backslashes as octal numbers, of each byte. */
function unescape(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const plain: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const [, octal] = /^\\([0-7]{3})/.exec(String.fromCharCode(...bytes.subarray(at, at + 4))) ??
      [];
    plain.push(octal === undefined ? bytes[at]! : parseInt(octal, 8));
    if (octal !== undefined) at += 3;
  }
  return new TextDecoder().decode(new Uint8Array(plain));
}
