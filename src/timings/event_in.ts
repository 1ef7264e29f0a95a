import type { RunEvent, UnitResult } from "../events/mod.ts";
import { objectIn } from "../files/mod.ts";
import { STAGES } from "../progress/mod.ts";

/** Milliseconds that a run can last: a month. What is longer was not measured. */
const MAX_MS = 30 * 24 * 3_600_000;

const RESULTS: Readonly<Record<UnitResult, true>> = Object.freeze({
  made: true,
  reused: true,
  failed: true,
  stopped: true,
});

/** Whether a value is what a field must hold. */
type Test = (value: unknown) => boolean;

const isText: Test = (value) => typeof value === "string";
const isAmount: Test = (value) =>
  typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
const isTime: Test = (value) => isAmount(value) && Number(value) <= MAX_MS;
const isKeyOf = (words: object): Test => (value) =>
  typeof value === "string" && Object.hasOwn(words, value);
const orMissing = (test: Test): Test => (value) => value === undefined || test(value);
const isTimes: Test = (value) =>
  typeof value === "object" && value !== null && Object.values(value).every(isTime);

/** The fields of events that readers of a file work with, as `docs/events.schema.json` has them. */
const FIELDS: Readonly<Record<RunEvent["event"], Readonly<Record<string, Test>>>> = Object.freeze({
  "run.start": { at: isText, command: isText },
  "run.expected": { units: isTimes, made: orMissing(isTimes) },
  "run.sample": {
    processors: isAmount,
    ofProcessors: isAmount,
    memory: isAmount,
    ofMemory: isAmount,
  },
  "run.stage": { stage: isText, wall: isTime, processor: orMissing(isAmount) },
  "run.end": { code: isAmount },
  "unit.queued": { id: isText, kind: isKeyOf(STAGES), name: isText },
  "unit.start": { id: isText },
  "unit.progress": { id: isText, done: isAmount, total: orMissing(isAmount), of: isText },
  "unit.end": { id: isText, result: isKeyOf(RESULTS), reason: orMissing(isText) },
  "log": { level: isText, text: isText, id: orMissing(isText) },
});

/** The event that a line of a file holds; undefined for any other line, such as one that was cut off. */
export function eventIn(line: string): RunEvent | undefined {
  const value = objectIn(line);
  const name = value?.["event"];
  if (value === undefined || typeof name !== "string" || !Object.hasOwn(FIELDS, name)) {
    return undefined;
  }
  const fields = Object.entries({ ...FIELDS[name as RunEvent["event"]], ms: isTime });
  return fields.every(([field, test]) => test(value[field]))
    ? value as unknown as RunEvent
    : undefined;
}
