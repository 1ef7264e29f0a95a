import { dirname, join } from "@std/path";
import { ifPresent, objectIn, readText, writeFileAtomic } from "../files/mod.ts";
import { isDigest } from "../image/mod.ts";
import type { Reference } from "./reference.ts";

/** What a tag stood for when it was last asked for. */
export interface Remembered {
  /** `sha256:…` of its manifest or index. */
  readonly digest: string;
  /** The registry that said so. */
  readonly from: string;
  /** When: "2026-01-31T12:00:00Z". */
  readonly at: string;
  /** Whether that registry is the tag's own. */
  readonly digestFrom: "origin" | "mirror";
}

/** `<cache>/tags/docker.io/library/busybox/_tags/latest.json`: no part of a name begins with "_". */
function notePath(cache: string, { host, repository, tag }: Reference): string {
  return join(cache, "tags", host, repository, "_tags", `${tag}.json`);
}

/**
 * What a tag stood for; undefined where nothing is known. It may decide what is built, so a file that exists and
 * cannot be read is an error.
 *
 * @throws The system's error.
 */
export async function recall(cache: string, name: Reference): Promise<Remembered | undefined> {
  if (name.tag === undefined) return undefined;
  const text = await ifPresent(readText(notePath(cache, name))) ?? "";
  const { digest, from, at, digestFrom } = objectIn(text) ?? {};
  if (!isDigest(digest)) return undefined;
  return Object.freeze({
    ...{ digest, from: String(from), at: String(at) },
    digestFrom: digestFrom === "origin" ? "origin" : "mirror",
  });
}

/** Writes down what a tag stands for, under its own name, whatever mirror it came from. */
export async function remember(cache: string, name: Reference, what: Remembered): Promise<void> {
  if (name.tag === undefined) return;
  const path = notePath(cache, name);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, `${JSON.stringify(what)}\n`);
}
