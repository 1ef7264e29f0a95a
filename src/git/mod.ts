/**
 * git: the one way to start it, and what it says when it cannot answer.
 *
 * @module
 */
export { explainFailure, findRepository, type GitExplanation, saidBy } from "./explain.ts";
export { askGit, gitCommand, gitVariables, runGit, statusEntries } from "./git.ts";
export { isIndexStale, trackedByIndex } from "./index_file.ts";
export { type GitTree, openTree, type TreeHead } from "./tree.ts";
export type {
  GitAnswer,
  GitContext,
  GitFailure,
  GitOptions,
  GitRunOptions,
  StatusEntry,
} from "./git.ts";
