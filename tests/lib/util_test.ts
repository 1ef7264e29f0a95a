import { assertEquals, assertRejects } from "@std/assert";
import {
  findProgram,
  hostPlatform,
  mapConcurrently,
  memoryBudget,
  workQueue,
} from "../../src/lib/util.ts";

Deno.test("hostPlatform() writes platforms as Go does", () => {
  assertEquals(hostPlatform({ os: "darwin", arch: "aarch64" }), "darwin/arm64");
  assertEquals(hostPlatform({ os: "linux", arch: "x86_64" }), "linux/amd64");
  assertEquals(hostPlatform({ os: "freebsd", arch: "riscv64" }), "freebsd/riscv64");
});

Deno.test("findProgram() finds executable files in PATH order", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild-find a b-" });
  try {
    for (const directory of ["one", "two", "three"]) await Deno.mkdir(`${dir}/${directory}`);
    await Deno.mkdir(`${dir}/one/tool`);
    await Deno.writeTextFile(`${dir}/two/tool`, "", { mode: 0o644 });
    await Deno.writeTextFile(`${dir}/three/tool`, "", { mode: 0o755 });
    const path = `${dir}/one:${dir}/two::${dir}/three`;
    assertEquals(await findProgram("tool", path), `${dir}/three/tool`);
    assertEquals(await findProgram("tool", `${dir}/one:${dir}/two`), undefined);
    assertEquals(await findProgram("tool", undefined), undefined);
    assertEquals(await findProgram(`${dir}/three/tool`, undefined), `${dir}/three/tool`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("memoryBudget() takes the tighter of system and cgroup", () => {
  const gib = 2 ** 30;
  const system = () => ({ available: 3 * gib });
  const files = (table: Record<string, string>) => (path: string) => table[path];
  const meminfo = "MemTotal:       33554432 kB\nMemAvailable:   16777216 kB\n";
  const table: [string, Record<string, string>, number, string][] = [
    ["no /proc: macOS", {}, 3, "available memory"],
    ["no limit", { "/proc/meminfo": meminfo }, 16, "available memory"],
    [
      "cgroup v2",
      {
        "/proc/meminfo": meminfo,
        "/sys/fs/cgroup/memory.max": `${8 * gib}\n`,
        "/sys/fs/cgroup/memory.current": `${2 * gib}\n`,
      },
      6,
      "cgroup limit",
    ],
    [
      "cgroup v2, full of page cache",
      {
        "/proc/meminfo": meminfo,
        "/sys/fs/cgroup/memory.max": `${8 * gib}\n`,
        "/sys/fs/cgroup/memory.current": `${7 * gib}\n`,
      },
      4,
      "cgroup limit",
    ],
    [
      "cgroup v2 without limit",
      { "/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "max\n" },
      16,
      "available memory",
    ],
    [
      "cgroup v1",
      {
        "/proc/meminfo": meminfo,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${4 * gib}`,
        "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${gib}`,
      },
      3,
      "cgroup limit",
    ],
    [
      "cgroup v2, a limit around the own cgroup",
      {
        "/proc/meminfo": meminfo,
        "/proc/self/cgroup": "0::/user.slice/one.scope\n",
        "/sys/fs/cgroup/user.slice/memory.max": `${8 * gib}\n`,
        "/sys/fs/cgroup/user.slice/one.scope/memory.max": "max\n",
      },
      8,
      "cgroup limit",
    ],
    [
      "cgroup v1, a limit of the own cgroup",
      {
        "/proc/meminfo": meminfo,
        "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/one:two\n0::/\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "/sys/fs/cgroup/memory/one:two/memory.limit_in_bytes": `${2 * gib}`,
      },
      2,
      "cgroup limit",
    ],
    [
      "cgroup v1 without limit",
      {
        "/proc/meminfo": meminfo,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      },
      16,
      "available memory",
    ],
  ];
  for (const [name, texts, size, source] of table) {
    const { path: _path, ...budget } = memoryBudget(files(texts), system);
    assertEquals(budget, { bytes: size * gib, source }, name);
  }
});

Deno.test("mapConcurrently() keeps the order, and begins nothing after a failure", async () => {
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const doubled = await mapConcurrently([3, 1, 2], 2, async (n) => {
    await pause(n);
    return n * 2;
  });
  assertEquals(doubled, [6, 2, 4]);

  const begun: number[] = [];
  let ended = false;
  const error = await assertRejects(() =>
    mapConcurrently([1, 2, 3, 4], 2, async (n, signal) => {
      begun.push(n);
      if (n === 2) throw new RangeError("two");
      await pause(5);
      ended = signal.aborted;
    })
  );
  assertEquals([(error as Error).message, begun, ended], ["two", [1, 2], true]);
});

Deno.test("workQueue() begins so much at a time, in order, and settles when all has ended", async () => {
  const queue = workQueue(2);
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const begun: number[] = [];
  let ended = 0;
  const added = gates.map(({ promise }, at) =>
    queue.add(async () => {
      begun.push(at);
      await promise;
      ended++;
    })
  );
  await Promise.all(added.slice(0, 2));
  assertEquals(begun, [0, 1]);
  gates[1]!.resolve();
  await added[2];
  assertEquals([begun, ended], [[0, 1, 2], 1]);
  const settled = queue.settle().then(() => ended);
  for (const { resolve } of gates) resolve();
  assertEquals(await settled, 4);
  assertEquals(begun, [0, 1, 2, 3]);
  await queue.settle();
});
