/** Archives as values that can be compared: every member with kind, mode, owner and content. */
import { createHash } from "node:crypto";
import { readTar, type TarMember } from "../../src/archive/mod.ts";

/** Members by name; each described in one line. */
export type Members = ReadonlyMap<string, string>;

/** What is to be read from an archive. */
export interface ReadOptions {
  /** Archives inside that are read themselves, under `<name>!<member>`. */
  readonly nested?: (name: string) => boolean;
  /** Image archives inside, read as {@linkcode readImage} does. */
  readonly images?: (name: string) => boolean;
}

/** Reads a tarball; duplicate members are an error. */
export async function readMembers(
  source: string | AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<Members> {
  const members = new Map<string, string>();
  const add = (name: string, text: string) => {
    if (members.has(name)) throw new Error(`"${name}" is in the archive twice`);
    members.set(name, text);
  };
  for await (const member of readTar(source)) {
    const name = member.name.replace(/\/$/, "");
    const inner = options.nested?.(name)
      ? await readMembers(member.chunks(), options)
      : options.images?.(name)
      ? await readImage(member.chunks())
      : undefined;
    if (inner === undefined) {
      add(name, `${kind(member)} ${await digest(member)}`);
    } else {
      add(name, kind(member));
      for (const [path, text] of inner) add(`${name}!${path}`, text);
    }
  }
  return members;
}

/** Type, mode, owner and link target. */
function kind(member: TarMember): string {
  const { type, mode, uid = 0, gid = 0, uname = "", gname = "", linkName } = member;
  const owner = `${uid}:${gid} ${uname}:${gname}`;
  const bits = type === "symlink" ? "" : ` ${mode.toString(8)}`;
  return `${type}${bits} ${owner}${linkName === undefined ? "" : ` -> ${linkName}`}`;
}

async function digest(member: TarMember): Promise<string> {
  if (member.type !== "file") return "";
  const hash = createHash("sha256");
  for await (const chunk of member.chunks()) hash.update(chunk);
  return `${member.size} bytes ${hash.digest("hex").slice(0, 16)}`;
}

interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The parts of a configuration that a container is started with. */
const CONFIG = ["User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels", "ExposedPorts"];

/**
 * An image archive (`docker save`): names, configuration, and every file of the finished file
 * system with its layer's contents. Digests, times and history differ from builder to builder.
 */
export async function readImage(
  source: string | AsyncIterable<Uint8Array>,
): Promise<Members> {
  const small = new Map<string, Uint8Array>();
  const layers = new Map<string, Members>();
  const links = new Map<string, string>();
  for await (const member of readTar(source)) {
    if (member.type === "symlink") links.set(member.name, member.linkName ?? "");
    if (member.type !== "file") continue;
    const bytes = await member.bytes(1 << 30);
    const isTar = bytes.length > 512 &&
      new TextDecoder().decode(bytes.subarray(257, 262)) === "ustar";
    if (isTar) layers.set(member.name, await readLayer(bytes));
    else small.set(member.name, bytes);
  }
  const json = (name: string) => JSON.parse(new TextDecoder().decode(small.get(name)));
  const [image, ...others] = json("manifest.json");
  if (others.length > 0) throw new Error("One image was expected in an archive");
  const { architecture, os, config }: ImageConfig = json(image.Config);
  const result = new Map<string, string>([
    ["names", image.RepoTags.join(" ")],
    ["platform", `${os}/${architecture}`],
  ]);
  for (const name of CONFIG) {
    const value = config[name];
    const empty = value === undefined || value === null || value === "" ||
      (typeof value === "object" && Object.keys(value).length === 0);
    if (!empty) result.set(`config ${name}`, JSON.stringify(value));
  }
  for (const name of image.Layers as string[]) {
    const layer = layers.get(name) ?? layers.get(resolveLink(name, links.get(name) ?? ""));
    if (layer === undefined && small.get(name)?.length !== 1024) {
      throw new Error(`Layer "${name}" is missing`);
    }
    for (const [path, text] of layer ?? []) result.set(`file ${path}`, text);
  }
  return result;
}

function resolveLink(name: string, target: string): string {
  const url = new URL(target, `file:///${name}`);
  return decodeURIComponent(url.pathname).slice(1);
}

async function readLayer(bytes: Uint8Array): Promise<Members> {
  const members = new Map<string, string>();
  for await (const member of readTar(once(bytes))) {
    const name = member.name.replace(/^\.?\//, "").replace(/\/$/, "");
    if (name === "" || name === ".") continue;
    const { type, mode, uid = 0, gid = 0, linkName = "" } = member;
    members.set(
      name,
      `${type} ${mode.toString(8)} ${uid}:${gid} ${linkName} ${await digest(member)}`,
    );
  }
  return members;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** One difference between two archives. */
export interface Difference {
  readonly name: string;
  /** Undefined: the member is missing on this side. */
  readonly theirs: string | undefined;
  readonly ours: string | undefined;
}

/** All differences, by name. */
export function compareMembers(theirs: Members, ours: Members): readonly Difference[] {
  const names = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
  return names.map((name) => ({ name, theirs: theirs.get(name), ours: ours.get(name) }))
    .filter((difference) => difference.theirs !== difference.ours);
}
