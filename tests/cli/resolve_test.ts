import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import {
  checkVariable,
  misspeltVariables,
  resolve,
  splitList,
  variablesOf,
  type VariableSpec,
} from "../../src/cli/mod.ts";
import { ALL } from "./_commands.ts";

Deno.test("resolve() says which of flag, variable and environment decides", () => {
  type Texts = [string | undefined, string | undefined, string | undefined];
  const table: [Texts, ReturnType<typeof resolve>][] = [
    [["f", "v", "e"], { value: "f", from: "flag" }],
    [["", "v", "e"], { value: "", from: "flag" }],
    [[undefined, "v", "e"], { value: "v", from: "variable" }],
    [[undefined, "", "e"], { value: "", from: "variable" }],
    [[undefined, undefined, "e"], { value: "e", from: "environment" }],
    [[undefined, undefined, ""], undefined],
    [[undefined, undefined, undefined], undefined],
  ];
  for (const [[flag, variable, env], expected] of table) {
    assertEquals(resolve(flag, variable, env), expected);
  }
});

Deno.test("resolve() reads text into what the flag holds", () => {
  assertEquals(resolve<readonly string[]>(undefined, "a b,c", "d", splitList), {
    value: ["a", "b", "c"],
    from: "variable",
  });
  assertEquals(resolve<readonly string[]>(["x"], "a", "d", splitList)?.value, ["x"]);
  const read = (text: string, from: string) => `${text} from ${from}`;
  assertEquals(resolve<string>(undefined, undefined, "e", read)?.value, "e from environment");
});

Deno.test("variablesOf() joins variables with those that flags stand for", () => {
  const names = variablesOf(ALL).map(({ name }) => name);
  assertEquals(names.includes("GOGCFLAGS"), true);
  assertEquals(names.filter((name) => name === "WHAT").length, 1);
  const platforms = variablesOf(ALL).find(({ name }) => name === "KUBE_BUILD_PLATFORMS");
  assertEquals(platforms?.kind, "platforms");
});

Deno.test("checkVariable() serves values from the environment too", () => {
  checkVariable({ name: "KUBE_X", summary: "", kind: "boolean-y" }, "n");
  assertThrows(
    () => checkVariable({ name: "KUBE_X", summary: "", kind: "boolean-y" }, "1"),
    UsageError,
    'Value "1" of KUBE_X',
  );
});

Deno.test("checkVariable() takes the usual words for kbuild's own yes and no", () => {
  const spec: VariableSpec = { name: "KBUILD_X", summary: "", kind: "boolean" };
  for (const value of ["y", "N", "yes", "no", "true", "False", "1", "0", ""]) {
    checkVariable(spec, value);
  }
  assertThrows(() => checkVariable(spec, "maybe"), UsageError, 'Value "maybe" of KBUILD_X');
});

Deno.test("misspeltVariables() names slips from known variables, and nothing else", () => {
  const names = ["KUBE_FASTBUILD", "KUBE_RACE", "KBUILD_OFFLINE", "KBUILD_GO", "GOFLAGS"];
  const known = new Map(names.map((name) => [name, { name, summary: "" }]));
  const pattern = /^KUBE_[A-Z]+_CC$/;
  known.set("KUBE_ARM_CC", { ...{ name: "KUBE_ARM_CC", summary: "" }, ...{ pattern } });
  const env = {
    ...{ KUBE_FASTBUILDS: "true", KBUILD_OFLINE: "y", KUBE_FASTBUILD: "y", KUBE_ARMS_CC: "x" },
    // Other programs' own, and the Linux kernel's.
    ...{ KUBE_EDITOR: "vi", KUBECONFIG: "/x", KUBE_ROOT: "/", KBUILD_BUILD_USER: "me" },
    ...{ GOFLAG: "x", PATH: "/bin" },
  };
  const line = (name: string, near: string) =>
    `Unknown variable "${name}" in the environment has no effect; did you mean "${near}"?`;
  assertEquals(misspeltVariables(env, known), [
    line("KBUILD_OFLINE", "KBUILD_OFFLINE"),
    line("KUBE_FASTBUILDS", "KUBE_FASTBUILD"),
  ]);
});
