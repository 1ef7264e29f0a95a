import { assertEquals } from "@std/assert";
import { writeAllSync } from "../../src/cli/mod.ts";

/** A full stream that takes what it likes, as a non-blocking file does; unbuffered. */
function streamOf(taking: (asked: number) => number | undefined) {
  const got: number[] = [];
  return {
    got,
    writeSync(bytes: Uint8Array): number {
      const count = taking(bytes.length);
      if (count === undefined) throw new Deno.errors.WouldBlock("full");
      got.push(...bytes.subarray(0, count));
      return count;
    },
  };
}

Deno.test("writeAllSync() writes what a stream takes in parts, and waits where it is full", () => {
  const bytes = new TextEncoder().encode("first\nsecond line, without an end");
  let call = 0;
  const stream = streamOf((asked) => call++ % 3 === 0 ? undefined : Math.min(asked, 4));
  let waits = 0;
  writeAllSync(stream, bytes, { wait: () => void waits++ });
  assertEquals(
    new TextDecoder().decode(new Uint8Array(stream.got)),
    "first\nsecond line, without an end",
  );
  assertEquals(waits > 0, true);
});
