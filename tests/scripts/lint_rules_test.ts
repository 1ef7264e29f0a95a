import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import plugin from "../../scripts/lint_rules.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));

/** What the rules say of a file: `floors: message`. */
function lint(path: string, source: string): string[] {
  const filename = path.startsWith("/") ? path : root + path;
  return Deno.lint.runPlugin(plugin, filename, source)
    .map(({ id, message }) => `${id.replace(/^kbuild\//, "")}: ${message}`);
}

type Table = readonly (readonly [path: string, source: string, ...found: string[]])[];

/** @param without A rule that has a test of its own, and says more than the others ask for. */
function check(table: Table, without = "bare-names"): void {
  for (const [path, source, ...found] of table) {
    const said = lint(path, source).filter((line) => !line.startsWith(`${without}:`));
    assertEquals(said, found, `${path}: ${source}`);
  }
}

Deno.test("floors lets a directory import lower floors through their doors", () => {
  check([
    ["src/release/plan.ts", 'import { a } from "../lib/golang/mod.ts";'],
    ["src/release/plan.ts", 'import { a } from "../lib/init.ts";'],
    ["src/release/plan.ts", 'import { a } from "./stage.ts";'],
    ["src/release/deep/plan.ts", 'import { a } from "../stage.ts";'],
    ["src/lib/golang/plan.ts", 'import { a } from "../init.ts";'],
    ["src/lib/golang/plan.ts", 'import { a } from "./deep/x.ts";'],
    ["src/lib/mod.ts", 'export * as golang from "./golang/mod.ts";'],
    ["src/cli/run.ts", 'import { a } from "../errors.ts";'],
    ["src/commands/all.ts", 'import { a } from "../cli/mod.ts";'],
    ["src/commands/all.ts", 'import config from "../../deno.json" with { type: "json" };'],
    ["src/cli/run.ts", 'import { a } from "@std/text"; import b from "node:path";'],
    ["main.ts", 'import { a } from "./src/commands/mod.ts"; import "./deno.json";'],
    ["mod.ts", 'export * as release from "./src/release/mod.ts";'],
    ["tests/cli/x_test.ts", 'import { a } from "../../src/cli/parse.ts";'],
    ["/elsewhere/src/cli/x.ts", 'import { a } from "../commands/all.ts";'],
  ]);
});

Deno.test("floors stops imports upwards, sideways, past the door and out of src", () => {
  check([
    [
      "src/cli/run.ts",
      'import { a } from "../lib/golang/mod.ts";',
      'floors: "cli" (floor 2) imports "lib/golang" (floor 5)',
    ],
    [
      "src/generate/a.ts",
      'import type { A } from "../release/mod.ts";',
      'floors: "generate" (floor 6) imports "release" (floor 6)',
    ],
    [
      "src/lib/util.ts",
      'export { a } from "./init.ts";',
      'floors: "lib/util" (floor 2) imports "lib/init" (floor 3)',
    ],
    [
      "src/lib/logging.ts",
      'export * from "../shell/mod.ts";',
      'floors: "lib/logging" (floor 1) imports "shell" (floor 1)',
    ],
    [
      "src/errors.ts",
      'const a = await import("./cli/mod.ts");',
      'floors: "errors" (floor 0) imports "cli" (floor 2)',
    ],
    [
      "src/errors.ts",
      'type A = import("./cli/mod.ts").A;',
      'floors: "errors" (floor 0) imports "cli" (floor 2)',
    ],
    [
      "src/lib/golang/plan.ts",
      'import { a } from "../mod.ts";',
      'floors: "lib/golang" (floor 5) imports "lib" (floor 7)',
    ],
    [
      "src/release/plan.ts",
      'import { a } from "../archive/gzip.ts";',
      'floors: "../archive/gzip.ts" goes past the mod.ts of "archive"',
    ],
    [
      "src/release/plan.ts",
      'import { a } from "../lib/golang/plan.ts";',
      'floors: "../lib/golang/plan.ts" goes past the mod.ts of "lib/golang"',
    ],
    [
      "main.ts",
      'import { a } from "./src/cli/run.ts";',
      'floors: "./src/cli/run.ts" goes past the mod.ts of "cli"',
    ],
    [
      "src/cli/run.ts",
      'import { a } from "../../tests/cli/a.ts";',
      'floors: "../../tests/cli/a.ts" is outside src',
    ],
    [
      "src/cli/run.ts",
      'import { a } from "../../main.ts";',
      'floors: "../../main.ts" is outside src',
    ],
    ["src/new/a.ts", 'import "../errors.ts";', 'floors: Directory "new" has no floor'],
    ["src/commands/a.ts", 'import "../new/mod.ts";', 'floors: Directory "new" has no floor'],
  ]);
});

Deno.test("git-in-git keeps the start of git in src/git", () => {
  const found = "git-in-git: git is started outside src/git";
  check([
    ["src/git/git.ts", 'shell.run(["git", "status"]);'],
    ["src/shell/template.ts", 'const programs = ["git", "go"];'],
    ["tests/git/a_test.ts", 'shell.run(["git", "status"]);'],
    ["src/release/plan.ts", 'const skipped = [".git", "_output"];'],
    ["src/release/plan.ts", 'shell.run(["git", ...args]);', found],
    ["src/lib/version/mod.ts", 'const argv = ["git", "log"];', found],
    ["src/lib/version/mod.ts", "shell.$`git log`;", found],
    ["src/lib/version/mod.ts", "shell.$`true | git hash-object`;", found],
    ["src/lib/version/mod.ts", "shell.$`cat .git /git`;"],
    ["scripts/compile.ts", "shell.$`git log`;"],
  ]);
});

Deno.test("dax-in-shell keeps dax in src/shell", () => {
  const found = "dax-in-shell: dax is imported outside src/shell";
  check([
    ["src/shell/template.ts", 'import { build$ } from "dax";'],
    ["tests/e2e/a_test.ts", 'import $ from "dax";', found],
    ["scripts/compile.ts", 'import $ from "dax";', found],
    ["src/commands/all.ts", 'import $ from "dax";', found],
    ["src/commands/all.ts", 'import type { A } from "dax/x";', found],
    ["main.ts", 'import $ from "jsr:@david/dax@^0.49";', found],
    ["src/commands/all.ts", 'import $ from "daxophone";'],
  ]);
});

Deno.test("std-cli-in-cli keeps @std/cli in src/cli", () => {
  const found = "std-cli-in-cli: @std/cli is imported outside src/cli";
  check([
    ["src/cli/parse.ts", 'import { parseArgs } from "@std/cli";'],
    ["src/commands/all.ts", 'import { parseArgs } from "@std/cli/parse-args";', found],
    ["scripts/compile.ts", 'import { parseArgs } from "jsr:@std/cli@1";', found],
    ["main.ts", 'const { parseArgs } = await import("@std/cli");', found],
  ]);
});

Deno.test("no-exit keeps the exit in main.ts", () => {
  const found = "no-exit: Deno.exit is used outside main.ts";
  check([
    ["main.ts", "Deno.exit(1);"],
    ["scripts/compile.ts", "Deno.exit(1);"],
    ["tests/a_test.ts", "Deno.exit(1);"],
    ["src/cli/run.ts", "Deno.exit(1);", found],
    ["src/cli/run.ts", 'Deno["exit"](1);', found],
    ["src/cli/run.ts", "globalThis.Deno.exit(1);", found],
    ["src/cli/run.ts", "const { exit } = Deno;", found],
    ["src/cli/run.ts", "process.exit(1);", "no-exit: process.exit is used outside main.ts"],
    ["src/cli/run.ts", "child.exit(); const { exit } = child; Deno.stat(exit);"],
  ]);
});

Deno.test("no-ambient-state keeps environment and working directory in main.ts", () => {
  check([
    ["main.ts", "Deno.env.toObject(); Deno.cwd();"],
    ["tests/a_test.ts", 'Deno.env.get("A"); Deno.chdir("/");'],
    ["src/lib/init.ts", 'Deno.env.get("A");', "no-ambient-state: Deno.env is used outside main.ts"],
    ["src/lib/init.ts", "Deno.cwd();", "no-ambient-state: Deno.cwd is used outside main.ts"],
    ["src/lib/init.ts", 'Deno.chdir("/");', "no-ambient-state: Deno.chdir is used outside main.ts"],
    ["mod.ts", "process.env.A;", "no-ambient-state: process.env is used outside main.ts"],
    ["src/lib/init.ts", "options.env; options.cwd();"],
  ]);
});

Deno.test("plain-english finds phrases that read as translated, in comments and strings", () => {
  const found = (phrase: string) => `plain-english: "${phrase}" reads as translated`;
  check([
    ["src/cli/a.ts", "// A word that is no flag.", found("is no")],
    ["src/cli/a.ts", "/**\n * A word that\n * is\n * no flag.\n */", found("is no")],
    ["src/cli/a.ts", 'const a = "it is no flag";', found("is no")],
    ["src/cli/a.ts", "const a = `${name} is no flag`;", found("is no")],
    ["src/cli/a.ts", "// There is no flag; it is no longer one."],
    ["src/cli/a.ts", "// Words divided by commas.", found("divided by commas")],
    ["src/cli/a.ts", "// The name stands in front.", found("stands")],
    ["src/cli/a.ts", "// It stands for the host; npm has a stand-in."],
    ["src/cli/a.ts", "// It lies below the root.", found("lies below")],
    ["src/cli/a.ts", "// The user is told.", found("is told")],
    ["src/cli/a.ts", "// They are told apart by a number."],
    ["src/cli/a.ts", "/** What of the file is kept. */", found("What of")],
    ["tests/cli/a.ts", "// Flags, and words besides.", found("besides")],
  ]);
});

Deno.test("plain-english leaves alone what other programs read", () => {
  check([
    ["src/sample/a.ts", 'const script = "# This is no script";'],
    ["tests/cli/a.ts", 'const output = "it is no flag";'],
  ]);
});

Deno.test("no-default-export asks for names", () => {
  const found = "no-default-export: A default export";
  check([
    ["src/a.ts", "export default 1;", found],
    ["tests/a.ts", "export default function a() {}", found],
    ["scripts/a.ts", "const a = 1; export { a as default };", found],
    ["scripts/lint_rules.ts", "export default {};"],
    ["src/cli/a.ts", "export const a = 1;"],
  ]);
});

Deno.test("process-in-shell keeps processes in src/shell and tests", () => {
  check([
    ["src/shell/group.ts", 'new Deno.Command("go");'],
    ["tests/a_test.ts", 'new Deno.Command("go");'],
    [
      "scripts/compile.ts",
      'new Deno.Command("go");',
      "process-in-shell: Deno.Command is used outside src/shell",
    ],
    [
      "src/release/a.ts",
      'new Deno.Command("go");',
      "process-in-shell: Deno.Command is used outside src/shell",
    ],
    [
      "src/release/a.ts",
      'import { spawn } from "node:child_process";',
      'process-in-shell: "node:child_process" is imported outside src/shell',
    ],
    [
      "main.ts",
      "const { Command } = Deno;",
      "process-in-shell: Deno.Command is used outside src/shell",
    ],
  ]);
});

Deno.test("bare-names lets sources import what both import maps have, unchanged", () => {
  const found = (name: string) =>
    `bare-names: "${name}" is not one of the names that both import maps have`;
  check([
    ["tests/x_test.ts", 'import { a } from "@std/assert"; import b from "node:path";'],
    ["src/release/plan.ts", 'import { format } from "@std/fmt/bytes";'],
    ["examples/x.ts", 'import { golang } from "@k8s/kbuild"; import "@k8s/kbuild/version";'],
    ["npm/assert.ts", 'export * from "deno-std/assert/mod.js";'],
    ["tests/x_test.ts", 'import "jsr:@std/assert@1";', found("jsr:@std/assert@1")],
    ["tests/x_test.ts", 'import "npm:chalk";', found("npm:chalk")],
    ["tests/x_test.ts", 'import "https://127.0.0.1/x.ts";', found("https://127.0.0.1/x.ts")],
    ["src/cli/x.ts", 'import "deno-std/text/mod.js";', found("deno-std/text/mod.js")],
    ["src/cli/x.ts", 'await import("@std/path/join");', found("@std/path/join")],
    ["src/cli/x.ts", 'import "@k8s/kbuild";', found("@k8s/kbuild")],
    ["src/cli/x.ts", 'import "@std/fmt";', found("@std/fmt")],
  ], "floors");
});

Deno.test("no-swallow finds errors that nobody looks at", () => {
  const promise = "no-swallow: Every error of a promise is dropped";
  const block = "no-swallow: Every error of a block is dropped";
  check([
    ["src/release/a.ts", "await Deno.stat(x).catch(() => undefined);", promise],
    ["src/release/a.ts", 'const t = await read(x).catch(() => "");', promise],
    ["src/release/a.ts", "later.catch(function () {});", promise],
    ["src/release/a.ts", "later.catch(() => {});", promise],
    ["src/release/a.ts", "await Deno.stat(x).then(() => true, () => false);", promise],
    ["src/release/a.ts", "try { await Deno.stat(x); } catch { return; }", block],
    ["src/release/a.ts", "try { JSON.parse(x); } catch { return; }", block],
    ["main.ts", "try { f(); } catch {}", block],
    ["main.ts", "try { f(); } catch (_error) {}", block],
    ["src/release/a.ts", "later.catch((_error) => {});", promise],
    ["src/release/a.ts", "try { await Deno.stat(x); } catch (error) { f(error); }"],
    ["src/release/a.ts", "await Deno.stat(x).catch((error) => f(error));"],
    ["src/release/a.ts", "await Deno.stat(x).then(() => true, (error) => f(error));"],
    ["src/release/a.ts", "await Deno.stat(x).then(() => true); later.catch(stop);"],
    ["src/files/if_present.ts", "try { f(); } catch {}"],
    ["tests/release/a.ts", "await Deno.stat(x).catch(() => undefined);"],
  ]);
});

Deno.test("texts-are-for-people finds decisions by the text of an error", () => {
  const found = "texts-are-for-people: The text of an error is looked into";
  check([
    ["src/release/a.ts", 'if (error.message.includes("x")) f();', found],
    ["src/release/a.ts", "const [, x] = error.message.match(/x/) ?? [];", found],
    ["src/release/a.ts", "if (/x/.test(error.reason)) f();", found],
    ["src/release/a.ts", "f(PATTERN.exec(error.cause.message));", found],
    ["src/release/a.ts", 'if (error.message === "x") f();', found],
    ["src/release/a.ts", 'if (error.notes.includes("x")) f();', found],
    ["src/release/a.ts", "if (error.notes.length === 0) f(error.message);"],
    ["src/release/a.ts", "if (a.message === b.message) f(error.message.slice(1));"],
    ["src/release/a.ts", "if (systemCode(error) === code || /x/.test(text)) f(error.reason);"],
    ["tests/release/a.ts", "assert(/x/.test(error.message));"],
  ]);
});

Deno.test("removal-in-files keeps removing and renaming in src/files, tests and scripts", () => {
  const found = (what: string) => `removal-in-files: Deno.${what} is used outside src/files`;
  check([
    ["src/files/remove_tree.ts", "Deno.remove(path); Deno.renameSync(a, b);"],
    ["tests/a_test.ts", "Deno.remove(path);"],
    ["scripts/compile.ts", "Deno.rename(a, b);"],
    ["src/release/a.ts", "Deno.remove(path);", found("remove")],
    ["src/release/a.ts", 'Deno["removeSync"](path);', found("removeSync")],
    ["src/release/a.ts", "globalThis.Deno.rename(a, b);", found("rename")],
    ["main.ts", "const { renameSync } = Deno;", found("renameSync")],
    [
      "src/release/a.ts",
      'import { rm } from "node:fs/promises";',
      'removal-in-files: "node:fs/promises" is imported outside src/files',
    ],
    ["src/release/a.ts", "files.remove(path); shared.rename(a); Deno.stat(path);"],
  ]);
});

Deno.test("regular-files finds what would wait for a named pipe", () => {
  const waits = (name: string) =>
    `regular-files: Deno.${name} waits for whoever writes to a named pipe`;
  check([
    ["src/release/a.ts", "await Deno.readTextFile(x);", waits("readTextFile")],
    ["src/release/a.ts", "Deno.readFileSync(x);", waits("readFileSync")],
    ["src/release/a.ts", "await Deno.copyFile(x, y);", waits("copyFile")],
    ["src/release/a.ts", "using file = await Deno.open(x);", waits("open")],
    ["src/release/a.ts", "Deno.openSync(x, { write: true, createNew: true });"],
    ["src/files/regular.ts", "await Deno.readTextFile(x);"],
    ["tests/release/a.ts", "await Deno.readTextFile(x);"],
  ]);
});
