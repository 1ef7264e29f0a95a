import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { KINDS, type World } from "./_kinds.ts";
import { bytesOf, keyOf, unitOf } from "./_files.ts";

/** A test of every kind of store, against the real thing. */
function everyKind(name: string, test: (world: World) => Promise<void>): void {
  for (const kind of KINDS) {
    const why = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
    Deno.test({
      name: `${kind.name}: ${name}${why}`,
      ignore: kind.missing !== undefined,
      fn: () => kind.run(test),
    });
  }
}

/** A program of more than one chunk, a text, and an empty file. */
async function saved(world: World, name = "kubectl"): ReturnType<typeof unitOf> {
  const from = join(world.dir, `made-${name}`);
  const result = await unitOf(name, from, {
    "bin/kubectl": bytesOf(2_500_000),
    "LICENSE": new TextEncoder().encode("text\n"),
    "empty": new Uint8Array(),
  });
  using store = await world.open();
  assert(await store.save(result, ({ path }) => join(from, path)));
  return result;
}

everyKind(
  "another machine finds a result and fetches its files, with their modes",
  async (world) => {
    const result = await saved(world);
    using other = await world.open({ readOnly: true });
    assertEquals(await other.result(keyOf("nothing")), undefined);
    const found = await other.result(result.key);
    assertEquals(found, result);
    for (const file of found!.files) {
      const to = join(world.dir, "fetched", file.path);
      assert(await other.fetch(file, to));
      assertEquals((await Deno.stat(to)).mode! & 0o777, file.mode);
      assertEquals(
        await Deno.readFile(to),
        await Deno.readFile(join(world.dir, "made-kubectl", file.path)),
      );
    }
    assertEquals(other.counts, {
      ...{ values: 0, saved: 0, savedBytes: 0, refused: 0 },
      ...{ fetched: 3, fetchedBytes: 2_500_005 },
    });
    assertEquals(world.log, []);
  },
);

everyKind(
  "what is there is not sent again, and a file that is replaced keeps nothing",
  async (world) => {
    const result = await saved(world);
    using other = await world.open();
    const pathOf = ({ path }: { path: string }) => join(world.dir, "made-kubectl", path);
    assert(await other.save({ ...result, key: keyOf("the same again") }, pathOf));
    assertEquals(other.counts.savedBytes, 0);
    const to = join(world.dir, "old");
    await Deno.writeFile(to, bytesOf(3_000_000, 7));
    assert(await other.fetch(result.files.find(({ path }) => path === "LICENSE")!, to));
    assertEquals(await Deno.readTextFile(to), "text\n");
  },
);

everyKind("small values come back as they were, under their key alone", async (world) => {
  using store = await world.open();
  const block = bytesOf(2 << 20);
  assertEquals(await store.value(keyOf("block")), undefined);
  await store.saveValue(keyOf("block"), block);
  await store.saveValue(keyOf("none"), new Uint8Array());
  using other = await world.open();
  assertEquals(await other.value(keyOf("block")), block);
  assertEquals(await other.value(keyOf("none")), new Uint8Array());
  assertEquals(await other.result(keyOf("block")), undefined);
  assertEquals(other.counts.refused, 1);
});

everyKind(
  "a blob that is changed, cut off, longer or another's is refused by name, and healed",
  async (world) => {
    const result = await saved(world);
    const file = result.files.find(({ path }) => path === "bin/kubectl")!;
    const changes: readonly ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>)[] = [
      (bytes) => (bytes[2_000_000]! ^= 1, bytes),
      (bytes) => bytes.slice(0, 2_000_000),
      (bytes) => bytes.slice(0, 0),
      (bytes) => Uint8Array.from([...bytes, 0]),
      () => new TextEncoder().encode("text\n"),
      (bytes) => bytesOf(bytes.length, 3),
    ];
    for (const change of changes) {
      let isOfItsSize = false;
      await world.tamper(file, (bytes) => {
        const changed = change(bytes);
        isOfItsSize = changed.length === file.size;
        return changed;
      });
      using other = await world.open();
      // A registry remembers the sizes of what it got.
      if (world.heals) assertEquals(await other.holds(result.files), isOfItsSize);
      const to = join(world.dir, "refused", "kubectl");
      const before = world.log.length;
      assertEquals(await other.fetch(file, to), false);
      assertEquals([...Deno.readDirSync(join(world.dir, "refused"))], []);
      assertMatch(
        world.log.slice(before).join(""),
        /WARNING: .*"bin\/kubectl" \(sha256:[0-9a-f]{64}\)/,
      );
      // The unit is made again: what is saved then replaces it.
      assert(await other.save(result, ({ path }) => join(world.dir, "made-kubectl", path)));
      assertEquals(await other.fetch(file, join(world.dir, "healed")), world.heals);
      if (world.heals) assert(await other.holds(result.files));
      // A registry keeps what it has under a digest.
      if (!world.heals) await world.tamper(file, () => bytesOf(2_500_000));
    }
  },
);

everyKind(
  "a result that is changed, another's or gone is not one, and is made again",
  async (world) => {
    const result = await saved(world);
    let [own, others]: Uint8Array<ArrayBuffer>[] = [];
    await saved(world, "kubelet");
    await world.tamper({ key: keyOf("kubelet") }, (bytes) => others = bytes);
    await world.tamper({ key: result.key }, (bytes) => own = bytes);
    const half = own!.slice(0, own!.length / 2);
    for (const bytes of [others!, half, new Uint8Array(), bytesOf(5000), bytesOf(6 << 20)]) {
      await world.tamper({ key: result.key }, () => bytes);
      using other = await world.open();
      const before = world.log.length;
      assertEquals(await other.result(result.key), undefined);
      const warnings = world.log.length - before;
      assert(warnings === 1 || (warnings === 0 && world.hides === true), world.log.join("\n"));
      assert(await other.save(result, ({ path }) => join(world.dir, "made-kubectl", path)));
      assertEquals(await other.result(result.key), result);
    }
    await world.tamper(result.files[0]!, () => undefined);
    using other = await world.open();
    assertEquals(await other.fetch(result.files[0]!, join(world.dir, "gone")), false);
  },
);

everyKind("16 writers at once leave what each of them wrote", async (world) => {
  const units = await Promise.all(Array.from({ length: 16 }, async (_, index) => {
    const from = join(world.dir, `unit-${index % 8}`);
    const files = { "bin/program": bytesOf(300_000, index % 8), "common": bytesOf(200_000, 99) };
    return { from, result: await unitOf(`unit ${index % 8}`, from, files) };
  }));
  await Promise.all(units.map(async ({ from, result }) => {
    using store = await world.open();
    const isSaved = await store.save(result, ({ path }) => join(from, path));
    assert(isSaved, world.log.join("\n"));
  }));
  using other = await world.open({ readOnly: true });
  for (const { result } of units) {
    assertEquals(await other.result(result.key), result);
    for (const file of result.files) assert(await other.fetch(file, join(world.dir, "to")));
  }
  // docker-registry 2.8 does not know a blob for the moment in which another writer puts it too.
  assertEquals(world.log.filter((line) => !line.includes("BLOB_UNKNOWN")), []);
});

everyKind("nothing is written to a store that is read only", async (world) => {
  const result = await saved(world);
  using store = await world.open({ readOnly: true });
  const key = keyOf("another");
  assertEquals(await store.save({ ...result, key }, () => "/nothing"), false);
  await store.saveValue(keyOf("value"), bytesOf(10));
  using other = await world.open();
  assertEquals(await other.result(key), undefined);
  assertEquals(await other.value(keyOf("value")), undefined);
});

everyKind("a file that changes while it is saved is not saved", async (world) => {
  const from = join(world.dir, "changing");
  const result = await unitOf("changing", from, { "bin/program": bytesOf(3_000_000) });
  await Deno.writeFile(join(from, "bin/program"), bytesOf(3_000_000, 2));
  using store = await world.open();
  assertEquals(await store.save(result, ({ path }) => join(from, path)), false);
  assertMatch(world.log.join(""), /changed while it was read/);
  using other = await world.open();
  assertEquals(await other.result(result.key), undefined);
  assertEquals(await other.fetch(result.files[0]!, join(world.dir, "none")), false);
});
