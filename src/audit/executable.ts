/** What the headers of an executable file say. */
export interface Executable {
  /** ELF, Mach-O or PE. */
  readonly format: string;
  /** As Go writes it. */
  readonly platform: string;
  /** Bytes that the headers speak of. */
  readonly extent: number;
  /** Whether a system can start it: not an object file, a library of Windows or a core dump. */
  readonly canStart: boolean;
}

const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: "386",
  8: "mips",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "amd64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
const ELF_SYSTEMS: Readonly<Record<number, string>> = {
  0: "linux",
  2: "netbsd",
  3: "linux",
  6: "solaris",
  9: "freebsd",
  12: "openbsd",
};
const MACH_CPUS: Readonly<Record<number, string>> = {
  7: "386",
  12: "arm",
  0x01000007: "amd64",
  0x0100000c: "arm64",
};
const PE_MACHINES: Readonly<Record<number, string>> = {
  0x14c: "386",
  0x1c4: "arm",
  0x8664: "amd64",
  0xaa64: "arm64",
};

/**
 * Reads the headers of an ELF, Mach-O or PE file (elf.h; mach-o/loader.h; "PE Format").
 *
 * @param head The first 64 KiB, or the whole file.
 * @returns Undefined for anything else.
 */
export function readExecutable(head: Uint8Array): Executable | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  try {
    if (view.getUint32(0) === 0x7f454c46) return readElf(view);
    const magic = view.getUint32(0, true);
    if (magic === 0xfeedfacf || magic === 0xfeedface) return readMachO(view, magic === 0xfeedfacf);
    if (view.getUint16(0) === 0x4d5a) return readPe(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** Types of ELF files, segments and sections (elf.h); a program at any address is an ET_DYN. */
const [ET_EXEC, ET_DYN, PT_LOAD, SHT_NULL, SHT_NOBITS] = [2, 3, 1, 0, 8];

function readElf(view: DataView): Executable {
  const wide = view.getUint8(4) === 2;
  const little = view.getUint8(5) === 1;
  const half = (at: number) => view.getUint16(at, little);
  const word = (at: number) =>
    wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const [programs, sections] = wide ? [word(32), word(40)] : [word(28), word(32)];
  const [size, count, sectionSize, sectionCount] = [0, 2, 4, 6].map((n) =>
    half((wide ? 54 : 42) + n)
  ) as [number, number, number, number];
  let extent = sections === 0 ? 0 : sections + sectionSize * sectionCount;
  let isLoaded = false;
  for (let i = 0; i < count; i++) {
    const at = programs + i * size;
    const [offset, length] = wide ? [word(at + 8), word(at + 32)] : [word(at + 4), word(at + 16)];
    extent = Math.max(extent, offset + length);
    isLoaded ||= view.getUint32(at, little) === PT_LOAD;
  }
  // Go's own linker has the table of sections in front: what it names lies behind all segments.
  for (let i = 0; i < sectionCount; i++) {
    const at = sections + i * sectionSize;
    if (at + (wide ? 64 : 40) > view.byteLength) break;
    if ([SHT_NULL, SHT_NOBITS].includes(view.getUint32(at + 4, little))) continue;
    const [offset, length] = wide ? [word(at + 24), word(at + 32)] : [word(at + 16), word(at + 20)];
    extent = Math.max(extent, offset + length);
  }
  const machine = ELF_MACHINES[half(18)] ?? `machine-${half(18)}`;
  const arch = machine === "ppc64" && little ? "ppc64le" : machine;
  const system = ELF_SYSTEMS[view.getUint8(7)] ?? `abi-${view.getUint8(7)}`;
  const canStart = isLoaded && [ET_EXEC, ET_DYN].includes(half(16));
  return { format: "ELF", platform: `${system}/${arch}`, extent, canStart };
}

/** `MH_EXECUTE` (mach-o/loader.h). */
const MACH_EXECUTE = 2;
/** A load command is at least its type and its size, 4 bytes each (mach-o/loader.h, load_command). */
const MIN_LOAD_COMMAND = 8;

function readMachO(view: DataView, wide: boolean): Executable {
  const word = (at: number) => view.getUint32(at, true);
  let extent = 0;
  let at = wide ? 32 : 28;
  for (let i = 0; i < word(16); i++) {
    const long = (offset: number) => Number(view.getBigUint64(at + offset, true));
    const size = word(at + 4);
    if (size < MIN_LOAD_COMMAND) throw new RangeError("a load command without a size");
    if (word(at) === 0x19) extent = Math.max(extent, long(40) + long(48));
    if (word(at) === 1) extent = Math.max(extent, word(at + 32) + word(at + 36));
    at += size;
  }
  const cpu = MACH_CPUS[word(4)] ?? `cpu-${word(4)}`;
  const canStart = word(12) === MACH_EXECUTE;
  return { format: "Mach-O", platform: `darwin/${cpu}`, extent, canStart };
}

/** `IMAGE_FILE_EXECUTABLE_IMAGE` and `IMAGE_FILE_DLL` ("PE Format"). */
const [PE_EXECUTABLE, PE_LIBRARY] = [0x0002, 0x2000];

function readPe(view: DataView): Executable | undefined {
  const pe = view.getUint32(0x3c, true);
  if (view.getUint32(pe) !== 0x50450000) return undefined;
  const machine = view.getUint16(pe + 4, true);
  const table = pe + 24 + view.getUint16(pe + 20, true);
  let extent = 0;
  for (let i = 0; i < view.getUint16(pe + 6, true); i++) {
    const at = table + i * 40;
    extent = Math.max(extent, view.getUint32(at + 16, true) + view.getUint32(at + 20, true));
  }
  const arch = PE_MACHINES[machine] ?? `machine-${machine}`;
  const canStart = (view.getUint16(pe + 22, true) & (PE_EXECUTABLE | PE_LIBRARY)) === PE_EXECUTABLE;
  return { format: "PE", platform: `windows/${arch}`, extent, canStart };
}
