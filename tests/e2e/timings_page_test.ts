/** The page of `--timings` in a real browser, without a network. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { npmTool } from "./_npm_tool.ts";
import { inScratch, kbuildOk, makeSample, missingFor, run, unless, which } from "./_program.ts";

const CHROMIUM = which("chromium") ?? which("google-chrome");
const missing = CHROMIUM === undefined
  ? "needs chromium"
  : which("npm") === undefined
  ? "needs npm"
  : missingFor("1.35");

/** What a browser makes of a page: the document when it is idle, and what it complained of. */
async function browse(path: string, dir: string): Promise<{ dom: string; complaints: string[] }> {
  const flags = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"],
    ...["--host-resolver-rules=MAP * ~NOTFOUND", `--user-data-dir=${join(dir, "profile")}`],
    ...["--enable-logging=stderr", "--dump-dom", toFileUrl(path).href],
  ];
  const { stdout, stderr } = await run([CHROMIUM!, ...flags]);
  return { dom: stdout, complaints: stderr.split("\n").filter((line) => line.includes("CONSOLE")) };
}

Deno.test({
  ...unless(missing, "the page of a release opens without a complaint, and axe finds nothing"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const page = join(dir, "timings.html");
      const args = ["quick-release", "WHAT=cmd/kubectl", `--timings=${page}`];
      await kbuildOk(args, { cwd: root });
      await kbuildOk(args, { cwd: root });
      const { units } = JSON.parse(await kbuildOk(["timings", "--json"], { cwd: root }));
      const plain = await browse(page, dir);
      assertEquals(plain.complaints, []);
      for (const { name } of units) assertStringIncludes(plain.dom, name);
      assertEquals(plain.dom.match(/<rect /g)?.length, units.filter(hasRun).length);

      // The page has no scripts; for the check of its accessibility it gets one.
      const axe = await npmTool("axe-core@4.10.3", "node_modules/axe-core/axe.min.js");
      const checked = join(dir, "checked.html");
      const script = `<script>${await Deno.readTextFile(axe)}</script><script>
        axe.run().then((found) => { document.title = "axe:" + JSON.stringify(
          found.violations.map(({ id, impact, nodes }) => [id, impact, nodes[0].html])); });
        </script>`;
      const text = await Deno.readTextFile(page);
      await Deno.writeTextFile(checked, text.replace("</body>", () => `${script}</body>`));
      const { dom } = await browse(checked, dir);
      const [, result] = /<title>axe:(.*?)<\/title>/s.exec(dom) ?? [];
      assert(result !== undefined, "axe did not end");
      assertEquals(result, "[]");
    }),
});

function hasRun({ started }: { started?: number }): boolean {
  return started !== undefined;
}
