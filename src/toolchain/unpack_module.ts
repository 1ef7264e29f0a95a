import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { compareNames, quoteName, readZip, type ZipMember } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { cannotWrite, writeAll } from "../files/mod.ts";
import { WrongContentError } from "../net/mod.ts";
import type { ModuleVersion } from "./urls.ts";

/** More than any Go has; a hostile zip must fill neither the disk nor the memory. */
const MAX_BYTES = 4 * 2 ** 30;
const MAX_FILE = 512 * 2 ** 20;

/** 1980, when the times of zip files begin: modules have none, and Go before 1.10 compares times. */
const MTIME = 315_532_800;

/** What {@linkcode unpackModule} made. */
export interface UnpackedModule {
  /** Go's hash of the zip ("h1:…"): of names and contents of all its files. */
  readonly sum: string;
  /** Bytes of all files. */
  readonly size: number;
}

/**
 * Unpacks the zip of a toolchain module into a new directory, as Go does it: `_go.mod` becomes
 * `go.mod`, and programs become executable, because modules have no modes. The caller compares the
 * hash before it uses anything of it, and removes the directory after an error.
 *
 * @param zip A file.
 * @param target The directory to make.
 * @throws {WrongContentError} The zip is damaged, or has files that are not the module's.
 * @throws {KbuildError} The directory cannot be written.
 */
export async function unpackModule(
  zip: string,
  target: string,
  { module, label, signal }: {
    module: ModuleVersion;
    label: string;
    signal?: AbortSignal | undefined;
  },
): Promise<UnpackedModule> {
  const lines: { name: string; line: string }[] = [];
  const made = new Set<string>();
  let size = 0;
  await Deno.mkdir(target);
  for await (const { bytes, name, path } of filesOf(zip, module, label)) {
    signal?.throwIfAborted();
    const digest = createHash("sha256").update(bytes).digest("hex");
    lines.push({ name, line: `${digest}  ${name}\n` });
    size += bytes.length;
    const file = join(target, path);
    const parent = dirname(file);
    if (!made.has(parent)) await Deno.mkdir(parent, { recursive: true });
    made.add(parent);
    await writeNew(file, bytes, isProgram(path) ? 0o755 : 0o644);
  }
  const sorted = lines.toSorted((a, b) => compareNames(a.name, b.name));
  const hash = createHash("sha256");
  for (const { line } of sorted) hash.update(line);
  return Object.freeze({ sum: `h1:${hash.digest("base64")}`, size });
}

/** Names, places and contents; whatever is wrong with the zip is wrong with the server that sent it. */
async function* filesOf(
  zip: string,
  module: ModuleVersion,
  label: string,
): AsyncGenerator<{ name: string; path: string; bytes: Uint8Array }, void> {
  try {
    for await (const member of readZip(zip, { label, limits: { maxBytes: MAX_BYTES } })) {
      const path = destinationOf(member, module, label);
      yield { name: member.name, path, bytes: await member.bytes() };
    }
  } catch (error) {
    if (!(error instanceof KbuildError) || error instanceof WrongContentError) throw error;
    throw new WrongContentError(error.message, { notes: error.notes, cause: error });
  }
}

/** Where a file goes below the target; its name starts with the module and its version. */
function destinationOf({ name, size }: ZipMember, module: ModuleVersion, label: string): string {
  const prefix = `${module.path}@${module.version}/`;
  const path = name.slice(prefix.length);
  const strange = path.split("/").some((part) => part === "" || part === "." || part === "..");
  // deno-lint-ignore no-control-regex
  if (!name.startsWith(prefix) || strange || /[\x00-\x1f\\\x7f]/.test(name)) {
    throw refuse(label, `it has ${quoteName(name)}`);
  }
  if (size > MAX_FILE) throw refuse(label, `${quoteName(name)} has ${size} bytes`);
  return path.replace(/(^|\/)_go\.mod$/, "$1go.mod");
}

/** As `go` has it for `GOTOOLCHAIN` (cmd/go/internal/toolchain/select.go). */
function isProgram(path: string): boolean {
  return /^(bin|pkg\/tool)\/|^lib\/(.*\/)?go_[^/]+_exec$/.test(path);
}

async function writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true }).catch((cause: unknown) => {
    throw cannotWrite(path, cause);
  });
  writeAll(path, file, bytes);
  await file.utime(MTIME, MTIME);
  await Deno.chmod(path, mode);
}

function refuse(label: string, why: string): WrongContentError {
  return new WrongContentError(`Cannot unpack "${label}": ${why}`, {
    notes: ["This is not the module of a Go toolchain; check GOPROXY"],
  });
}
