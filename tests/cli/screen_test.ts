import { assertEquals } from "@std/assert";
import { createScreen } from "../../src/cli/mod.ts";

function onScreen(columns = 20) {
  let text = "";
  const size = { columns, rows: 10 };
  const screen = createScreen((more) => void (text += more), () => size);
  return { screen, size, taken: () => [text, text = ""][0] };
}

/** What erases a block of so many rows, and leaves the cursor where it began. */
const erased = (rows: number) => `\r\x1b[K${"\x1b[A\x1b[K".repeat(rows)}`;

Deno.test("createScreen() draws lines, redraws them in place, and takes them away", () => {
  const { screen, taken } = onScreen();
  screen.show(["one", "two"]);
  assertEquals(taken(), "one\ntwo\n");
  screen.show(["one", "two"]);
  assertEquals(taken(), "");
  screen.show(["three"]);
  assertEquals(taken(), erased(2) + "three\n");
  screen.show([]);
  assertEquals(taken(), erased(1));
  screen.show([]);
  assertEquals(taken(), "");
});

Deno.test("text goes above the lines, which wait for the end of its line", () => {
  const { screen, taken } = onScreen();
  screen.show(["running"]);
  taken();
  screen.write("log\n");
  assertEquals(taken(), erased(1) + "log\nrunning\n");
  screen.write("half");
  assertEquals(taken(), erased(1) + "half");
  screen.show(["still running"]);
  assertEquals(taken(), "");
  screen.write(" a line\n");
  assertEquals(taken(), " a line\nstill running\n");
});

Deno.test("lines that a narrower window has broken are taken away whole", () => {
  const { screen, size, taken } = onScreen(20);
  screen.show(["x".repeat(19), "y"]);
  taken();
  size.columns = 7;
  screen.show(["z"]);
  // Nineteen letters are three lines of seven, and one more below.
  assertEquals(taken(), erased(4) + "z\n");
});
