import type { Store } from "./types.ts";

/** The key of a small value that stands for nothing. */
const PROBE = "0".repeat(64);

/**
 * Asks a store for something that it need not have, or writes it. What is wrong with the store is in a warning.
 *
 * @returns Whether it can be read, or written.
 */
export async function probeStore(store: Store, doing: "read" | "write"): Promise<boolean> {
  if (doing === "read") await store.value(PROBE);
  else await store.saveValue(PROBE, new TextEncoder().encode("kbuild"));
  return doing === "read" ? store.isUsable : store.isWritable;
}
