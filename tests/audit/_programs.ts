/** Programs of nothing but headers and texts: whole, and for any platform. */

/** What {@linkcode tinyProgram} makes. */
export interface TinyProgram {
  /** As Go writes it; default `linux/amd64`. */
  readonly platform?: string;
  /** Versions that are stamped; default v1.20.2. */
  readonly versions?: readonly string[];
  /** Commits that are stamped; default: none. */
  readonly commits?: readonly string[];
  /** Whether it shows that it links Kubernetes' version package; default true. */
  readonly linksVersion?: boolean;
  /** More text in it, so that two programs differ; default: none. */
  readonly text?: string;
  /** Bytes; default 1024. */
  readonly size?: number;
  /** Bytes that its headers speak of; default: all. */
  readonly extent?: number;
}

const ELF_MACHINES: Readonly<Record<string, number>> = {
  ...{ "386": 3, amd64: 62, arm: 40, arm64: 183, loong64: 258, ppc64le: 21, riscv64: 243 },
  s390x: 22,
};

/**
 * An ELF file of one segment, or the headers of a Mach-O or PE file, with texts as a linker stamps them. No system
 * runs it.
 */
export function tinyProgram(options: TinyProgram = {}): Uint8Array<ArrayBuffer> {
  const { platform = "linux/amd64", versions = ["v1.20.2"], commits = [], text = "" } = options;
  const { linksVersion = true } = options;
  const texts = [linksVersion ? 'json:"gitTreeState"' : "", ...versions, ...commits, text]
    .join("\0");
  const stamped = new TextEncoder().encode(`${texts}\0`);
  const { size = Math.max(1024, 256 + stamped.length) } = options;
  const { extent = size } = options;
  const bytes = new Uint8Array(size);
  const [os = "", arch = ""] = platform.split("/");
  const head = os === "darwin"
    ? machO(arch, extent)
    : os === "windows"
    ? pe(arch, extent)
    : elf(arch, extent);
  bytes.set(head);
  bytes.set(stamped, 256);
  return bytes;
}

function elf(arch: string, extent: number): Uint8Array {
  const bytes = new Uint8Array(120);
  const view = new DataView(bytes.buffer);
  const isBig = arch === "s390x";
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, isBig ? 2 : 1, 1]);
  const half = (at: number, value: number) => view.setUint16(at, value, !isBig);
  const long = (at: number, value: number) => view.setBigUint64(at, BigInt(value), !isBig);
  half(16, 2);
  half(18, ELF_MACHINES[arch]!);
  long(24, 0x400078);
  long(32, 64);
  half(54, 56);
  half(56, 1);
  view.setUint32(64, 1, !isBig);
  long(64 + 32, extent);
  return bytes;
}

function machO(arch: string, extent: number): Uint8Array {
  const bytes = new Uint8Array(104);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(4, arch === "arm64" ? 0x0100000c : 0x01000007, true);
  view.setUint32(12, 2, true);
  view.setUint32(16, 1, true);
  view.setUint32(32, 0x19, true);
  view.setUint32(36, 72, true);
  view.setBigUint64(32 + 48, BigInt(extent), true);
  return bytes;
}

function pe(arch: string, extent: number): Uint8Array {
  const bytes = new Uint8Array(200);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4d5a);
  view.setUint32(0x3c, 64, true);
  view.setUint32(64, 0x50450000);
  view.setUint16(68, { "386": 0x14c, amd64: 0x8664, arm64: 0xaa64 }[arch]!, true);
  view.setUint16(70, 1, true);
  view.setUint16(86, 0x0002, true);
  view.setUint32(88 + 16, extent, true);
  return bytes;
}
