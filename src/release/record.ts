import { join } from "@std/path";
import { ifPossible, readNote, removeTree, writeFileAtomic } from "../files/mod.ts";
import type { Artifact } from "./artifact.ts";

/** Version of the record's form, and of how artifacts are made from their inputs. */
const FORMAT = 2;
const NAME = "artifacts.json";

/** What the last run made, and from what: for the next run to know what it need not make. */
export interface ReleaseRecord {
  /** All of the three directories as that run left them: {@linkcode Identity.strict}. */
  readonly outputs: string;
  /** By path below the output root. */
  readonly made: Readonly<Record<string, MadeArtifact>>;
}

/** An artifact, and the identity of what it was made from. */
export interface MadeArtifact {
  readonly artifact: Artifact;
  /** The file as that run left it: {@linkcode Identity.strict}. */
  readonly output: string;
  /**
   * {@linkcode Identity.strict} of files, and digests of the artifacts in it; "" when a file was too
   * new to be sure of.
   */
  readonly inputs: string;
}

/** Reads what {@linkcode writeRecord} wrote; undefined for nothing, or something else. */
export async function readRecord(directory: string): Promise<ReleaseRecord | undefined> {
  const record = await readNote(join(directory, NAME));
  return record !== undefined && isRecord(record) ? Object.freeze(record) : undefined;
}

/** Keeps a record. If it cannot be written, the next run takes longer; that is not an error. */
export async function writeRecord(directory: string, record: ReleaseRecord): Promise<void> {
  const isWritten = await ifPossible(writeNote(directory, record));
  if (isWritten !== true) await ifPossible(removeTree(join(directory, NAME)));
}

async function writeNote(directory: string, record: ReleaseRecord): Promise<true> {
  await Deno.mkdir(directory, { recursive: true });
  await writeFileAtomic(join(directory, NAME), JSON.stringify({ format: FORMAT, ...record }));
  return true;
}

function isRecord(
  found: Readonly<Record<string, unknown>>,
): found is Readonly<Record<string, unknown>> & ReleaseRecord {
  const isObject = (value: unknown) => typeof value === "object" && value !== null;
  if (found["format"] !== FORMAT || typeof found["outputs"] !== "string") return false;
  if (!isObject(found["made"])) return false;
  return Object.values(found["made"] as Record<string, Partial<MadeArtifact> | null>).every((
    made,
  ) =>
    typeof made?.output === "string" && typeof made.inputs === "string" &&
    isObject(made.artifact) &&
    typeof made.artifact?.path === "string" && typeof made.artifact.sha256 === "string"
  );
}
