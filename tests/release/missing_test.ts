import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  checkInputs,
  describeMissing,
  type PackageOptions,
  packageTarballs,
  preparePackage,
} from "../../src/release/mod.ts";
import { isLfsPointer } from "../../src/checkout/lfs.ts";
import { openSample } from "../lib/_open.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  `oid sha256:${"0".repeat(64)}\nsize 12345\n`;
const LINUX = ["linux/amd64"];

const sample = await openSample("1.28");
globalThis.addEventListener("unload", () => {
  Deno.removeSync(dirname(sample.context.root), { recursive: true });
});
const { checkout, context } = sample;
const inRoot = (path: string) => join(context.root, path);

/** A fork: no licenses and documents, a manifest and a Dockerfile that Git LFS did not fetch. */
const ETCD = "cluster/gce/manifests/etcd.manifest";
const DOCKERFILE = "build/server-image/kube-apiserver/Dockerfile";
for (const path of ["LICENSES", "docs"]) Deno.removeSync(inRoot(path), { recursive: true });
for (const path of [ETCD, DOCKERFILE]) Deno.writeTextFileSync(inRoot(path), POINTER);

const OPTIONS: PackageOptions = {
  vars: {
    gitCommit: undefined,
    gitMajor: "1",
    gitMinor: "28",
    gitVersion: "v1.28.7",
    gitTreeState: "dirty",
    dirtyPaths: [],
    problem: undefined,
  },
  epoch: 0,
  platforms: { server: LINUX, node: LINUX, client: LINUX, test: LINUX, testServer: LINUX },
  binPath: context.releaseBinPath,
  only: new Set(["kubectl", "kube-apiserver"]),
};

Deno.test("isLfsPointer() knows pointers, and no file that only starts like one", () => {
  assertEquals(isLfsPointer(POINTER), true);
  assertEquals(isLfsPointer(""), false);
  assertEquals(isLfsPointer(POINTER + "x".repeat(2000)), false);
});

Deno.test("checkInputs() names all that is missing at once, and what it is for", async () => {
  const plan = await preparePackage(context, checkout, OPTIONS);
  const error = await assertRejects(
    () => checkInputs(context, plan, { checkBinaries: false }),
    KbuildError,
    "Cannot package this checkout: 4 inputs are missing",
  );
  assertEquals(error.output, [
    "LICENSES (node, server, final)",
    "docs (final)",
    `${ETCD}: a Git LFS pointer (final, manifests)`,
    `${DOCKERFILE}: a Git LFS pointer (images)`,
  ]);
  assert(error.notes.some((note) => note.includes("git lfs pull")));
  assert(error.notes.some((note) => note.includes("--allow-missing")));
});

Deno.test("checkInputs() with allowMissing lets it pass, but not binaries that nobody built", async () => {
  const options = { ...OPTIONS, allowMissing: true };
  const plan = await preparePackage(context, checkout, options);
  await checkInputs(context, plan, { checkBinaries: false });
  assertEquals(plan.missing.map(({ path }) => path), ["LICENSES", ETCD, "docs", DOCKERFILE]);
  const error = await assertRejects(
    () => checkInputs(context, plan, { checkBinaries: true }),
    KbuildError,
  );
  assert(error.output.includes("_output/dockerized/bin/linux/amd64/kubectl"));
  assert(!error.notes.some((note) => note.includes("--allow-missing")));
});

Deno.test("packageTarballs() with allowMissing leaves out what is missing", async () => {
  const bin = join(OPTIONS.binPath, "linux/amd64");
  await Deno.mkdir(bin, { recursive: true });
  for (const name of OPTIONS.only!) await Deno.writeTextFile(join(bin, name), name);
  const options = { ...OPTIONS, allowMissing: true };
  await packageTarballs(context, await preparePackage(context, checkout, options));
  const stage = inRoot("_output/release-stage");
  const there = (path: string) => {
    try {
      return Deno.lstatSync(join(stage, path)) !== undefined;
    } catch {
      return false;
    }
  };
  assertEquals(
    ["full/kubernetes/README.md", "manifests/kubernetes/gci-trusty/glbc.manifest"].map(there),
    [true, true],
  );
  assertEquals(
    [
      "full/kubernetes/docs",
      "full/kubernetes/LICENSES",
      `full/kubernetes/${ETCD}`,
      "server/linux-amd64/kubernetes/LICENSES",
      "manifests/kubernetes/gci-trusty/etcd.manifest",
    ].map(there),
    [false, false, false, false, false],
  );
});

Deno.test("describeMissing() counts pointers by directory", () => {
  const missing = ["a/b", "a/c/d", "e"].map((path) => ({
    path,
    problem: "Git LFS pointer" as const,
    neededFor: ["final"],
  }));
  assertEquals(describeMissing(missing), [
    "a/: 2 Git LFS pointers (final)",
    "e: a Git LFS pointer (final)",
  ]);
});
