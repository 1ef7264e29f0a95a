/**
 * Looking into finished releases: every file read to its end, archives in archives and programs
 * included.
 *
 * @module
 */
export { type Executable, readExecutable } from "./executable.ts";
export { surveyFile, type SurveyOptions } from "./survey.ts";
export type { Content, Form, GoBuild, Member, Program } from "./types.ts";
export { compareContents, type CompareOptions, type Difference } from "./compare_contents.ts";
