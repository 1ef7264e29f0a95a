import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import {
  checkBuildPlatforms,
  type Checkout,
  readCheckout,
  setupPlatforms,
  type SetupPlatformsOptions,
} from "../../src/checkout/mod.ts";
import { isGoPlatform } from "../../src/checkout/platforms.ts";
import { CHECKOUT, withFiles } from "./fixture.ts";

let checkout: Checkout;
await withFiles(CHECKOUT, async (root) => {
  checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
});

function setup(options: Partial<SetupPlatformsOptions>): string[] {
  const set = setupPlatforms(checkout, { hostArch: "amd64", ...options });
  assert(Object.isFrozen(set) && Object.values(set).every((list) => Object.isFrozen(list)));
  assertEquals(set.testServer, set.server);
  return [set.server, set.node, set.client, set.test].map((list) => list.join(" "));
}

const CASES: readonly [string, Partial<SetupPlatformsOptions>, readonly string[]][] = [
  ["the checkout's lists as they are", {}, [
    "linux/amd64 linux/arm64",
    "linux/amd64 linux/arm64 windows/amd64",
    "linux/amd64 linux/arm64 darwin/arm64",
    "linux/arm64 linux/amd64",
  ]],
  [
    "those asked for, sorted, each once",
    { buildPlatforms: "windows/amd64  linux/arm64 linux/amd64 linux/arm64" },
    [
      "linux/amd64 linux/arm64",
      "linux/amd64 linux/arm64 windows/amd64",
      "linux/amd64 linux/arm64",
      "linux/amd64 linux/arm64",
    ],
  ],
  ["nothing for groups without the platform", { buildPlatforms: "darwin/arm64" }, [
    "",
    "",
    "darwin/arm64",
    "",
  ]],
  ["one architecture for a fast build", { fastbuild: true, hostArch: "arm64" }, [
    "linux/arm64",
    "linux/arm64",
    "linux/arm64",
    "linux/arm64",
  ]],
  ["amd64 for a fast build on other hosts", { fastbuild: true, hostArch: "riscv64" }, [
    "linux/amd64",
    "linux/amd64",
    "linux/amd64",
    "linux/amd64",
  ]],
  ["Mac clients for a fast build from a Mac", { fastbuild: true, builderOs: "darwin22.1" }, [
    "linux/amd64",
    "linux/amd64",
    "darwin/amd64 linux/amd64",
    "darwin/amd64 linux/amd64",
  ]],
  ["those asked for even in a fast build", { fastbuild: true, buildPlatforms: "linux/arm64" }, [
    "linux/arm64",
    "linux/arm64",
    "linux/arm64",
    "linux/arm64",
  ]],
  [
    "no unsupported ones under strict parity",
    { buildPlatforms: "plan9/mips linux/arm64", strictParity: true },
    ["linux/arm64", "linux/arm64", "linux/arm64", "linux/arm64"],
  ],
  ["none for a blank under strict parity", { buildPlatforms: " ", strictParity: true }, [
    "",
    "",
    "",
    "",
  ]],
];

for (const [what, options, expected] of CASES) {
  Deno.test(`setupPlatforms() gives ${what}`, () => assertEquals(setup(options), expected));
}

Deno.test("setupPlatforms() refuses unsupported platforms and names the nearest", () => {
  const options = { buildPlatforms: "linux/amd64 linux/arm46 beos/x86" };
  const error = assertThrows(() => setup(options), UsageError, '"linux/arm46", "beos/x86"');
  assertStringIncludes(error.notes[0]!, '"linux/arm64"');
  assertStringIncludes(error.notes[1]!, "darwin/arm64, linux/amd64, linux/arm64, windows/amd64");
  assertEquals(error.exitCode, 2);
  assertThrows(() => setup({ buildPlatforms: "  " }), UsageError, "blank");
});

Deno.test("setupPlatforms() names the ways to a platform that only Go knows", () => {
  const error = assertThrows(
    () => setup({ buildPlatforms: "linux/riscv64" }),
    UsageError,
    'Cannot build for "linux/riscv64"',
  );
  assertStringIncludes(error.notes[0]!, "[platforms] in kbuild.toml");
  assertStringIncludes(error.notes[1]!, "--strict-parity");
});

Deno.test("checkBuildPlatforms() takes what Go can build, and refuses the rest", () => {
  const unlisted = (...asked: string[]) => checkBuildPlatforms(checkout, asked, "arm64").unlisted;
  assertEquals(unlisted("linux/amd64", "windows/amd64"), []);
  assertEquals(unlisted("linux/amd64", "linux/riscv64"), ["linux/riscv64"]);
  for (const wrong of ["linux/foo", "beos/amd64", "linux", "linux/amd64/v2"]) {
    assertThrows(() => unlisted("linux/amd64", wrong), UsageError, `Cannot build for "${wrong}"`);
  }
  const { notes } = assertThrows(() => unlisted("linux"), UsageError);
  assertEquals(notes[0], 'Did you mean "linux/arm64"?');
  assertStringIncludes(notes.at(-1)!, "go tool dist list");
});

const go = await new Deno.Command("go", { args: ["tool", "dist", "list"], stderr: "null" }).output()
  .catch(() => undefined);

Deno.test({
  name: "isGoPlatform() knows what the installed Go builds for" +
    (go?.success ? "" : " (skipped: needs go)"),
  ignore: go?.success !== true,
  fn: () => {
    const ports = new TextDecoder().decode(go?.stdout).trim().split("\n");
    const others = /^(android|ios|js|wasip1)\//;
    assert(ports.length > 30);
    assertEquals(ports.filter((port) => isGoPlatform(port) === others.test(port)), []);
  },
});

Deno.test("setupPlatforms() leaves 1.7's lists whole only under strict parity", () => {
  const old: Checkout = { ...checkout, useOfBuildPlatforms: { value: "nothing", source: "x" } };
  const options = { buildPlatforms: "linux/arm64", hostArch: "amd64" };
  assertEquals(setupPlatforms(old, options).server, ["linux/arm64"]);
  assertEquals(setupPlatforms(old, { ...options, strictParity: true }).server.length, 2);
});

Deno.test("setupPlatforms() takes 1.12's lists from the variable only under strict parity", () => {
  const old: Checkout = { ...checkout, useOfBuildPlatforms: { value: "replaces", source: "x" } };
  const options = { buildPlatforms: "windows/amd64  linux/amd64", hostArch: "amd64" };
  assertEquals(setupPlatforms(old, options).server, ["linux/amd64"]);
  const strict = setupPlatforms(old, { ...options, strictParity: true });
  assertEquals([strict.server, strict.node], [
    ["windows/amd64", "linux/amd64"],
    ["windows/amd64", "linux/amd64"],
  ]);
});
