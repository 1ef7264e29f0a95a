import { join } from "@std/path";
import { format as formatBytes } from "@std/fmt/bytes";
import {
  entriesOf,
  freeBytes,
  ifPossible,
  ifPresent,
  mountOf,
  openFile,
  realPathOfNearest,
  sizeOfTree,
} from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { RELEASE_DIRECTORIES } from "../lib/outputs.ts";
import { BYTES_PER_PLATFORM } from "../lib/golang/mod.ts";
import { type MemoryBudget, memoryBudget } from "../lib/util.ts";
import { quote, type Shell } from "../shell/mod.ts";
import type { Check, Found } from "./types.ts";

const GROUP = "machine";

/**
 * Go's linker takes this much for kubelet or e2e.test alone: golang.sh of 1.21 measured 2 GiB resident for
 * all targets, and a linker is ended by the system well before half of that.
 */
const LEAST_MEMORY = 2 ** 30;

/**
 * What the first release of a checkout takes below `_output` for one platform, Go's cache included: 1.20.2 for
 * linux/amd64 takes some 6 GB.
 */
const FIRST_RELEASE = 6e9;

/** Open files that Go's compiler and parallel packing may have at a time. */
const LEAST_OPEN_FILES = 1024;

/** What a machine offers, wherever kbuild runs. */
export function checkMachine(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  budget: () => MemoryBudget = memoryBudget,
): readonly Check[] {
  return [
    { group: GROUP, name: "memory", examine: () => Promise.resolve(examineMemory(budget())) },
    { group: GROUP, name: "open files", examine: () => examineLimits(shell, env) },
  ];
}

function examineMemory({ bytes, source, path }: MemoryBudget): Found {
  const says = `${(bytes / 2 ** 30).toFixed(1)} GiB (${source})`;
  const container = source === "cgroup limit"
    ? [
      "Raise the limit of the container (docker run --memory, Kubernetes' resources.limits)",
      ...path === undefined ? [] : [`Or as root: echo 8G >${quote(path)}`],
    ]
    : ["Close other programs, or add swap"];
  if (bytes < LEAST_MEMORY) {
    return {
      state: "failure",
      says: `${says}: too little to link Kubernetes' programs`,
      fixes: container,
    };
  }
  if (bytes >= BYTES_PER_PLATFORM) return { state: "ok", says };
  return {
    state: "warning",
    says: `${says}: the system may end a linker; a platform takes up to ${
      BYTES_PER_PLATFORM / 2 ** 30
    } GiB`,
    fixes: ["Build with fewer compilers at once: GOFLAGS=-p=1", ...container],
  };
}

async function examineLimits(
  shell: Shell,
  env: Readonly<Record<string, string>>,
): Promise<Found | undefined> {
  const asked = await ifPossible(shell.run(["sh", "-c", "ulimit -n"], { cwd: "/", env }));
  const text = asked?.stdout.trim() ?? "";
  if (text === "unlimited") return { state: "ok", says: text };
  const limit = Number(text);
  if (text === "" || Number.isNaN(limit)) return undefined;
  if (limit >= LEAST_OPEN_FILES) return { state: "ok", says: text };
  return {
    state: "warning",
    says:
      `At most ${limit} files can be open at a time: compilers may fail with "too many open files"`,
    fixes: [`In the shell that starts kbuild: ulimit -n ${LEAST_OPEN_FILES}`],
  };
}

/** What the place of a checkout offers. */
export function checkPlace(context: KubeContext): readonly Check[] {
  return [
    { group: GROUP, name: "disk", examine: () => examineDisk(context) },
    { group: GROUP, name: "mount", examine: () => examineMount(context) },
    { group: GROUP, name: "file system", examine: () => examineFileSystem(context) },
    { group: GROUP, name: "owner", examine: () => examineOwner(context) },
  ];
}

async function examineDisk({ outputRoot }: KubeContext): Promise<Found | undefined> {
  const { directory, bytes: free } = await freeBytes(realPathOfNearest(outputRoot));
  let last = 0;
  for (const name of RELEASE_DIRECTORIES) {
    last += await ifPresent(sizeOfTree(join(outputRoot, name))) ?? 0;
  }
  const needed = last === 0 ? FIRST_RELEASE : last;
  const what = last === 0 ? "a first release takes about" : "the last release took";
  const says = `${formatBytes(free)} free at "${directory}"; ${what} ${formatBytes(needed)}`;
  if (free >= needed) return { state: "ok", says };
  // A new release is complete before it replaces the old one.
  const fixes = [
    ...last === 0 ? [] : ["Remove the last release and all builds: kbuild clean"],
    `To build on a larger disk: mkdir /LARGER/_output && ln -s /LARGER/_output ${
      quote(outputRoot)
    }`,
  ];
  return { state: last === 0 ? "warning" : "failure", says, fixes };
}

/** Outputs are written, and generators among them are started. */
async function examineMount({ outputRoot }: KubeContext): Promise<Found | undefined> {
  const mount = await mountOf(realPathOfNearest(outputRoot));
  if (mount === undefined) return undefined;
  const { point, options } = mount;
  if (options.includes("ro")) {
    return {
      state: "failure",
      says: `The outputs would be on "${point}", which is mounted read-only`,
      fixes: [`As root: mount -o remount,rw ${quote(point)}`],
    };
  }
  if (!options.includes("noexec")) return undefined;
  return {
    state: "failure",
    says: `The outputs would be on "${point}", where no program can be started (noexec): ` +
      "generators and tests could not run",
    fixes: [`As root: mount -o remount,exec ${quote(point)}`],
  };
}

/** Locks keep two runs apart; two names that differ in case alone are one file on some disks. */
async function examineFileSystem({ root }: KubeContext): Promise<Found | undefined> {
  const names = (await entriesOf(root) ?? []).filter(({ isFile }) => isFile).map(({ name }) =>
    name
  );
  const name = names.find((name) => name.toLowerCase() !== name.toUpperCase());
  if (name === undefined) return undefined;
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  const isFolded = !names.includes(other) &&
    await ifPresent(Deno.lstat(join(root, other))) !== undefined;
  using file = await openFile(join(root, name));
  const canLock = await ifPossible(file.lock(false).then(() => true));
  if (canLock !== true) {
    return {
      state: "failure",
      says: "Files cannot be locked here: two runs at a time could mix their outputs",
      fixes: [
        "Put the checkout on a local disk, or mount the share with locks (NFS: without nolock)",
      ],
    };
  }
  if (!isFolded) return { state: "ok", says: "Files can be locked, names keep their case" };
  return {
    state: "warning",
    says:
      "Names that differ in case alone are one file here: git may show changes that nobody made",
    fixes: ["On macOS, keep the checkout on a case-sensitive volume (Disk Utility, APFS)"],
  };
}

async function examineOwner({ root }: KubeContext): Promise<Found | undefined> {
  const { uid } = await Deno.stat(root);
  const own = Deno.uid();
  if (own === 0 || own === null || uid === null || uid === own) return undefined;
  return {
    state: "warning",
    says:
      `The checkout belongs to another user (${uid}, not ${own}): its _output may not be writable`,
    fixes: [`sudo chown -R ${own} "${root}"`],
  };
}
