import { assertEquals } from "@std/assert";
import { expandMakeVariables } from "../../src/checkout/mod.ts";

const expand = (text: string, values: Record<string, string>) =>
  expandMakeVariables(text, new Map(Object.entries(values)));

Deno.test("expandMakeVariables() puts variables in, recursively", () => {
  const values = { A: "a-$(B)", B: "${C}c", C: "x" };
  assertEquals(expand("$(A) ${B} $$", values), { text: "a-xc xc $$", isComplete: true });
  assertEquals(expand("$(D)$(shell ls)$(C)", values), { text: "x", isComplete: false });
});

Deno.test("expandMakeVariables() ends whatever refers to whatever", () => {
  assertEquals(expand("$(A)", { A: "$(A)x$(A)" }), { text: "x", isComplete: false });
  assertEquals(expand("$(A)", { A: "$(B)$(B)", B: "$(A)$(A)" }).isComplete, false);
  const doubled = Array.from({ length: 60 }, (_, i) => [`V${i}`, `$(V${i + 1})$(V${i + 1})x`]);
  const { text, isComplete } = expand("$(V0)", Object.fromEntries([...doubled, ["V60", "y"]]));
  assertEquals(isComplete, false);
  assertEquals(text.length < 2 << 20, true);
});
