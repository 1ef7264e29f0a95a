import { assertEquals } from "@std/assert";
import { createEvents } from "../../src/events/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { runTests } from "../../src/testing/mod.ts";
import { ENV } from "../e2e/_program.ts";

Deno.test("runTests() says what is waited for while Go compiles, before the first package", async () => {
  const waits: string[] = [];
  const shell = createShell({
    ...{ cwd: "/", env: ENV },
    onWait(what) {
      waits.push(what);
      return () => void waits.push(`${what} ended`);
    },
  });
  const event = '{"Action":"pass","Package":"a"}';
  const found = await runTests(
    { builder: { shell }, log: { events: createEvents() } } as unknown as Parameters<
      typeof runTests
    >[0],
    {
      processes: [{ argv: ["sh", "-c", `echo '${event}'`], cwd: "/", env: ENV, packages: ["a"] }],
    } as unknown as Parameters<typeof runTests>[1],
  );
  assertEquals(found.map(({ name, outcome }) => [name, outcome]), [["a", "passed"]]);
  assertEquals(waits, ["go test", "go test ended"]);
});
