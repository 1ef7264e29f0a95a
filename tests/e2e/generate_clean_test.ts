/** A clean checkout of each era stays clean: no release is dirty because of generated files. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { FILES, writeFiles } from "../generate/_codegen.ts";
import { inScratch, kbuildOk, makeSample, missingFor, output, unless } from "./_program.ts";

/** Samples whose generators are not in a makefile; they have none of their own. */
const MODERN: readonly string[] = ["1.28", "1.35", "latest"];

for (const era of SAMPLE_ERAS) {
  Deno.test({
    ...unless(
      missingFor(era),
      `a clean checkout of ${era} is clean after generated_files, update-codegen and a build`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        const git = (...args: string[]) =>
          output(["git", "-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
            cwd: root,
          });
        const status = () => git("status", "--porcelain");
        if (MODERN.includes(era)) {
          await writeFiles(root, FILES);
          await kbuildOk(["update-codegen"], { cwd: root });
          await git("add", "-A");
          await git("commit", "-q", "-m", "generated");
          // As in a new clone, nothing is known.
          await Deno.remove(join(root, "_output"), { recursive: true });
        }
        assertEquals(await status(), "");
        const runs = [
          ["generated_files"],
          ["update-codegen"],
          ["generated_files", "--from-nothing"],
          ["all", "WHAT=cmd/kubectl"],
        ];
        for (const args of runs) {
          await kbuildOk(args, { cwd: root });
          assertEquals(await status(), "", args.join(" "));
        }
        const version = await kbuildOk(["version"], { cwd: root });
        assertEquals(version.includes("dirty"), false, version);
      }),
  });
}

Deno.test({
  ...unless(
    missingFor("1.7"),
    "a file that was made in another year stays as it is, where headers have the year",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.7", join(dir, "kubernetes"));
      await writeFiles(root, {
        "hack/boilerplate/boilerplate.go.txt": "/*\nCopyright YEAR The Authors.\n*/\n\n",
      });
      const at = (SOURCE_DATE_EPOCH: string) => ({ cwd: root, env: { SOURCE_DATE_EPOCH } });
      const [before, later] = [at("1500000000"), at("1530000000")] as const;
      const lines = (text: string) => text.split("\n").filter((line) => line !== "");
      const made = lines(await kbuildOk(["generated_files", "deepcopy", "--from-nothing"], before));
      assertEquals(made.length > 1, true);
      const years = () =>
        Promise.all(made.map(async (path) =>
          /Copyright \d+/.exec(await Deno.readTextFile(join(root, path)))?.[0]
        ));
      assertEquals(new Set(await years()), new Set(["Copyright 2017"]));
      await Deno.remove(join(root, "_output"), { recursive: true });
      await kbuildOk(["verify_generated_files", "deepcopy"], later);
      assertEquals(await kbuildOk(["generated_files", "deepcopy"], later), "");
      await Deno.remove(join(root, made[0]!));
      assertEquals(lines(await kbuildOk(["generated_files", "deepcopy"], later)), made.slice(0, 1));
      assertEquals((await years()).slice(0, 2), ["Copyright 2018", "Copyright 2017"]);
      // As the scripts do it.
      await kbuildOk(["generated_files", "deepcopy", "--from-nothing", "--strict-parity"], later);
      assertEquals(new Set(await years()), new Set(["Copyright 2018"]));
    }),
});
