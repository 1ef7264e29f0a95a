/**
 * Bills of materials (SBOMs) of a release: which modules its programs are linked from, and which
 * programs its tarballs, images and packages hold, as SPDX and CycloneDX documents. Also its provenance.
 *
 * @module
 */
export { artifactBom, type DescribedArtifact, programBom, releaseBom } from "./bom.ts";
export { type FoundProgram, type ReadArtifact, readArtifact } from "./contents.ts";
export { cycloneDxDocument } from "./cyclonedx.ts";
export { licenseIn, licenseOf } from "./licenses.ts";
export {
  goVersionOf,
  linkedModules,
  moduleDifferences,
  modulesOfProgram,
  plainImport,
} from "./linked_modules.ts";
export {
  type ModuleList,
  parseGodeps,
  parseModulesTxt,
  readModuleList,
  stagingVersion,
  sumDigest,
  type Vendored,
} from "./module_list.ts";
export {
  PROVENANCE_FILE,
  type ProvenanceFacts,
  type ProvenanceInput,
  provenanceStatement,
  type ProvenanceSubject,
  STATEMENT_TYPE,
  statementOf,
} from "./provenance.ts";
export { golangPurl, imagePurl, packagePurl } from "./purl.ts";
export { spdxDocument } from "./spdx.ts";
export type {
  Bom,
  BomContext,
  Component,
  ListedModule,
  ListedProgram,
  ModuleOrigin,
  Relation,
  RelationKind,
} from "./types.ts";
