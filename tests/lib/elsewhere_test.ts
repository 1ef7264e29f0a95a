/** Steps that run on other machines, with a store: what is run, saved and remembered. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Unit } from "../../src/events/mod.ts";
import type { BuildStep, StepKey } from "../../src/lib/golang/mod.ts";
import { buildElsewhere } from "../../src/lib/golang/elsewhere.ts";
import { openStepResults } from "../../src/lib/golang/results.ts";
import { openRecords } from "../../src/lib/golang/up_to_date.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { openStore } from "../../src/store/mod.ts";
import { type OpenSample, openSample } from "./_open.ts";

/** Steps by name: those without a key, and those whose compiler is of an image. */
const NAMES = ["one", "other", "keyless", "foreign"] as const;

function stepsOf({ context }: OpenSample): readonly BuildStep[] {
  return NAMES.map((name) =>
    ({
      ...{ platform: "linux/amd64", argv: ["go", name], env: {}, cwd: context.root, files: [] },
      outputs: [{
        ...{ name, built: join(context.output, "go/bin", name) },
        placed: join(context.output, "bin", name),
      }],
    }) as unknown as BuildStep
  );
}

function keyOf({ outputs }: BuildStep, isCurrent: boolean): StepKey {
  const name = outputs[0]!.name;
  if (name === "keyless") return { why: "nobody knows it" };
  return {
    key: String(NAMES.findIndex((each) => each === name)).repeat(64),
    // The sample is new: files that may still change unseen are not remembered.
    ...{ listed: [], at: Date.now() + 60_000, isOfThisMachine: name !== "foreign" },
    areSourcesCurrent: () => isCurrent,
    isCurrent: () => Promise.resolve(isCurrent),
  };
}

/** Builds all steps; what ran, was reused and is in the store. */
async function build(
  sample: OpenSample,
  store: string,
  { isCurrent = true }: { isCurrent?: boolean } = {},
) {
  const { context } = sample;
  using opened = (await openStore(store, {
    ...{ log: createLogger({ write: () => {} }), cwd: context.root },
  }))!;
  const keys = {
    keyOf: (step: BuildStep) => Promise.resolve(keyOf(step, isCurrent)),
    goKey: () => Promise.resolve(""),
  };
  const results = openStepResults(context, keys, { store: opened, mode: "make" });
  const reused: Record<string, string> = {};
  const steps = stepsOf(sample).map((step) => {
    const reuse = (why: string) => void (reused[step.outputs[0]!.name] = why);
    return { step, unit: { reuse } as unknown as Unit };
  });
  const ran: string[] = [];
  await buildElsewhere(context, { records: await openRecords(context), results }, steps, {
    ...{ files: [], starts: [], place: { isSent: () => true, compiler: { why: "" } } },
    async run(_context, running) {
      for (const { step: { outputs } } of running) {
        const { built, name } = outputs[0]!;
        ran.push(name);
        await Deno.mkdir(join(built, ".."), { recursive: true });
        await Deno.writeTextFile(built, `made ${name}`, { mode: 0o755 });
      }
    },
  });
  for (const { step: { outputs: [output] } } of steps) {
    assertEquals(await Deno.readTextFile(output!.placed), `made ${output!.name}`);
  }
  return { ran, reused, saved: opened.counts.saved };
}

Deno.test("buildElsewhere() runs what the store lacks, and saves it there", async () => {
  const [first, second, third] = [
    ...await Promise.all([openSample("1.20"), openSample("1.20"), openSample("1.20")]),
  ];
  const dir = await Deno.makeTempDir({ prefix: "kbuild store " });
  try {
    const store = join(dir, "store");
    assertEquals(await build(first!, store), { ran: [...NAMES], reused: {}, saved: 3 });
    // Here, in the same outputs: nothing but what has no key.
    const here = "its sources are as they were";
    assertEquals(await build(first!, store), {
      ran: ["keyless"],
      reused: { one: here, other: here, foreign: here },
      saved: 0,
    });
    // Made by a compiler that this machine does not have: a build on this machine has to ask.
    const { sources } = await openRecords(first!.context);
    const recorded = [...sources.keys()].map((built) => built.split("/").at(-1));
    assertEquals(recorded.sort(), ["one", "other"]);

    const has = "the store has it";
    assertEquals(await build(second!, store), {
      ran: ["keyless"],
      reused: { one: has, other: has, foreign: has },
      saved: 0,
    });
    // Sources that change meanwhile.
    const changed = await build(third!, join(dir, "empty"), { isCurrent: false });
    assertEquals(changed, { ran: [...NAMES], reused: {}, saved: 0 });
    assertEquals((await openRecords(third!.context)).byPath.size, 0);
  } finally {
    for (const each of [first, second, third]) await each!.remove();
    await Deno.remove(dir, { recursive: true });
  }
});
