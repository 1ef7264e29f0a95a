/**
 * Where the time of a run went: the runs that were kept in the output directory, as figures, a page and a
 * trace.
 *
 * @module
 */
export { keepRun, type KeptRun, keptRuns, type ReadRun, readRun } from "./runs.ts";
export { criticalPath, type Figures, figuresOf, type UnitFigures } from "./figures.ts";
export { pageOf } from "./html.ts";
export { traceOf } from "./trace.ts";
