import { assert, assertEquals } from "@std/assert";
import { kbuild, kbuildArgv, run, unless, which } from "../e2e/_program.ts";
import { quoteCommand } from "../../src/shell/mod.ts";

/** Makes what it shares with others non-blocking, as node and ssh do. */
const NON_BLOCKING = "perl -MFcntl -e 'fcntl(STDOUT, F_SETFL, O_NONBLOCK)'";

Deno.test({
  ...unless(
    which("perl") === undefined && "needs perl",
    "kbuild writes all of a long result to a non-blocking pipe with a slow reader",
  ),
  async fn() {
    const argv = kbuildArgv("help", "--json");
    const wanted = await run(argv);
    assert(wanted.stdout.length > 64 * 1024, "a pipe holds all of it");
    const script = `{ ${NON_BLOCKING}; ${quoteCommand(argv)}; echo "code $?" >&2; } | ` +
      "{ sleep 0.5; cat; }";
    assertEquals(await run(["sh", "-c", script]), { ...wanted, stderr: "code 0\n" });
  },
});

Deno.test("kbuild ends without a word when nobody reads its result", async () => {
  const script = `{ ${quoteCommand(kbuildArgv("help", "--json"))}; echo "code $?" >&2; } | head -1`;
  const { stdout, stderr } = await run(["sh", "-c", script]);
  assertEquals([stdout, stderr], ["{\n", "code 141\n"]);
});

Deno.test({
  ...unless(Deno.build.os !== "linux" && "needs /dev/full", "kbuild says why it cannot write"),
  async fn() {
    const program = quoteCommand(kbuildArgv("help"));
    assertEquals(await run(["sh", "-c", `${program} > /dev/full`]), {
      code: 1,
      signal: null,
      stdout: "",
      stderr: "kbuild: Cannot write to standard output: no space left on device\n",
    });
    // The log is lost, the result is not.
    const { stdout } = await kbuild(["help"]);
    assertEquals((await run(["sh", "-c", `${program} 2> /dev/full`])).stdout, stdout);
    assertEquals(
      (await run(["sh", "-c", `${quoteCommand(kbuildArgv("frobnicate"))} 2> /dev/full`])).code,
      2,
    );
  },
});
