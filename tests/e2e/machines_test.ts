/**
 * Three hosts, each in a network namespace with its own home, caches and path of the checkout: a registry and
 * two workers. A release for six platforms in shards has the digests of one machine's, whatever is killed,
 * tampered with, slow or gone meanwhile.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { entriesOf } from "../../src/files/mod.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import { countedGo } from "./_counted_go.ts";
import { type Host, killGroup, NO_HOSTS, withHosts } from "./_hosts.ts";
import { startRegistry, Worker } from "./_workers.ts";
import { copyTree, inScratch, kbuildOk, makeSample, missingFor, unless } from "./_program.ts";
import { NO_REGISTRY } from "./_registry.ts";

const PLATFORMS: Readonly<Record<string, string>> = {
  "1.20": "linux/amd64 linux/arm64 linux/ppc64le linux/s390x darwin/amd64 windows/amd64",
  latest: "linux/amd64 linux/arm64 linux/ppc64le linux/s390x darwin/arm64 windows/amd64",
};

/** Files of blobs in the registry, largest first. */
async function blobsOf(dir: string): Promise<readonly string[]> {
  const found: { path: string; size: number }[] = [];
  const blobs = join(dir, "registry/docker/registry/v2/blobs/sha256");
  for (const { name } of Deno.readDirSync(blobs)) {
    for (const { name: digest } of Deno.readDirSync(join(blobs, name))) {
      const path = join(blobs, name, digest, "data");
      found.push({ path, size: (await Deno.stat(path)).size });
    }
  }
  return found.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

/** How many results the registry has; what a shard writes to try it does not count. */
async function resultsIn(dir: string): Promise<number> {
  const tags = join(
    dir,
    "registry/docker/registry/v2/repositories/kbuild/results/_manifests/tags",
  );
  return (await entriesOf(tags) ?? []).filter(({ name }) => !/-0+$/.test(name)).length;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it does not come");
}

for (const era of ["1.20", "latest"] satisfies EraParameter[]) {
  const missing = missingFor(era) ?? NO_HOSTS ?? NO_REGISTRY;
  Deno.test(
    unless(missing, `${era}: a release of six platforms by three hosts`),
    () =>
      inScratch(async (dir) => {
        const go = await countedGo(dir);
        const sample = await makeSample(era, join(dir, "sample"));
        const alone = await copyTree(sample, join(dir, "alone", "kubernetes"));
        await kbuildOk(["release", "--trimpath"], {
          cwd: alone,
          env: { KUBE_BUILD_PLATFORMS: PLATFORMS[era]!, KUBE_RELEASE_RUN_TESTS: "n" },
        });
        const expected = await Deno.readTextFile(join(alone, "_output/release-tars/SHA256SUMS"));
        await withHosts(3, async ([registry, hostA, hostB]) => {
          const store = await startRegistry(registry!, dir);
          const worker = async (host: Host, name: string, { cached = true } = {}) => {
            const made = new Worker(host, name, dir, go, {
              KUBE_BUILD_PLATFORMS: PLATFORMS[era]!,
              // An empty variable counts as not set: the cache is in the outputs.
              ...cached ? {} : { GOCACHE: "" },
            });
            await copyTree(sample, made.root);
            return made;
          };
          const [a, b] = [
            await worker(hostA!, "a", { cached: false }),
            await worker(hostB!, "b", { cached: false }),
          ];

          // One is killed when something is saved and something else is being made.
          const killed = a.start("release", "--store", store, "--shard", "1/2");
          await until(async () =>
            await a.made() >= (era === "1.20" ? 3 : 2) && await resultsIn(dir) >= 2
          );
          await killGroup(killed);
          const before = await a.made();
          const events = join(dir, "a.jsonl");
          const [again] = await Promise.all([
            a.ok("release", "--store", store, "--shard", "1/2", "--events", events),
            b.ok("release", "--store", store, "--shard", "2/2"),
          ]);
          assertStringIncludes(again, "results saved");
          const ends = (await Deno.readTextFile(events)).trim().split("\n")
            .map((line) => JSON.parse(line) as Record<string, string>)
            .filter(({ event, id }) => event === "unit.end" && /^build /.test(id ?? ""));
          const made = ends.filter(({ result }) => result === "made").length;
          const had = ends.filter(({ reason }) => reason === "the store has it").length;
          assert(made > 0 && had > 0, JSON.stringify(ends));
          assertEquals(await a.made() - before, made);

          await a.ok("gather", "release", "--store", store);
          assertEquals(await a.sums(), expected);

          // A new worker far away.
          registry!.relay(5001, 5000, 50);
          const fresh = await worker(hostB!, "fresh");
          await fresh.ok("release", "--store", store.replace(":5000", ":5001"));
          assertEquals(await fresh.sums(), expected);
          assertEquals(await fresh.compiles(), []);

          // Content that is not what it should be.
          const [flipped, cut, swapped, other] = await blobsOf(dir);
          const bytes = await Deno.readFile(flipped!);
          bytes[bytes.length >> 1]! ^= 1;
          await Deno.writeFile(flipped!, bytes);
          await Deno.truncate(cut!, 1000);
          await Deno.copyFile(other!, swapped!);
          const careful = await worker(hostA!, "careful");
          const said = await careful.ok("release", "--store", store, "--store-read-only");
          assertEquals(await careful.sums(), expected);
          for (const path of [flipped!, cut!, swapped!]) {
            assertStringIncludes(said, path.split("/").at(-2)!.slice(0, 12));
          }
          assert(await careful.made() > 0 && await careful.made() <= 3);

          // Nobody answers.
          await registry!.plug(false);
          const lonely = await worker(hostB!, "lonely");
          const warned = await lonely.ok("all", "kubectl", "--store", store);
          assertEquals(warned.match(/The store "[^"]*" is not used/g)?.length, 1, warned);
          assertEquals(await lonely.made() > 0, true);
        });
      }),
  );
}
