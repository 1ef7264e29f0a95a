import { assertEquals } from "@std/assert";
import { age } from "../../src/progress/words.ts";

Deno.test("age() is never less than nothing", () => {
  assertEquals([-0.4, 0, 999, 1000].map(age), ["0 s", "0 s", "0 s", "1 s"]);
});
