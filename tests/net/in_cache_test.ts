/** A full cache: advice about the cache, not about outputs of a checkout. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { bytesEntry } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { isDiskFull } from "../../src/files/mod.ts";
import { inCache } from "../../src/net/mod.ts";
import { installRelease } from "../../src/toolchain/mod.ts";
import { noise } from "../archive/helpers.ts";
import { unless } from "../e2e/_program.ts";
import { noMount, withTmpfs } from "../e2e/_tmpfs.ts";
import {
  fetchOne,
  inWorld as inRegistryWorld,
  makeImage,
  withRegistry,
} from "../registry/_world.ts";
import { archiveOf, goEntries, inWorld, mirror, RELEASE, withServer } from "../toolchain/_world.ts";

function assertAdvice(error: KbuildError, cache: string): void {
  const notes = error.notes.join("\n");
  assertStringIncludes(notes, `The disk or the quota of kbuild's cache is full: "${cache}"`);
  assertStringIncludes(notes, "kbuild toolchain remove VERSION");
  assertStringIncludes(notes, "KBUILD_CACHE=/absolute/path");
  assert(!notes.includes("kbuild clean"), notes);
}

Deno.test("inCache() gives its own advice for a full disk, and leaves other errors alone", async () => {
  const full = Object.assign(new Error("whatever the system says"), { code: "ENOSPC" });
  const quota = new KbuildError("Cannot write", {
    notes: ["kbuild clean"],
    cause: Object.assign(new Error("whatever the system says"), { code: "EDQUOT" }),
  });
  for (const cause of [full, quota]) {
    const error = await assertRejects(
      () => inCache("/c", () => Promise.reject(cause)),
      KbuildError,
    );
    assertAdvice(error, "/c");
    assert(isDiskFull(error));
  }
  for (const other of [new Error("Permission denied"), new KbuildError("x"), undefined]) {
    const same = await inCache("/c", () => Promise.reject(other)).catch((error) => error);
    assertEquals(same, other);
  }
  assertEquals(await inCache("/c", () => Promise.resolve(7)), 7);
});

Deno.test({
  ...unless(noMount, "a full cache: Go and images say how to make room there"),
  fn: async () => {
    const large = bytesEntry("go/large", noise(600_000), { mtime: 1 });
    const archive = await archiveOf([...goEntries(), large]);
    await inWorld((world) =>
      withTmpfs("256k", world.cache, () =>
        withServer(mirror(archive), async ({ url }) => {
          const context = world.context({
            KBUILD_GO_MIRROR: `${url}/go`,
            KBUILD_GO_SHA256: archive.sha256,
          });
          const error = await assertRejects(() => installRelease(context, RELEASE), KbuildError);
          assertAdvice(error, world.cache);
          assertEquals(world.kept(), []);
        }))
    );
    const image = await makeImage(["amd64"], 600_000);
    await inRegistryWorld((world) =>
      withTmpfs("256k", world.cache, () =>
        withRegistry(image, async (server) => {
          const error = await assertRejects(() => fetchOne(world, server.host), KbuildError);
          assertAdvice(error, world.cache);
        }))
    );
  },
});
