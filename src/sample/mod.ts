/**
 * The embedded sample: a small look-alike of a Kubernetes checkout, made by code, for
 * demonstrations and tests.
 *
 * {@linkcode createSample} makes the repository; {@linkcode sampleFiles} and
 * {@linkcode sampleHistory} compute what goes into it, without writing anything.
 *
 * @module
 */
export { createSample, type CreateSampleOptions } from "./create.ts";
export { SAMPLE_ERAS } from "./eras.ts";
export { sampleFiles, type SampleFilesOptions, sampleHistory } from "./files.ts";
export type {
  EraParameter,
  SampleCommit,
  SampleFile,
  SampleFiles,
  SampleInfo,
  SampleLink,
  SampleTextFile,
} from "./types.ts";
