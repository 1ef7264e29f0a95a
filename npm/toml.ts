/** `@std/toml` where only npm is reachable. */
// @ts-types="./types/toml.d.ts"
export * from "deno-std/toml/mod.js";
