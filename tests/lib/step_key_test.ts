/** Keys of steps: what is not known to be in a key leaves the step without one, and what changed is seen. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import type { Unit } from "../../src/events/mod.ts";
import {
  type BuildStep,
  makeLink,
  openStepKeys,
  prepareBuild,
  type StepKey,
  type StepPlace,
} from "../../src/lib/golang/mod.ts";
import { openStepResults } from "../../src/lib/golang/results.ts";
import { keylessReason } from "../../src/lib/golang/keyless.ts";
import { keylessCgo } from "../../src/lib/golang/keyless_cgo.ts";
import { openRecords } from "../../src/lib/golang/up_to_date.ts";
import { getVersionVars, requireVersion } from "../../src/lib/version/mod.ts";
import type { Store } from "../../src/store/mod.ts";
import { missingFor, unless } from "../e2e/_program.ts";
import { type OpenSample, openSample } from "./_open.ts";

Deno.test("keylessReason() refuses what brings in files that Go does not list", () => {
  const why = (argv: readonly string[], GOFLAGS = "") =>
    keylessReason(
      {
        argv: ["go", "install", ...argv],
        env: { GOFLAGS },
        files: [{ path: "/out/o.json", text: "{}" }],
        outputs: [{ name: "x", built: "/x", placed: "/x" }],
      } as unknown as BuildStep,
      { devel: false, version: "1.24.3" },
    );
  const kept = [
    ["-o", "/x", "./cmd/x"],
    ["-overlay", "/out/o.json"],
    ["-pgo=auto"],
    ["-pgo", "off"],
    ["-ldflags=-X 'a.b=c' -s -w"],
    ["-asan=false"],
  ];
  for (const argv of kept) assertEquals(why(argv), undefined, argv.join(" "));
  const refused = [
    ...[["-pgo=/x.pgo"], ["-pgo", "/x.pgo"], ["--overlay=/other.json"], [
      "-overlay",
      "/other.json",
    ]],
    ...[["-toolexec", "/x"], ["-modfile=x.mod"], ["-asan"], ["-C", "/x"], ["-compiler=gccgo"]],
    ...[["-ldflags=-s -linkmode=external"], ["-ldflags", "-extldflags '-L/x'"]],
  ];
  for (const argv of refused) assertEquals(typeof why(argv), "string", argv.join(" "));
  for (const flags of ["-pgo=/x.pgo", "-v '-toolexec=/x'", "-modfile=/m.mod -v"]) {
    assertEquals(typeof why([], flags), "string", flags);
  }
});

Deno.test("keylessCgo() refuses what a compiler reads beside listed files", async () => {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-cgo-" });
  try {
    await Deno.mkdir(join(directory, "sub"));
    await Deno.writeTextFile(join(directory, "sub/x.h"), "");
    await Deno.writeTextFile(join(directory, "own.h"), '#include "system.h"\n');
    const why = async (
      text: string,
      more: { cFlags?: string[]; linkFlags?: string[]; foreign?: string[] } = {},
      env: Record<string, string> = {},
    ) => {
      await Deno.writeTextFile(join(directory, "a.go"), text);
      const { foreign = [], cFlags = [], linkFlags = [] } = more;
      const files = ["a.go", "own.h"].map((name) => join(directory, name));
      const packages = [{ path: "x", directory, files, foreign }];
      return await keylessCgo({ packages, cFlags, linkFlags, pkgConfig: [] }, env);
    };
    const plain = '// #include <stdio.h>\n// #include "own.h"\nimport "C"\n';
    const flags = ["-DX=1", "-O2", "-g", "-Wall", "-std=c99", "-fPIC", `-I${directory}`];
    assertEquals(
      await why(plain, { cFlags: flags, linkFlags: ["-lm", "-Wl,-z,relro", "-pthread"] }),
      undefined,
    );
    const refused = [
      await why('// #include "sub/x.h"\n'),
      await why('/* #include "../x/a.go" */\n#include MACRO\n'),
      await why("// #include <sub/x.h>\n", { cFlags: [`-I${directory}`] }),
      await why(plain, { cFlags: ["-I/opt/include"] }),
      await why(plain, { cFlags: ["-include", "x.h"] }),
      await why(plain, { linkFlags: ["-L/opt/lib", "-lx"] }),
      await why(plain, { linkFlags: [`${directory}/libx.a`] }),
      await why(plain, { linkFlags: ["-Wl,-T,/x.ld"] }),
      await why(plain, { foreign: [join(directory, "x.cc")] }),
      await why(plain, {}, { CGO_LDFLAGS: "/abs/x.a" }),
      await why(plain, {}, { CGO_CFLAGS: "-I/opt/include" }),
    ];
    assertEquals(refused.map((each) => typeof each), refused.map(() => "string"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** The step of kubectl of a sample, and the Go that it is for. */
async function kubectlOf({ context, checkout }: OpenSample) {
  const vars = requireVersion(await getVersionVars(context));
  const matrix = [{ platform: "linux/amd64" as const, targets: ["cmd/kubectl"] }];
  const { plan, go } = await prepareBuild(context, checkout, { matrix, vars, epoch: 0 });
  if (plan.gopathLink !== undefined) await makeLink(plan.gopathLink);
  return { step: plan.platforms[0]!.steps[0]!, go };
}

Deno.test({
  ...unless(missingFor("1.28"), "keyOf() reads again what has changed since, and sees the commit"),
  fn: async () => {
    const sample = await openSample("1.28");
    const { context, checkout } = sample;
    try {
      const { step, go } = await kubectlOf(sample);
      const open = () => openStepKeys(context, checkout, go);
      const keyed = async (keys = open(), of: BuildStep = step) => {
        const key = await keys.keyOf(of);
        assert(key.key !== undefined, key.why);
        return key;
      };
      const keys = open();
      const before = await keyed(keys);
      assertEquals(before.areSourcesCurrent(), true);
      const main = join(context.root, "cmd/kubectl/kubectl.go");
      await Deno.writeTextFile(main, "// More.\n", { append: true });
      assertEquals(before.areSourcesCurrent(), false);
      // The same reader does not answer from what it has read before.
      const after = await keyed(keys);
      assertNotEquals(after.key, before.key);
      assertEquals(after.key, (await keyed()).key);
      await Deno.writeTextFile(join(context.root, "cmd/kubectl/default.pgo"), "x");
      assertNotEquals((await keyed(keys)).key, after.key);
      // A path that comes into the bytes is not taken for a place.
      const linked = (path: string) => {
        const [name = "", command = "", ...rest] = step.argv;
        return { ...step, argv: [name, command, "-trimpath", `-gcflags=x=-d=${path}`, ...rest] };
      };
      const [real, named] = await Promise.all(
        [context.root, "{root}"].map((path) => keyed(keys, linked(path))),
      );
      assertNotEquals(real?.key, named?.key);
      const last = await keyed(keys);
      assertEquals(await last.isCurrent(), true);
      const name = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
      await context.shell.run(["git", ...name, "commit", "-q", "--allow-empty", "-m", "x"], {
        cwd: context.root,
      });
      assertEquals(last.areSourcesCurrent(), true);
      assertEquals(await last.isCurrent(), false);
    } finally {
      await sample.remove();
    }
  },
});

Deno.test({
  ...unless(
    missingFor("1.28"),
    "keyOf() of what runs elsewhere: this machine's key without cgo, that of an image with it",
  ),
  fn: async () => {
    const sample = await openSample("1.28");
    const { context, checkout } = sample;
    try {
      const { step, go } = await kubectlOf(sample);
      const withEnv = (more: Record<string, string>) => ({
        ...step,
        env: { ...step.env, ...more },
      });
      const keyOf = (of: BuildStep, place?: StepPlace) =>
        openStepKeys(context, checkout, go, place).keyOf(of);
      const isSent = (name: string) => name !== "GO_EXTLINK_ENABLED";
      const place = (id: string): StepPlace => ({ isSent, compiler: { id } });
      const nowhere = { isSent, compiler: { why: "nobody knows it" } };

      const here = await keyOf(step);
      const there = await keyOf(step, nowhere);
      assert(here.key !== undefined && there.key !== undefined, here.why ?? there.why);
      assertEquals([there.key, there.isOfThisMachine], [here.key, true]);
      // A variable that is not known there changes nothing there.
      const more = withEnv({ GO_EXTLINK_ENABLED: "1" });
      assertNotEquals((await keyOf(more)).key, here.key);
      const unsent = await keyOf(more, nowhere);
      assert(unsent.key !== undefined, unsent.why);
      assertEquals([unsent.key, unsent.isOfThisMachine], [here.key, false]);
      assertNotEquals((await keyOf(withEnv({ GOAMD64: "v3" }), nowhere)).key, here.key);

      await Deno.writeTextFile(
        join(context.root, "cmd/kubectl/c.go"),
        'package main\n\n// int of_test;\nimport "C"\n\nvar ofTest = C.of_test\n',
      );
      const cgo = withEnv({ CGO_ENABLED: "1" });
      assertEquals(await keyOf(cgo, nowhere), { why: "nobody knows it" });
      const keys = await Promise.all([keyOf(cgo, place("a")), keyOf(cgo, place("b"))]);
      for (const each of keys) {
        assert(each.key !== undefined, each.why);
        assertEquals(each.isOfThisMachine, false);
      }
      assertNotEquals(keys[0].key, keys[1].key);
      assertEquals(
        (await keyOf(withEnv({ CGO_ENABLED: "1", CC: "gcc -include x.h" }), place("a"))).why,
        'what "-include" of CC brings in is not known',
      );
    } finally {
      await sample.remove();
    }
  },
});

Deno.test("openStepResults() takes nothing that is stale, and says what was not saved", async () => {
  const sample = await openSample("1.20");
  const { context } = sample;
  try {
    const built = join(context.output, "x");
    const step = {
      ...{ platform: "linux/amd64", argv: ["go"], env: {}, cwd: context.root, files: [] },
      outputs: [{ name: "x", built, placed: join(context.output, "placed/x") }],
    } as unknown as BuildStep;
    const key = "0".repeat(64);
    const store = {
      ...{ readOnly: false, url: "x" },
      result: () =>
        Promise.resolve({
          ...{ key, files: [{ path: "x", digest: "sha256:0", size: 1, mode: 0o755 }] },
        }),
      fetch: async () => {
        await Deno.mkdir(context.output, { recursive: true });
        await Deno.writeTextFile(built, "x");
        return true;
      },
      save: () => Promise.resolve(false),
    } as unknown as Store;
    const results = (current: boolean) => {
      const found: StepKey = {
        ...{ key, listed: [], at: 0, areSourcesCurrent: () => current, isOfThisMachine: true },
        isCurrent: () => Promise.resolve(current),
      };
      const keys = { keyOf: () => Promise.resolve(found), goKey: () => Promise.resolve(key) };
      return { found, ...openStepResults(context, keys, { store, mode: "make" }) };
    };
    const records = await openRecords(context);
    const unit = { reuse: () => {} } as unknown as Unit;
    const { signal } = new AbortController();
    const taken = await results(false).take(step, { records, unit, signal });
    assertEquals([taken.isDone, taken.isDone ? "" : taken.key?.key], [false, undefined]);
    assertEquals(records.byPath.size, 0);
    for (const isCurrent of [true, false]) {
      const { keep, found } = results(isCurrent);
      const why = await keep(step, { isDone: false, key: found, isMissing: true });
      assertEquals(
        why,
        isCurrent
          ? "the store did not take it"
          : "a source or the commit was changed while it was made",
      );
    }
  } finally {
    await sample.remove();
  }
});
