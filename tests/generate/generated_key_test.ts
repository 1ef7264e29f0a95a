import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { sourcesDigest } from "../../src/generate/generated_key.ts";
import { openSample } from "../lib/_open.ts";

Deno.test("sourcesDigest() counts ignored Go files, but not outputs of generators", async () => {
  const sample = await openSample("1.20");
  const { context } = sample;
  try {
    const before = await sourcesDigest(context);
    assert(before !== undefined);
    await Deno.writeTextFile(join(context.root, ".git/info/exclude"), "*.go\n");
    const directory = join(context.root, "cmd/kubectl");
    await Deno.writeTextFile(join(directory, "zz_generated.deepcopy.go"), "package main\n");
    assertEquals(await sourcesDigest(context), before);
    await Deno.writeTextFile(join(directory, "more.go"), "package main\n");
    const more = await sourcesDigest(context);
    assertNotEquals(more, before);
    await Deno.writeTextFile(join(directory, "more.go"), "package main // Changed\n");
    assertNotEquals(await sourcesDigest(context), more);
  } finally {
    await sample.remove();
  }
});
