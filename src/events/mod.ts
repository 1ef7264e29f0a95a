/**
 * What happens in a run, as one stream of events: units of work report to it, and progress, logs and
 * records of runs are views of it. The form of the events is in `docs/events.schema.json`.
 *
 * @example
 * ```ts
 * import { events } from "@k8s/kbuild";
 *
 * const stream = events.createEvents();
 * stream.listen((event) => console.log(JSON.stringify(event)));
 * const unit = stream.unit({ kind: "tarball", name: "kubernetes.tar.gz" });
 * await unit.run(() => Promise.resolve());
 * ```
 *
 * @module
 */
export {
  createEvents,
  type Events,
  type EventsOptions,
  idCounter,
  type Listener,
  type Unit,
  type UnitSpec,
} from "./stream.ts";
export { RunState, type UnitState } from "./state.ts";
export {
  EVENTS_VERSION,
  type Happening,
  type LogText,
  type Progress,
  type RunEnd,
  type RunEvent,
  type RunExpected,
  type RunSample,
  type RunStage,
  type RunStart,
  type StageName,
  type UnitEnd,
  type UnitKind,
  type UnitProgress,
  type UnitQueued,
  type UnitResult,
  type UnitStart,
} from "./types.ts";
