/** A file of a result. */
export interface StoredFile {
  /** Relative, with slashes: "linux/amd64/kubectl". Neither empty nor with a part that is "." or "..". */
  readonly path: string;
  /** `sha256:…`. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** 0o755 for what somebody may execute, else 0o644. */
  readonly mode: number;
}

/** What a unit of work left, under the key that stands for everything it was made from. */
export interface StoredResult {
  /** SHA-256 in hexadecimal. */
  readonly key: string;
  /** By path, each once. */
  readonly files: readonly StoredFile[];
  /** How long it took, for whoever divides work. */
  readonly seconds?: number;
  /** Whatever else is worth keeping, at most 64 KiB. */
  readonly note?: string;
}

/** What was read and written so far. */
export interface StoreCounts {
  /** Small values that were found. */
  readonly values: number;
  /** Files that were fetched. */
  readonly fetched: number;
  /** Bytes of those. */
  readonly fetchedBytes: number;
  /** Results that were saved. */
  readonly saved: number;
  /** Bytes that were sent for them and for small values. */
  readonly savedBytes: number;
  /** Files, results and values that were not what they should be. */
  readonly refused: number;
}

/**
 * Results of units of work, shared by whoever has the store's address. Everything that comes from it is
 * checked before it is used. It never fails: a store that is gone, slow, full or wrong has nothing, and
 * takes nothing; a warning says so once. An abort of the run is thrown, as everywhere.
 */
export interface Store extends Disposable {
  /** As the user gave it, without credentials. */
  readonly url: string;
  /** Whether nothing is written. */
  readonly readOnly: boolean;
  /** Whether it is still asked: nothing has gone wrong that would go wrong again. */
  readonly isUsable: boolean;
  /** Whether results may still be saved: it is not read-only, and nothing has gone wrong that would go wrong again. */
  readonly isWritable: boolean;
  /** What happened so far. */
  readonly counts: StoreCounts;
  /**
   * Looks up the result of a key. The files are in the store as a rule; {@linkcode Store.fetch} tells.
   *
   * @returns undefined: not there, or not usable.
   */
  result(key: string): Promise<StoredResult | undefined>;
  /**
   * Whether files of a result are there, with their sizes; their bytes are not read.
   *
   * @returns false also where the store could not be asked.
   */
  holds(files: readonly StoredFile[]): Promise<boolean>;
  /**
   * Brings a file of a result: bytes are checked against digest and size before the file appears, with
   * its mode. A file of that name is replaced; the directory is made if missing.
   *
   * @returns Whether the file is there. If not, the unit has to be made.
   * @throws {KbuildError} `to` cannot be written.
   */
  fetch(file: StoredFile, to: string): Promise<boolean>;
  /**
   * Keeps a result: its files first, the record last, so that whoever finds the record finds the files.
   *
   * @param pathOf Where a file is on this machine.
   * @returns Whether the store has it now; false without a warning where nothing is written.
   */
  save(result: StoredResult, pathOf: (file: StoredFile) => string): Promise<boolean>;
  /**
   * A small value, such as a compressed block.
   *
   * @param key SHA-256 in hexadecimal, of what the value was made from and of how.
   * @returns undefined: not there, or not as it was written.
   */
  value(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps a small value of at most {@linkcode MAX_VALUE} bytes; a larger one is not kept. */
  saveValue(key: string, bytes: Uint8Array): Promise<void>;
}

/** Bytes that a small value may have. */
export const MAX_VALUE: number = 3 << 20;

/** Content by its digest. */
export type StoredBlob = Pick<StoredFile, "digest" | "size">;

/**
 * One kind of store, which knows addresses and transport alone. It checks nothing that it reads. Its
 * failures are {@linkcode StoreFault}s; any other error is a bug, or the abort of the run.
 */
export interface Backend extends Disposable {
  /**
   * Reads what is under a key.
   *
   * @param most Bytes that it may have.
   */
  readEntry(key: string, most: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes what is under a key; replaces what is there. The blobs that it names are there already. */
  writeEntry(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    blobs: readonly StoredBlob[],
  ): Promise<void>;
  /** Whether a blob is there, with the right size. */
  hasBlob(blob: StoredBlob): Promise<boolean>;
  /** The content of a blob; undefined if missing. */
  readBlob(blob: StoredBlob): Promise<AsyncIterable<Uint8Array> | undefined>;
  /**
   * Writes a blob, which appears complete or not at all; replaces one of that digest.
   *
   * @param read Its content from the beginning; throws before the last bytes if they are not what they
   * should be.
   */
  writeBlob(blob: StoredBlob, read: () => AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<void>;
}

/**
 * How much a failure spoils: `one` operation, all `reading` or all `writing` (no permission, no space), `all`
 * that would follow (nobody answers).
 */
export type FaultExtent = "one" | "reading" | "writing" | "all";

/** A failure of a store. */
export class StoreFault extends Error {
  /** The class, for whoever cannot use `instanceof`. */
  override readonly name = "StoreFault";
  /** What it spoils. */
  readonly extent: FaultExtent;
  /** What can be done about it. */
  readonly notes: readonly string[];

  /**
   * Makes a failure.
   *
   * @param reason The end of "Cannot use the store: …".
   */
  constructor(
    reason: string,
    extent: FaultExtent,
    { notes = [], cause }: { notes?: readonly string[]; cause?: unknown } = {},
  ) {
    super(reason, { cause });
    this.extent = extent;
    this.notes = Object.freeze([...notes]);
  }
}
