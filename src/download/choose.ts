import { UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { ReleaseFile } from "./types.ts";
import { isBefore } from "./version.ts";

/** Files of a release that are asked for. */
export interface FilesRequest {
  /** Words; undefined: what `get-kube.sh` takes. */
  readonly what?: readonly string[] | undefined;
  /** In Go's spelling; undefined: each group's own. */
  readonly platforms?: readonly string[] | undefined;
  /** `v1.30.2`. */
  readonly version: string;
  /** The variables of `get-kube.sh`. */
  readonly env: Readonly<Record<string, string>>;
  /** The machine's platform. */
  readonly host: string;
}

/** Parts of a release that are one tarball for each platform. */
type Group = "client" | "server" | "node" | "test";

/** Parts of a release, and what they are called. */
const GROUPS: readonly string[] = ["client", "server", "node", "test"] satisfies Group[];
const WHOLE: Readonly<Record<string, string>> = {
  kubernetes: "kubernetes.tar.gz",
  manifests: "kubernetes-manifests.tar.gz",
  src: "kubernetes-src.tar.gz",
};

/** Operating systems that a group is published for; others for any. */
const SYSTEMS: Readonly<Partial<Record<Group, readonly string[]>>> = {
  server: ["linux"],
  node: ["linux", "windows"],
};

/** The first minor version whose tests are one tarball for each platform and a portable one. */
const PORTABLE_TESTS = 14;

/**
 * Files that words stand for, without repetition.
 *
 * @throws {UsageError} There is no such word, or a group is not published for any of the platforms.
 */
export function chooseFiles(request: FilesRequest): readonly ReleaseFile[] {
  const { version } = request;
  const what = request.what ?? usualWhat(request.env);
  const files = new Map<string, ReleaseFile>();
  const addTarball = (name: string) => files.set(name, releaseTarball(name));
  for (const word of what) {
    const whole = WHOLE[word];
    if (whole !== undefined) addTarball(whole);
    else if (word.startsWith("bin/")) {
      for (const file of programs(word, request)) files.set(file.name, file);
    } else if (!isGroup(word)) throw unknownWord(word);
    else if (word === "test" && isBefore(version, PORTABLE_TESTS)) {
      addTarball("kubernetes-test.tar.gz");
    } else {
      if (word === "test") addTarball("kubernetes-test-portable.tar.gz");
      for (const platform of platformsOf(word, request)) {
        addTarball(`kubernetes-${word}-${platform.replace("/", "-")}.tar.gz`);
      }
    }
  }
  return Object.freeze([...files.values()]);
}

/** A tarball, which is placed as a release of a checkout has it. */
export function releaseTarball(name: string): ReleaseFile {
  return Object.freeze({ name, place: `release-tars/${name}`, isProgram: false });
}

function isGroup(word: string): word is Group {
  return GROUPS.includes(word);
}

/** As `get-kube.sh` and `get-kube-binaries.sh` have it. */
function usualWhat(env: Readonly<Record<string, string>>): readonly string[] {
  return [
    ...["kubernetes", "server", "client"],
    ...(env["KUBERNETES_NODE_PLATFORM"] || env["KUBERNETES_NODE_ARCH"] ? ["node"] : []),
    ...(env["KUBERNETES_DOWNLOAD_TESTS"] ? ["test"] : []),
  ];
}

function platformsOf(
  group: Group,
  { platforms, env, host }: FilesRequest,
): readonly string[] {
  if (platforms !== undefined) {
    const possible = platforms.filter((platform) =>
      SYSTEMS[group]?.includes(platform.split("/")[0]!) ?? true
    );
    if (possible.length > 0) return possible;
    throw new UsageError(
      `Cannot download "${group}" for ${platforms.join(", ")}: it is not published`,
      [
        `It is published for ${SYSTEMS[group]?.join(" and ")}`,
      ],
    );
  }
  const [os = "", arch = ""] = host.split("/");
  const server = `linux/${env["KUBERNETES_SERVER_ARCH"] || "amd64"}`;
  const client = `${env["KUBERNETES_CLIENT_OS"] || os}/${env["KUBERNETES_CLIENT_ARCH"] || arch}`;
  const node = `${env["KUBERNETES_NODE_PLATFORM"] || "linux"}/${
    env["KUBERNETES_NODE_ARCH"] || server.slice("linux/".length)
  }`;
  if (group === "server") return [server];
  if (group === "client") return [client];
  if (group === "node") return [node];
  const isNodeGiven = env["KUBERNETES_NODE_PLATFORM"] && env["KUBERNETES_NODE_ARCH"];
  return [...new Set([client, server, ...(isNodeGiven ? [node] : [])])];
}

/** `bin/kubectl` for each platform. */
function programs(word: string, { platforms, host }: FilesRequest): readonly ReleaseFile[] {
  const name = word.slice("bin/".length);
  if (!/^[0-9A-Za-z][0-9A-Za-z._-]*$/.test(name)) throw unknownWord(word);
  const all = platforms ?? [host];
  return all.map((platform) => {
    const suffix = platform.startsWith("windows/") && !/\.\w+$/.test(name) ? ".exe" : "";
    return Object.freeze({
      name: `bin/${platform}/${name}${suffix}`,
      place: all.length === 1 ? `${name}${suffix}` : `${platform}/${name}${suffix}`,
      // Archives of images and their tags are beside programs.
      isProgram: !/\.(tar|docker_tag)$/.test(name),
    });
  });
}

function unknownWord(word: string): UsageError {
  const words = [...GROUPS, ...Object.keys(WHOLE)];
  return new UsageError(`Cannot download "${word}": there is no such part of a release`, [
    ...didYouMean(nearest(word, words)),
    `Parts: ${words.join(", ")}; bin/NAME for a single program`,
  ]);
}
