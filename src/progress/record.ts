import { KbuildError, systemCode } from "../errors.ts";
import { ifPresentSync, reasonOf, writeAll } from "../files/mod.ts";
import type { Events, RunEvent } from "../events/mod.ts";
import { eventLine } from "./views.ts";

/** Options of {@linkcode recordEvents}. */
export interface RecordOptions {
  /** Whether it begins with what has happened so far, and leaves out texts and progress; default false. */
  readonly facts?: boolean;
}

/**
 * Opens a file for whole lines at its end, also where another run writes to it, and empties it.
 *
 * @throws The error of the system; a FIFO that nobody reads is one: to wait for its reader would stop
 * kbuild, and Ctrl-C with it.
 */
function openForLines(path: string): Deno.FsFile {
  const { isFifo } = ifPresentSync(() => Deno.statSync(path)) ?? { isFifo: false };
  if (!isFifo) {
    const file = Deno.openSync(path, { append: true, create: true });
    if (file.statSync().isFile) file.truncateSync();
    return file;
  }
  // Deno's own function knows no flag that does not wait.
  const { closeSync, constants, openSync } = globalThis.process.getBuiltinModule("node:fs");
  let probe: number;
  try {
    probe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw systemCode(cause) === "ENXIO"
      ? new KbuildError("nobody reads the FIFO; start its reader first", { cause })
      : cause;
  }
  try {
    return Deno.openSync(path, { write: true });
  } finally {
    closeSync(probe);
  }
}

/**
 * Writes the events of a run to a file, a line each, as they come: what a killed run has done so far can
 * be read from it. What was in the file is replaced.
 *
 * @param path Absolute.
 * @throws {KbuildError} The file cannot be opened. One that cannot be written any more ends there, with a
 * warning if texts are in it.
 */
export function recordEvents(
  events: Events,
  path: string,
  { facts = false }: RecordOptions = {},
): void {
  const failure = (error: unknown) => `Cannot write events to "${path}": ${reasonOf(error)}`;
  let file: Deno.FsFile;
  try {
    file = openForLines(path);
  } catch (error) {
    throw new KbuildError(failure(error), { cause: error });
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
      // An event may come from anywhere: an error would end what has nothing to do with it.
      if (!facts) events.log("warning", `WARNING: ${failure(error)}\n`);
    }
  };
  events.listen(write, { replay: facts });
}
