import { KbuildError } from "../errors.ts";
import { reasonOf, writeAll } from "../files/mod.ts";
import type { Events, RunEvent } from "../events/mod.ts";
import { eventLine } from "./views.ts";

/** Options of {@linkcode recordEvents}. */
export interface RecordOptions {
  /** Whether it begins with what has happened so far, and leaves out texts and progress; default false. */
  readonly facts?: boolean;
}

/**
 * Writes the events of a run to a file, a line each, as they come: what a killed run has done so far can
 * be read from it. What was in the file is replaced.
 *
 * @param path Absolute.
 * @throws {KbuildError} The file cannot be written. A file of facts that cannot be written any more ends
 * there.
 */
export function recordEvents(
  events: Events,
  path: string,
  { facts = false }: RecordOptions = {},
): void {
  const failed = (error: unknown) =>
    new KbuildError(`Cannot write events to "${path}": ${reasonOf(error)}`, { cause: error });
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw failed(error);
  }
  const encoder = new TextEncoder();
  let isOpen = true;
  const close = () => {
    isOpen = false;
    file.close();
  };
  const write = (event: RunEvent) => {
    if (!isOpen || (facts && (event.event === "log" || event.event === "unit.progress"))) return;
    try {
      writeAll(path, file, encoder.encode(eventLine(event)));
      if (event.event === "run.end") close();
    } catch (error) {
      close();
      if (!facts) throw failed(error);
    }
  };
  events.listen(write, { replay: facts });
}
