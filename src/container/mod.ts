/**
 * Builds in containers: the port of what `build/common.sh` does with docker. Planning is pure (names,
 * variables, arguments); one executor starts the engine's client, docker's or podman's.
 *
 * @module
 */
export {
  type ContainerStart,
  execStart,
  loadArguments,
  removeArguments,
  runArguments,
} from "./arguments.ts";
export { buildxNamed, readNodes } from "./buildx.ts";
export { type BuildxRequest, buildxRunner } from "./bake_run.ts";
export {
  type Bake,
  type BakeCache,
  type BakeInputs,
  type BakeNode,
  type BakeTarget,
  cacheTag,
  type GoPart,
  planBake,
  type SourceEntry,
} from "./bake.ts";
export { type BakeEvent, readBake } from "./bake_progress.ts";
export {
  type BuildContainer,
  type BuildContainerOptions,
  type Keeper,
  KEEPER_COMMAND,
  type Said,
  startBuildContainer,
  startKeeper,
} from "./build_container.ts";
export {
  type BuildImage,
  chooseBuildImage,
  ignoredImageVariables,
  inspectBuildImage,
  provideBuildImage,
} from "./build_image.ts";
export {
  checkoutHashes,
  disposalStarts,
  disposeOfEngine,
  type EngineDisposal,
  type FoundContainer,
  ownContainers,
  ownImages,
  planEngineDisposal,
} from "./clean.ts";
export {
  describeEngine,
  engineNamed,
  ENGINES,
  findEngine,
  hasEngine,
  oldClient,
} from "./engine.ts";
export { containerEnvironment, type ContainerSettings } from "./environment.ts";
export { engineError, updateDocker } from "./explain.ts";
export { type CheckoutIdentity, identityOf, isAlive, ownerOf } from "./identity.ts";
export { containersInUse } from "./locks.ts";
export { containerName, type HashInputs, LABEL, rootHash } from "./names.ts";
export {
  type ExecuteOptions,
  executeRun,
  type PlannedStart,
  type PreparedRun,
  prepareRun,
  type RunRequest,
  startsOf,
  type Sync,
  SYNC_MODES,
  type SyncMode,
  volumeName,
} from "./run.ts";
export {
  listSources,
  type Manifest,
  manifestText,
  parseManifest,
  planSync,
  type SyncPlan,
  type VolumeState,
} from "./sync.ts";
export { type CopiedOutputs, type CopyOptions, copyOutputs, fetchPaths } from "./copy_outputs.ts";
export {
  type BringOptions,
  bringSources,
  type BroughtSources,
  excludedPaths,
  listChanging,
  sendPaths,
  type VolumeContainer,
} from "./volume.ts";
export {
  copyFromVolume,
  executeInVolume,
  type VolumeRunOptions,
  volumeStarts,
} from "./volume_run.ts";
export type { ContainerRun, Engine, Mount } from "./types.ts";
