import { createHash } from "node:crypto";
import { join } from "@std/path";
import { ifPresent, readFile, removeTree, writeFileAtomic } from "../files/mod.ts";
import type { BuildStep } from "../lib/golang/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { findProgram } from "../lib/util.ts";
import { quote } from "../shell/mod.ts";

/** The file with {@linkcode GIT_PROGRAM}. */
export const GIT_SOURCE = "git.go";

/** Says what git said here, to the same arguments. Go alone asks it, for the commit that it writes into programs. */
const GIT_PROGRAM = `package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	question := strings.Join(os.Args[1:], "\\x00")
	path := fmt.Sprintf("/kbuild/git/%x", sha256.Sum256([]byte(question)))
	answer, err := os.ReadFile(path + ".out")
	code, codeErr := os.ReadFile(path + ".code")
	if err != nil || codeErr != nil {
		fmt.Fprintf(os.Stderr, "kbuild does not know what git says to %q\\n", os.Args[1:])
		os.Exit(128)
	}
	os.Stdout.Write(answer)
	status, err := strconv.Atoi(string(code))
	if err != nil {
		os.Exit(128)
	}
	os.Exit(status)
}
`;

/** Precedes git in `PATH`, and records its arguments and answers. */
function recorder(git: string, directory: string): string {
  return `#!/bin/sh
f=$(mktemp ${quote(directory)}/XXXXXXXX) || exit 128
for word; do printf '%s\\0' "$word"; done > "$f.args"
${quote(git)} "$@" > "$f.out"
code=$?
printf %s "$code" > "$f.code"
cat "$f.out"
exit "$code"
`;
}

/**
 * Has Go ask git what it asks when it builds the steps, and keeps the answers for {@linkcode GIT_PROGRAM}: a stage from
 * scratch has no git, and the history of a checkout is large.
 *
 * @param directory Takes the program and, in `answers`, what it says.
 */
export async function writeGitAnswers(
  { shell }: Pick<KubeContext, "shell">,
  directory: string,
  steps: readonly BuildStep[],
): Promise<void> {
  const [asked, answers, bin] = ["asked", "answers", "bin"].map((name) =>
    join(directory, name)
  ) as [string, string, string];
  await removeTree(directory);
  for (const path of [asked, answers, bin]) await Deno.mkdir(path, { recursive: true });
  await writeFileAtomic(join(directory, GIT_SOURCE), GIT_PROGRAM);
  const once = new Map(steps.map((step) => [step.packages.join("\n"), step]));
  for (const { argv, cwd, env, kind, packages } of once.values()) {
    const [go = "go"] = argv;
    // Go writes no commit into test binaries.
    if (kind === "test") continue;
    const git = await findProgram("git", env["PATH"]);
    if (git === undefined) continue;
    await writeFileAtomic(join(bin, "git"), recorder(git, asked), { mode: 0o755 });
    await shell.run([
      go,
      "list",
      "-buildvcs=true",
      "-f",
      "{{.ImportPath}}",
      ...argv.slice(-packages.length),
    ], {
      ...{ cwd, env: { ...env, PATH: `${bin}:${env["PATH"] ?? ""}` } },
      label: "Asking Go for the commit of the checkout",
    });
  }
  for await (const { name } of Deno.readDir(asked)) {
    if (!name.endsWith(".args")) continue;
    const path = join(asked, name.slice(0, -".args".length));
    const [args, out, code] = await Promise.all(
      [".args", ".out", ".code"].map((suffix) => ifPresent(readFile(`${path}${suffix}`))),
    );
    if (args === undefined || out === undefined || code === undefined) continue;
    const digest = createHash("sha256").update(args.subarray(0, -1)).digest("hex");
    await Deno.writeFile(join(answers, `${digest}.out`), out);
    await Deno.writeFile(join(answers, `${digest}.code`), code);
  }
}
