/**
 * Kills and errors of the file system at random operations of packaging, layout writing, cache writing
 * and placing: the old state or the new one, never a mixture, and the next run ends right.
 * `KBUILD_TEST_FAULTS` (40) and `KBUILD_TEST_SEED` choose how many and which.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  buildFaultLibrary,
  cannotInject,
  type Change,
  type Fault,
  type FaultTarget,
  faultVariables,
  readFaultLog,
} from "../files/_faults.ts";
import { archiveOf, mirror, RELEASE, withServer } from "../toolchain/_world.ts";
import {
  AMD64,
  auditCache,
  CACHE_DIRECTORY,
  changeProgram,
  contentsOf,
  differences,
  leftoversIn,
  madeUpCheckout,
  pathsBelow,
  PROGRAMS,
  randomNumbers,
} from "./_packaging.ts";
import {
  CLONE,
  copyTree,
  inScratch,
  kbuildArgv,
  kbuildOk,
  PROGRAM_FILE,
  run,
  unless,
  which,
} from "./_program.ts";

const FAULTS = Number(Deno.env.get("KBUILD_TEST_FAULTS") ?? 40);
const SEED = Number(Deno.env.get("KBUILD_TEST_SEED") ?? Date.now() % 1_000_000);

/** The errors that a kind of change can have, and how often it is chosen. */
const KINDS: Readonly<Record<Change, { weight: number; errors: readonly Fault["how"][] }>> = {
  rename: { weight: 6, errors: ["EXDEV", "EACCES", "EIO", "ENOSPC"] },
  link: { weight: 3, errors: ["EXDEV", "EACCES", "EIO", "ENOSPC"] },
  write: { weight: 4, errors: ["ENOSPC", "EIO"] },
  create: { weight: 3, errors: ["ENOSPC", "EACCES", "EIO"] },
  sync: { weight: 2, errors: ["ENOSPC", "EIO"] },
  mkdir: { weight: 1, errors: ["ENOSPC", "EACCES"] },
  symlink: { weight: 1, errors: ["ENOSPC", "EACCES"] },
  truncate: { weight: 1, errors: ["EIO"] },
  set: { weight: 1, errors: ["EACCES", "EIO"] },
  remove: { weight: 2, errors: ["EACCES", "EIO"] },
};

/** What is disturbed. States are 0 and 1; each run leads from one to the other. */
interface Subject {
  readonly name: string;
  /** Faults hit changes at or below this path. */
  readonly below: string;
  /** Starts what leads to a state. */
  readonly argv: (state: number) => readonly string[];
  readonly program: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Makes all ready that is not part of the run. */
  prepare(state: number): Promise<void>;
  /** Path -> digest of what has its final name. */
  found(): Record<string, string>;
  /** Whether files that are whole may be old and new ones, as each has a name of its own. */
  readonly separate?: boolean;
  /** Whether the old state is nothing. */
  readonly fromNothing?: boolean;
  /** Whether the run goes without what cannot be written. */
  readonly optional?: boolean;
  /** Temporary names that are left. */
  left(): string[];
  /** What else must hold after each run. */
  check?(moment: string): Promise<void>;
}

/** How the tries of one subject went. */
interface Count {
  tries: number;
  killed: number;
  failed: number;
  /** Succeeded all the same. */
  went: number;
  /** The fault came too late, or another one came first. */
  missed: number;
  stuck: number;
}

/** Picks by weight among the kinds that the undisturbed run has. */
function chooseFault(random: () => number, seen: Partial<Record<Change, number>>): Fault {
  const kinds = (Object.keys(seen) as Change[]).sort();
  const total = kinds.reduce((sum, kind) => sum + KINDS[kind].weight, 0);
  let left = random() * total;
  const kind = kinds.find((kind) => (left -= KINDS[kind].weight) < 0) ?? kinds[0]!;
  const { errors } = KINDS[kind];
  const how = random() < 0.4 ? "kill" : errors[Math.floor(random() * errors.length)]!;
  const at = 1 + Math.floor(random() * seen[kind]!);
  return { how, at, changes: [kind], always: how !== "kill" && random() < 0.3 };
}

async function disturb(
  subject: Subject,
  tries: number,
  { library, random, log }: { library: string; random: () => number; log: string },
): Promise<Count> {
  const { argv, below, env = {}, program } = subject;
  const place: FaultTarget = { library, program, below, log };
  const start = async (state: number, fault?: Fault) => {
    const more = fault === undefined ? {} : faultVariables(fault, place);
    return { ...await run(argv(state), { env: { ...env, ...more } }), ...readFaultLog(log) };
  };
  const found = () =>
    Object.fromEntries(
      Object.entries(subject.found()).filter(([path]) => !/\.kbuild-tmp-|\/\.lock$/.test(path)),
    );
  const wanted: Record<string, string>[] = [];
  let seen: Partial<Record<Change, number>> = {};
  for (const state of [0, 1, 0]) {
    await subject.prepare(state);
    const done = await start(state, { how: "kill", at: 0 });
    assertEquals(done.code, 0, `${subject.name}, undisturbed: ${done.stderr}`);
    wanted[state] = found();
    seen = done.seen;
  }
  const [first, second] = wanted as [Record<string, string>, Record<string, string>];
  assert(Object.keys(first).length > 0, `${subject.name}: nothing came of it`);
  const same = subject.fromNothing !== true && differences(first, second).length === 0;
  assert(!same, `${subject.name}: both states are the same`);
  const isWhole = (path: string, digest: string) =>
    digest === first[path] || digest === second[path];

  const count: Count = { tries, killed: 0, failed: 0, went: 0, missed: 0, stuck: 0 };
  for (let at = 0; at < tries; at++) {
    const state = 1 - at % 2;
    const [old, made] = [subject.fromNothing ? {} : wanted[1 - state]!, wanted[state]!];
    await subject.prepare(state);
    const fault = chooseFault(random, seen);
    const { code, signal, stderr, hit } = await start(state, fault);
    const moment = `${subject.name}, try ${at} of seed ${SEED}: ${JSON.stringify(fault)} ` +
      `${hit[0] ?? "not reached"}\n${stderr}`;
    const now = found();
    for (const [path, digest] of Object.entries(now)) {
      assert(isWhole(path, digest), `${path} is damaged: ${moment}`);
    }
    if (hit.length === 0) count.missed += 1;
    if (signal === "SIGKILL") {
      count.killed += 1;
    } else if (code === 0) {
      count.went += 1;
      if (subject.optional !== true) assertEquals(differences(now, made), [], moment);
    } else {
      count.failed += 1;
      assertEquals(code, 1, moment);
      assert(subject.optional !== true, `The run depends on what it may go without: ${moment}`);
      assertMatch(stderr, /^kbuild: \S/m, moment);
      assert(!/^ +at .*:\d+:\d+/m.test(stderr), moment);
      // Neither forward nor back: an error that stays came between the renames.
      const isStuck = stderr.includes("old state cannot be restored");
      if (isStuck) count.stuck += 1;
      const isOld = differences(now, old).length === 0 || differences(now, made).length === 0;
      assert(isStuck || subject.separate === true || isOld, moment);
      // What cannot be removed stays for the next run.
      const isClean = fault.changes?.[0] === "remove" || isStuck;
      if (!isClean) assertEquals(subject.left(), [], moment);
    }
    await subject.check?.(moment);
    const next = await start(state);
    assertEquals(next.code, 0, `The next run: ${next.stderr}\n${moment}`);
    assertEquals(differences(found(), made), [], moment);
    assertEquals(subject.left(), [], moment);
    await subject.check?.(moment);
  }
  return count;
}

/** A step of `_fault_step.ts` as a subject. */
function libraryStep(step: string, dir: string) {
  const script = fromFileUrl(new URL("_fault_step.ts", import.meta.url));
  const config = join(CLONE, Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json");
  const program = Deno.realPathSync(Deno.execPath());
  return {
    name: step,
    program,
    argv: (state: number | string) => [
      ...[program, "run", "-A", "--no-check", "--config", config],
      ...[script, step, dir, `${state}`],
    ],
  };
}

const temporaries = (dir: string) =>
  pathsBelow(dir).filter((path) => path.includes(".kbuild-tmp-"));

/** Size of the program that changes: a try takes a second, not ten. */
const SMALL = 40_000;

async function setProgram(root: string, state: number): Promise<void> {
  await changeProgram(root, "kube-proxy", 1000 + state, SMALL + state);
}

const PACKAGE = ["package-tarballs", ...AMD64];

Deno.test({
  ...unless(
    cannotInject ?? (which("git") === undefined && "needs git"),
    `${FAULTS} kills and errors of the file system in packaging, layout writing, cache writing and ` +
      "placing: the old state or the new one, and the next run ends right",
  ),
  fn: () =>
    inScratch(async (dir) => {
      console.log(`KBUILD_TEST_SEED=${SEED}`);
      const tools = {
        library: await buildFaultLibrary(dir),
        random: randomNumbers(SEED),
        log: join(dir, "changes.log"),
      };
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.004);
      const out = join(root, "_output");
      const known = new Map<string, string>();
      const soundCache = async (moment: string) =>
        assertEquals((await auditCache(out, known)).poisoned, [], moment);
      const program = PROGRAM_FILE;
      const argv = () => kbuildArgv(...PACKAGE, "--root", root);
      const packaging: Subject = {
        name: "packaging",
        ...{ program, argv, below: out },
        prepare: (state) => setProgram(root, state),
        found: () => contentsOf(out),
        left: () => leftoversIn(out),
        check: soundCache,
      };
      const blockCache: Subject = {
        ...packaging,
        name: "cache of blocks",
        below: join(out, CACHE_DIRECTORY),
        optional: true,
        async prepare(state) {
          await setProgram(root, state);
          await Deno.remove(join(out, CACHE_DIRECTORY), { recursive: true });
        },
      };
      for (const state of [0, 1]) {
        await setProgram(root, state);
        await kbuildOk(PACKAGE, { cwd: root });
        await copyTree(join(out, "release-images/amd64"), join(dir, `archives-${state}`));
        await Deno.mkdir(join(dir, `built-${state}`));
        for (const name of ["kube-proxy", "kubectl", "kubelet"]) {
          await Deno.copyFile(join(root, PROGRAMS, name), join(dir, `built-${state}`, name));
        }
        await Deno.writeTextFile(join(dir, `built-${state}`, "kubectl"), `kubectl ${state}`);
      }
      for (const directory of ["out", "root", "cache", "toolchains"]) {
        await Deno.mkdir(join(dir, directory));
      }
      const nothing = () => Promise.resolve();
      const remade = async (directory: string) => {
        await Deno.remove(join(dir, directory), { recursive: true });
        await Deno.mkdir(join(dir, directory));
      };
      const layout: Subject = {
        ...libraryStep("layout", dir),
        below: join(dir, "out"),
        prepare: nothing,
        found: () => contentsOf(join(dir, "out"), ["layout"]),
        left: () => temporaries(join(dir, "out")),
      };
      const placing: Subject = {
        ...libraryStep("place", dir),
        below: join(dir, "root"),
        prepare: nothing,
        separate: true,
        found: () => contentsOf(join(dir, "root"), ["_output/bin", "_output/local/bin", "pkg"]),
        left: () => temporaries(join(dir, "root")),
      };
      const blobs: Subject = {
        ...libraryStep("blobs", dir),
        below: join(dir, "cache"),
        separate: true,
        fromNothing: true,
        prepare: () => remade("cache"),
        found: () => contentsOf(join(dir, "cache"), ["blobs"]),
        // Other processes may write there: what is a day old goes.
        left: () => [],
      };
      const archive = await archiveOf();
      const toolchain = (url: string): Subject => ({
        ...libraryStep("go", dir),
        name: "cache of toolchains",
        below: join(dir, "toolchains"),
        argv: () => libraryStep("go", dir).argv(RELEASE),
        env: {
          KBUILD_CACHE: join(dir, "toolchains"),
          KBUILD_GO_MIRROR: `${url}/go`,
          KBUILD_GO_SHA256: archive.sha256,
        },
        fromNothing: true,
        prepare: () => remade("toolchains"),
        found: () => contentsOf(join(dir, "toolchains"), ["go"]),
        left: () => temporaries(join(dir, "toolchains")),
      });
      const counts: Record<string, Count> = {};
      const started = performance.now();
      await withServer(mirror(archive), async ({ url }) => {
        const shares: [Subject, number][] = [
          ...[[packaging, 0.35], [layout, 0.2], [placing, 0.15]] as [Subject, number][],
          ...[[blockCache, 0.1], [blobs, 0.1], [toolchain(url), 0.1]] as [Subject, number][],
        ];
        for (const [subject, share] of shares) {
          counts[subject.name] = await disturb(subject, Math.round(FAULTS * share), tools);
        }
      });
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`${seconds} s: ${JSON.stringify(counts)}`);
    }),
});
