import { quoteName } from "../archive/mod.ts";
import { ifPresent, readFileChunks } from "../files/mod.ts";
import { type Executable, readExecutable } from "./executable.ts";
import type { Content, Form } from "./types.ts";

/** What a file that is packaged as a program must be. */
export interface WantedProgram {
  /** As Go writes it: `linux/amd64`; undefined: any. */
  readonly platform: string | undefined;
  /** Version that it must be stamped with; undefined: any. */
  readonly version?: string | undefined;
  /** Commit that it must be stamped with; undefined: any. */
  readonly commit?: string | undefined;
  /**
   * Whether it must be stamped although nothing in it shows that it links Kubernetes' version package: the
   * linker may leave out what shows it.
   */
  readonly isStamped?: boolean;
  /** Whether an object file or a library will do, too. */
  readonly isAnyKind?: boolean;
}

/** Bytes that hold all headers of a program. */
const HEAD = 1 << 16;

/**
 * Programs that every release of Kubernetes stamps. The scripts' images have one program of their own name, packages
 * are named after theirs.
 */
const STAMPED =
  /^(?:kubelet|kubeadm|kubectl|kube-(?:apiserver|controller-manager|scheduler|proxy))(?:\.exe)?$/;

/** Whether a name is one of a program that is always stamped with the version of Kubernetes. */
export function isStampedProgram(name: string): boolean {
  return STAMPED.test(name);
}

/**
 * Directories of programs in tarballs of a release (build/lib/release.sh), and in outputs. No release of Kubernetes
 * has a script in them.
 */
const DIRECTORY =
  /(?:^|\/)(?:kubernetes\/(?:client|node|server|test)\/bin|(?:platforms|bin)\/(?:linux|darwin|windows)\/[a-z0-9]+)\/([^/]+)$/;
/** Directories of programs in packages and in images of the servers. */
const SYSTEM_DIRECTORY = /^(?:\.?\/)?(?:usr\/(?:local\/)?)?bin\/([^/]+)$/;
/** Beside programs are the archives of their images. */
const NO_PROGRAM = /\.(?:tar|docker_tag|tar\.gz|tgz|sha256|sha512|sig|cert|json)$/;

/** Whether a file at a path in a release, a package or an image has to be a program. */
export function isProgramPath(path: string): boolean {
  const system = SYSTEM_DIRECTORY.exec(path)?.[1];
  if (system !== undefined) return isStampedProgram(system);
  const name = DIRECTORY.exec(path)?.[1];
  return name !== undefined && !NO_PROGRAM.test(name);
}

/**
 * Why content is not a whole program that can be started on a platform, and not one of a version: "is cut off: 40 bytes,
 * its headers speak of 4096". Without a version that is wanted, and for programs that neither link Kubernetes' version
 * package nor are known to be stamped, any version is right. Pure.
 *
 * @returns Each fault, to be read behind the name of the file; none if it is such a program.
 */
export function programFaults(
  { size, form }: Pick<Content, "size" | "form">,
  wanted: WantedProgram,
): readonly string[] {
  const faults = [...formFaults({ size, form }, wanted)];
  if (form.kind !== "program") return Object.freeze(faults);
  const { linksVersion, versions, commits } = form.program;
  if (!linksVersion && wanted.isStamped !== true) return Object.freeze(faults);
  const check = (what: string, text: string | undefined, found: readonly string[]) => {
    if (text === undefined || found.includes(text)) return;
    const others = found.length === 0 ? `no ${what}` : found.join(", ");
    faults.push(`is not stamped with ${what} ${text}; in it: ${others}`);
  };
  check("version", wanted.version, versions);
  // All commits in it may be those of others' modules: of another version, that one fault is enough.
  if (faults.length === 0) check("commit", wanted.commit, commits);
  return Object.freeze(faults);
}

/** The first of {@linkcode programFaults}; undefined if there is none. */
export function programFault(
  content: Pick<Content, "size" | "form">,
  wanted: WantedProgram,
): string | undefined {
  return programFaults(content, wanted)[0];
}

/**
 * Why a file is not a whole program for a platform, by its headers and its size alone.
 *
 * @returns Undefined if it is.
 * @throws {KbuildError} It cannot be read.
 */
export async function headerFault(path: string, platform: string): Promise<string | undefined> {
  const info = await ifPresent(Deno.stat(path));
  if (info === undefined) return "is a link to nothing";
  const { size } = info;
  let head: Uint8Array = new Uint8Array();
  const range = { size: Math.min(size, HEAD) };
  // A pipe has no size, and the reader says what it is.
  if (size > 0 || !info.isFile) {
    for await (const chunk of readFileChunks(path, range)) head = chunk;
  }
  const program = readExecutable(head);
  const form = program === undefined
    ? { kind: "data", text: !head.includes(0) } as const
    : { kind: "program", program } as const;
  return [...formFaults({ size, form }, { platform })][0];
}

/** What {@linkcode formFaults} looks at. */
type LookedAt = Exclude<Form, { kind: "program" }> | {
  readonly kind: "program";
  readonly program: Executable;
};

function* formFaults(
  { size, form }: { readonly size: number; readonly form: LookedAt },
  wanted: Pick<WantedProgram, "platform" | "isAnyKind">,
): Generator<string, void> {
  if (form.kind !== "program") return yield noProgram(size, form);
  const { platform, extent, canStart } = form.program;
  if (wanted.platform !== undefined && platform !== wanted.platform) {
    yield `is a program for ${platform}, want ${wanted.platform}`;
  }
  if (size < extent) yield `is cut off: ${size} bytes, its headers speak of ${extent}`;
  else if (!canStart && wanted.isAnyKind !== true) {
    yield "is an object file or a library: it cannot be started";
  }
}

function noProgram(size: number, form: Exclude<LookedAt, { kind: "program" }>): string {
  if (size === 0) return "is empty";
  if (form.kind !== "data") return "is an archive, not a program";
  if (form.brokenProgram === true) return "begins like a program, and its headers cannot be read";
  if (form.text) return "is text, not a program";
  return "is not a program: it has no headers of ELF, Mach-O or PE";
}

/** `"kubernetes/server/bin/kubelet" is empty`: a fault of something in an archive. */
export function faultOf(name: string, fault: string): string {
  return `${quoteName(name)} ${fault}`;
}
