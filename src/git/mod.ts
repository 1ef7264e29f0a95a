/**
 * git: the one way to start it, and what it says when it cannot answer.
 *
 * @module
 */
export { askGit, gitVariables, runGit, statusPaths } from "./git.ts";
export type { GitAnswer, GitContext, GitFailure, GitRunOptions } from "./git.ts";
