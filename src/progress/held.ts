import type { RunEvent, RunState } from "../events/mod.ts";

/** Characters that are kept of each unit: the last ones. */
const MAX_OUTPUT = 1 << 20;

/**
 * Output of the programs of units, which is kept until it is known what becomes of them: that of a unit
 * that was made is shown when it ends, that of one that failed whole, with the error at the end of the
 * run, wherever other units are at work. So output of two units never mixes.
 */
export class HeldOutput {
  readonly #running = new Map<string, string>();
  /** By kind and name: what fails, and then fails again when it is tried once more, is shown once. */
  readonly #failed = new Map<string, string>();

  /**
   * Takes an event.
   *
   * @returns The text that is to be shown now, before what the event itself shows.
   */
  take(event: RunEvent, state: RunState): string {
    if (event.event === "log") {
      if (event.id !== undefined) {
        const text = (this.#running.get(event.id) ?? "") + event.text;
        this.#running.set(event.id, text.slice(-MAX_OUTPUT));
      }
      return event.level === "error" ? this.#takeFailed() : "";
    }
    if (event.event !== "unit.end") return "";
    const text = this.#running.get(event.id) ?? "";
    this.#running.delete(event.id);
    const { kind, name } = state.units.get(event.id) ?? {};
    if (event.result === "failed") {
      this.#failed.set(`${kind} ${name}`, text);
      return "";
    }
    // What a generator says without failing is of no use.
    return event.result === "stopped" || kind === "generate" ? "" : closed(text);
  }

  #takeFailed(): string {
    const text = [...this.#failed.values()].map(closed).join("");
    this.#failed.clear();
    return text;
  }
}

/** Text that ends with its line. */
function closed(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
