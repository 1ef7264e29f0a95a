/**
 * Port of `hack/lib/golang.sh`: targets, platforms, Go's flags and environment, the build plan and
 * its execution.
 *
 * @module
 */
export { type GoCacheOptions, serveGoCache } from "./go_cache.ts";
export { goCacheMachine } from "./go_cache_machine.ts";
export { adjustCall, type AdjustInputs } from "./adjust_call.ts";
export {
  buildBinaries,
  type BuildOptions,
  buildUnits,
  type BuiltBinary,
  missingError,
  prepareBuild,
  type PreparedBuild,
  unitOfStep,
  unusableStore,
} from "./build.ts";
export { checkCompilers } from "./compilers.ts";
export { type Correction, currentGoCorrections } from "./current_go.ts";
export { compilerVariable, tableGoCalls } from "./flag_rules.ts";
export { buildsThroughLink, goWorkingDirectory } from "../../checkout/mod.ts";
export type { PreparedSteps, RunningStep, StepRunner } from "./elsewhere.ts";
export { hostGoEnv, shownGoEnv } from "./go_env.ts";
export { goList } from "./go_list.ts";
export { type LinkedPackages, linkedPackages } from "./linked_packages.ts";
export { gopathLink, hostLink, type Link, makeLink } from "./links.ts";
export type { OverlayFile, StepFile } from "./overlay.ts";
export { expandPatterns } from "./patterns.ts";
export { libraryTargets } from "./libraries.ts";
export type { PackageFiles } from "./package_files.ts";
export { placeBins } from "./place.ts";
export { plannedKeys } from "./planned_keys.ts";
export {
  countedVariables,
  type KeyOptions,
  openStepKeys,
  portableText,
  type StepKey,
  type StepKeys,
  type StepPlace,
} from "./step_key.ts";
export {
  type BinaryOutput,
  type BuildFacts,
  type BuildPlan,
  type BuildRequest,
  type BuildStep,
  planBuild,
  type PlatformPlan,
  type PlatformTargets,
} from "./plan.ts";
export type { MissingUnit, SharedResults } from "./results.ts";
export { type Share, stepsOfShare } from "./share.ts";
export { BYTES_PER_PLATFORM, type Schedule, schedulePlatforms } from "./schedule.ts";
export {
  binaryName,
  commandTargets,
  goPackages,
  isPattern,
  selectTargets,
  type TargetSelection,
  workspaceModules,
} from "./targets.ts";
export { watchedDirectories } from "./watched.ts";
export { mayStampCommit, stampsCommit } from "./vcs_stamp.ts";
export { type Looks, type StepSources } from "./sources.ts";
export { type BuildRecord, type BuildRecords, lookAhead, openRecords } from "./up_to_date.ts";
export { verifyGoVersion } from "./verify_go_version.ts";
