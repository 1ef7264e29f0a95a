import type { ByteSink } from "../archive/mod.ts";

/** What a JSON document holds. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  /** Fields that are undefined are not written. */
  readonly [key: string]: Json | undefined;
}

/** One layer of a base image, checked against its digests when the base was opened. */
export interface BaseLayer {
  /** Digest of the uncompressed layer: `sha256:…`. */
  readonly diffID: string;
  /** Digest of the blob as it is in the base, maybe compressed: `sha256:…`. */
  readonly digest: string;
  /** The blob's media type, as the base's manifest says. */
  readonly mediaType: string;
  /** Bytes of the uncompressed layer. */
  readonly tarSize: number;
  /** The uncompressed layer, read again each time. */
  open(): AsyncGenerator<Uint8Array, void>;
}

/** A file, directory or link in a base image, as its layers together show it. */
export interface BaseNode {
  /** What it is. */
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Owner's name; may be empty. */
  readonly uname: string;
  /** Group's name; may be empty. */
  readonly gname: string;
  /** Target of a symbolic link. */
  readonly linkName: string;
  /** Extended attributes, name to raw bytes. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Where a file's content is. */
  readonly content?: BaseContent;
}

/** Where the content of a base's file is. */
export interface BaseContent {
  /** Number of the layer, from 0. */
  readonly layer: number;
  /** The member's name there, unchanged. */
  readonly member: string;
  /** Where its first byte is in the uncompressed layer. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Path without slashes at its ends → what is there. */
export type BaseTree = ReadonlyMap<string, BaseNode>;

/** An image to build upon. */
export interface Base extends AsyncDisposable {
  /** What the user knows it by: `scratch` or a path. */
  readonly label: string;
  /** Lowest first. */
  readonly layers: readonly BaseLayer[];
  /** The image's configuration document; empty for `scratch`. */
  readonly config: JsonObject;
  /** Digest of that document, docker's image ID: `sha256:…`; undefined for `scratch`. */
  readonly imageId?: string;
  /** All that its layers together hold. */
  readonly tree: BaseTree;
  /**
   * Writes the content of a file into a sink.
   *
   * @throws {KbuildError} The layer cannot be read.
   */
  writeContent(content: BaseContent, sink: ByteSink): Promise<void>;
}

/** An image found in its files, before its layers are read. */
export interface FoundImage {
  readonly config: JsonObject;
  /** Digest of the configuration. */
  readonly imageId: string;
  readonly layers: readonly FoundLayer[];
}

/** A layer found in a manifest. */
export interface FoundLayer {
  /** The file that holds it. */
  readonly name: string;
  /** The digest that the manifest gives; a docker archive gives none. */
  readonly digest: string | undefined;
  readonly mediaType: string;
}
