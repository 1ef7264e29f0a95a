import { assertEquals } from "@std/assert";
import { readMakefile } from "../../src/checkout/mod.ts";

const expand = (text: string, variables: Record<string, string>) =>
  readMakefile("", { variables }).expand(text);

Deno.test("readMakefile() reads assignments whose conditions hold", () => {
  const text = `A ?= environment # comment
B?=default
C:=first
C := second \\
    line
ifeq ($(A),given)
  D = yes
else
  D = no
endif
ifndef NOWHERE
ifneq ($(D), yes)
E=hidden
endif
endif
ifeq "other" "form"
F=hidden
endif
define TEMPLATE
G=template
ifeq ($$(A),x)
endef
FIXED=x
`;
  const makefile = readMakefile(text, { variables: { A: "given" }, overrides: { FIXED: "y" } });
  assertEquals(Object.fromEntries(makefile.variables), {
    ...{ A: "given", B: "default", C: "second line", D: "yes", FIXED: "y" },
  });
  assertEquals(makefile.lines.filter((line) => line !== ""), [
    "define TEMPLATE",
    "G=template",
    "ifeq ($$(A),x)",
    "endef",
  ]);
  assertEquals(makefile.expand("$(C)/${D}$(shell ls)"), {
    text: "second line/yes",
    isComplete: false,
  });
});

Deno.test("readMakefile() finds rules with their recipes, whatever the conditions", () => {
  const text = `.PHONY: all
ifeq ($(PRINT_HELP),y)
all:
\t@echo help
else
all other: \\
  prerequisite

\t-run \\
\t  it
\t@+again
endif
all: X = 1
V := a:b
\tno recipe
`;
  assertEquals(readMakefile(text).rules, [
    {
      targets: ["all"],
      prerequisites: [],
      holds: false,
      line: 3,
      recipe: ["echo help"],
      mayFail: [],
    },
    {
      targets: ["all", "other"],
      prerequisites: ["prerequisite"],
      holds: true,
      line: 6,
      recipe: ["run it", "again"],
      mayFail: [0],
    },
  ]);
});

Deno.test("Makefile.expand() puts variables in, recursively", () => {
  const values = { A: "a-$(B)", B: "${C}c", C: "x" };
  assertEquals(expand("$(A) ${B} $$", values), { text: "a-xc xc $$", isComplete: true });
  assertEquals(expand("$(D)$(shell ls)$(C)", values), { text: "x", isComplete: false });
});

Deno.test("Makefile.expand() ends whatever refers to whatever", () => {
  assertEquals(expand("$(A)", { A: "$(A)x$(A)" }), { text: "x", isComplete: false });
  assertEquals(expand("$(A)", { A: "$(B)$(B)", B: "$(A)$(A)" }).isComplete, false);
  const doubled = Array.from({ length: 60 }, (_, i) => [`V${i}`, `$(V${i + 1})$(V${i + 1})x`]);
  const { text, isComplete } = expand("$(V0)", Object.fromEntries([...doubled, ["V60", "y"]]));
  assertEquals(isComplete, false);
  assertEquals(text.length < 2 << 20, true);
});
