import { KbuildError } from "../errors.ts";
import { type ByteSink, compareNames, type TarEntry } from "../archive/mod.ts";
import { applyLayer, followPath, type LayerNode, nodeOf } from "./base_tree.ts";
import type { Base, BaseNode, BaseTree } from "./types.ts";
import { readText } from "../files/mod.ts";

/** The files of a stage or an image: those of its base, and those that instructions added. */
export class StageFiles {
  readonly #base: Base | undefined;
  readonly #own = new Map<string, TarEntry>();
  #tree: BaseTree;

  /** @param base Undefined where it is not open: what it holds is then unknown. */
  constructor(base: Base | undefined) {
    this.#base = base;
    this.#tree = base?.tree ?? new Map();
  }

  /** All that is there. */
  get tree(): BaseTree {
    return this.#tree;
  }

  /** Puts a layer on top. */
  add(layer: readonly TarEntry[]): void {
    const nodes = layer.map((entry) => nodeOf(entry)).filter((node) => node !== undefined);
    this.#tree = applyLayer(this.#tree, nodes as readonly LayerNode[]);
    for (const entry of layer) this.#own.set(entry.name.replace(/\/$/, ""), entry);
  }

  /** Whether a path, links followed, leads to something. */
  has(path: string): boolean {
    return followPath(this.#tree, path) !== undefined;
  }

  /** Whether a path, links followed, leads to a directory. */
  isDirectory(path: string): boolean {
    const found = followPath(this.#tree, path);
    return found === "" || (found !== undefined && this.#tree.get(found)?.type === "directory");
  }

  /**
   * Content of a path, links to it followed: one entry for a file; for a directory itself and all
   * below it, with names relative to it ("" for itself), sorted.
   */
  entriesAt(path: string): readonly TarEntry[] {
    const found = followPath(this.#tree, path);
    if (found === undefined) return [];
    const node = this.#tree.get(found);
    if (node !== undefined && node.type !== "directory") return [this.#entry(found, "", node)];
    const prefix = found === "" ? "" : `${found}/`;
    const below = [...this.#tree].filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => compareNames(a, b))
      .map(([name, inner]) => this.#entry(name, name.slice(prefix.length), inner));
    return node === undefined ? below : [this.#entry(found, "", node), ...below];
  }

  /** A small text file; undefined where there is none. */
  async text(path: string): Promise<string | undefined> {
    const [entry, ...more] = this.entriesAt(path);
    if (entry?.type !== "file" || more.length > 0) return undefined;
    const { content } = entry;
    if (content === undefined) return "";
    if ("bytes" in content) return new TextDecoder().decode(content.bytes);
    if ("path" in content) return await readText(content.path);
    const decoder = new TextDecoder();
    let text = "";
    await content.write((chunk) => void (text += decoder.decode(chunk, { stream: true })));
    return text + decoder.decode();
  }

  #entry(path: string, name: string, node: BaseNode): TarEntry {
    const own = this.#own.get(path);
    // What an instruction wrote is the entry itself, unless a directory of the base only came along.
    if (own !== undefined && own.type !== "directory") return { ...own, name };
    const { type, mode, mtime, uid, gid, uname, gname, linkName, xattrs, content } = node;
    if (type === "other") {
      throw new KbuildError(`Cannot copy "/${path}" out of an image: it is a device or a pipe`);
    }
    const fields = { name, mode, mtime, uid, gid, uname, gname, ...(xattrs && { xattrs }) };
    if (type === "directory") return { ...fields, type, size: 0 };
    if (type === "symlink") return { ...fields, type, size: 0, linkName };
    if (content === undefined) {
      throw new KbuildError(`Cannot copy "/${path}" out of an image: its content is in no layer`);
    }
    const base = this.#base;
    if (base === undefined) throw new TypeError("A file without a base has its own content");
    const write = (sink: ByteSink) => base.writeContent(content, sink);
    return { ...fields, type, size: content.size, content: { write, label: `/${path}` } };
  }
}
