/** Builds on nodes of real BuildKit, against builds on this machine. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { ifPresentSync } from "../../src/files/mod.ts";
import { NO_BUILDKIT, withBuildKit } from "./_buildkit.ts";
import {
  discard,
  ended,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  start,
  unless,
} from "./_program.ts";
import { NO_REGISTRY, withRealRegistry } from "./_registry.ts";

interface Result {
  readonly binaries: readonly { readonly path: string }[];
}

/** Path -> digest of what a build printed. */
async function digests(root: string, json: string): Promise<string> {
  const { binaries } = JSON.parse(json) as Result;
  return await output(["sha256sum", ...binaries.map(({ path }) => path)], { cwd: root });
}

/** Of the go calls of a command: name, key, and why there is none. */
async function keysOf(
  root: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly (readonly [name: string, key: string | null, why: string | null])[]> {
  const json = await kbuildOk(["plan", "--units", "--json", ...words, "--root", root], { env });
  const { units } = JSON.parse(json) as {
    units: readonly { kind: string; name: string; key: string | null; why: string | null }[];
  };
  return units.filter(({ kind }) => kind === "build").map(({ name, key, why }) =>
    [name, key, why] as const
  );
}

function isThere(path: string): boolean {
  return ifPresentSync(() => Deno.statSync(path)) !== undefined;
}

/** Results of units in a file of events, by name. */
function results(file: string): Record<string, string> {
  const names = new Map<string, string>();
  const found: Record<string, string> = {};
  for (const line of Deno.readTextFileSync(file).trim().split("\n")) {
    const event = JSON.parse(line);
    if (event.event === "unit.queued" && event.kind === "build") names.set(event.id, event.name);
    if (event.event === "unit.end" && names.has(event.id)) {
      found[names.get(event.id)!] = event.result;
    }
  }
  return found;
}

Deno.test({
  ...unless(
    NO_BUILDKIT ?? NO_REGISTRY ?? missingFor("1.20"),
    "two nodes of a builder make the bytes of this machine, and another node takes them from a registry",
  ),
  fn: () =>
    inScratch((dir) =>
      withRealRegistry(dir, ({ host }) =>
        withBuildKit(dir, 3, async ({ builder, env, nodes }) => {
          const [a, b, other] = nodes;
          await builder("two", [[a!, "linux/amd64"], [b!, "linux/arm64"]]);
          await builder("other", [[other!, "linux/amd64"]]);
          const root = await makeSample("1.20", join(dir, "kubernetes \u00fc"));
          const words = [
            ...["all", "cmd/kube-proxy", "--json", "--platform", "linux/amd64,linux/arm64"],
            ...["--root", root],
          ];
          const here = await digests(root, await kbuildOk(words, { env }));
          discard(join(root, "_output"));
          const events = join(dir, "events.jsonl");
          const cache = `${host}/cache`;
          const remote = [...words, "--engine", "buildx:two", "--cache-to", cache];
          assertEquals(
            await digests(root, await kbuildOk([...remote, "--events", events], { env })),
            here,
          );
          const made = results(events);
          assertEquals(made["kube-proxy for linux/amd64"], "made");
          assertEquals(made["kube-proxy for linux/arm64"], "made");
          // Again: nothing is made, and what is there stays.
          const bin = join(root, "_output/local/bin/linux/arm64/kube-proxy");
          const before = Deno.statSync(bin);
          await Deno.remove(events);
          await kbuildOk([...remote, "--events", events], { env });
          assertEquals(results(events)["kube-proxy for linux/arm64"], "reused");
          assertEquals(Deno.statSync(bin).mtime, before.mtime);
          // Another node, which has nothing: no step runs.
          discard(join(root, "_output/local/bin"));
          discard(join(root, "_output/local/go/bin"));
          await Deno.remove(events);
          const from = [
            ...["all", "cmd/kube-proxy", "--json", "--platform", "linux/amd64", "--root", root],
            ...["--engine", "buildx:other", "--cache-from", cache],
          ];
          const [line] = here.split("\n").filter((line) => line.includes("/linux/amd64/"));
          assertEquals(
            (await digests(root, await kbuildOk([...from, "--events", events], { env }))).trim(),
            line,
          );
          assertEquals(results(events)["kube-proxy for linux/amd64"], "reused");
          // A registry that is gone costs nothing but the cache.
          const gone = [
            ...from.slice(0, -1),
            "127.0.0.1:1/cache",
            "--cache-to",
            "127.0.0.1:1/cache",
          ];
          assertEquals((await digests(root, await kbuildOk(gone, { env }))).trim(), line);
        }))
    ),
});

Deno.test({
  ...unless(
    NO_BUILDKIT ?? missingFor("1.20"),
    "nodes build what a store lacks and nothing else; what they built serves machines without nodes",
  ),
  fn: () =>
    inScratch((dir) =>
      withBuildKit(dir, 1, async ({ builder, env, nodes: [node] }) => {
        await builder("one", [[node!, "linux/amd64"]]);
        const amd64 = ["--platform", "linux/amd64"];
        const both = ["--platform", "linux/amd64,linux/arm64"];
        const remote = ["--engine", "buildx:one", "--store", join(dir, "a store")];
        const release = async (place: string, flags: readonly string[]) => {
          const root = join(dir, place, "kubernetes");
          if (!isThere(root)) await makeSample("1.20", root);
          const events = join(dir, "events.jsonl");
          const words = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy", ...flags];
          const { code, stderr } = await kbuild([...words, "--events", events, "--root", root], {
            env,
          });
          assertEquals(code, 0, stderr);
          const built = results(events);
          const units = await keysOf(root, words, env);
          await Deno.remove(events);
          const sums = await Deno.readTextFile(join(root, "_output/release-tars/SHA256SUMS"));
          return { root, stderr, built, units, sums };
        };
        const of = (platform: string, { built }: { built: Record<string, string> }) =>
          Object.entries(built).filter(([name]) => name.endsWith(` for ${platform}`))
            .map(([, result]) => result);

        const here = await release("here", [...both, "--trimpath"]);
        const first = await release("first", [...amd64, ...remote]);
        assertEquals(of("linux/amd64", first), ["made"]);
        assertMatch(first.stderr, / 1 result saved /);

        // Of one node, the step that the store has is not in the bake.
        const second = await release("a second", [...both, ...remote]);
        assertEquals(of("linux/amd64", second), ["reused"]);
        assertEquals(of("linux/arm64", second), ["made"]);
        assertMatch(second.stderr, / fetched \([^)]*\), 1 result saved /);
        const bake = join(second.root, "_output/local/.kbuild/buildx/Dockerfile");
        assertEquals((await Deno.readTextFile(bake)).match(/ AS step-\d+/g), [" AS step-2"]);
        assertEquals(second.sums, here.sums);
        assertEquals(second.units, here.units);

        // Nothing is left to do, for nodes or for a machine without them.
        const third = await release("third", [...both, ...remote, "--store-read-only"]);
        const fourth = await release("fourth", [...both, "--store", join(dir, "a store")]);
        for (const each of [third, fourth]) {
          assertEquals([...new Set(Object.values(each.built))], ["reused"]);
          assertEquals(each.sums, here.sums);
        }
        assertEquals(third.stderr.includes("Building with the builder"), false);
        const again = await release("a second", [...both, ...remote]);
        assertEquals([...new Set(Object.values(again.built))], ["reused"]);
        assertMatch(again.stderr, /neither looked for in the store nor saved: 2 of 2 go calls/);

        // With cgo, a key says which image has the compiler, if its name does.
        await Deno.writeTextFile(
          join(again.root, "cmd/kubectl/c.go"),
          'package main\n\n// int of_test;\nimport "C"\n\nvar ofTest = C.of_test\n',
        );
        const cgo = { ...env, KUBE_CGO_OVERRIDES: "kubectl" };
        const image = "registry.example/kube-cross:v1";
        const words = ["all", "kubectl", ...amd64, ...remote, "--build-image"];
        const [tagged] = await keysOf(again.root, [...words, image], cgo);
        assertEquals(tagged, [
          "kubectl for linux/amd64",
          null,
          `its C compiler is in "${image}", and only a digest says which image that is`,
        ]);
        const pinned = await Promise.all(["a", "b"].map((digit) => (
          keysOf(again.root, [...words, `${image}@sha256:${digit.repeat(64)}`], cgo)
        )));
        assertMatch(String(pinned[0]?.[0]?.[1]), /^[0-9a-f]{64}$/);
        assertNotEquals(pinned[0], pinned[1]);
      })
    ),
});

Deno.test({
  ...unless(
    NO_BUILDKIT ?? missingFor("latest"),
    "a node writes the commit into programs; what does not compile and Ctrl-C end the build",
  ),
  fn: () =>
    inScratch((dir) =>
      withBuildKit(dir, 1, async ({ builder, env, nodes: [node] }) => {
        await builder("one", [[node!, "linux/amd64"]]);
        const root = await makeSample("latest", join(dir, "kubernetes"));
        const words = ["all", "cmd/kube-proxy", "--json", "--platform", "linux/arm64"];
        const remote = [...words, "--engine", "buildx:one", "--root", root];
        const stopped = start(kbuildArgv(...remote, "--progress=plain", "-vv"), { env });
        const reading = ended(stopped);
        while (node!.containers().length === 0) {
          const pause = new Promise((resolve) => setTimeout(() => resolve("waits"), 100));
          assertEquals(await Promise.race([reading, pause]), "waits");
        }
        stopped.kill("SIGINT");
        assertEquals((await reading).code, 130);
        for (let tries = 0; node!.containers().length > 0 && tries < 100; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assertEquals(node!.containers(), []);
        assertMatch(
          await kbuildOk(["plan", ...remote.filter((word) => word !== "--json")], { env }),
          /docker-buildx'? bake --builder one --progress=rawjson --file \S+bake.json node-1\n/,
        );
        const there = await digests(root, await kbuildOk(remote, { env }));
        discard(join(root, "_output/local/bin"));
        discard(join(root, "_output/local/go/bin"));
        assertEquals(
          await digests(root, await kbuildOk([...words, "--root", root], { env })),
          there,
        );
        // The commit is in the key, here and there.
        const plan = words.filter((word) => word !== "--json");
        const plans = [plan, [...plan, "--engine", "buildx:one"]];
        const [here, elsewhere] = await Promise.all(plans.map((each) => keysOf(root, each, env)));
        assertMatch(String(here?.[0]?.[1]), /^[0-9a-f]{64}$/);
        assertEquals(elsewhere, here);
        await Deno.writeTextFile(
          join(root, "cmd/kube-proxy/broken.go"),
          "package main\nvar x = y\n",
        );
        const { code, stderr } = await kbuild(remote.filter((word) => word !== "--json"), { env });
        assertEquals(code, 1);
        assertStringIncludes(
          stderr,
          'Cannot finish "Building kube-proxy for linux/arm64" on the node for linux/amd64: go exited with status 1',
        );
        assertStringIncludes(stderr, "undefined: y");
        const none = await kbuild([...words, "--engine", "buildx:none", "--root", root], { env });
        assert(none.code === 1);
        assertStringIncludes(none.stdout, 'Cannot use the builder \\"none\\"');
      })
    ),
});
