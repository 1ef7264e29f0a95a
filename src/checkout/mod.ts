/**
 * What a Kubernetes checkout is: its root, its era, and what its own scripts say of targets,
 * platforms, images and the Go to build with. Scripts are read, never run.
 *
 * @module
 */

export type { BashContext, BashReader, BashSource, Diagnostic } from "../bash/mod.ts";
export {
  CODECGEN,
  CODECGEN_SCRIPT,
  type Codegen,
  CODEGEN_SCRIPT,
  type CodegenCall,
  type CodegenInputs,
  codegenNames,
  type CodegenScript,
  type CodegenScriptPath,
  type CodegenStep,
  PROTOBINDINGS,
  PROTOBUF,
  PROTOBUF_SCRIPT,
  PROTOC,
  readCodegenScript,
  readProtocVersion,
  toolModule,
} from "./codegen_calls.ts";
export type { CodegenFiles } from "./codegen_files.ts";
export { buildsThroughLink, goWorkingDirectory } from "./go_directory.ts";
export {
  applyConfig,
  type CheckoutConfig,
  CONFIG_KEYS,
  type ConfigListKey,
  type ConfigValueKey,
  findConfig,
  findConfigFile,
  type ListChange,
  readConfig,
} from "./config.ts";
export { PLATFORM_GROUPS, TARGET_GROUPS } from "./groups.ts";
export { detectEra } from "./era.ts";
export {
  readUpdateList,
  readVerifyLists,
  VERIFY_SCRIPT,
  type VerifyLists,
} from "./check_scripts.ts";
export { type CheckoutFile, readCheckoutFile } from "./files.ts";
export { type GoCall, type GoCallInputs, type GoCalls, readGoCalls } from "./go_calls.ts";
export {
  type GoModes,
  type GoPackageInputs,
  type GoPackages,
  readGoModes,
  readGoPackages,
} from "./go_packages.ts";
export {
  type EtcdWanted,
  INTEGRATION_SCRIPT,
  type IntegrationScript,
  readEtcdWanted,
  readIntegrationScript,
} from "./integration_script.ts";
export { isLfsPointerFile } from "./lfs.ts";
export { findRoot, KUBERNETES, moduleOf, type RootSearch, searchRoot } from "./find_root.ts";
export {
  checkBuildPlatforms,
  GO_SYSTEMS,
  type PlatformSet,
  setupPlatforms,
  type SetupPlatformsOptions,
} from "./platforms.ts";
export { readBash, type ReadBashOptions } from "./kubernetes_bash.ts";
export { findMakeTarget, type MakeTarget } from "./make_target.ts";
export type { MakeText } from "./make_variables.ts";
export {
  type Makefile,
  type MakeRule,
  readMakefile,
  type ReadMakefileOptions,
} from "./makefile.ts";
export { runsReleaseTests } from "./release_tests.ts";
export { readCheckout, type ReadCheckoutOptions } from "./read_checkout.ts";
export {
  MODULES,
  readTestScript,
  TEST_SCRIPT,
  type TestCall,
  type TestPackages,
  type TestScript,
  type TestScriptInputs,
} from "./test_calls.ts";
export { type EraTable, eraTable, type TableImage } from "./tables.ts";
export {
  readVersionLdflags,
  readVersionScript,
  readVersionVars,
  VERSION_SCRIPT,
  VERSION_VARIABLES,
  type VersionLdflagsInputs,
  type VersionScriptInputs,
  type VersionScriptResult,
  type VersionValue,
  type VersionVariable,
} from "./version_script.ts";
export { readVetScript, VET_SCRIPT, type VetScript } from "./vet_script.ts";
export type {
  Checkout,
  ContainerNames,
  Era,
  EraName,
  ImageDockerfile,
  Platform,
  PlatformLists,
  Sourced,
  TargetLists,
  WrappedBinary,
} from "./types.ts";
