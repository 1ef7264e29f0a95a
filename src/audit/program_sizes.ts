import { Buffer } from "node:buffer";
import { readExecutable } from "./executable.ts";

/** Where the bytes of a program are. */
export interface ProgramSizes {
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes in the file by section; empty for other formats than ELF. */
  readonly sections: Readonly<Record<string, number>>;
  /** Bytes of machine code by Go package; undefined where there is no table of functions. */
  readonly packages: Readonly<Record<string, number>> | undefined;
}

/**
 * Measures a program: sections by its headers, packages by Go's table of functions (pclntab), which is in
 * stripped programs as well. Data and tables are not counted for packages. Pure.
 *
 * @param bytes The whole file.
 * @returns Undefined for what is not an ELF, Mach-O or PE file.
 */
export function programSizes(bytes: Uint8Array): ProgramSizes | undefined {
  const executable = readExecutable(bytes);
  if (executable === undefined) return undefined;
  const { format, platform } = executable;
  return Object.freeze({
    ...{ platform, size: bytes.length },
    sections: Object.freeze(format === "ELF" ? withinBounds(() => elfSections(bytes)) ?? {} : {}),
    packages: codeByPackage(bytes),
  });
}

/** What a reader of a file's own numbers finds; undefined if they lead out of the file. */
function withinBounds<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A section of that type has no bytes in the file (elf.h, SHT_NOBITS). */
const NO_BITS = 8;

/** Sections of an ELF file by name (elf.h). */
function elfSections(bytes: Uint8Array): Record<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wide = view.getUint8(4) === 2;
  const little = view.getUint8(5) === 1;
  const word = (at: number) =>
    wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const start = word(wide ? 40 : 32);
  const [entry, count, names] = [0, 2, 4].map((n) =>
    view.getUint16((wide ? 58 : 46) + n, little)
  ) as [number, number, number];
  const header = (index: number) => {
    const at = start + index * entry;
    return {
      name: view.getUint32(at, little),
      type: view.getUint32(at + 4, little),
      offset: word(at + (wide ? 24 : 16)),
      size: word(at + (wide ? 32 : 20)),
    };
  };
  const { offset: texts } = header(names);
  const sections: Record<string, number> = {};
  for (let i = 1; i < count; i++) {
    const { name, type, size } = header(i);
    if (type === NO_BITS || size > bytes.length) continue;
    const text = textAt(bytes, texts + name);
    sections[text] = (sections[text] ?? 0) + size;
  }
  return sections;
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at < 0 || end < 0) throw new RangeError("a text without an end");
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString("utf8");
}

/** Forms of the table of functions by its first number (Go's debug/gosym, pclntab.go). */
const FORMS: Readonly<Record<number, "1.2" | "1.16" | "1.18">> = {
  0xfffffffb: "1.2",
  0xfffffffa: "1.16",
  0xfffffff0: "1.18",
  0xfffffff1: "1.18",
};

/** Bytes of code by package, from the first table that hangs together. */
function codeByPackage(bytes: Uint8Array): Record<string, number> | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const magic of Object.keys(FORMS).map(Number)) {
    for (const little of [true, false]) {
      // Two zeros follow, then the size of an instruction and that of a pointer.
      const pattern = Buffer.alloc(6);
      if (little) pattern.writeUInt32LE(magic);
      else pattern.writeUInt32BE(magic);
      for (let at = buffer.indexOf(pattern); at >= 0; at = buffer.indexOf(pattern, at + 1)) {
        const found = withinBounds(() => readTable(bytes, at, FORMS[magic]!, little));
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

/** Functions that a program may have: e2e.test has some 300,000. */
const MAX_FUNCTIONS = 1 << 24;

/** @returns Undefined if it is not such a table. */
function readTable(
  bytes: Uint8Array,
  base: number,
  form: "1.2" | "1.16" | "1.18",
  little: boolean,
): Record<string, number> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + base, bytes.length - base);
  const [quantum, pointer] = [view.getUint8(6), view.getUint8(7)];
  if (![1, 2, 4].includes(quantum) || ![4, 8].includes(pointer)) return undefined;
  const word = (at: number) =>
    pointer === 8 ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const field = (index: number) => word(8 + index * pointer);
  const count = field(0);
  if (count < 1 || count > MAX_FUNCTIONS) return undefined;
  // 1.18 has the start of the code before the offsets, and numbers of 32 bits in the table.
  const [names, functions] = form === "1.2"
    ? [0, 8 + pointer]
    : form === "1.16"
    ? [field(2), field(6)]
    : [field(3), field(7)];
  const data = form === "1.2" ? 0 : functions;
  const width = form === "1.18" ? 4 : pointer;
  const number = (at: number) => width === 4 ? view.getUint32(at, little) : word(at);
  const sizes: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const at = functions + i * 2 * width;
    const size = number(at + 2 * width) - number(at);
    if (size < 0) return undefined;
    const name = names + view.getInt32(data + number(at + width) + width, little);
    const goPackage = packageOf(textAt(bytes, base + name));
    sizes[goPackage] = (sizes[goPackage] ?? 0) + size;
  }
  return sizes;
}

/** Functions without a package. */
export const NO_PACKAGE = "(none)";

/**
 * The package of a function by its name: `k8s.io/api/core/v1` of `k8s.io/api/core/v1.(*Pod).Size`. What
 * is compiled for an instance of a generic function counts for the package of the function. Assembly and C
 * may have none: {@linkcode NO_PACKAGE}.
 */
export function packageOf(name: string): string {
  const plain = name.replace(/^(?:type|go)(?::|\.)\.?(?:eq|hash)\./, "").replace(/\[.*$/s, "");
  const vendored = plain.slice(
    plain.lastIndexOf("/vendor/") < 0 ? 0 : plain.lastIndexOf("/vendor/") + "/vendor/".length,
  );
  const slash = vendored.lastIndexOf("/");
  const dot = vendored.indexOf(".", slash + 1);
  if (dot < 0) return NO_PACKAGE;
  const path = vendored.slice(0, dot).replaceAll(
    /%([0-9a-f]{2})/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
  return /^[\w.~/+-]+$/.test(path) ? path : NO_PACKAGE;
}
