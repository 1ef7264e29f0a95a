/**
 * Port of `hack/lib/version.sh`: the version of a checkout and the linker flags that stamp it.
 *
 * @module
 */
export type { GitAnswer, GitFailure, GitTree, TreeHead } from "../../git/mod.ts";
export { requireVersion } from "./explain.ts";
export { getVersionVars } from "./get_version_vars.ts";
export { findLdflags, ldflags, type VersionLdflags } from "./ldflags.ts";
export { semanticVersion } from "./semantic_version.ts";
export { buildDate, findSourceDate, type SourceDate, sourceDateEpoch } from "./source_date.ts";
export type { VersionProblem, VersionVars } from "./types.ts";
export { shellVariables, versionFile } from "./version_file.ts";
