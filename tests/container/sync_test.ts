import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { concat } from "../../src/files/mod.ts";
import { readTar, type TarEntry, writeTar } from "../../src/archive/mod.ts";
import {
  type BringOptions,
  bringSources,
  containersInUse,
  copyOutputs,
  listSources,
  type Manifest,
  manifestText,
  parseManifest,
  planSync,
} from "../../src/container/mod.ts";
import { containersWithCopy, lockName } from "../../src/container/locks.ts";
import { syncArchive } from "../../src/container/sync.ts";
import { undoneChanges } from "../../src/container/sync_report.ts";
import { scratchPaths } from "../../src/container/volume.ts";
import { KbuildError } from "../../src/errors.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, inScratch, output, unless, which } from "../e2e/_program.ts";
import { DOCKER, EXECUTES, fakeEngine } from "./_engines.ts";

const manifest = (entries: Record<string, string>): Manifest => new Map(Object.entries(entries));

Deno.test("planSync() sends what is new or changed, and removes what is not here", () => {
  const known = manifest({ a: "f 1", b: "f 1", d: "d", "d/x": "f 1", e: "d", "e/y": "f 1" });
  const local = manifest({ a: "f 1", b: "f 2", d: "d", "d/z": "l b", e: "f 3" });
  const plan = planSync(local, { known, paths: [...known.keys()], touched: [] });
  assertEquals(plan.send, ["b", "d/z", "e"]);
  assertEquals(plan.remove, ["d/x", "e"]);
  assertEquals(plan.meanwhile.get("a"), "f 1");
  for (const path of ["b", "d/z", "e", "d/x"]) assertEquals(plan.meanwhile.get(path), "?");
  const again = planSync(local, { known: local, paths: [...local.keys()], touched: [] });
  assertEquals([again.send, again.remove], [[], []]);
});

Deno.test("planSync() mends what was changed, removed or made in the volume", () => {
  const local = manifest({ a: "f 1", b: "f 1", d: "d", "d/x": "f 1" });
  const state = { known: local, paths: ["a", "b", "new", "new/file"], touched: ["a", "new/file"] };
  const plan = planSync(local, state);
  assertEquals(plan.send, ["a", "d", "d/x"]);
  assertEquals(plan.remove, ["a", "new"]);
});

Deno.test("undoneChanges() names what a command changed, made or removed in the volume", () => {
  const known = manifest({
    ...{ a: "f 1", b: "f 1", d: "d", "d/x": "f 1", "d/types.go": "f 1", "d/y.pb.go": "f 1" },
    ...{ under: "?", gone: "f 1" },
  });
  const local = manifest({
    ...{ a: "f 1", b: "f 2", d: "d", "d/x": "f 1", "d/types.go": "f 1", "d/y.pb.go": "f 2" },
    ...{ under: "f 1" },
  });
  const paths = ["a", "b", "d", "d/types.go", "d/y.pb.go", "under", "gone", "new", "new/file"];
  const touched = ["a", "b", "d/types.go", "d/y.pb.go", "under", "new/file"];
  // What came back was changed here, too; what a killed run sent may be anything.
  assertEquals(undoneChanges(local, { known, paths, touched }), [
    ...["a", "b", "d/types.go", "d/x", "new/file"],
  ]);
  assertEquals(undoneChanges(local, { known: undefined, paths, touched }), []);
  assertEquals(undoneChanges(local, { known: local, paths: [...local.keys()], touched: [] }), []);
});

Deno.test("planSync() mends a directory in place of a file, and the reverse", () => {
  const local = manifest({ a: "f 1", d: "d", "d/x": "f 1", "d/e": "d", "d/e/y": "f 1" });
  const asFile = planSync(local, {
    ...{ known: local, paths: ["d", "d/x", "d/e", "d/e/y", "a", "a/x"], touched: ["a/x"] },
    directories: new Set(["d", "d/e", "a"]),
  });
  assertEquals([asFile.send, asFile.remove], [["a"], ["a"]]);
  const asDirectory = planSync(local, {
    ...{ known: local, paths: ["a", "d"], touched: ["d"] },
    directories: new Set<string>(),
  });
  const below = ["d", "d/x", "d/e", "d/e/y"];
  assertEquals([asDirectory.send, asDirectory.remove], [below, ["d"]]);
  // What is removed with a directory that may be anything is sent again.
  const known = new Map([...local, ["d", "?"]]);
  const unknown = planSync(local, { known, paths: [...local.keys()], touched: [] });
  assertEquals([unknown.send, unknown.remove], [below, ["d"]]);
  for (const path of below) assertEquals(unknown.meanwhile.get(path), "?");
});

Deno.test("planSync() after a run that was killed takes nothing for granted that was under way", () => {
  const before = manifest({ a: "f 1", b: "f 1" });
  const local = manifest({ a: "f 2", c: "f 1" });
  const { meanwhile } = planSync(local, { known: before, paths: ["a", "b"], touched: [] });
  // It was killed when a and b were done; now a is as it was before, and c is not wanted.
  const later = manifest({ a: "f 1" });
  const plan = planSync(later, { known: meanwhile, paths: ["a", "c"], touched: [] });
  assertEquals([plan.send, plan.remove], [["a"], ["a", "c"]]);
  // Without a manifest everything is sent, and everything else removed.
  const blind = planSync(later, { known: undefined, paths: ["a", "x"], touched: [] });
  assertEquals([blind.send, blind.remove], [["a"], ["a", "x"]]);
});

Deno.test("parseManifest() takes whole manifests only", () => {
  const whole = manifest({ "a b": "f 1", "\n": "d", __proto__x: "l /" });
  const text = manifestText(whole);
  assertEquals(parseManifest(text), whole);
  for (const bad of ["", text.slice(0, -1), "[]", "null", '{"a":1}']) {
    assertEquals(parseManifest(bad), undefined, bad);
  }
});

Deno.test("listSources() and syncArchive() hold every name, and follow no link", () =>
  inScratch(async (dir) => {
    const root = join(dir, "tree");
    await Deno.mkdir(join(root, "a b", "ü\n$(x)"), { recursive: true });
    await Deno.mkdir(join(root, "_output"));
    await Deno.writeTextFile(join(root, "a b", "ü\n$(x)", "file"), "text", { mode: 0o755 });
    await Deno.symlink("/etc", join(root, "link"));
    const local = await listSources(root, (path) => path === "_output");
    assertEquals([...local.keys()].sort(), ["a b", "a b/ü\n$(x)", "a b/ü\n$(x)/file", "link"]);
    const state = { known: undefined, paths: [], touched: [] };
    const names: string[] = [];
    const manifests: (Manifest | undefined)[] = [];
    for await (const member of readTar(syncArchive(root, planSync(local, state)))) {
      names.push(`${member.type} ${member.name}`);
      if (!member.name.startsWith("_output/")) continue;
      manifests.push(parseManifest(new TextDecoder().decode(await member.bytes())));
    }
    const inside = ["directory a b/", "directory a b/ü\n$(x)/", "file a b/ü\n$(x)/file"];
    assertEquals(names.slice(1, -1).sort(), [...inside, "symlink link"].sort());
    assertEquals(manifests[0]?.get("link"), "?");
    assertEquals(manifests[1], local);
  }));

Deno.test("listSources() ends with its signal", () =>
  inScratch(async (dir) => {
    // Enough that other work has its turn.
    for (let at = 0; at < 2000; at++) await Deno.mkdir(join(dir, `${at}`));
    const ending = new AbortController();
    setTimeout(() => ending.abort());
    await assertRejects(
      () => listSources(dir, () => false, { signal: ending.signal }),
      DOMException,
    );
  }));

Deno.test("planSync() leaves directories that have what is not brought", () => {
  const kept = new Set(["build"]);
  const paths = ["build", "build/x", "other"];
  const state = { known: undefined, paths, touched: [], kept };
  const plan = planSync(manifest({}), { ...state, directories: new Set(["build", "other"]) });
  assertEquals(plan.remove, ["build/x", "other"]);
  // One that is a file has nothing.
  assertEquals(planSync(manifest({}), { ...state, directories: new Set() }).remove, [
    "build",
    "other",
  ]);
});

Deno.test("listSources() names what is not UTF-8, and takes U+FFFD", () =>
  inScratch(async (dir) => {
    const make = async (script: string) => await output(["sh", "-c", script], { cwd: dir });
    const list = () => listSources(dir, () => false);
    await Deno.writeTextFile(join(dir, "\ufffd"), "x");
    assertEquals([...(await list()).keys()], ["\ufffd"]);
    // Both names are read alike.
    await make(`printf x >"$(printf '\\377')"`);
    await assertRejects(
      list,
      KbuildError,
      'Cannot copy "\ufffd" into a container: its name is not',
    );
    await Deno.remove(join(dir, "\ufffd"));
    await assertRejects(list, KbuildError, "its name is not valid UTF-8");
    await make(`rm ./*; ln -s "$(printf 'a\\377')" link`);
    await assertRejects(list, KbuildError, "the target of the link is not valid UTF-8");
  }));

const isGnu = (await output(["find", "--version"]).catch(() => "")).includes("GNU");
/** Tests with the tools of an image. */
function toolsTest(
  what: string,
  fn: (dir: string, tools: "GNU" | "busybox") => Promise<void>,
): void {
  for (const tools of ["GNU", "busybox"] as const) {
    const missing = tools === "GNU"
      ? isGnu ? undefined : "needs GNU find"
      : which("busybox") === undefined
      ? "needs busybox"
      : undefined;
    Deno.test({
      ...unless(missing, `${what}, with tools of ${tools}`),
      fn: () => inScratch((dir) => fn(dir, tools)),
    });
  }
}

toolsTest("bringSources() takes back what a command changed at once", async (dir, tools) => {
  const { here, there, ...copy } = await makeCopy(dir, tools);
  const names = ["changed", "moved", "same", "d/below"];
  await Deno.mkdir(join(here, "d"));
  for (const name of names) await Deno.writeTextFile(join(here, name), "1");
  const bring = async () => {
    using brought = await copy.bring();
    for (const name of names) assertEquals(await Deno.readTextFile(join(there, name)), "1");
    const { sent, removed } = brought;
    return { sent, removed };
  };
  assertEquals(await bring(), { sent: 5, removed: 0 });
  // Of the same size, in the same second.
  await Deno.writeTextFile(join(there, "changed"), "2");
  await Deno.writeTextFile(join(there, "new"), "2");
  // As a file that comes from elsewhere with its time; busybox's find does not see that.
  if (tools === "GNU") {
    const other = join(dir, "other");
    await Deno.writeTextFile(other, "2");
    await Deno.utime(other, 1e9, 1e9);
    await Deno.rename(other, join(there, "moved"));
  }
  // Nobody knows what the changed ones are: they are removed, too.
  const sent = tools === "GNU" ? 2 : 1;
  assertEquals(await bring(), { sent, removed: sent + 1 });
  assertEquals(await bring(), { sent: 0, removed: 0 });
  // What is gone leaves its directory changed.
  await Deno.remove(join(there, "d/below"));
  assertEquals(await bring(), { sent: 1, removed: 0 });
  await Deno.remove(join(there, "d"), { recursive: true });
  assertEquals(await bring(), { sent: 2, removed: 0 });
  assertEquals(await bring(), { sent: 0, removed: 0 });
  // A directory in place of a file and the reverse, whatever the times.
  await Deno.remove(join(there, "d"), { recursive: true });
  await Deno.writeTextFile(join(there, "d"), "2");
  await Deno.remove(join(there, "moved"));
  await Deno.mkdir(join(there, "moved"));
  await Deno.writeTextFile(join(there, "moved/inside"), "2");
  if (tools === "busybox") await Deno.utime(join(there, "moved"), 1e9, 1e9);
  assertEquals(await bring(), { sent: 3, removed: 2 });
  assertEquals(await bring(), { sent: 0, removed: 0 });
  // A manifest that is not whole says nothing of what is there.
  await Deno.truncate(join(there, "_output/.kbuild-sync.json"), 10);
  await Deno.remove(join(here, "same"));
  names.splice(names.indexOf("same"), 1);
  assertEquals(await bring(), { sent: 4, removed: 4 });
  const listing = (place: string) => [...Deno.readDirSync(place)].map(({ name }) => name).sort();
  assertEquals(listing(there), listing(here));
});

toolsTest("bringSources() brings every name, and removes it", async (dir, tools) => {
  const { here, there, bring } = await makeCopy(dir, tools);
  const deep = `${"d".repeat(120)}/${"e".repeat(120)}/${"f".repeat(120)}`;
  const names = ["n".repeat(100), `x/${"ü".repeat(60)}`, `${deep}/${"g".repeat(200)}`, "\ufffd"];
  await Deno.mkdir(join(here, "x"));
  await Deno.mkdir(join(here, deep, "l".repeat(100)), { recursive: true });
  for (const name of names) await Deno.writeTextFile(join(here, name), name);
  await Deno.symlink("t".repeat(250), join(here, "x/link"));
  await Deno.writeTextFile(join(here, "future"), "x");
  await Deno.utime(join(here, "future"), 2e9 + 1e8, 2e9 + 1e8);
  {
    using brought = await bring();
    assertEquals([brought.sent, brought.removed], [11, 0]);
  }
  for (const name of names) assertEquals(await Deno.readTextFile(join(there, name)), name);
  assertEquals(await Deno.readLink(join(there, "x/link")), "t".repeat(250));
  assertEquals((await Deno.stat(join(there, deep, "l".repeat(100)))).isDirectory, true);
  {
    using brought = await bring();
    assertEquals([brought.sent, brought.removed], [0, 0]);
  }
  const make = `printf x >"$(printf 'x/\\377bad')" && mkdir "$(printf 'd\\376')"`;
  await output(["sh", "-c", `${make} && printf x >"$(printf 'd\\376/\\375')"`], { cwd: there });
  await Deno.remove(join(here, deep), { recursive: true });
  {
    using brought = await bring();
    assertEquals(brought.removed, 3);
  }
  assertEquals([...Deno.readDirSync(join(there, "x"))].length, 2);
  const list = (place: string) => [...Deno.readDirSync(place)].map(({ name }) => name).sort();
  assertEquals(list(there), list(here));
  using brought = await bring();
  assertEquals([brought.sent, brought.removed], [0, 0]);
});

toolsTest("bringSources() leaves outputs alone, wherever they are", async (dir, tools) => {
  const variables = { OUT_DIR: "build/[out]", KUBE_OUTPUT_SUBPATH: "a/b/local" };
  const { here, there, bring, copy } = await makeCopy(dir, tools, variables);
  await Deno.mkdir(join(here, "build/[out]"), { recursive: true });
  await Deno.mkdir(join(here, "a/b/local"), { recursive: true });
  const outputs = ["build/[out]/types.go", "a/b/local/types.go", "a/b/local/x"];
  for (const name of [...outputs, "build/common.sh", "build/o"]) {
    await Deno.writeTextFile(join(here, name), "1");
  }
  {
    using brought = await bring();
    assertEquals([...brought.manifest.keys()].sort(), [
      ...["a", "a/b", "build", "build/common.sh", "build/o"],
    ]);
  }
  const bin = "build/[out]/dockerized/bin/linux";
  const [copied] = await copy(async () => {
    for (const name of [bin, "a/b/local", "_tmp"]) {
      await Deno.mkdir(join(there, name), { recursive: true });
    }
    for (const name of [`${bin}/x`, "a/b/local/types.go", "build/[out]/y.pb.go", "_tmp/types.go"]) {
      await Deno.writeTextFile(join(there, name), "2");
    }
  });
  assertEquals(copied, [`${bin}/x`]);
  // Nothing says what is there, and here is nothing above the outputs.
  for (const name of ["build", "a"]) await Deno.remove(join(here, name), { recursive: true });
  await Deno.remove(join(there, "_output"), { recursive: true });
  {
    using brought = await bring();
    assertEquals([brought.sent, brought.removed], [0, 2]);
  }
  assertEquals(await Deno.readTextFile(join(there, bin, "x")), "2");
  assertEquals(await Deno.readTextFile(join(there, "a/b/local/types.go")), "2");
  using brought = await bring();
  assertEquals([brought.sent, brought.removed], [0, 0]);
});

toolsTest(
  "copyOutputs() brings what is missing, old or another of one time",
  async (dir, tools) => {
    const { here, there, copy } = await makeCopy(dir, tools);
    await Deno.mkdir(join(here, "pkg"));
    await Deno.writeTextFile(join(here, "pkg/types.go"), "mine");
    assertEquals(await copy(), [[], []]);
    const bin = "_output/dockerized/bin/linux";
    const text = (name: string) => Deno.readTextFile(join(here, bin, name));
    const write = async (path: string, text: string) => {
      await Deno.writeTextFile(join(there, path), text, { mode: 0o755 });
      await Deno.utime(join(there, path), 1e9, 1e9);
    };
    await Deno.mkdir(join(there, bin, ".git"), { recursive: true });
    const names = ["a\nb", "one", "ü"].map((name) => `${bin}/${name}`);
    for (const name of [...names, `${bin}/.git/x`]) await write(name, "aaaa");
    assertEquals(await copy(), [names, []]);
    assertEquals(await copy(), [[], []]);
    await Deno.remove(join(here, bin, "one"));
    assertEquals(await copy(), [[`${bin}/one`], []]);
    // Of the same size and time, in both ways of writing.
    await write(`${bin}/one`, "bbbb");
    await write("_output/other", "cccc");
    await Deno.rename(join(there, "_output/other"), join(there, bin, "ü"));
    assertEquals(await copy(), [[`${bin}/one`, `${bin}/ü`], []]);
    assertEquals([await text("one"), await text("ü")], ["bbbb", "cccc"]);
    await Deno.chmod(join(there, bin, "one"), 0o644);
    assertEquals(await copy(), [[`${bin}/one`], []]);
    assertEquals((await Deno.stat(join(here, bin, "one"))).mode! & 0o777, 0o644);
    // A program that was changed here is the container's again.
    await Deno.writeTextFile(join(here, bin, "one"), "mine, not");
    assertEquals(await copy(), [[`${bin}/one`], []]);
    assertEquals(await text("one"), "bbbb");
    assertEquals(await copy(() => {}, { all: true }), [[], []]);
    // A generated file with an old time.
    assertEquals(await copy(() => write("new.pb.go", "x")), [["new.pb.go"], []]);
    assertEquals(await Deno.readTextFile(join(here, "new.pb.go")), "x");
    assertEquals(await copy(), [[], []]);
  },
);

toolsTest("copyOutputs() brings many names, also without stat", async (dir, tools) => {
  const { bin, copy, here, there } = await makeCopy(dir, tools);
  // It may be a link.
  await Deno.remove(join(bin, "stat")).catch(() => {});
  await Deno.writeTextFile(join(bin, "stat"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const programs = "_output/dockerized/bin/linux";
  await Deno.mkdir(join(there, programs), { recursive: true });
  // More than one xargs takes.
  const names = Array.from({ length: 300 }, (_, at) => `${programs}/${"x".repeat(150)}${at}`);
  for (const name of names) await Deno.writeTextFile(join(there, name), "x");
  const [files] = await copy(() => Deno.writeTextFile(join(there, "new.pb.go"), "x"));
  assertEquals(files.length, 301);
  assertEquals([...Deno.readDirSync(join(here, programs))].length, 300);
  assertEquals(await copy(), [[], []]);
});

/** A directory, and what makes another one equal to it, with a docker whose containers are this machine. */
async function makeCopy(
  dir: string,
  tools: "GNU" | "busybox",
  variables: Record<string, string> = {},
) {
  const [here, there, bin] = [join(dir, "here"), join(dir, "there"), join(dir, "bin")];
  for (const place of [here, there]) await Deno.mkdir(place);
  await fakeEngine(bin, "docker", EXECUTES);
  if (tools === "busybox") {
    for (const name of ["find", "stat", "tar", "touch", "xargs"]) {
      await Deno.symlink(which("busybox")!, join(bin, name));
    }
  }
  const log = createLogger({ write: () => {} });
  const env = { ...ENV, ...variables, PATH: `${bin}:${ENV["PATH"]}` };
  const shell = createShell({ cwd: dir, env });
  const context = createContext({ root: await Deno.realPath(here), env, log, shell });
  const user = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const container = { engine: DOCKER, name: "c", target: there, user };
  const bring = (onWait: BringOptions["onWait"] = () => {}) =>
    bringSources(context, container, { excluded: scratchPaths(context), onWait });
  /** As a command does that changes something there. */
  const copy = async (command: () => Promise<void> | void = () => {}, { all = false } = {}) => {
    using brought = await bring();
    await command();
    const { files, kept } = await copyOutputs(context, container, {
      ...{ all, brought: brought.manifest },
    });
    return [files.toSorted(), kept] as const;
  };
  return { here, there, bin, bring, copy, context };
}

Deno.test("bringSources() lets commands share a copy until it has to change", () =>
  inScratch(async (dir) => {
    const { here, there, bring, context } = await makeCopy(dir, isGnu ? "GNU" : "busybox");
    await Deno.writeTextFile(join(here, "file"), "1");
    using sharing = await lockName(context, "kube-build-1");
    sharing.noteCopy();
    // Mounted, or waiting itself.
    using _other = await lockName(context, "kube-build-2");
    const first = await bring();
    const second = await bring((why) => assertEquals(why, "nothing has changed"));
    await Deno.writeTextFile(join(here, "file"), "22");
    const waits = Promise.withResolvers<string>();
    const names: (readonly string[])[] = [];
    const third = bring((why, who) => {
      names.push(who);
      waits.resolve(why);
    });
    assertEquals(
      await waits.promise,
      "it works with the same copy of the sources, which have changed",
    );
    const turns = Promise.withResolvers<string>();
    const fourth = bring((why, who) => {
      names.push(who);
      turns.resolve(why);
    });
    assertEquals(await turns.promise, "it looks at the copy of the sources");
    assertEquals(names, [["kube-build-1"], ["c"]]);
    second[Symbol.dispose]();
    // The one that still runs changes the copy itself, and what is here changes once more.
    await Deno.writeTextFile(join(there, "made"), "");
    await Deno.writeTextFile(join(here, "file"), "333");
    assertEquals(await Deno.readTextFile(join(there, "file")), "1");
    first[Symbol.dispose]();
    using brought = await third;
    assertEquals([brought.sent, brought.removed], [1, 1]);
    assertEquals(await Deno.readTextFile(join(there, "file")), "333");
    using last = await fourth;
    assertEquals([last.sent, last.removed], [0, 0]);
  }));

Deno.test("containersWithCopy() names those that work with it, and forgets killed ones", () =>
  inScratch(async (dir) => {
    const { context } = await makeCopy(dir, isGnu ? "GNU" : "busybox");
    assertEquals(await containersWithCopy(context), []);
    {
      using one = await lockName(context, "kube-build-1");
      using two = await lockName(context, "kube-build-1");
      one.noteCopy();
      assertEquals(await containersWithCopy(context), [one.name]);
      two.noteCopy();
      assertEquals(await containersWithCopy(context), [one.name, two.name]);
    }
    // As a killed kbuild leaves its lock.
    const left = join(context.root, "_output/.kbuild/kube-build-1.lock");
    using noted = await lockName(context, "kube-build-2");
    noted.noteCopy();
    await Deno.copyFile(left.replace("-1", "-2"), left);
    assertEquals(await containersWithCopy(context), ["kube-build-2"]);
    await Deno.copyFile(left.replace("-1", "-2"), left);
    using next = await lockName(context, "kube-build-1");
    assertEquals(next.name, "kube-build-1");
    assertEquals(await containersWithCopy(context), ["kube-build-2"]);
    assertEquals(await containersInUse(context), ["kube-build-1", "kube-build-2"]);
  }));

/** Lets `copyOutputs()` read an archive that a container prints. */
async function copyFrom(
  entries: readonly TarEntry[] | string,
  fn: (
    root: string,
    copy: (brought?: Manifest) => ReturnType<typeof copyOutputs>,
    change: (entries: readonly TarEntry[]) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  await inScratch(async (dir) => {
    const [root, bin] = [join(dir, "kubernetes"), join(dir, "bin")];
    await Deno.mkdir(join(root, "pkg"), { recursive: true });
    const archive = join(dir, "archive.tar");
    const change = async (entries: readonly TarEntry[]) => {
      const chunks: Uint8Array[] = [];
      await writeTar(entries, (chunk) => void chunks.push(chunk.slice()));
      await Deno.writeFile(archive, concat(chunks));
    };
    if (typeof entries === "string") await Deno.writeFile(archive, rawMember(entries));
    else await change(entries);
    // One name is listed, whatever is in the archive.
    await fakeEngine(
      bin,
      "docker",
      `case "$*" in
  *'tar -cf'*) cat >/dev/null; cat '${archive}' ;;
  *kbuild-copied*) printf 'plain GNU\\000//\\000manifest\\000copied\\000pkg/types.go\\000//\\000' ;;
esac`,
    );
    const env = { ...ENV, PATH: `${bin}:${ENV["PATH"]}` };
    const log = createLogger({ write: () => {} });
    const shell = createShell({ cwd: dir, env });
    const context = createContext({ root: await Deno.realPath(root), env, log, shell });
    const container = {
      ...{ engine: DOCKER, name: "c", target: "/go/src", user: { uid: 0, gid: 0 } },
    };
    await fn(
      context.root,
      (brought = manifest({})) => copyOutputs(context, container, { all: true, brought }),
      change,
    );
  });
}

/** An archive with a name that kbuild does not write. */
function rawMember(name: string): Uint8Array {
  const bytes = new Uint8Array(4 * 512);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, "0000644\x000000000\x000000000\x0000000000001\x0000000000000\x00");
  put(148, "        0");
  put(257, "ustar\x0000");
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  put(512, "x");
  return bytes;
}

const file = (name: string, text = "x") => ({
  ...{ name, type: "file", size: text.length, mode: 0o6777, mtime: 1e9 } as const,
  content: { bytes: new TextEncoder().encode(text) },
});

Deno.test("copyOutputs() writes programs and generated files, and not again", () =>
  copyFrom(
    [file("_output/dockerized/bin/linux/amd64/kubectl"), file("./pkg/zz_generated.deepcopy.go")],
    async (root, copy) => {
      const names = ["_output/dockerized/bin/linux/amd64/kubectl", "pkg/zz_generated.deepcopy.go"];
      assertEquals((await copy()).files, names);
      const { mode, mtime } = await Deno.stat(join(root, names[0]!));
      assertEquals([(mode ?? 0) & 0o7777, mtime?.getTime()], [0o755, 1e12]);
      assertEquals((await copy()).files, []);
    },
  ));

Deno.test("copyOutputs() keeps a generated file that was changed here meanwhile, and names it", () =>
  copyFrom(
    ["edited", "made", "same", "old", "gone"].map((name) => file(`pkg/${name}/types.go`)),
    async (root, copy) => {
      const path = (name: string) => join(root, "pkg", name, "types.go");
      const write = async (name: string, text: string) => {
        await Deno.mkdir(join(path(name), ".."), { recursive: true });
        await Deno.writeTextFile(path(name), text);
      };
      for (const name of ["edited", "same", "old", "gone"]) await write(name, "as brought");
      const brought = await listSources(root, () => false);
      await write("edited", "mine");
      await write("made", "mine, too");
      // What the container has made.
      await write("same", "x");
      await Deno.remove(path("gone"));
      const { files, kept } = await copy(brought);
      assertEquals(files, ["pkg/old/types.go", "pkg/gone/types.go"]);
      assertEquals(kept, ["pkg/edited/types.go", "pkg/made/types.go"]);
      const texts = ["edited", "made", "same", "old", "gone"].map((name) =>
        Deno.readTextFileSync(path(name))
      );
      assertEquals(texts, ["mine", "mine, too", "x", "x", "x"]);
      // Moved away, as the message says, it no longer is in the way.
      await Deno.rename(path("edited"), join(root, "mine"));
      assertEquals((await copy(brought)).files, ["pkg/edited/types.go"]);
    },
  ));

Deno.test("copyOutputs() replaces what it copied itself, until that is changed here", () =>
  copyFrom([file("pkg/types.go", "1"), file("new/types.go", "1")], async (root, copy, change) => {
    const path = join(root, "pkg/types.go");
    await Deno.writeTextFile(path, "as brought");
    // The same is known of the sources all the time, as with commands that share a copy.
    const brought = await listSources(root, () => false);
    const names = ["pkg/types.go", "new/types.go"];
    assertEquals(await copy(brought), { files: names, kept: [] });
    for (const text of ["22", "333"]) {
      await change(names.map((name) => file(name, text)));
      assertEquals(await copy(brought), { files: names, kept: [] });
      assertEquals(await Deno.readTextFile(path), text);
    }
    await Deno.writeTextFile(path, "mine");
    await change(names.map((name) => file(name, "55555")));
    assertEquals(await copy(brought), { files: ["new/types.go"], kept: ["pkg/types.go"] });
    assertEquals(await Deno.readTextFile(path), "mine");
    // A note that is not whole says nothing; and does no harm.
    await Deno.writeTextFile(join(root, "_output/.kbuild/copied.json"), '{"new/types.go":');
    await change(names.map((name) => file(name, "666666")));
    assertEquals(await copy(brought), { files: [], kept: names });
  }));

Deno.test("copyOutputs() compares links of the checkout as they are, and follows none", () =>
  copyFrom(
    ["same", "dead", "other"].map((name) => file(`pkg/${name}/types.go`)),
    async (root, copy) => {
      const path = (name: string) => join(root, "pkg", name, "types.go");
      for (const name of ["same", "dead", "other"]) await Deno.mkdir(join(root, "pkg", name));
      await Deno.writeTextFile(join(root, "pkg/x"), "x");
      await Deno.symlink("../x", path("same"));
      const brought = await listSources(root, () => false);
      await Deno.symlink("../missing", path("dead"));
      await Deno.symlink("../x", path("other"));
      assertEquals(await copy(brought), {
        ...{ files: ["pkg/same/types.go"], kept: ["pkg/dead/types.go", "pkg/other/types.go"] },
      });
      assertEquals((await Deno.lstat(path("same"))).isFile, true);
      assertEquals(await Deno.readLink(path("dead")), "../missing");
    },
  ));

for (
  const [what, entries, why] of [
    ["a path upwards", "_output/dockerized/bin/../../../../x", "its path leads elsewhere"],
    ["an absolute path", "/etc/x/types.go", "its path leads elsewhere"],
    ["another output", [file("_output/release-tars/x")], "it was not asked for"],
    ["a source", [file("pkg/main.go")], "it was not asked for"],
    ["git's own", [file(".git/hooks/types.go")], "it was not asked for"],
    ["git's own of a directory", [file("pkg/.git/zz_generated.x")], "it was not asked for"],
    ["git's own in other letters", [file("pkg/.Git/zz_generated.x")], "it was not asked for"],
    ["git's own of programs", [file("_output/dockerized/bin/.git/x")], "it was not asked for"],
    ["a temporary one", [file("_tmp/types.go")], "it was not asked for"],
    ["a link", [{
      ...{ name: "_output/dockerized/bin/x", type: "symlink", linkName: "/etc", size: 0 } as const,
      ...{ mode: 0o777, mtime: 0 },
    }], "it is a symlink"],
  ] as const
) {
  Deno.test(`copyOutputs() refuses ${what}`, () =>
    copyFrom(entries, async (root, copy) => {
      const error = await assertRejects(copy, KbuildError, "out of the container");
      assertStringIncludes(error.message, why);
      // Locks are in the outputs.
      assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["_output", "pkg"]);
      assertEquals([...Deno.readDirSync(join(root, "_output"))].map(({ name }) => name), [
        ".kbuild",
      ]);
      assertEquals([...Deno.readDirSync(join(root, "pkg"))], []);
    }));
}

Deno.test("copyOutputs() does not write through a link of the checkout", () =>
  copyFrom([file("vendor/x/types.go")], async (root, copy) => {
    const elsewhere = join(root, "../elsewhere");
    await Deno.mkdir(elsewhere);
    await Deno.symlink(elsewhere, join(root, "vendor"));
    await assertRejects(copy, KbuildError, "leads out of the checkout");
    assertEquals([...Deno.readDirSync(elsewhere)], []);
  }));
