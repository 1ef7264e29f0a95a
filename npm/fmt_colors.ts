/** `@std/fmt/colors` where only npm is reachable. */
// @ts-types="./types/fmt_colors.d.ts"
export * from "deno-std/fmt/colors.js";
