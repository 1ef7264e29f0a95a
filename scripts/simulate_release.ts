import type { SimulatedUnit } from "./simulate_model.ts";

/** Seconds of a `go` call on two processors. */
interface Compiling {
  /** With an empty cache of Go's. */
  readonly cold: number;
  /** With what the calls above it have compiled for the same platform. */
  readonly warm: number;
}

/**
 * Of 1.28.7 for linux/amd64 with Go 1.21.7. Recorded: `warm`, and `cold` of `server`, by one `kbuild release` from nothing, call
 * after call; the others were built alone, from nothing, beside other work: their processor time, divided by the 1.91 processors
 * that the release kept busy. `server` and `client` come first of their platform: for them both are the same.
 */
const RECORDED = {
  server: { cold: 303.8, warm: 303.8 },
  kubelet: { cold: 209.3, warm: 164.6 },
  test: { cold: 343.7, warm: 323.3 },
  nodeTest: { cold: 338.1, warm: 58.1 },
  client: { cold: 86.7, warm: 86.7 },
} as const satisfies Readonly<Record<string, Compiling>>;

/** Seconds of the tarballs and all images of that run, which were packed two at a time. Recorded. */
const PACKING = { server: 5.2, node: 4.1, client: 1.7, test: 5.5, src: 6.7, images: 2.3 } as const;

const SERVER = ["linux/amd64", "linux/arm64", "linux/s390x", "linux/ppc64le"];
const NODE = [...SERVER, "windows/amd64"];
const CLIENT = [
  ...NODE,
  ...["linux/386", "linux/arm", "darwin/amd64", "darwin/arm64", "windows/386", "windows/arm64"],
];
const TEST = [...NODE, "darwin/amd64", "darwin/arm64", "windows/arm64"];

/**
 * The units of `kbuild plan --units release` of 1.28 for all platforms of its `hack/lib/golang.sh`, but for tarballs that take
 * less than a second. Every platform counts as much as the recorded one; the programs of nodes with Windows as those of a
 * client and a kubelet.
 */
export function release128(): readonly SimulatedUnit[] {
  const units: SimulatedUnit[] = [];
  const compile = (kind: keyof typeof RECORDED, platform: string) => {
    const { cold, warm } = RECORDED[kind];
    const id = `build ${kind} for ${platform}`;
    units.push({ id, needs: [], seconds: cold, cache: platform, warmSeconds: warm });
    return id;
  };
  const pack = (kind: keyof typeof PACKING, platform: string, needs: readonly string[]) => {
    const id = `pack ${kind} for ${platform}`;
    units.push({ id, needs, seconds: PACKING[kind] });
    return id;
  };
  const src = pack("src", "all platforms", []);
  for (const platform of CLIENT) {
    const isServer = SERVER.includes(platform);
    const programs = compile(isServer ? "server" : "client", platform);
    pack("client", platform, [programs]);
    if (NODE.includes(platform)) {
      const node = [src, programs, compile("kubelet", platform)];
      pack("node", platform, node);
      if (isServer) pack("server", platform, [...node, pack("images", platform, [programs])]);
    }
    if (TEST.includes(platform)) {
      const tests = [compile("test", platform)];
      if (isServer) tests.push(compile("nodeTest", platform));
      pack("test", platform, tests);
    }
  }
  return Object.freeze(units);
}
