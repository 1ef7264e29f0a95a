/**
 * Must the real 1.20.2, made in shards on three hosts, have the digests of one machine's? It must, and this shows it:
 * kubectl, kube-proxy and kube-scheduler for two platforms. It prints the times that the model of docs/simulation.md is to
 * be compared with. `KBUILD_TEST_MACHINES=y`: all caches empty, each host with one processor, an hour or more; or the path
 * of a cache of Go's, which they share.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { simulate } from "../../scripts/simulate_model.ts";
import { countedGo } from "../e2e/_counted_go.ts";
import { NO_HOSTS, withHosts } from "../e2e/_hosts.ts";
import { inScratch, kbuildArgv, output, unless, which } from "../e2e/_program.ts";
import { NO_REGISTRY } from "../e2e/_registry.ts";
import { startRegistry, Worker } from "../e2e/_workers.ts";
import { findRealTree, goBin, NEEDS_TREE } from "./_tree.ts";

/** `y`, or the path of a cache of Go's. */
const variable = Deno.env.get("KBUILD_TEST_MACHINES") ?? "";
const asked = variable !== "";
const isCold = !variable.startsWith("/");
const tree = asked ? findRealTree({ fetch: true }) : undefined;
const missing = !asked
  ? "slow: KBUILD_TEST_MACHINES=y"
  : tree === undefined
  ? NEEDS_TREE
  : which("taskset") === undefined
  ? "needs taskset"
  : NO_HOSTS ?? NO_REGISTRY;

const ASKED = ["quick-release", "WHAT=cmd/kubectl cmd/kube-proxy cmd/kube-scheduler"];
const ENV = {
  KUBE_BUILD_PLATFORMS: "linux/amd64 linux/arm64",
  // An empty variable counts as not set: the cache is in the outputs.
  GOCACHE: isCold ? "" : variable,
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return Math.round((performance.now() - started) / 100) / 10;
}

Deno.test(
  unless(missing, "1.20.2: a release of two platforms by three hosts"),
  () =>
    inScratch(async (dir) => {
      const go = await countedGo(dir, join(goBin() ?? "", ".."));
      const clone = async (root: string) =>
        await output(["git", "clone", "-q", "--no-hardlinks", tree!, root]);
      await withHosts(3, async ([registry, hostA, hostB]) => {
        const store = await startRegistry(registry!, dir);
        const worker = async (host: typeof hostA, name: string, processor: number) => {
          const made = new Worker(
            host!,
            name,
            dir,
            go,
            ENV,
            isCold ? ["taskset", "-c", `${processor}`] : [],
          );
          await clone(made.root);
          return made;
        };
        const one = await worker(hostA, "one", 0);
        const alone = await timed(() => one.ok(...ASKED, "--trimpath"));
        const [a, b] = [await worker(hostA, "a", 0), await worker(hostB, "b", 1)];
        const times: Record<string, number> = { alone };
        const shard = async (each: Worker, part: string) => {
          times[part] = await timed(() => each.ok(...ASKED, "--store", store, "--shard", part));
        };
        times["both shards"] = await timed(() => Promise.all([shard(a, "1/2"), shard(b, "2/2")]));
        times["gather"] = await timed(() => a.ok("gather", ...ASKED, "--store", store));
        const shown = await output(
          [
            "taskset",
            "-c",
            "0",
            ...kbuildArgv("plan", "--units", "--json", ...ASKED, "--trimpath"),
          ],
          { cwd: one.root, env: one.env },
        );
        const units =
          (JSON.parse(shown).units as { id: string; needs: string[]; seconds: number }[])
            .map((unit) => ({ ...unit, seconds: unit.seconds ?? 0 }));
        const [first, second] = [1, 2].map((count) => simulate(units, count, { fetchSeconds: 2 }));
        times["simulated, one"] = first!;
        times["simulated, two"] = second!;
        console.log(JSON.stringify({ times, units }, undefined, 1));
        assertEquals(await a.sums(), await one.sums());
      });
    }),
);
