import { assertEquals } from "@std/assert";
import { createTail, quoteCommand } from "../../src/shell/mod.ts";

Deno.test("quoteCommand() quotes only what a shell would change", () => {
  assertEquals(quoteCommand(["go", "build", "-o=x", "./cmd/a"]), "go build -o=x ./cmd/a");
  assertEquals(quoteCommand(["=ls", "-o=x"]), "'=ls' -o=x");
  assertEquals(quoteCommand(["a b", "$(x)", "it's", ""]), `'a b' '$(x)' 'it'\\''s' ''`);
});

Deno.test("quoteCommand() gives what sh reads back", async () => {
  const words = ["a b", "$(x)", "it's", "", "ü\n", "-X 'k8s.io/a=b'", "`d`", "\\", "=ls"];
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `for w in ${quoteCommand(words)}; do printf '%s\\0' "$w"; done`],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});

Deno.test("createTail() keeps the last lines, whatever the pieces", () => {
  const tail = createTail(3);
  for (const piece of ["one\ntw", "o\nthree\r\n", "", "four\nfi", "ve"]) tail.push(piece);
  assertEquals(tail.lines(), ["three", "four", "five"]);
});

Deno.test("createTail() cuts a line without an end", () => {
  const tail = createTail(2);
  for (let i = 0; i < 100; i++) tail.push("x".repeat(1000));
  tail.push("\nlast\n");
  const [long = "", last] = tail.lines();
  assertEquals(long.length <= 2002, true);
  assertEquals(last, "last");
});
