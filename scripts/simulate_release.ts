import type { SimulatedUnit } from "./simulate_model.ts";

/**
 * Megabytes of Go sources that groups of 1.28.7 are linked from (`go list -deps`, linux/amd64, with the tag
 * `providerless`). Measured.
 */
const SOURCES = { client: 48.2, server: 84.2, kubelet: 65.0, test: 74.7 } as const;

/**
 * Seconds of a worker with two processors for a megabyte: kubectl and kubectl-convert of 1.28.7 for linux/amd64 took
 * 165.6 s of processor time from nothing with Go 1.21.7. Measured; that it holds for the other groups is an assumption.
 */
const SECONDS_PER_MEGABYTE = 165.6 / 48.2 / 2;

/** Part of a group that is compiled anew where a group with other cgo settings, or fewer packages, was before. Assumed. */
const WARM = 0.35;

/** Seconds to pack the tarballs of a platform: 17.8 s for all of linux/amd64 of 1.20.2 (docs/parity.md), divided by size. */
const PACKING = { server: 10, node: 4, client: 2, test: 2 } as const;

const SERVER = ["linux/amd64", "linux/arm64", "linux/s390x", "linux/ppc64le"];
const NODE = [...SERVER, "windows/amd64"];
const CLIENT = [
  ...NODE,
  ...["linux/386", "linux/arm", "darwin/amd64", "darwin/arm64", "windows/386", "windows/arm64"],
];
const TEST = [...NODE, "darwin/amd64", "darwin/arm64", "windows/arm64"];

/** Units of `kbuild release` of 1.28 for all platforms of its `hack/lib/golang.sh`. */
export function release128(): readonly SimulatedUnit[] {
  const units: SimulatedUnit[] = [];
  const compile = (name: string, platform: string, megabytes: number) => {
    const seconds = megabytes * SECONDS_PER_MEGABYTE;
    const id = `build ${name} for ${platform}`;
    units.push({ id, needs: [], seconds, cache: platform, warmSeconds: seconds * WARM });
    return id;
  };
  const pack = (name: keyof typeof PACKING, platform: string, needs: readonly string[]) =>
    void units.push({ id: `tarball ${name} for ${platform}`, needs, seconds: PACKING[name] });
  for (const platform of CLIENT) {
    const isServer = SERVER.includes(platform);
    const programs = isServer
      ? compile("server programs and kubectl", platform, SOURCES.server)
      : compile("kubectl", platform, SOURCES.client);
    pack("client", platform, [programs]);
    if (isServer) pack("server", platform, [programs]);
    if (NODE.includes(platform)) {
      pack("node", platform, [programs, compile("kubelet", platform, SOURCES.kubelet)]);
    }
    if (TEST.includes(platform)) {
      pack("test", platform, [compile("e2e.test", platform, SOURCES.test)]);
    }
  }
  return Object.freeze(units);
}
