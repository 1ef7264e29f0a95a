/** `@std/fmt/bytes` where only npm is reachable. */
// @ts-types="./types/fmt_bytes.d.ts"
export * from "deno-std/fmt/bytes.js";
