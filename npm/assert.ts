/** `@std/assert` where only npm is reachable. */
// @ts-types="./types/assert.d.ts"
export * from "deno-std/assert/mod.js";
