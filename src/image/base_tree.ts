import { KbuildError } from "../errors.ts";
import { cleanName, parentsOf, type TarEntry, type TarMember } from "../archive/mod.ts";
import type { BaseContent, BaseNode, BaseTree } from "./types.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const MAX_LINKS = 40;

/** A path in a layer and its content. */
export type LayerNode = readonly [path: string, node: BaseNode];

/**
 * What a member of a layer says about the tree; undefined for the root directory.
 *
 * @param layer Number of the layer; where nobody will ask for contents it may be left out.
 */
export function nodeOf(member: TarMember | TarEntry, layer?: number): LayerNode | undefined {
  const path = plainPath(member.name);
  if (path === "") return undefined;
  const { type, mode, mtime, uid = 0, gid = 0, uname = "", gname = "", xattrs } = member;
  const kinds: Partial<Record<string, BaseNode["type"]>> = {
    file: "file",
    hardlink: "file",
    directory: "directory",
    symlink: "symlink",
  };
  const node: BaseNode = {
    ...{ type: kinds[type] ?? "other", mode, mtime, uid, gid, uname, gname },
    linkName: member.linkName ?? "",
    ...(layer === undefined || type !== "file" || !("offset" in member)
      ? {}
      : { content: { layer, member: member.name, offset: member.offset, size: member.size } }),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
  return [path, Object.freeze(node)];
}

function plainPath(name: string): string {
  return name.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

/** Gives hard links the content of the files that they stand for, which come before them. */
export function resolveHardLinks(layer: readonly LayerNode[]): readonly LayerNode[] {
  const contents = new Map<string, BaseContent>();
  return layer.map(([path, node]): LayerNode => {
    const isLink = node.type === "file" && node.content === undefined;
    const content = isLink ? contents.get(plainPath(node.linkName)) : node.content;
    if (content !== undefined) contents.set(path, content);
    return isLink && content !== undefined
      ? [path, Object.freeze({ ...node, content })]
      : [path, node];
  });
}

/**
 * Puts a layer on top of a tree. First its whiteouts act on lower layers, then its own files are
 * added, in whatever order they are. OCI image-spec, layer.md, "Whiteouts".
 */
export function applyLayer(below: BaseTree, layer: readonly LayerNode[]): BaseTree {
  const hidden = new Hidden();
  for (const [path, node] of layer) {
    const slash = path.lastIndexOf("/");
    const [dir, base] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
    if (base === OPAQUE) hidden.addBelow(dir);
    else if (base.startsWith(WHITEOUT)) {
      hidden.add((dir === "" ? "" : `${dir}/`) + base.slice(WHITEOUT.length));
    } else if (node.type !== "directory" && below.get(path)?.type === "directory") {
      hidden.addBelow(path);
    }
  }
  const tree = new Map<string, BaseNode>();
  for (const [path, node] of below) if (!hidden.has(path)) tree.set(path, node);
  for (const [path, node] of layer) {
    if (!path.slice(path.lastIndexOf("/") + 1).startsWith(WHITEOUT)) tree.set(path, node);
  }
  return tree;
}

/** Paths that a layer hides: each is asked for once per directory above it, however many there are. */
class Hidden {
  readonly #paths = new Set<string>();
  readonly #directories = new Set<string>();

  /** Hides a path and all below it. */
  add(path: string): void {
    this.#paths.add(path);
    this.#directories.add(path);
  }

  /** Hides all below a directory; "" is the root. */
  addBelow(directory: string): void {
    this.#directories.add(directory);
  }

  has(path: string): boolean {
    if (this.#directories.size === 0) return false;
    if (this.#paths.has(path) || this.#directories.has("")) return true;
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      if (this.#directories.has(path.slice(0, slash))) return true;
    }
    return false;
  }
}

/**
 * The entries of a layer that puts files into an image, as `COPY` does: links among the directories on
 * the way are followed in the base, and every directory on the way is in the layer: one that the base
 * has with its own mode, owner and time (so that unpacking changes nothing), a missing one with mode
 * 0755 and `created`.
 *
 * @param tree What the base holds.
 * @param entries Files with their path in the image: "usr/local/bin/kube-proxy".
 * @param options `created`: seconds since 1970, for new directories; `owner` of new directories,
 * default root.
 * @throws {KbuildError} A file of the base is where a directory is needed, or the reverse.
 */
export function copyLayer(
  tree: BaseTree,
  entries: readonly TarEntry[],
  options: NewDirectories,
): readonly TarEntry[] {
  const result = new Map<string, TarEntry>();
  for (const entry of entries) {
    const path = entry.name.replace(/\/$/, "");
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? "" : resolveDirectory(tree, path.slice(0, slash));
    const target = (parent === "" ? "" : `${parent}/`) + path.slice(slash + 1);
    if (tree.get(target)?.type === "directory" && entry.type !== "directory") {
      throw new KbuildError(
        `Cannot copy a file to "/${path}": it is a directory in the base image`,
      );
    }
    for (const directory of parentsOf(`${target}`)) {
      if (!result.has(`${directory}/`)) {
        result.set(`${directory}/`, directoryEntry(tree, directory, options));
      }
    }
    const name = entry.type === "directory" ? `${target}/` : target;
    result.set(name, Object.freeze({ ...entry, name }));
  }
  return Object.freeze([...result.values()]);
}

/** Attributes of directories that are missing in a base. */
export interface NewDirectories {
  /** Seconds since 1970. */
  readonly created: number;
  /** Default: root. */
  readonly owner?: Owner;
}

/** Numbers of a user and a group. */
export interface Owner {
  /** Numeric ID of the user. */
  readonly uid: number;
  /** Numeric ID of the group. */
  readonly gid: number;
}

/** The fields of an entry that belongs to somebody; names are known to root alone. */
export function ownedBy(owner: Owner | undefined): Partial<TarEntry> {
  if (owner === undefined || (owner.uid === 0 && owner.gid === 0)) return {};
  return { ...owner, uname: "", gname: "" };
}

function directoryEntry(
  tree: BaseTree,
  directory: string,
  { created, owner }: NewDirectories,
): TarEntry {
  const node = tree.get(directory);
  const name = `${directory}/`;
  const fixed = { name, type: "directory", size: 0 } as const;
  if (node === undefined) {
    return Object.freeze({ ...fixed, mode: 0o755, mtime: created, ...ownedBy(owner) });
  }
  const { mode, mtime, uid, gid, uname, gname, xattrs } = node;
  return Object.freeze({
    ...fixed,
    ...{ mode, mtime, uid, gid, uname, gname },
    ...(xattrs === undefined ? {} : { xattrs }),
  });
}

/**
 * The path that a path leads to when all links in it are followed; undefined where
 * nothing is.
 *
 * @throws {KbuildError} Links go in circles.
 */
export function followPath(tree: BaseTree, path: string, links = 0): string | undefined {
  if (links > MAX_LINKS) {
    throw new KbuildError(`Cannot follow "/${path}": its links in the image go in circles`);
  }
  const plain = plainPath(path);
  if (plain === "") return "";
  const slash = plain.lastIndexOf("/");
  const parent = slash < 0 ? "" : followPath(tree, plain.slice(0, slash), links);
  if (parent === undefined) return undefined;
  const here = (parent === "" ? "" : `${parent}/`) + plain.slice(slash + 1);
  const node = tree.get(here);
  if (node?.type !== "symlink") return node === undefined ? undefined : here;
  const { linkName } = node;
  return followPath(
    tree,
    cleanName(linkName.startsWith("/") ? linkName : `${parent}/${linkName}`),
    links + 1,
  );
}

/** The directory that a path leads to when the links in it are followed; new parts stay as they are. */
function resolveDirectory(tree: BaseTree, path: string): string {
  let links = 0;
  let done: string[] = [];
  const todo = path.split("/");
  while (todo.length > 0) {
    const part = todo.shift()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = [...done, part].join("/");
    const node = tree.get(here);
    if (node?.type === "symlink") {
      if (++links > MAX_LINKS) {
        throw new KbuildError(
          `Cannot copy into "/${path}": its links in the base image go in circles`,
        );
      }
      if (node.linkName.startsWith("/")) done = [];
      todo.unshift(...node.linkName.split("/"));
    } else if (node === undefined || node.type === "directory") {
      done.push(part);
    } else {
      throw new KbuildError(`Cannot copy into "/${path}": "/${here}" is a file in the base image`);
    }
  }
  return done.join("/");
}
