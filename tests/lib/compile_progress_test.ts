import { assert, assertEquals } from "@std/assert";
import { packagesBehind } from "../../src/lib/golang/compile_progress.ts";

const names = Array.from({ length: 2000 }, (_, index) => `p${index}`);
const order = new Map(names.map((name, index) => [name, index]));

Deno.test("packagesBehind() follows packages that are begun in the order of the list", () => {
  assertEquals(packagesBehind([], order), 0);
  assertEquals(packagesBehind(["p3"], order), 3);
  for (const at of [40, 500, 1999]) {
    const behind = packagesBehind(names.slice(0, at + 1), order);
    assert(behind <= at && behind > at - 20, `${behind} of ${at}`);
  }
});

Deno.test("packagesBehind() is not misled by packages from far down, nor by those of tests", () => {
  const begun = names.slice(0, 300).flatMap((name, index) =>
    index % 3 === 0 ? [name, `p${1999 - index}`] : [name, "p.test"]
  );
  const behind = packagesBehind(begun, order);
  assert(behind > 280 && behind < 300, `${behind}`);
});
