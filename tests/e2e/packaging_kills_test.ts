/**
 * Packaging that is killed, that finds a damaged cache, or that has no room left.
 * `KBUILD_TEST_KILLS` and `KBUILD_TEST_SEED` choose how many kills and at which moments.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  AMD64,
  auditCache,
  CACHE_DIRECTORY,
  cacheEntries,
  changeProgram,
  contentsOf,
  differences,
  leftoversIn,
  madeUpCheckout,
  randomNumbers,
  RELEASE_DIRECTORIES,
} from "./_packaging.ts";
import { noMount, withTmpfs } from "./_tmpfs.ts";
import {
  copyTree,
  ended,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  output,
  processesBelow,
  start,
  unless,
  which,
} from "./_program.ts";

const KILLS = Number(Deno.env.get("KBUILD_TEST_KILLS") ?? 40);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);
const PACKAGE = ["package-tarballs", ...AMD64];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const missing = which("git") === undefined && "needs git";

/** What a try is made of: what is removed before it, and whether a program is another one. */
const KINDS = [
  { name: "empty cache", remove: [CACHE_DIRECTORY], change: false },
  { name: "full cache", remove: [`${CACHE_DIRECTORY}/artifacts.json`], change: false },
  { name: "changed program", remove: [], change: true },
  { name: "nothing there", remove: [CACHE_DIRECTORY, ...RELEASE_DIRECTORIES], change: false },
  {
    name: "changed program, full cache",
    remove: [`${CACHE_DIRECTORY}/artifacts.json`],
    change: true,
  },
] as const;

Deno.test({
  ...unless(
    missing || (Deno.build.os !== "linux" && "needs /proc"),
    `${KILLS} SIGKILLs at random moments of package-tarballs: every file with a final name is ` +
      "whole, no cached block is bad, and the next run gives the undisturbed digests",
  ),
  fn: () =>
    inScratch(async (dir) => {
      console.log(`KBUILD_TEST_SEED=${SEED}`);
      const random = randomNumbers(SEED);
      const root = await madeUpCheckout(join(dir, "kubernetes"));
      const out = join(root, "_output");
      /** A checkout has one of two kubelets; what an undisturbed run gives for each. */
      const wanted: Record<string, string>[] = [];
      for (const seed of [1001, 1002]) {
        await changeProgram(root, "kubelet", seed);
        await remove(out, KINDS[3].remove);
        await kbuildOk(PACKAGE, { cwd: root });
        wanted.push(contentsOf(out));
      }
      let current = 1;
      const durations: number[] = [];
      const prepare = async (kind: typeof KINDS[number]) => {
        await remove(out, kind.remove);
        if (!kind.change) return;
        current = 1 - current;
        await changeProgram(root, "kubelet", 1001 + current);
      };
      for (const kind of KINDS) {
        await prepare(kind);
        const started = performance.now();
        await kbuildOk(PACKAGE, { cwd: root });
        durations.push(performance.now() - started);
        assertEquals(differences(contentsOf(out), wanted[current]!), [], kind.name);
      }

      const known = new Map<string, string>();
      const count = { killed: 0, atWork: 0, oldKept: 0, newPlaced: 0, good: 0, rejected: 0 };
      for (let at = 0; at < KILLS; at++) {
        const kind = KINDS[at % KINDS.length]!;
        const before = contentsOf(out, ["release-tars", "release-images"]);
        await prepare(kind);
        // What comes before the packaging, Deno's start and git, is the same each time.
        const ms = durations[at % KINDS.length]! * (0.1 + 0.95 * random());
        const moment = `try ${at} of seed ${SEED}, ${kind.name}, SIGKILL after ${ms.toFixed(0)} ms`;
        const { killed, took } = await killedAfter(root, ms);
        for (let i = 0; i < 100 && processesBelow(dir).length > 0; i++) await pause(50);
        assertEquals(processesBelow(dir), [], moment);
        if (killed) count.killed += 1;
        // It was faster than undisturbed: others use the machine less now.
        else durations[at % KINDS.length] = Math.min(took, durations[at % KINDS.length]!);
        if (leftoversIn(out).length > 0) count.atWork += 1;

        const now = contentsOf(out);
        for (const [path, digest] of Object.entries(now)) {
          assert(!path.includes(".kbuild-tmp-"), `${path}: ${moment}`);
          const isNew = digest === wanted[current]![path];
          assert(isNew || digest === wanted[1 - current]![path], `${path} is bad: ${moment}`);
        }
        if (kind.change) {
          const old = Object.entries(before).every(([path, digest]) => now[path] === digest);
          count[old ? "oldKept" : "newPlaced"] += 1;
        }
        const cache = await auditCache(out, known);
        assertEquals(cache.poisoned, [], moment);
        count.good += cache.good;
        count.rejected += cache.rejected;

        await kbuildOk(PACKAGE, { cwd: root });
        assertEquals(differences(contentsOf(out), wanted[current]!), [], moment);
        assertEquals(leftoversIn(out), [], moment);
      }
      const each = KINDS.map(({ name }, at) => `${name} ${(durations[at]! / 1000).toFixed(1)} s`);
      console.log(`undisturbed: ${each.join(", ")}\n${JSON.stringify(count)}`);
      assert(count.killed >= KILLS * 0.5, `only ${count.killed} of ${KILLS} were killed`);
      assert(count.atWork >= KILLS * 0.25, `only ${count.atWork} of ${KILLS} while it packed`);
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
    }),
});

/** @returns Whether it was still running then, and the milliseconds that it took. */
async function killedAfter(root: string, ms: number): Promise<{ killed: boolean; took: number }> {
  const started = performance.now();
  const child = start(kbuildArgv(...PACKAGE), { cwd: root });
  const end = ended(child);
  await Promise.race([pause(ms), end]);
  try {
    child.kill("SIGKILL");
  } catch {
    // It was faster.
  }
  const killed = (await end).signal === "SIGKILL";
  return { killed, took: performance.now() - started };
}

async function remove(out: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await Deno.remove(join(out, path), { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** A way in which something in the cache is no longer what kbuild wrote. */
interface Damage {
  readonly name: string;
  /** @param entries Absolute paths of all cached blocks. @param victim A file that is not kbuild's. */
  readonly to: (entries: readonly string[], victim: string) => void;
}

const each = (change: (path: string, at: number) => void) => (entries: readonly string[]) =>
  entries.forEach(change);

function rewrite(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
  Deno.writeFileSync(path, change(Deno.readFileSync(path)));
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at] = bytes[at]! ^ (1 << at % 8);
  return bytes;
}

function relink(path: string, target: string): void {
  Deno.removeSync(path);
  Deno.symlinkSync(target, path);
}

const CACHE_DAMAGES: readonly Damage[] = [
  {
    name: "cut off anywhere",
    to: each((path, at) => rewrite(path, (bytes) => bytes.slice(0, (bytes.length * at / 97) | 0))),
  },
  { name: "cut off by one byte", to: each((path) => rewrite(path, (bytes) => bytes.slice(0, -1))) },
  { name: "emptied", to: each((path) => Deno.truncateSync(path, 0)) },
  {
    name: "with one bit flipped",
    to: each((path, at) => rewrite(path, (bytes) => flip(bytes, (at * 104_729) % bytes.length))),
  },
  {
    name: "with a bit of the checksum flipped",
    to: each((path) => rewrite(path, (b) => flip(b, 31))),
  },
  {
    name: "with zeros at the end, as after a crash of the machine",
    to: each((path) => rewrite(path, (bytes) => bytes.fill(0, bytes.length >> 1))),
  },
  { name: "with a byte more", to: each((path) => rewrite(path, (b) => new Uint8Array([...b, 0]))) },
  {
    name: "swapped with one another",
    to: (entries) => {
      const first = Deno.readFileSync(entries[0]!);
      entries.forEach((path, at) => {
        const next = entries[at + 1];
        Deno.writeFileSync(path, next === undefined ? first : Deno.readFileSync(next));
      });
    },
  },
  {
    name: "replaced by directories",
    to: each((path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(join(path, "a directory"), { recursive: true });
    }),
  },
  {
    name: "replaced by links to one another",
    to: (entries) => entries.slice(1).forEach((path, at) => relink(path, entries[at]!)),
  },
  { name: "replaced by links to nothing", to: each((path) => relink(path, `${path}-`)) },
  { name: "replaced by links to themselves", to: each((path) => relink(path, path)) },
  { name: "replaced by links to a directory", to: each((path) => relink(path, join(path, ".."))) },
  { name: "removed", to: each((path) => Deno.removeSync(path)) },
  {
    name: "all different",
    to: (entries, victim) =>
      entries.forEach((path, at) =>
        CACHE_DAMAGES[at % (CACHE_DAMAGES.length - 1)]!.to([path], victim)
      ),
  },
];

/** Written through, they would change what is not kbuild's. */
const LINKS_ELSEWHERE: readonly Damage[] = [
  {
    name: "replaced by links to a file elsewhere",
    to: (entries, victim) => entries.forEach((path) => relink(path, victim)),
  },
  {
    name: "hard-linked to a file elsewhere",
    to: (entries, victim) =>
      entries.forEach((path) => {
        Deno.removeSync(path);
        Deno.linkSync(victim, path);
      }),
  },
];

interface DirectoryDamage {
  readonly name: string;
  /** @param cache The cache's directory. */
  readonly to: (cache: string) => void;
}

/** What can happen to the rest of the cache's directory. */
const DIRECTORY_DAMAGES: readonly DirectoryDamage[] = [
  {
    name: "the directory of a level is a file",
    to: (cache) => {
      for (const { name } of Deno.readDirSync(cache)) {
        Deno.removeSync(join(cache, name), { recursive: true });
        Deno.writeTextFileSync(join(cache, name), "a file");
      }
    },
  },
  {
    name: "what the last run wrote down is a directory",
    to: (cache) => {
      Deno.removeSync(join(cache, "artifacts.json"));
      Deno.mkdirSync(join(cache, "artifacts.json/a"), { recursive: true });
    },
  },
  ...["", "null", "[]", "{", '{"format":1,"made":{}}'].map(otherRecord),
  {
    name: "what the last run wrote down is cut off",
    to: (cache) => rewrite(join(cache, "artifacts.json"), (bytes) => bytes.slice(0, 2000)),
  },
];

/** The same, where nothing can be cached, or what is there is no record. */
const UNBEARABLE: readonly DirectoryDamage[] = [
  {
    name: "its directory is a file",
    to: (cache) => {
      Deno.removeSync(cache, { recursive: true });
      Deno.writeTextFileSync(cache, "");
    },
  },
  {
    name: "its directory is a link to nothing",
    to: (cache) => {
      Deno.removeSync(cache, { recursive: true });
      Deno.symlinkSync(`${cache}-`, cache);
    },
  },
  ...['{"format":1}', '{"format":1,"made":null}'].map(otherRecord),
];

function otherRecord(text: string): DirectoryDamage {
  return {
    name: `what the last run wrote down is now ${JSON.stringify(text)}`,
    to: (cache) => Deno.writeTextFileSync(join(cache, "artifacts.json"), text),
  };
}

/** A release, and its cache kept aside. */
async function withRelease(
  body: (release: {
    dir: string;
    out: string;
    /** Packs again, after `damage`, from the cache that the first run left. */
    again: (name: string, damage: () => void) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  await inScratch(async (dir) => {
    const root = await madeUpCheckout(join(dir, "kubernetes"), 0.4);
    const out = join(root, "_output");
    await kbuildOk(PACKAGE, { cwd: root });
    const wanted = contentsOf(out);
    const intact = await auditCache(out);
    assert(intact.good > 15 && intact.rejected === 0, JSON.stringify(intact));
    const kept = await copyTree(join(out, CACHE_DIRECTORY), join(dir, "kept"));
    const again = async (name: string, damage: () => void) => {
      await remove(out, [CACHE_DIRECTORY, ...RELEASE_DIRECTORIES]);
      await copyTree(kept, join(out, CACHE_DIRECTORY));
      damage();
      const { code, stderr } = await kbuild(PACKAGE, { cwd: root });
      assertEquals(code, 0, `${name}: ${stderr.slice(stderr.indexOf("kbuild:"))}`);
      assertEquals(differences(contentsOf(out), wanted), [], name);
      assertEquals(leftoversIn(out), [], name);
      const isDirectory = await Deno.stat(join(out, CACHE_DIRECTORY)).then(
        (i) => i.isDirectory,
        () => false,
      );
      if (isDirectory) assertEquals((await auditCache(out)).poisoned, [], name);
    };
    await body({ dir, out, again });
  });
}

const blocksOf = (out: string) => cacheEntries(out).map((path) => join(out, path));

Deno.test({
  ...unless(missing, "package-tarballs gives the right digests whatever happened to cached blocks"),
  fn: () =>
    withRelease(async ({ dir, out, again }) => {
      for (const { name, to } of CACHE_DAMAGES) await again(name, () => to(blocksOf(out), dir));
    }),
});

Deno.test({
  ...unless(
    missing,
    "package-tarballs writes through no link that stands for a cached block",
  ),
  fn: () =>
    withRelease(async ({ dir, out, again }) => {
      const victim = join(dir, "not kbuild's.txt");
      for (const { name, to } of LINKS_ELSEWHERE) {
        const precious = "precious\n".repeat(9000);
        await Deno.writeTextFile(victim, precious);
        await again(name, () => to(blocksOf(out), victim));
        assert(await Deno.readTextFile(victim) === precious, `${name}: the file was changed`);
      }
    }),
});

Deno.test({
  ...unless(
    missing,
    "package-tarballs gives the right digests whatever happened to the cache's directory",
  ),
  fn: () =>
    withRelease(async ({ out, again }) => {
      for (const { name, to } of DIRECTORY_DAMAGES) {
        await again(name, () => to(join(out, CACHE_DIRECTORY)));
      }
    }),
});

Deno.test({
  ...unless(missing, "package-tarballs goes without a cache whose directory is not one"),
  fn: () =>
    withRelease(async ({ out, again }) => {
      for (const { name, to } of UNBEARABLE) {
        await again(name, () => to(join(out, CACHE_DIRECTORY)));
      }
    }),
});

/** Kilobytes that a file system has left. */
async function roomIn(place: string): Promise<number> {
  const lines = (await output(["df", "-k", "--output=avail", place])).trim().split("\n");
  return Number(lines.at(-1));
}

/** Leaves that many kilobytes free. */
async function fill(place: string, kilobytes: number): Promise<void> {
  const count = await roomIn(place) - kilobytes;
  const ballast = `of=${join(place, "ballast")}`;
  await output(["dd", "if=/dev/zero", ballast, "bs=1k", `count=${Math.max(0, Math.floor(count))}`]);
}

Deno.test({
  ...unless(
    missing || noMount,
    "package-tarballs on a full disk: a clear message, nothing bad under a final name, and the right " +
      "digests once there is room",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.4);
      const out = join(root, "_output");
      const programs = await copyTree(join(out, "dockerized"), join(dir, "dockerized"));
      let digests: Record<string, string>[] = [];
      let need = 0;
      let stopped = 0;
      await Deno.remove(out, { recursive: true });
      await withTmpfs("400m", out, async () => {
        await copyTree(programs, join(out, "dockerized"));
        const setKubelet = (which: number) => changeProgram(root, "kubelet", 1001 + which);
        const everything = [CACHE_DIRECTORY, ...RELEASE_DIRECTORIES];
        for (const which of [0, 1]) {
          await setKubelet(which);
          await remove(out, everything);
          const before = await roomIn(out);
          await kbuildOk(PACKAGE, { cwd: root });
          need = before - await roomIn(out);
          digests = [...digests, contentsOf(out)];
        }
        for (const share of [0.01, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95, 0.99]) {
          for (const old of [false, true]) {
            const moment = `${share} of ${need} KB${old ? ", beside an older release" : ""}`;
            await remove(out, everything);
            if (old) {
              await setKubelet(0);
              await kbuildOk(PACKAGE, { cwd: root });
              // Everything is to be made again, nothing is to be linked.
              await remove(out, [CACHE_DIRECTORY]);
            }
            await setKubelet(1);
            await fill(out, share * need);
            const { code, stdout, stderr } = await kbuild(PACKAGE, { cwd: root });
            assertEquals(leftoversIn(out), [], moment);
            if (code === 0) {
              assertEquals(differences(contentsOf(out), digests[1]!), [], moment);
            } else {
              stopped += 1;
              const end = stderr.slice(stderr.indexOf("kbuild:"));
              assertEquals([code, stdout], [1, ""], moment);
              assertMatch(end, /^kbuild: Cannot [^\n]*no space left on device/i, moment);
              assertMatch(end, /\n {2}-> Free some /, moment);
              assert(!/^ +at /m.test(end), end);
              const left = old ? digests[0]! : {};
              assertEquals(differences(contentsOf(out), left), [], moment);
            }
            assertEquals((await auditCache(out)).poisoned, [], moment);
            await remove(out, ["ballast"]);
            await kbuildOk(PACKAGE, { cwd: root });
            assertEquals(differences(contentsOf(out), digests[1]!), [], `${moment}, with room`);
          }
        }
      });
      console.log(`a release takes ${need} KB; ${stopped} of 18 runs had too little`);
      assert(stopped >= 10, `${stopped}`);
    }),
});
