import { assertEquals } from "@std/assert";
import { type CommandData, completeWords } from "../../src/cli/mod.ts";

const COMMANDS: readonly CommandData[] = [
  {
    name: "all",
    group: "Build",
    summary: "Build",
    args: [{ name: "WHAT", summary: "Targets", variadic: true }],
    flags: [
      { name: "platform", short: "p", kind: "list", placeholder: "OS/ARCH", summary: "Platforms" },
      { name: "era", kind: "string", choices: ["1.7", "1.20"], summary: "Era" },
      { name: "dir", kind: "string", placeholder: "DIR", summary: "Directory" },
      { name: "secret", kind: "boolean", hidden: true, summary: "Not shown" },
    ],
    variables: [{ name: "KUBE_RACE", kind: "boolean-y", summary: "Race" }],
    examples: [],
  },
  {
    name: "toolchain",
    group: "Look",
    summary: "Go",
    actions: [
      { name: "list", summary: "List", flags: ["all"], most: 0 },
      { name: "install", summary: "Install", flags: ["offline"] },
    ],
    args: [{ name: "VERSION", summary: "Releases", variadic: true }],
    flags: [
      { name: "all", kind: "boolean", summary: "All" },
      { name: "offline", kind: "boolean", summary: "Offline" },
    ],
    examples: [],
  },
  {
    name: "plan",
    group: "Look",
    summary: "Plan",
    args: [
      { name: "COMMAND", summary: "A command", required: true },
      { name: "ARGUMENT", summary: "Its arguments", variadic: true },
    ],
    passthrough: "command line",
    flags: [{ name: "network", kind: "boolean", summary: "Network" }],
    examples: [],
  },
];

async function words(...typed: string[]): Promise<string[]> {
  const found = await completeWords(COMMANDS, typed, {
    topics: [{ word: "variables", summary: "The variables" }],
    commands: () => Promise.resolve([{ word: "kubectl", summary: "Build cmd/kubectl" }]),
    values: (names) =>
      Promise.resolve(
        names.includes("WHAT")
          ? ["cmd/kubectl", "cmd/kubelet"]
          : names.includes("OS/ARCH")
          ? ["linux/amd64", "linux/arm", "linux/arm64"]
          : undefined,
      ),
  });
  return found.map(({ word }) => word);
}

Deno.test("completeWords() offers candidates for the last word", async () => {
  const table: readonly (readonly [typed: readonly string[], offered: readonly string[]])[] = [
    [[], ["all", "toolchain", "plan", "help", "kubectl"]],
    [[""], ["all", "toolchain", "plan", "help", "kubectl"]],
    [["to"], ["toolchain"]],
    [["kube"], ["kubectl"]],
    [["--roo"], ["--root"]],
    [["KUBE_R"], ["KUBE_RACE="]],
    [["KUBE_RACE="], ["KUBE_RACE=y", "KUBE_RACE=n"]],
    [["all", "cmd/kubec"], ["cmd/kubectl"]],
    [["all", "cmd/kubectl", "cmd/kubele"], ["cmd/kubelet"]],
    [["all", "--p"], ["--progress", "--platform"]],
    [["all", "--se"], []],
    [["all", "--platform", "linux/ar"], ["linux/arm", "linux/arm64"]],
    [["all", "-p", "linux/arm"], ["linux/arm", "linux/arm64"]],
    [["all", "--platform=linux/arm"], ["--platform=linux/arm", "--platform=linux/arm64"]],
    [["all", "--platform", "linux/amd64,linux/arm6"], ["linux/amd64,linux/arm64"]],
    [["all", "--era", ""], ["1.7", "1.20"]],
    [["all", "--era=1.2"], ["--era=1.20"]],
    [["all", "--dir", "/t"], []],
    [["all", "UNKNOWN="], []],
    [["kubectl", "--pl"], ["--platform"]],
    [["kubectl", "--progress", "t"], ["tty"]],
    [["toolchain", ""], ["list", "install"]],
    [["toolchain", "list", ""], []],
    [["toolchain", "list", "--a"], ["--all"]],
    [["toolchain", "list", "--o"], []],
    [["toolchain", "install", "--"], [
      ...[
        "--root",
        "--json",
        "--verbose",
        "--progress",
        "--color",
        "--events",
        "--timings",
        "--debug",
        "--help",
      ],
      ...["--version", "--offline"],
    ]],
    [["plan", "kube"], ["kubectl"]],
    [["plan", "kubectl", "--pl"], ["--platform"]],
    [["plan", "--network", "all", "--platform=linux/am"], ["--platform=linux/amd64"]],
    [["plan", "all", "cmd/kubec"], ["cmd/kubectl"]],
    [["plan", "toolchain", "install", "--o"], ["--offline"]],
    [["plan", "--n"], ["--network"]],
    [["--root", "x", "plan", "all", "--er"], ["--era"]],
    [["help", "al"], ["all"]],
    [["help", "va"], ["variables"]],
    [["va"], []],
    [["plan", "va"], []],
    [["-v", "all", "--er"], ["--era"]],
    [["all", "--", "--p"], ["--progress", "--platform"]],
  ];
  for (const [typed, offered] of table) {
    assertEquals(await words(...typed), [...offered], typed.join(" "));
  }
});
