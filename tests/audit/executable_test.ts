import { assertEquals } from "@std/assert";
import { readExecutable } from "../../src/audit/mod.ts";

/** A 64-bit Mach-O header whose load commands, all of them, say the given size. */
function machO(commands: number, size: number): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(4, 0x01000007, true);
  view.setUint32(16, commands, true);
  for (let at = 32; at + 8 <= bytes.length; at += Math.max(size, 8)) {
    view.setUint32(at, 2, true);
    view.setUint32(at + 4, size, true);
  }
  return bytes;
}

Deno.test("readExecutable() ends at load commands without a size, however many there are", () => {
  assertEquals(readExecutable(machO(2, 72))?.platform, "darwin/amd64");
  const started = performance.now();
  for (const size of [0, 1, 7]) assertEquals(readExecutable(machO(0xffffffff, size)), undefined);
  // Four thousand million rounds take most of a minute.
  assertEquals(performance.now() - started < 60_000, true);
});
