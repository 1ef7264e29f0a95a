/**
 * Checks of what a build or a release needs: settings, git and the version, Go and compilers, the machine, the
 * network, engines. Each finding names what is wrong and what mends it. Nothing is written or fetched.
 *
 * @module
 */
export { checkEngines, type EngineName, ENGINES } from "./engines.ts";
export { checkMachine, checkPlace } from "./machine.ts";
export { checkImages, checkProxies } from "./network.ts";
export { checkGit, checkRepository } from "./repository.ts";
export { checkConfig, checkSettings } from "./settings.ts";
export { checkBuild, checkGo } from "./toolchain.ts";
export { doctorWord, type GroupName, GROUPS } from "./words.ts";
export { type Check, examine, type Finding, type Found, type State } from "./types.ts";
