/** `@std/cli` where only npm is reachable: the parser alone, since the npm package misses files of the rest. */
// @ts-types="./types/cli.d.ts"
export * from "deno-std/cli/parse_args.js";
