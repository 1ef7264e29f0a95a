import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { clearLeftovers, clearStale, temporaryName, WorkDirectory } from "../../src/files/mod.ts";
import {
  buildFaultLibrary,
  cannotInject,
  type Fault,
  faultVariables,
  readFaultLog,
} from "./_faults.ts";

async function inScratch(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-work-" });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Old trees: "a" and "b" are directories, "d" is a file, "c" is missing. */
async function makeOld(dir: string): Promise<void> {
  for (const name of ["a", "b"]) {
    await Deno.mkdir(join(dir, name, "below"), { recursive: true });
    await Deno.writeTextFile(join(dir, name, "below/file"), `old ${name}`);
    await Deno.writeTextFile(join(dir, name, "other"), "old");
  }
  await Deno.writeTextFile(join(dir, "d"), "old d");
}

/** Path below a directory -> content. */
function contents(dir: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(join(dir, below))) {
    const path = join(below, name);
    if (isDirectory) Object.assign(found, contents(dir, path));
    else found[path] = Deno.readTextFileSync(join(dir, path));
  }
  return found;
}

const OLD = {
  ...{ "a/below/file": "old a", "a/other": "old" },
  ...{ "b/below/file": "old b", "b/other": "old" },
  d: "old d",
};
const NEW = {
  ...{ "a/below/file": "new a", "b/below/file": "new b", "c/below/file": "new c" },
  d: "new d",
};

async function makeNew(work: WorkDirectory): Promise<WorkDirectory> {
  for (const name of ["a", "b", "c"]) {
    await Deno.mkdir(join(work.path, name, "below"), { recursive: true });
    await Deno.writeTextFile(join(work.path, name, "below/file"), `new ${name}`);
  }
  await Deno.writeTextFile(join(work.path, "d"), "new d");
  return work;
}

const places = (dir: string) =>
  Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, join(dir, name)]));

Deno.test("WorkDirectory.replace() replaces trees and files, and removes the old ones", () =>
  inScratch(async (dir) => {
    await makeOld(dir);
    {
      await using work = await WorkDirectory.make(temporaryName(join(dir, "x")));
      await makeNew(work);
      await work.replace(places(dir));
      assertEquals((await Deno.stat(join(work.path, "old-a"))).isDirectory, true);
    }
    assertEquals(contents(dir), NEW);
  }));

Deno.test("WorkDirectory.replace() puts everything back when one place cannot be replaced", () =>
  inScratch(async (dir) => {
    await makeOld(dir);
    {
      await using work = await WorkDirectory.make(temporaryName(join(dir, "x")));
      await makeNew(work);
      const error = await assertRejects(
        () => work.replace({ ...places(dir), d: join(dir, "missing/d") }),
        KbuildError,
      );
      assertEquals(error.message, `Cannot replace "${dir}/missing/d": no such file or directory`);
      assertEquals(error.notes, ["Everything is as it was before"]);
    }
    assertEquals(contents(dir), OLD);
  }));

Deno.test("clearLeftovers() removes files, directories and links, and follows none", () =>
  inScratch(async (dir) => {
    const precious = join(dir, "precious");
    await Deno.mkdir(precious);
    await Deno.writeTextFile(join(precious, "replace.json"), "precious");
    await Deno.writeTextFile(temporaryName(precious), "half a file");
    await Deno.mkdir(join(temporaryName(precious), "half a tree"), { recursive: true });
    await Deno.symlink(precious, temporaryName(precious));
    await Deno.symlink("nothing", temporaryName(precious));
    assertEquals(await clearLeftovers(dir), []);
    assertEquals(await clearLeftovers(join(dir, "missing")), []);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["precious"]);
    assertEquals(await Deno.readTextFile(join(precious, "replace.json")), "precious");
  }));

Deno.test("clearStale() removes what nobody has written to for a while, at whatever depth", () =>
  inScratch(async (dir) => {
    const [old, young] = [join(dir, "a/b/x"), join(dir, "a/y")].map(temporaryName) as [
      string,
      string,
    ];
    await Deno.mkdir(join(dir, "a/b"), { recursive: true });
    for (const path of [old, young, join(dir, "a/b/final")]) await Deno.writeTextFile(path, "");
    for (const path of [old, join(dir, "a/b/final")]) await Deno.utime(path, 1000, 1000);
    await clearStale(dir, 2000_000);
    await clearStale(join(dir, "missing"), 2000_000);
    assertEquals(
      Object.keys(contents(dir)).sort(),
      [young.slice(dir.length + 1), "a/b/final"].sort(),
    );
  }));

Deno.test("clearLeftovers() leaves what was made in a place after the kill", async (t) => {
  const mine = { "a/mine": "mine", "c/mine": "mine" };
  const kept = ([path]: [string, unknown]) => !/^[ac]/.test(path);
  const others = (state: Record<string, string>) =>
    Object.fromEntries(Object.entries(state).filter(kept));
  const states: [string, readonly string[], Record<string, string>][] = [
    ["not all places were free", ["a"], { ...mine, ...others(OLD) }],
    ["all places were free", ["a", "b", "d"], { ...mine, ...others(NEW) }],
  ];
  for (const [name, freed, wanted] of states) {
    await t.step(name, () =>
      inScratch(async (dir) => {
        await makeOld(dir);
        const { path: work } = await makeNew(
          await WorkDirectory.make(temporaryName(join(dir, "x"))),
        );
        const items = Object.keys(places(dir)).map((made) => (
          { made, place: `../${made}`, existed: made !== "c" }
        ));
        await Deno.writeTextFile(join(work, "replace.json"), JSON.stringify({ items }));
        for (const name of freed) await Deno.rename(join(dir, name), join(work, `old-${name}`));
        for (const name of ["a", "c"]) {
          await Deno.mkdir(join(dir, name));
          await Deno.writeTextFile(join(dir, name, "mine"), "mine");
        }
        await clearLeftovers(dir);
        assertEquals(contents(dir), wanted);
      }));
  }
});

/** The faults that are tried at every change of the program. */
const FAULTS: readonly Omit<Fault, "at">[] = [
  { how: "kill" },
  { how: "EIO" },
  { how: "EIO", always: true, changes: ["rename"] },
  { how: "ENOSPC", always: true, changes: ["create", "write", "sync", "mkdir", "link", "rename"] },
  { how: "EACCES", changes: ["create", "mkdir", "link", "rename"] },
  { how: "EXDEV", changes: ["link", "rename"] },
  { how: "EXDEV", always: true, changes: ["link", "rename"] },
];

Deno.test({
  name:
    "WorkDirectory.replace() leaves the old or the new state, whichever operation fails or is " +
    `the last${cannotInject === undefined ? "" : ` (skipped: ${cannotInject})`}`,
  ignore: cannotInject !== undefined,
  fn: () =>
    inScratch(async (scratch) => {
      const library = await buildFaultLibrary(scratch);
      const program = Deno.realPathSync(Deno.execPath());
      const config = Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json";
      const root = fromFileUrl(new URL("../../", import.meta.url));
      const script = fromFileUrl(new URL("_replace.ts", import.meta.url));
      const run = async (dir: string, action: string, fault?: Fault) => {
        const log = `${dir}.log`;
        const place = { library, program, below: dir, log };
        const { code, signal, stdout } = await new Deno.Command(program, {
          args: ["run", "-A", "--no-check", "--config", join(root, config), script, dir, action],
          env: fault === undefined ? {} : faultVariables(fault, place),
          stderr: "inherit",
        }).output();
        return { code, signal, said: new TextDecoder().decode(stdout), ...readFaultLog(log) };
      };
      const isOneOf = (dir: string, states: readonly unknown[], moment: string) => {
        const found = JSON.stringify(contents(dir), Object.keys(contents(dir)).sort());
        const wanted = states.map((state) => JSON.stringify(state));
        assert(wanted.includes(found), `${moment}\n${found}`);
      };
      const tried = { runs: 0, killed: 0, failed: 0, stuck: 0 };
      const worker = async (faults: readonly Omit<Fault, "at">[], name: string) => {
        const dir = join(scratch, name);
        for (const kind of faults) {
          for (let at = 1;; at++) {
            await Deno.mkdir(dir);
            await makeOld(dir);
            const fault = { ...kind, at };
            const { code, signal, said, hit } = await run(dir, "replace", fault);
            if (hit.length === 0) {
              assertEquals([code, contents(dir)], [0, NEW]);
              await Deno.remove(dir, { recursive: true });
              break;
            }
            const moment = `${JSON.stringify(fault)}: ${hit[0]}\n${said}`;
            const left = [...Deno.readDirSync(dir)].some(({ name }) => name.startsWith("."));
            tried.runs += 1;
            if (signal === "SIGKILL") tried.killed += 1;
            else if (code === 0) assertEquals(only(dir, NEW), NEW, moment);
            else {
              assertEquals(code, 1, moment);
              tried.failed += 1;
              if (said.includes("cannot be restored")) tried.stuck += 1;
              else assertEquals([only(dir, OLD)], [OLD], moment);
              assert(!/^\s+at /m.test(said), moment);
            }
            // The next run may be killed, too.
            if (left && at % 4 === 0) {
              await run(dir, "clear", { how: "kill", at: 1 + at % 7 });
            }
            await clearLeftovers(dir);
            isOneOf(dir, [OLD, NEW], moment);
            await Deno.remove(dir, { recursive: true });
          }
        }
      };
      await Promise.all([
        worker(FAULTS.slice(0, 2), "first"),
        worker(FAULTS.slice(2), "second"),
      ]);
      console.log(JSON.stringify(tried));
      assert(tried.killed > 20 && tried.failed > 20 && tried.stuck > 0, JSON.stringify(tried));
    }),
});

/** What is in the places: the work directory may still be there. */
function only(dir: string, state: Record<string, string>): Record<string, string> {
  const found = Object.entries(contents(dir)).filter(([path]) => !path.startsWith("."));
  return Object.fromEntries(Object.keys(state).map((path) => [path, "missing"]).concat(found));
}

Deno.test("clearLeftovers() touches nothing that a foreign journal names elsewhere", () =>
  inScratch(async (dir) => {
    const table = [
      { made: "a", place: "../../mine", existed: true },
      { made: "a", place: "../out/../../mine", existed: false },
      { made: "../../mine", place: "../a", existed: false },
      { made: "a", place: join(dir, "mine"), existed: true },
      { made: "a", place: "..", existed: true },
    ];
    for (const [index, item] of table.entries()) {
      const out = join(dir, `out ${index}`);
      const work = join(out, ".kbuild-tmp-1-0123abcd");
      await Deno.mkdir(join(dir, "mine"), { recursive: true });
      await Deno.writeTextFile(join(dir, "mine/file"), "mine");
      await Deno.mkdir(join(work, "a"), { recursive: true });
      await Deno.writeTextFile(join(work, "replace.json"), JSON.stringify({ items: [item] }));
      await clearLeftovers(out);
      assertEquals(contents(join(dir, "mine")), { file: "mine" }, JSON.stringify(item));
      assertEquals([...Deno.readDirSync(out)], [], JSON.stringify(item));
    }
  }));
