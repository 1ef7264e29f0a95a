import { format as formatBytes } from "@std/fmt/bytes";
import { cutStart, cutTo, widthOf } from "../cli/mod.ts";
import { INVISIBLE, printable } from "../errors.ts";
import type { Progress, UnitKind, UnitState } from "../events/mod.ts";

/** What a unit is doing, and what it has done. */
const VERBS: Readonly<Record<UnitKind, readonly [present: string, past: string]>> = Object.freeze({
  build: ["building", "Built"],
  generate: ["generating", "Generated"],
  image: ["building image", "Built image"],
  tarball: ["packing", "Packed"],
  package: ["packaging", "Packaged"],
  sbom: ["listing the modules of", "Listed the modules of"],
  fetch: ["fetching", "Fetched"],
  unpack: ["unpacking", "Unpacked"],
  compress: ["compressing", "Compressed"],
  push: ["pushing", "Pushed"],
  load: ["loading", "Loaded"],
  test: ["testing", "Tested"],
});

/** `12 s`, `3 min 5 s`, `1 h 2 min`; below ten seconds with a tenth. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The same in whole seconds, for what is redrawn: a tenth that runs says nothing. */
export function age(ms: number): string {
  // What shows it began a moment after what it shows.
  return ms < 10_000 ? `${Math.floor(Math.max(ms, 0) / 1000)} s` : duration(ms);
}

/** What `printable()` leaves. */
const UNSAFE = new RegExp(String.raw`[\n\t${INVISIBLE}]`, "g");

/**
 * A name within a line: what would end the line, move the cursor or turn the direction of the text is
 * escaped, so that a name of the checkout draws nothing and gives a CI service no order.
 */
export function oneLine(name: string): string {
  return printable(name).replaceAll(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `building kubectl for linux/amd64`. */
export function doing({ kind, name }: UnitState): string {
  return `${VERBS[kind][0]} ${oneLine(name)}`;
}

/**
 * The same with what of it is at work, for one line.
 *
 * @param room Columns: what does not fit is cut, of both where both are long.
 */
export function doingNow(unit: UnitState, room: number): string {
  const name = doing(unit);
  if (unit.progress?.at === undefined) return cutTo(name, room);
  const at = oneLine(unit.progress.at);
  const both = room - 2;
  const first = cutTo(name, Math.max(Math.ceil(both / 2), both - widthOf(at)));
  return `${first}: ${cutStart(at, both - widthOf(first))}`;
}

/** `Built kubectl for linux/amd64 in 12 s`. */
export function done({ kind, name, started = 0, ended = 0 }: UnitState): string {
  return `${VERBS[kind][1]} ${oneLine(name)} in ${duration(ended - started)}`;
}

/** `12.3 MB of 97 MB`, `layer 2 of 3`; "" where nothing is known. */
export function howFar(progress: Progress | undefined): string {
  if (progress === undefined) return "";
  const { done, total, of } = progress;
  const word = (value: number) => of === "bytes" ? formatBytes(value) : String(value);
  const all = total === undefined ? "" : ` of ${word(total)}`;
  if (of === "packages") return `${word(done)}${all} ${(total ?? done) === 1 ? "package" : of}`;
  return of === "layers" ? `layer ${done}${all}` : `${word(done)}${all}`;
}
