import { join } from "@std/path";
import { type ByteSink, readTar } from "../archive/mod.ts";
import { KbuildError } from "../errors.ts";
import { readFileChunks, removeTree, writeAll } from "../files/mod.ts";
import type { BaseContent, BaseLayer } from "./types.ts";

/** So often files of a layer are found by reading it from its start. */
const MAX_READS_FROM_START = 2;

/**
 * The contents of files in the layers of a base. A layer can only be read from its start; where several
 * files of one are wanted, it is unpacked once, so that the work does not grow with their square.
 */
export class LayerContents implements AsyncDisposable {
  readonly #label: string;
  readonly #layers: readonly BaseLayer[];
  readonly #tempDir: string | undefined;
  readonly #reads = new Map<number, number>();
  readonly #unpacked = new Map<number, Promise<string>>();
  #directory: Promise<string> | undefined;

  /**
   * @param label The base, as the user knows it.
   * @param tempDir Where layers may be unpacked; default: the system's place.
   */
  constructor(label: string, layers: readonly BaseLayer[], tempDir?: string) {
    this.#label = label;
    this.#layers = layers;
    this.#tempDir = tempDir;
  }

  /**
   * Writes the content of a file into a sink.
   *
   * @throws {KbuildError} The layer cannot be read, or does not hold it any more.
   */
  async write(content: BaseContent, sink: ByteSink): Promise<void> {
    const { layer, offset, size } = content;
    const reads = (this.#reads.get(layer) ?? 0) + 1;
    this.#reads.set(layer, reads);
    if (reads <= MAX_READS_FROM_START) return await this.#writeFromStart(content, sink);
    const path = await this.#unpack(layer);
    for await (const chunk of readFileChunks(path, { offset, size })) await sink(chunk);
  }

  async #writeFromStart({ layer, member }: BaseContent, sink: ByteSink): Promise<void> {
    for await (const found of readTar(this.#open(layer), { label: this.#label })) {
      if (found.name !== member || found.type !== "file") continue;
      for await (const chunk of found.chunks()) await sink(chunk);
      return;
    }
    throw this.#gone(`"${member}"`);
  }

  #open(layer: number): AsyncGenerator<Uint8Array, void> {
    const found = this.#layers[layer];
    if (found === undefined) throw this.#gone(`layer ${layer}`);
    return found.open();
  }

  #gone(what: string): KbuildError {
    return new KbuildError(`Cannot read ${what} of base image "${this.#label}": it is gone`);
  }

  /** The file of a layer's tar, which is unpacked when it is first asked for. */
  #unpack(layer: number): Promise<string> {
    const known = this.#unpacked.get(layer);
    if (known !== undefined) return known;
    const unpacked = this.#writeTar(layer);
    this.#unpacked.set(layer, unpacked);
    return unpacked;
  }

  async #writeTar(layer: number): Promise<string> {
    const dir = this.#tempDir === undefined ? {} : { dir: this.#tempDir };
    this.#directory ??= Deno.makeTempDir({ prefix: "kbuild-layer-", ...dir });
    const path = join(await this.#directory, `${layer}.tar`);
    using file = await Deno.open(path, { write: true, createNew: true });
    for await (const chunk of this.#open(layer)) writeAll(path, file, chunk);
    return path;
  }

  /** Removes what was unpacked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#unpacked.values());
    if (this.#directory !== undefined) await removeTree(await this.#directory);
  }
}
