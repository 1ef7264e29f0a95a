/**
 * What a user sees of a run while it runs: views of its events.
 *
 * @module
 */
export { type ProgressMode, progressMode } from "./mode.ts";
export { processorTime, StageMeter, STAGES } from "./stages.ts";
export { eventLine, showRun, stageLines, summary, type ViewOptions } from "./views.ts";
export { recordEvents } from "./record.ts";
export { estimate, timeLeft } from "./estimate.ts";
export { frame } from "./frame.ts";
export { sampleMachine } from "./sample.ts";
export { Waits } from "./waits.ts";
export { duration, oneLine } from "./words.ts";
