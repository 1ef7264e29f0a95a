import { join } from "@std/path";
import { entriesOf, ifPresent, openFile } from "../files/mod.ts";
import type { GoPart } from "./bake.ts";

/** Parts of a Go distribution that builds read. */
const PARTS = ["bin", "lib", "pkg", "src"];

/**
 * The directories of a Go distribution. Debian's have links to others, which are directories of their own there, under
 * their own paths.
 *
 * @param goroot Where it is.
 * @param target Where programs look for it.
 */
export async function goParts(goroot: string, target: string): Promise<readonly GoPart[]> {
  const links = await Promise.all([
    ...PARTS.map((name) => linkOut(join(goroot, name), goroot)),
    ...(await entriesOf(join(goroot, "pkg")) ?? [])
      .map(({ name }) => linkOut(join(goroot, "pkg", name), goroot)),
  ]);
  const outside = [...new Set(links.filter((path) => path !== undefined))].sort();
  return Object.freeze([
    { source: goroot, target },
    ...outside.map((path) => ({ source: path, target: path })),
  ]);
}

/** Where a link leads to a directory outside of the distribution. */
async function linkOut(path: string, goroot: string): Promise<string | undefined> {
  const info = await ifPresent(Deno.lstat(path));
  if (info?.isSymlink !== true) return undefined;
  const [real, root] = await Promise.all([
    ifPresent(Deno.realPath(path)),
    Deno.realPath(goroot),
  ]);
  if (real === undefined || real === root || real.startsWith(`${root}/`)) return undefined;
  return real;
}

/** Whether a program needs libraries of the system: an ELF file that names an interpreter. */
export async function isDynamic(path: string): Promise<boolean> {
  using file = await openFile(path);
  const bytes = new Uint8Array(4096);
  const length = await file.read(bytes) ?? 0;
  const view = new DataView(bytes.buffer, 0, length);
  if (length < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2) return false;
  const isLittle = view.getUint8(5) === 1;
  const at = Number(view.getBigUint64(32, isLittle));
  const size = view.getUint16(54, isLittle);
  const count = view.getUint16(56, isLittle);
  for (let index = 0; index < count; index++) {
    const header = at + index * size;
    if (size === 0 || header + 4 > length) return false;
    // PT_INTERP of the ELF specification.
    if (view.getUint32(header, isLittle) === 3) return true;
  }
  return false;
}
