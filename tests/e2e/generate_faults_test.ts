/** What `kbuild generated_files` does where files cannot be written, and with generators that print: the tree stays as it was. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuild, kbuildOk, makeSample, missingFor, output, unless } from "./_program.ts";
import { noMount, withTmpfs } from "./_tmpfs.ts";

const API = "staging/src/k8s.io/api";
const COPY = "zz_generated.deepcopy.go";
const TOOL = "staging/src/k8s.io/code-generator/cmd/deepcopy-gen/main.go";
const ARGS = ["generated_files", "deepcopy"];

/** A sample whose deep copies are made, and that has a type more. */
async function changedSample(
  dir: string,
): Promise<{ root: string; status: () => Promise<string> }> {
  const root = await makeSample("1.20", join(dir, "kubernetes"));
  await kbuildOk(ARGS, { cwd: root });
  for (const group of ["apps", "core"]) {
    await Deno.writeTextFile(
      join(root, API, group, "v1/more.go"),
      "package v1\n\ntype More struct {\n}\n",
    );
  }
  return { root, status: () => output(["git", "status", "--porcelain"], { cwd: root }) };
}

const MORE = `?? ${API}/apps/v1/more.go\n?? ${API}/core/v1/more.go\n`;
const MADE = [`${API}/apps/v1/${COPY}`, `${API}/core/v1/${COPY}`];

Deno.test({
  ...unless(
    missingFor("1.20") ?? (Deno.uid() === 0 && "root may write everywhere"),
    "kbuild generated_files says which directory is read-only; a later run makes the rest",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const { root, status } = await changedSample(dir);
      const place = join(root, API, "core/v1");
      await Deno.chmod(place, 0o555);
      try {
        const { code, stderr } = await kbuild(ARGS, { cwd: root });
        assertEquals(code, 1);
        const end = stderr.slice(stderr.indexOf("kbuild:"));
        assertStringIncludes(end, `${API}/core/v1`);
        assertStringIncludes(end, "permission denied");
      } finally {
        await Deno.chmod(place, 0o755);
      }
      assertEquals((await status()).includes("kbuild-tmp"), false);
      await kbuildOk(ARGS, { cwd: root });
      assertEquals(await status(), MADE.map((path) => ` M ${path}\n`).join("") + MORE);
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20") ?? noMount,
    "kbuild generated_files says that the disk is full; no file has changed",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const { root, status } = await changedSample(dir);
      await withTmpfs("64k", join(root, "_output/local"), async () => {
        const { code, stderr } = await kbuild(ARGS, { cwd: root });
        assertEquals(code, 1);
        assertStringIncludes(stderr, "Free some disk space");
        assertEquals(await status(), MORE);
      });
      await kbuildOk(ARGS, { cwd: root });
      assertEquals(await status(), MADE.map((path) => ` M ${path}\n`).join("") + MORE);
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild generated_files prints paths alone on stdout, whatever its generators print",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const { root } = await changedSample(dir);
      const tool = join(root, TOOL);
      const text = await Deno.readTextFile(tool);
      const main = "func main() {\n";
      await Deno.writeTextFile(
        tool,
        text.replace(main, `${main}\tos.Stdout.WriteString("chatter\\n")\n`),
      );
      assertEquals(await kbuildOk(ARGS, { cwd: root }), MADE.map((path) => `${path}\n`).join(""));
      await Deno.writeTextFile(tool, text.replace(main, `${main}\tpanic("no room")\n`));
      const { code, stdout, stderr } = await kbuild(ARGS, { cwd: root });
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, "panic: no room");
    }),
});
