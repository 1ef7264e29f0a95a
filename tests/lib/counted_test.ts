import { assertEquals } from "@std/assert";
import { counted } from "../../src/lib/counted.ts";

Deno.test("counted() has one of a thing in the singular, and any other number in the plural", () => {
  const words = [0, 1, 2].map((count) => counted(count, "file"));
  assertEquals(words, ["0 files", "1 file", "2 files"]);
  assertEquals(counted(3, "directory"), "3 directories");
  assertEquals(counted(1, "directory"), "1 directory");
  assertEquals(counted(2, "key"), "2 keys");
  assertEquals(counted(2, "damaged file"), "2 damaged files");
});
