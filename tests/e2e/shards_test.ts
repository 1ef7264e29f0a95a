/**
 * A release made by several runs that share a store, each with its own path, outputs and home: the same
 * digests as one run's, and nothing is compiled that the store has.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { countedGo } from "./_counted_go.ts";
import {
  copyTree,
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  missingFor,
  unless,
} from "./_program.ts";

const PLATFORMS = "KUBE_BUILD_PLATFORMS=linux/amd64 linux/arm64";

Deno.test(
  unless(missingFor("1.20"), "shards, gathering, resuming and a warm store"),
  () =>
    inScratch(async (dir) => {
      const go = await countedGo(dir);
      const sample = await makeSample("1.20", join(dir, "sample"));
      const store = join(dir, "a store");
      const machine = async (name: string) => {
        const root = await copyTree(sample, join(dir, name, `kubernetes of ${name}`));
        const env = { ...go.env(name), HOME: join(dir, name) };
        const sums = () => Deno.readTextFile(join(root, "_output/release-tars/SHA256SUMS"));
        const run = (...words: string[]) => kbuild([...words, PLATFORMS], { cwd: root, env });
        const ok = (...words: string[]) => kbuildOk([...words, PLATFORMS], { cwd: root, env });
        return { root, run, ok, sums, compiles: () => go.compiles(name) };
      };
      const one = await machine("one");
      await one.ok("quick-release", "--trimpath");
      const expected = await one.sums();
      assert((await one.compiles()).length > 0);

      const first = await machine("first");
      const shard = ["quick-release", "--store", store, "--shard"];
      await first.ok(...shard, "1/2");
      const started = (await first.compiles()).length;
      assert(started > 0);
      assertEquals(
        [...Deno.readDirSync(join(first.root, "_output"))].map(({ name }) => name)
          .filter((name) => name.startsWith("release")),
        [],
      );

      // What the other shard would have made is named.
      const gatherer = await machine("gatherer");
      const early = await gatherer.run("gather", "quick-release", "--store", store);
      assertEquals(early.code, 1);
      assertStringIncludes(
        early.stderr,
        "kbuild: Cannot gather the results: 4 units are missing\n",
      );
      for (const name of ["kube-proxy, kube-apiserver and 4 more", "e2e.test", "e2e_node.test"]) {
        assertStringIncludes(early.stderr, `build ${name} for linux/arm64: the store lacks it\n`);
      }
      assert(!early.stderr.includes("for linux/amd64: the store lacks it"), early.stderr);

      const second = await machine("second");
      await second.ok(...shard, "2/2");
      // Generated files come from the first.
      assertEquals((await second.compiles()).filter((line) => line.includes("go-bindata")), []);
      await gatherer.ok("gather", "quick-release", "--store", store);
      assertEquals(await gatherer.sums(), expected);
      assertEquals(await gatherer.compiles(), []);

      // The same again compiles nothing, and neither does a machine that is new.
      await first.ok(...shard, "1/2");
      assertEquals((await first.compiles()).length, started);
      const fresh = await machine("fresh");
      const json = await fresh.ok("quick-release", "--store", store, "--store-read-only", "--json");
      assertEquals(typeof JSON.parse(json), "object");
      assertEquals(await fresh.sums(), expected);
      assertEquals(await fresh.compiles(), []);

      // A store whose content is not what it was is refused, and what it lacks is made.
      const blobs = [...Deno.readDirSync(join(store, "cas"))].map(({ name }) =>
        join(store, "cas", name)
      );
      const sizes = await Promise.all(blobs.map(async (path) => (await Deno.stat(path)).size));
      const largest = blobs[sizes.indexOf(Math.max(...sizes))]!;
      await Deno.chmod(largest, 0o644);
      const bytes = await Deno.readFile(largest);
      bytes[bytes.length >> 1]! ^= 1;
      await Deno.writeFile(largest, bytes);
      const careful = await machine("careful");
      const { code, stderr } = await careful.run("quick-release", "--store", store);
      assertEquals(code, 0, stderr);
      assertEquals(await careful.sums(), expected);
      assertEquals(
        (await careful.compiles()).filter((line) => /^(install|test) /.test(line)).length,
        1,
      );
      assertStringIncludes(stderr, "refused");

      // What is gone or cut off is missing to a gathering, and to the shard, which makes it again.
      const damages = {
        gone: () => Deno.remove(largest),
        cut: () => Deno.truncate(largest, 1000),
      };
      for (const [name, damage] of Object.entries(damages)) {
        await damage();
        const next = await machine(name);
        assertEquals((await next.run("gather", "quick-release", "--store", store)).code, 1);
        for (const part of ["1/2", "2/2"]) await first.ok(...shard, part);
        await next.ok("gather", "quick-release", "--store", store);
        assertEquals(await next.sums(), expected);
      }
      const whole = await first.run(...shard, "1");
      assertEquals(whole.code, 2);
      assertStringIncludes(whole.stderr, "a part of all is meant, such as 2/8");

      // Without a store that can be used, a build is a build, and a shard is an error.
      const alone = await machine("alone");
      const lost = await alone.run("all", "kubectl", "--store", "/proc/none/store");
      assertEquals(lost.code, 0, lost.stderr);
      assertStringIncludes(lost.stderr, 'The store "/proc/none/store" is not used');
      assertEquals((await alone.run(...shard.with(2, "/proc/none/store"), "1/2")).code, 1);
    }),
);

Deno.test(
  unless(missingFor("1.20"), "a shard that cannot save anything compiles nothing"),
  () =>
    inScratch(async (dir) => {
      const go = await countedGo(dir);
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      // Reading works; nothing is there, and nothing is taken.
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        ({ method }) => new Response(null, { status: method === "PUT" ? 403 : 404 }),
      );
      const store = `http://127.0.0.1:${server.addr.port}/results`;
      for (const [index, address] of [store, "http://127.0.0.1:9/results"].entries()) {
        const words = ["all", "kubectl", "--store", address, PLATFORMS];
        const env = go.env(`${index}`);
        const shard = await kbuild([...words, "--shard", "1/1"], { cwd: root, env });
        assertEquals(shard.code, 1);
        assertStringIncludes(shard.stderr, `kbuild: Cannot use the store "${address}"\n`);
        if (index === 1) {
          assertEquals((await kbuild([...words, "--gather"], { cwd: root, env })).code, 1);
        }
        assertEquals(await go.compiles(`${index}`), []);
      }
    }),
);

Deno.test(
  unless(
    missingFor("1.20"),
    "what is up to date is not saved, which is said; a shard of all saves it",
  ),
  () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const all = ["all", "kubectl", "--trimpath"];
      // The first run makes files; that nobody need be asked is known of those that are older than three seconds.
      await kbuildOk(all, { cwd: root });
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await kbuildOk(all, { cwd: root });
      const store = join(dir, "store");
      const results = () =>
        [...Deno.readDirSync(join(store, "ac"))].filter(({ name }) => !/^0+$/.test(name)).length;
      const again = await kbuild([...all, "--store", store], { cwd: root });
      assertEquals(again.code, 0, again.stderr);
      assertStringIncludes(again.stderr, "nor saved: 1 of 1 go calls");
      await kbuildOk([...all, "--store", store, "--shard", "1/1"], { cwd: root });
      assertEquals(results(), 1);

      // Generators are made for this run alone.
      const server = ["all", "kube-apiserver", "--trimpath"];
      await kbuildOk(server, { cwd: root });
      await Deno.remove(join(root, "pkg/generated/openapi/zz_generated.openapi.go"));
      const shard = ["--store", join(dir, "other store"), "--shard", "1/1"];
      const generating = await kbuild([...server, ...shard], { cwd: root });
      assertEquals(generating.code, 0, generating.stderr);
      assertStringIncludes(generating.stderr, "Generating files that are not in git:");
      assert(!generating.stderr.includes("nor saved:"), generating.stderr);

      // Git would count the checkout as modified.
      for (const flag of ["--store", "--go-cache"]) {
        const env = { KBUILD_LAUNCHER: "kbuild" };
        const inside = await kbuild([...all, flag, "the-store"], { cwd: root, env });
        assertEquals(inside.code, 2);
        assertStringIncludes(inside.stderr, "it is among the sources of the checkout");
      }
      await kbuildOk([...all, "--store", "_output/store"], { cwd: root });
    }),
);
