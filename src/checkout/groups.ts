import type { PlatformLists, TargetLists } from "./types.ts";

/** The lists of targets that `all` is made of, by the names that users write and read. */
export const TARGET_GROUPS = {
  "server": "server",
  "node": "node",
  "client": "client",
  "test": "test",
  "server-test": "serverTest",
  "server-image": "serverImage",
  "conformance-image": "conformanceImage",
} as const satisfies Record<string, keyof TargetLists>;

/** The groups of platforms, in the order of `hack/lib/golang.sh`. */
export const PLATFORM_GROUPS = ["server", "node", "client", "test"] as const;

/** A frozen record with a value for each group of platforms. */
export function ofPlatformGroups<T>(
  valueOf: (group: keyof PlatformLists) => T,
): Readonly<Record<keyof PlatformLists, T>> {
  return Object.freeze({
    server: valueOf("server"),
    node: valueOf("node"),
    client: valueOf("client"),
    test: valueOf("test"),
  });
}
