/**
 * Generated files that a build needs and git does not have, made by the checkout's own generators.
 *
 * @module
 */
export {
  ensureGeneratedFiles,
  type GenerationPlan,
  missingFromGit,
  planGeneratedFiles,
} from "./generate.ts";
export { type GeneratedFile, readGeneratedFiles } from "./sources.ts";
export { findTagged, openapiPackages } from "./tagged.ts";
