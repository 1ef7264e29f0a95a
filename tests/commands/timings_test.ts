/** `kbuild timings`, and the runs that are kept. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  missingFor,
  output,
  unless,
} from "../e2e/_program.ts";

Deno.test({
  ...unless(missingFor("1.35"), "kbuild timings shows the last run, as a table, page and trace"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const none = await kbuild(["timings"], { cwd: root });
      assertEquals(none.code, 1);
      assertStringIncludes(none.stderr, "No run is known");

      await kbuildOk(["all", "kubectl"], { cwd: root });
      const page = join(dir, "a page.html");
      await kbuildOk(["all", "kubectl", `--timings=${page}`], { cwd: root });
      const json = JSON.parse(await kbuildOk(["timings", "--json"], { cwd: root }));
      const [unit] = json.units;
      assertEquals([json.command, json.code, json.units.length], ["all", 0, 1]);
      assertMatch(unit.id, /^build kubectl for linux\/\w+$/);
      assert(unit.before > 0, "the run before is not known");
      assertMatch(
        await kbuildOk(["timings"], { cwd: root }),
        /^UNIT +KIND +RESULT +BEGAN AT +TIME +BEFORE\nkubectl for linux\/\w+ +build /,
      );
      assertStringIncludes(await Deno.readTextFile(page), `${unit.name}</th><td>build</td>`);
      // Without a name, git does not see the page: the version would be dirty.
      await kbuildOk(["all", "kubectl", "--timings"], { cwd: join(root, "cmd") });
      await Deno.stat(join(root, "_output/kbuild-timings.html"));
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
      const bare = join(dir, "bare");
      await Deno.mkdir(bare);
      await kbuildOk(["doctor", "git", "--timings"], { cwd: bare });
      await Deno.stat(join(bare, "kbuild-timings.html"));
      await kbuildOk(["timings", "--html", "x.html", "--trace", "x.json"], { cwd: root });
      assertStringIncludes(await Deno.readTextFile(join(root, "x.html")), "<!DOCTYPE html>");
      const { traceEvents } = JSON.parse(await Deno.readTextFile(join(root, "x.json")));
      assertEquals(traceEvents.filter(({ ph }: { ph: string }) => ph === "X").length, 1);
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "a run that fails or is killed is kept as far as it came"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      await Deno.writeTextFile(
        join(root, "cmd/kubectl/kubectl.go"),
        "package main\n\nfunc main( {",
      );
      await kbuild(["all", "kubectl"], { cwd: root });
      const failed = JSON.parse(await kbuildOk(["timings", "--json"], { cwd: root }));
      assertEquals([failed.code, failed.counts.failed], [1, 1]);

      // As a kill leaves it: the last line is cut off.
      const runs = join(root, "_output/local/.kbuild/runs");
      const [name = ""] = Array.from(Deno.readDirSync(runs), (entry) => entry.name);
      const text = await Deno.readTextFile(join(runs, name));
      await Deno.writeTextFile(join(runs, name), text.slice(0, text.lastIndexOf('"event"') + 3));
      const killed = JSON.parse(await kbuildOk(["timings", "--json"], { cwd: root }));
      assertEquals([killed.command, killed.code], ["all", undefined]);
      assertMatch(await kbuildOk(["timings"], { cwd: root }), /did not end\n$/);
    }),
});

Deno.test({
  ...unless(missingFor("1.35"), "the last ten runs are kept, and clean removes them"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const runs = join(root, "_output/local/.kbuild/runs");
      await kbuildOk(["all", "kubectl"], { cwd: root });
      for (let i = 10; i < 30; i++) {
        await Deno.writeTextFile(join(runs, `202001${i}T000000.000Z-all.jsonl`), "");
      }
      await Deno.writeTextFile(join(runs, "mine.txt"), "");
      // Of a release, the last one that succeeded stays.
      const release = (code: number) =>
        `{"event":"run.start","version":1,"at":"","command":"quick-release","ms":0}\n` +
        `{"event":"run.end","code":${code},"ms":9}\n`;
      const names = ["20190101", "20190102", "20190103"].map((day) =>
        `${day}T000000.000Z-quick-release.jsonl`
      );
      for (const [i, name] of names.entries()) {
        await Deno.writeTextFile(join(runs, name), release(i === 2 ? 1 : 0));
      }
      await kbuildOk(["all", "kubectl", "--timings"], { cwd: root });
      const left = Array.from(Deno.readDirSync(runs), ({ name }) => name);
      assertEquals(left.filter((name) => name.endsWith("-all.jsonl")).length, 10);
      assertEquals(left.filter((name) => names.includes(name)), [names[1]!]);
      assert(left.includes("mine.txt"));
      await kbuildOk(["clean"], { cwd: root });
      assertEquals(
        Array.from(Deno.readDirSync(root), ({ name }) => name).includes("_output"),
        false,
      );
      // A run that fails has one error, also where its page cannot be written.
      await Deno.writeTextFile(join(root, "_output"), "");
      const failed = await kbuild(["all", "kubectl", "--timings"], { cwd: root });
      assertEquals([failed.code, failed.stderr.split("kbuild: ").length], [1, 2], failed.stderr);
    }),
});
