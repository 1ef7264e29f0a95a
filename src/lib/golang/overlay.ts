import { join } from "@std/path";
import { KbuildError } from "../../errors.ts";
import { type GoTool, isGoSince } from "../../toolchain/mod.ts";

/** A file that go is to see at a place where there is another, or none. */
export interface OverlayFile {
  /** Path below the directory in which `go` runs. */
  readonly place: string;
  /** What `go` sees there. */
  readonly text: string;
}

/** A file that a step needs and that is written before it. */
export interface StepFile {
  /** Where it is written; absolute. */
  readonly path: string;
  /** Its content. */
  readonly text: string;
}

/**
 * Shows go files without writing into the source tree: `-overlay`, which Go has since 1.16.
 *
 * @param options.name Of the overlay; each has files of its own.
 * @param options.directory Takes the files.
 * @param options.cwd Where `go` runs.
 * @returns No flags for no files.
 */
export function overlay(
  files: readonly OverlayFile[],
  options: { name: string; directory: string; cwd: string },
): { flags: readonly string[]; files: readonly StepFile[] } {
  if (files.length === 0) return { flags: [], files: [] };
  const { name, directory, cwd } = options;
  const written = files.map(({ place, text }) => ({
    place: join(cwd, place),
    path: join(directory, name, place.replaceAll("/", "_")),
    text,
  }));
  const Replace = Object.fromEntries(written.map(({ place, path }) => [place, path]));
  const path = join(directory, `${name}.json`);
  return {
    flags: ["-overlay", path],
    files: [
      ...written.map(({ path, text }) => ({ path, text })),
      { path, text: `${JSON.stringify({ Replace }, null, 1)}\n` },
    ],
  };
}

/** @throws {KbuildError} This Go has no overlays. */
export function requireOverlays(go: GoTool, what: string): void {
  if (isGoSince(go, "1.16")) return;
  throw new KbuildError(`Cannot build ${what} with Go ${go.version}`, {
    notes: ["That needs Go 1.16 or later (go build -overlay): --go VERSION chooses another"],
  });
}
