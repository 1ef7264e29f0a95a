import { assertEquals, assertMatch } from "@std/assert";
import { checkMachine, examine, type Finding } from "../../src/doctor/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createShell } from "../../src/shell/mod.ts";

const GIB = 2 ** 30;

async function memoryOf(bytes: number, source: string): Promise<Finding | undefined> {
  const env = { PATH: "/usr/bin:/bin" };
  const checks = checkMachine(createShell({ cwd: "/", env }), env, () => ({ bytes, source }));
  const run = { known: new Set<string>(), signal: undefined };
  const found = await Array.fromAsync(examine(checks, run));
  return found.find(({ name }) => name === "memory");
}

Deno.test("doctor says when the memory is too little, and who sets the limit", async () => {
  const least = await memoryOf(300e6, "cgroup limit");
  assertEquals(least?.state, "failure");
  assertMatch(least?.says ?? "", /^0\.3 GiB \(cgroup limit\): too little to link/);
  assertMatch(least?.fixes.join() ?? "", /limit of the container/);
  const some = await memoryOf(2 * GIB, "available memory");
  assertEquals([some?.state, some?.fixes[0]], [
    "warning",
    "Build with fewer compilers at once: GOFLAGS=-p=1",
  ]);
  assertEquals((await memoryOf(4 * GIB, "available memory"))?.state, "ok");
});

Deno.test("examine() reports a cause once, errors of the system too, and hands on all others", async () => {
  const failing = (error: unknown) => ({
    group: "g",
    name: "n",
    examine: () => Promise.reject(error),
  });
  const run = { known: new Set<string>(), signal: undefined };
  const error = new KbuildError("Cannot do it", { notes: ["Do it otherwise"] });
  const silent = { group: "g", name: "s", examine: () => Promise.resolve(undefined) };
  const found = await Array.fromAsync(examine([failing(error), silent, failing(error)], run));
  assertEquals(found, [{
    ...{ group: "g", name: "n", state: "failure" },
    ...{ says: "Cannot do it", fixes: ["Do it otherwise"] },
  }]);
  const denied = Object.assign(new Error("Permission denied: '/x'"), { code: "EACCES" });
  const [unreadable] = await Array.fromAsync(examine([failing(denied)], run));
  assertEquals([unreadable?.state, unreadable?.says], ["failure", "Permission denied: '/x'"]);
  const bug = new TypeError("a bug");
  const thrown = await Array.fromAsync(examine([failing(bug)], run)).catch((error) => error);
  assertEquals(thrown, bug);
});
