/**
 * Hostile values of everything that names a place which kbuild writes to and later clears: whatever
 * they are, what git tracks and what kbuild did not make survives, and the refusal says why.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { clearLeftovers, removeOutput } from "../../src/commands/clean_run.ts";
import type { OpenCheckout } from "../../src/commands/context.ts";
import { KbuildError } from "../../src/errors.ts";
import { writeOciLayout } from "../../src/image/mod.ts";
import { checkReleaseReplaceable, claimOutputs } from "../../src/lib/outputs.ts";
import { ownershipContext } from "../../src/lib/ownership.ts";
import { cacheDirectory, claimCache } from "../../src/net/mod.ts";
import { BlobStore } from "../../src/registry/blob_store.ts";
import { createSample } from "../../src/sample/mod.ts";
import { removeRelease } from "../../src/toolchain/mod.ts";
import { HEX, inWorld, type World } from "./_world.ts";

/** What a value does; an error is the refusal. */
type Attempt = (world: World, value: string) => Promise<void>;

/** All that a run does with its output directories, short of building. */
function outputs(name: string): readonly Attempt[] {
  const context = (world: World, value: string) => world.context({ [name]: value });
  return [
    async (world, value) => {
      await removeOutput({ context: context(world, value) } as OpenCheckout);
    },
    async (world, value) => {
      await claimOutputs(context(world, value));
      await checkReleaseReplaceable(context(world, value));
      await clearLeftovers(context(world, value));
    },
  ];
}

const ociLayout: Attempt = async (world, value) => {
  const context = world.context({}, join(world.dir, "empty"));
  await writeOciLayout(join(world.root, value), [], { ownership: ownershipContext(context) });
};

const cache: Attempt = async (world, value) => {
  const context = world.context({ KBUILD_CACHE: value });
  const directory = cacheDirectory(context.env, context.host);
  assert(directory !== undefined);
  await claimCache(directory, context.env, ownershipContext(context));
  await new BlobStore(directory).sweep(0);
  await removeRelease(context, "1.21.7");
};

const sample: Attempt = async (world, value) => {
  const { shell, env } = world.context();
  await createSample({ dir: join(world.root, value), era: "1.35", git: shell, env });
};

const IN_CHECKOUT = /must be a directory in the checkout/;
const TRACKED = /git tracks/;
const FOREIGN = /is something that kbuild did not make|nothing shows that kbuild made it/;
const GIT = /in a git repository's own directory/;
const USED = /kbuild has another use for|kbuild uses names such as/;

/** Value -> why it is refused, for both OUT_DIR and KUBE_OUTPUT_SUBPATH. */
const OUTPUT_VALUES: readonly (readonly [value: string, why: RegExp])[] = [
  [".", IN_CHECKOUT],
  ["./", IN_CHECKOUT],
  [".//", IN_CHECKOUT],
  ["././.", IN_CHECKOUT],
  ["a/..", IN_CHECKOUT],
  ["cmd/../", IN_CHECKOUT],
  ["..", IN_CHECKOUT],
  ["../", IN_CHECKOUT],
  ["../plain", IN_CHECKOUT],
  ["a/../../plain", IN_CHECKOUT],
  ["../k8s", IN_CHECKOUT],
  ["/", IN_CHECKOUT],
  ["/tmp", IN_CHECKOUT],
  ["cmd", TRACKED],
  ["./cmd", TRACKED],
  ["cmd/", TRACKED],
  ["_output/../cmd", TRACKED],
  ["tracked-out", TRACKED],
  [".git", GIT],
  [".git/hooks", GIT],
  ["to-git", GIT],
  ["to-root", /it is the checkout/],
  ["to-parent", /it holds the checkout/],
  ["to-fs", /it is the root of the file system/],
  ["to-home", /it is the home directory/],
  ["to-cmd", TRACKED],
  ["chain", TRACKED],
  ["to-other", FOREIGN],
  ["to-plain", FOREIGN],
  ["to-plain/", FOREIGN],
  ["to-parent/plain", FOREIGN],
  ["loop", /link/],
  ["mine", FOREIGN],
  ["usr", FOREIGN],
  ["ünï", FOREIGN],
  ["new\nline", FOREIGN],
  ["$(x)", FOREIGN],
  ["-rf", FOREIGN],
  ["a file", /is not a directory/],
];

/** The same, where only using them is refused: there is nothing to remove. */
const UNUSABLE: readonly (readonly [name: string, value: string, why: RegExp])[] = [
  ["KUBE_OUTPUT_SUBPATH", "_output/release-tars", USED],
  ["KUBE_OUTPUT_SUBPATH", "_output/release-stage/a", USED],
  ["KUBE_OUTPUT_SUBPATH", "_output/.kbuild-cache", USED],
  ["KUBE_OUTPUT_SUBPATH", "_output/.kbuild-tmp-1", USED],
  ["KUBE_OUTPUT_SUBPATH", "_output/bin", USED],
  ["KUBE_OUTPUT_SUBPATH", "_output", USED],
  ["OUT_DIR", "_output/local/bin", USED],
  ["OUT_DIR", "_output/local/go/src", USED],
  ["OUT_DIR", "_output/bin", USED],
  ["OUT_DIR", ".make", USED],
];

const OTHER_VALUES: readonly (readonly [
  name: string,
  attempt: Attempt,
  value: string,
  why: RegExp,
])[] = [
  ["--oci-layout", ociLayout, ".", /it is the checkout/],
  ["--oci-layout", ociLayout, "..", /it holds the checkout/],
  ["--oci-layout", ociLayout, "../../../../../../../..", /root of the file system/],
  ["--oci-layout", ociLayout, "cmd", TRACKED],
  ["--oci-layout", ociLayout, "to-cmd", TRACKED],
  ["--oci-layout", ociLayout, "to-home", /it is the home directory/],
  ["--oci-layout", ociLayout, "../other", /git/],
  ["--oci-layout", ociLayout, "../empty", /it is the working directory/],
  ["--oci-layout", ociLayout, "../extra", FOREIGN],
  ["--oci-layout", ociLayout, "to-extra", FOREIGN],
  ["--oci-layout", ociLayout, "../registry", FOREIGN],
  ["--oci-layout", ociLayout, "mine", FOREIGN],
  ["--oci-layout", ociLayout, "$(x)", FOREIGN],
  ["--oci-layout", ociLayout, "new\nline", FOREIGN],
  ["--oci-layout", ociLayout, "a file", /is not a directory/],
  ["--oci-layout", ociLayout, "dead", /leads nowhere/],
  ["--oci-layout", ociLayout, "loop", /link/],
  ["--oci-layout", ociLayout, ".git/layout", GIT],
  ["--oci-layout", ociLayout, "tracked-link", TRACKED],
  ["--oci-layout", ociLayout, "none/layout", /there is no directory/],
  ["KBUILD_CACHE", cache, "<dir>/home", /it is the home directory/],
  ["KBUILD_CACHE", cache, "<dir>", /it holds the checkout/],
  ["KBUILD_CACHE", cache, "/", /it is the root of the file system/],
  ["KBUILD_CACHE", cache, "<dir>/k8s", /it is the checkout/],
  ["KBUILD_CACHE", cache, "<dir>/k8s/cmd", TRACKED],
  ["KBUILD_CACHE", cache, "<dir>/k8s/to-cmd/", TRACKED],
  ["KBUILD_CACHE", cache, "<dir>/k8s/.git", GIT],
  ["KBUILD_CACHE", cache, "<dir>/other", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/plain", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/home/../plain", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/registry", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/gopath", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/k8s/a file", /is not a directory/],
  ["KBUILD_CACHE", cache, "<dir>/k8s/ünï", FOREIGN],
  ["KBUILD_CACHE", cache, "<dir>/k8s/$(x)", FOREIGN],
  ["KBUILD_CACHE", cache, "cache", /must be an absolute path/],
  ["KBUILD_CACHE", cache, "../cache", /must be an absolute path/],
  ["--dir", sample, ".", /holds "/],
  ["--dir", sample, "..", /holds "/],
  ["--dir", sample, "cmd", /holds "/],
  ["--dir", sample, "to-home", /holds "/],
  ["--dir", sample, "../other", /holds "/],
  ["--dir", sample, "ünï", /holds "/],
  ["--dir", sample, "new\nline", /holds "/],
  ["--dir", sample, "$(x)", /holds "/],
  ["--dir", sample, "a file", /Cannot make a sample/],
  ["--dir", sample, "loop", /Cannot make a sample/],
];

async function refusal(attempt: Promise<void>): Promise<string> {
  try {
    await attempt;
    return "";
  } catch (error) {
    // Anything else is an error of kbuild, not a refusal.
    if (!(error instanceof KbuildError)) throw error;
    return error.message;
  }
}

Deno.test("no value of OUT_DIR or KUBE_OUTPUT_SUBPATH removes what kbuild did not make", () =>
  inWorld(async (world) => {
    const before = await world.snapshot();
    for (const name of ["OUT_DIR", "KUBE_OUTPUT_SUBPATH"]) {
      for (const [value, why] of OUTPUT_VALUES) {
        for (const attempt of outputs(name)) {
          const said = await refusal(attempt(world, value));
          assertMatch(said, why, `${name}=${JSON.stringify(value)}`);
        }
        assertEquals(await world.snapshot(), before, `${name}=${JSON.stringify(value)}`);
      }
    }
    for (const [name, value, why] of UNUSABLE) {
      const [clean, use] = outputs(name);
      await refusal(clean!(world, value));
      assertMatch(await refusal(use!(world, value)), why, `${name}=${value}`);
      assertEquals(await world.snapshot(), before, `${name}=${value}`);
    }
  }));

Deno.test("no value of --oci-layout, KBUILD_CACHE or --dir removes what kbuild did not make", () =>
  inWorld(async (world) => {
    const before = await world.snapshot();
    for (const [name, attempt, value, why] of OTHER_VALUES) {
      const said = await refusal(attempt(world, value.replace("<dir>", world.dir)));
      assertMatch(said, why, `${name} ${JSON.stringify(value)}`);
      assertEquals(await world.snapshot(), before, `${name} ${JSON.stringify(value)}`);
    }
  }));

Deno.test("the table has at least sixty values", () => {
  const values = [...OUTPUT_VALUES, ...UNUSABLE, ...OTHER_VALUES];
  assert(values.length >= 60, String(values.length));
});

for (const name of ["OUT_DIR", "KUBE_OUTPUT_SUBPATH"]) {
  Deno.test(`good values of ${name} work, and clean removes what was made there alone`, () =>
    inWorld(async (world) => {
      const made = ["release-tars/a", "release-stage/a", ".kbuild-cache/a", "local/bin/a"];
      const good = [
        ...["_output-v1", "./_output-v2", "_output//v3", "a/../out", "nested/deep/er"],
        ...["ünï-out", "new\nout", "$(y)", "-out", "with blank", "to-disk", "to-disk/below"],
        ...name === "OUT_DIR" ? ["_output/"] : ["_output/local", "_output/dockerized"],
      ];
      for (const value of good) {
        const before = await world.snapshot();
        const context = world.context({ [name]: value });
        await claimOutputs(context);
        const directory = name === "OUT_DIR" ? context.outputRoot : context.output;
        for (const path of made) {
          await Deno.mkdir(join(directory, path, ".."), { recursive: true });
          await Deno.writeTextFile(join(directory, path), "");
        }
        await checkReleaseReplaceable(context);
        await removeOutput({ context } as OpenCheckout);
        const after = await world.snapshot();
        for (const [path, what] of Object.entries(before)) {
          assertEquals(after[path], what, `${name}=${JSON.stringify(value)}: ${path}`);
        }
        const left = made.filter((path) => `${directory.slice(world.dir.length)}/${path}` in after);
        assertEquals(left, [], `${name}=${JSON.stringify(value)}`);
      }
    }));
}

Deno.test("good values of --oci-layout and KBUILD_CACHE work, and only kbuild's own is replaced", () =>
  inWorld(async (world) => {
    const before = await world.snapshot();
    for (const layout of ["new-layout", "to-disk/layout", "ünï-layout", "new\nlayout"]) {
      await ociLayout(world, layout);
      await ociLayout(world, layout);
      assert((await Deno.stat(join(world.root, layout, "oci-layout"))).isFile);
    }
    const cached = join(world.dir, "new cache");
    await cache(world, cached);
    for (const path of [`blobs/sha256/${HEX}`, "go/go1.21.7.linux-amd64/go/bin/go"]) {
      await Deno.mkdir(join(cached, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(cached, path), "");
    }
    await cache(world, cached);
    assertEquals([...Deno.readDirSync(join(cached, "go"))].map(({ name }) => name), [".lock"]);
    const after = await world.snapshot();
    for (const [path, what] of Object.entries(before)) assertEquals(after[path], what, path);
  }));
