/**
 * The two commands of the README on a bare Debian 12: Node.js and npm, no git, no Go, no Deno, no C
 * compiler; as root, and as a user. Minutes; `scripts/task test:bare`.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inScratch, unless } from "../e2e/_program.ts";
import { copyMachine, type Machine, makeMachine, missing, type Said, USER } from "./_machine.ts";

/** What the README says to do. */
const DEMO = "cd kbuild && npm run demo";
const TEST = "cd kbuild && npm test";

/** Figures of the run, for whoever reports them. */
function report(what: string, { seconds, text }: Said): void {
  const sum = /^.*\| \d+ passed.*$/m.exec(plainly(text))?.[0] ?? /^v1\..* in .*$/m.exec(text)?.[0];
  console.log(`${what}: ${seconds.toFixed(0)} s${sum === undefined ? "" : `; ${sum.trim()}`}`);
}

function plainly(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/\x1b\[[0-9;]*m/g, "");
}

/** A command that must succeed; its output otherwise, the end of it. */
async function green(machine: Machine, user: string, command: string): Promise<string> {
  const said = await machine.run(user, command);
  report(`${user}: ${command}`, said);
  const text = plainly(said.text);
  assertEquals([said.code, said.code === 0 ? "" : text.slice(-20_000)], [0, ""]);
  return text;
}

Deno.test({
  ...unless(
    await missing(),
    "npm run demo and npm test on a bare Debian 12, as root and as a user",
  ),
  fn: (t) =>
    inScratch(async (dir) => {
      const first = await makeMachine(join(dir, "root"));
      for (const program of ["git", "go", "deno", "gcc", "cc"]) {
        assertEquals((await first.run("root", `command -v ${program}`)).code, 127, program);
      }
      const second = await copyMachine(first, join(dir, "second"));

      await t.step("root: the demo installs what is missing with apt-get", async () => {
        const text = await green(first, "root", DEMO);
        assertStringIncludes(text, "kbuild: installing git and golang-go with apt-get");
        assertStringIncludes(text, "The sample is in /tmp/kbuild-demo-");
      });
      await t.step("root: the tests", async () => {
        await green(first, "root", TEST);
      });
      await t.step("a user: the demo, with what root has installed", async () => {
        assert(!(await green(first, USER, DEMO)).includes("installing git"));
      });
      await t.step("a user: the tests", async () => {
        await green(first, USER, TEST);
      });
      await t.step("a user without git learns what to install", async () => {
        const said = await second.run(USER, DEMO);
        assertEquals(said.code === 0, false);
        assertStringIncludes(plainly(said.text), 'kbuild: Cannot find "git" in PATH');
        assertStringIncludes(said.text, "As root: apt-get install git golang-go");
      });
      await t.step("a user without Go gets it from GOPROXY", async () => {
        await green(second, "root", "apt-get update -qq && apt-get install -qq -y git");
        const text = await green(second, USER, DEMO);
        assertStringIncludes(text, "(Go is missing): golang.org/toolchain@v0.0.1-go");
      });
    }, "kbuild-bare-"),
});
