/**
 * Port of `hack/lib/golang.sh`: targets, platforms, Go's flags and environment, the build plan and
 * its execution.
 *
 * @module
 */
export { buildBinaries, type BuildOptions, type BuiltBinary, prepareBuild } from "./build.ts";
export { type FlagInputs, type GoFlags, goFlags } from "./flag_rules.ts";
export {
  compareGoVersions,
  type GoTool,
  type GoVersion,
  parseGoVersion,
  verifyGoVersion,
} from "./go_tool.ts";
export { createGopathTree, gopathLink } from "./gopath_tree.ts";
export { linkHostBins, placeBins } from "./place.ts";
export {
  type BinaryOutput,
  type BuildPlan,
  type BuildStep,
  compilerVariable,
  goWorkingDirectory,
  hostGoEnv,
  isStatic,
  planBuild,
  type PlanInputs,
  platformEnv,
  type PlatformTargets,
} from "./plan.ts";
export { BYTES_PER_PLATFORM, type Schedule, schedulePlatforms } from "./schedule.ts";
export {
  binaryName,
  commandNames,
  goPackages,
  selectTargets,
  type TargetSelection,
  workspaceModules,
} from "./targets.ts";
