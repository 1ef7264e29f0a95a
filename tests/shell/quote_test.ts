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

Deno.test("createTail() remembers the first line that names an error", () => {
  const table: readonly (readonly [string, boolean])[] = [
    ["cmd/kubectl/kubectl.go:21:2: undefined: command", true],
    ["panic: boom", true],
    ["F1129 10:00:00.000000 1 main.go:4] no", true],
    ["/usr/bin/ld: x.o: undefined reference to `y'", true],
    ["error: no such thing", true],
    ["k8s.io/kubernetes/cmd/kubectl", false],
    ["errors.go is compiled", false],
  ];
  const noise = Array.from({ length: 15 }, (_, i) => `\tnoise ${i}\n`).join("");
  for (const [line, isError] of table) {
    const tail = createTail(20);
    tail.push(`first\n${line}\nsecond.go:1:1: later\n`);
    // It is on the screen with what follows.
    assertEquals(tail.firstError(), undefined, line);
    tail.push(noise);
    assertEquals(tail.firstError(), isError ? line : "second.go:1:1: later");
  }
});
