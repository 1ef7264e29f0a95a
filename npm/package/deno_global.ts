/**
 * What the modules of the npm package mean by `Deno`: Deno's own under Deno, else a stand-in made
 * from Node's modules. Bound in each module, never put into the global scope, where other packages
 * would take it for a sign of Deno.
 *
 * @module
 */
const own = Reflect.get(globalThis, "Deno") as typeof globalThis.Deno | undefined;

/** Deno's namespace, or what stands in for it under Node.js and Bun. */
export const Deno: typeof globalThis.Deno = own ?? (await import("./node_deno.ts")).nodeDeno();
