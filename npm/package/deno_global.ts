/**
 * What the modules of the npm package mean by `Deno`: Deno's own under Deno, else a stand-in made
 * from Node's modules. Bound in each module, never put into the global scope, where other packages
 * would take it for a sign of Deno.
 *
 * @module
 */
const own = Reflect.get(globalThis, "Deno") as typeof globalThis.Deno | undefined;

/** Deno's namespace, or its substitute under Node.js and Bun. */
export const Deno: typeof globalThis.Deno = own ?? (await import("./node_deno.ts")).nodeDeno();

/** `Array.fromAsync`, which Node.js has since 22, for what kbuild gives it: iterables. */
export async function arrayFromAsync<T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** `Map.groupBy`, which Node.js has since 21. */
export function mapGroupBy<K, T>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
