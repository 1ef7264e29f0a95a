/**
 * Ports of `hack/make-rules/verify.sh` and `update.sh`: which of a checkout's `hack/verify-*` and
 * `hack/update-*.sh` run, what each needs, running them, and the report.
 *
 * @module
 */
export { type Check, type CheckRequest, listChecks, listUpdates } from "./list.ts";
export { findNeeds, type Need, type NeedsContext, scriptNeeds } from "./needs.ts";
export { nativeScript } from "./find_native.ts";
export type { NativeScript } from "./native.ts";
export { type ProgramScript, readProgramScript } from "./program_script.ts";
export { openUndo, type Undo, type Undone } from "./undo.ts";
export { isRepeatable } from "./repeatable.ts";
export { openVerdicts, type Verdicts } from "./verdicts.ts";
export { checkReport } from "./report.ts";
export { type CheckResult, type CheckRun, runCheck, runChecks } from "./run.ts";
export { scriptEnv } from "./script_env.ts";
