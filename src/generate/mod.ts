/**
 * Generated files that a build needs and git does not have, made by the checkout's own generators.
 *
 * @module
 */
export {
  ensureGeneratedFiles,
  type GenerateOptions,
  type GenerationPlan,
  generationUnits,
  type GeneratorStamp,
  planGeneratedFiles,
} from "./generate.ts";
export { type GoDirectories, parseGoDirectories, type Pruned } from "./go_directories.ts";
export {
  type GeneratorFindings,
  type GeneratorsOptions,
  type GeneratorsPlan,
  type GeneratorsResult,
  type GeneratorSummary,
  planGenerators,
  runGenerators,
} from "./run_generators.ts";
export {
  type GeneratedDifference,
  type GeneratedViolations,
  type GeneratorsVerdict,
  verifyGenerators,
} from "./verify_generators.ts";
export {
  type GenerationItem,
  type Generator,
  type GeneratorRules,
  readGeneratorRules,
} from "./items.ts";
export {
  findGenerated,
  type GeneratedRemoval,
  type KeptFile,
  removeGenerated,
} from "./remove_generated.ts";
export type { GeneratorTask, TaskItem } from "./generator_steps.ts";
export type { ItemRecord, ItemState } from "./item_state.ts";
export type { GeneratorFlag, LeftOut, PackageGenerator, PackageTag } from "./package_generators.ts";
export type { GoImport } from "./go_shape.ts";
export type { GoFile, GoSources } from "./go_sources.ts";
export type { StaleItem } from "./stale_items.ts";
export { findOutdated, warnAboutOutdated } from "./outdated.ts";
export { type GeneratedFile, readGeneratedFiles, type TagFiles } from "./sources.ts";
export { type GenerationFindings, missingFromGit } from "./stale.ts";
export type { GenerationRecord, GenerationState } from "./state.ts";
export { findTagged, openapiPackages } from "./tagged.ts";
export type { GenerationProcess, GenerationSteps } from "./generation_steps.ts";
export type { ToolCommand } from "./tool_command.ts";
export {
  type CodegenFindings,
  type CodegenOptions,
  type CodegenPlan,
  type CodegenRanks,
  codegenScriptOf,
  planCodegen,
  readCodegenText,
  type TaskInputs,
} from "./plan_codegen.ts";
export { type CodegenResult, runCodegen, verifyCodegen } from "./run_codegen.ts";
export type { CodegenRecord, CodegenState } from "./codegen_state.ts";
export type { CodegenTask } from "./codegen_tasks.ts";
export type { StaleTask } from "./stale_task.ts";
export { renewCodegen } from "./renew_codegen.ts";
export type { ProtocTools } from "./protoc.ts";
