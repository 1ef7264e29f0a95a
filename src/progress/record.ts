import { KbuildError } from "../errors.ts";
import { reasonOf, writeAll } from "../files/mod.ts";
import type { Events } from "../events/mod.ts";
import { eventLine } from "./views.ts";

/**
 * Writes the events of a run to a file, a line each, as they come: what a killed run has done so far can
 * be read from it. What was in the file is replaced.
 *
 * @param path Absolute.
 * @throws {KbuildError} The file cannot be written.
 */
export function recordEvents(events: Events, path: string): void {
  const failed = (error: unknown) =>
    new KbuildError(`Cannot write events to "${path}": ${reasonOf(error)}`, { cause: error });
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw failed(error);
  }
  const encoder = new TextEncoder();
  const end = events.listen((event) => {
    try {
      writeAll(path, file, encoder.encode(eventLine(event)));
    } catch (error) {
      end();
      file.close();
      throw failed(error);
    }
    if (event.event !== "run.end") return;
    end();
    file.close();
  });
}
