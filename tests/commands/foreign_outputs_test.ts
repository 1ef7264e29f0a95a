/** What is not kbuild's in the directory of outputs, with kbuild's own names or at its places, stays. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inScratch, kbuild, makeSample, missingFor, output, unless } from "../e2e/_program.ts";

/** A path -> its text; directories are made. */
async function write(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(dir, path), text);
  }
}

async function commit(root: string, path = "_output"): Promise<void> {
  await output(["git", "-C", root, "add", "--force", path]);
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  await output(["git", "-C", root, ...identity, "commit", "--quiet", "--message", "Outputs"]);
}

const PACKAGE = ["package-tarballs", "--allow-missing"];
const needs = missingFor("1.20");

Deno.test({
  ...unless(needs, "kbuild clean keeps tracked files when git cannot answer"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const keep = join(root, "_output/local/src/keep");
      await write(root, { "_output/local/src/keep": "keep" });
      await commit(root);
      const index = await Deno.readFile(join(root, ".git/index"));
      const damages: Record<string, () => Promise<unknown>> = {
        "a garbled index": () => Deno.writeTextFile(join(root, ".git/index"), "garbage"),
        "no HEAD": () => Deno.rename(join(root, ".git/HEAD"), join(root, ".git/away")),
      };
      for (const [name, damage] of Object.entries(damages)) {
        await t.step(name, async () => {
          await damage();
          const { code, stderr } = await kbuild(["clean"], { cwd: root });
          assertEquals([code, await Deno.readTextFile(keep)], [2, "keep"], stderr);
          assertMatch(stderr, /Cannot remove .*: git (tracks|may track)/);
        });
        await Deno.writeFile(join(root, ".git/index"), index);
        await Deno.rename(join(root, ".git/away"), join(root, ".git/HEAD")).catch(() => {});
      }
    }),
});

Deno.test({
  ...unless(needs, "kbuild does not overwrite what git tracks at the place of a binary"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const place = "_output/local/bin/linux/amd64/kubectl";
      await write(root, { [place]: "mine" });
      await commit(root);
      const { code, stderr } = await kbuild(["kubectl", "--platform", "linux/amd64"], {
        cwd: root,
      });
      assertEquals([code, await Deno.readTextFile(join(root, place))], [1, "mine"], stderr);
      assertStringIncludes(stderr, "git tracks it");
      // Nor when git cannot answer.
      const given = { KUBE_GIT_VERSION: "v1.20.2", SOURCE_DATE_EPOCH: "1600000000" };
      await Deno.rename(join(root, ".git/HEAD"), join(root, ".git/away"));
      const blind = await kbuild(["kubectl", "--platform", "linux/amd64"], {
        cwd: root,
        env: given,
      });
      assertEquals([blind.code, await Deno.readTextFile(join(root, place))], [1, "mine"]);
      assertStringIncludes(blind.stderr, "git tracks it");
    }),
});

Deno.test({
  ...unless(needs, "kbuild clears nothing that only looks like a leftover"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await write(root, {
        "_output/.kbuild-tmp-1-0123abcd/keep": "tracked",
        "_output/.kbuild-tmp-mine": "tracked",
      });
      await commit(root);
      await write(root, {
        "_output/.kbuild-tmp-notes": "mine",
        "_output/.kbuild-tmp-7-0123abcd": "a leftover",
      });
      const { code, stderr } = await kbuild(PACKAGE, { cwd: root });
      assertEquals(code, 0, stderr);
      const left = [...Deno.readDirSync(join(root, "_output"))].map(({ name }) => name);
      assertEquals(left.filter((name) => name.startsWith(".kbuild-tmp-")).sort(), [
        ".kbuild-tmp-1-0123abcd",
        ".kbuild-tmp-mine",
        ".kbuild-tmp-notes",
      ]);
    }),
});

Deno.test({
  ...unless(needs, "kbuild clears no tracked file beside a generated one"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const places = [".kbuild-tmp-1-0123abcd", ".kbuild-tmp-2-0123abcd"]
        .map((name) => join("pkg/generated/openapi", name));
      const [tracked = "", leftover = ""] = places;
      await write(root, { [tracked]: "tracked" });
      await commit(root, tracked);
      await write(root, { [leftover]: "a leftover" });
      const { code, stderr } = await kbuild(["all", "cmd/kube-apiserver"], { cwd: root });
      assertEquals(code, 0, stderr);
      const left = [...Deno.readDirSync(join(root, "pkg/generated/openapi"))].map(({ name }) =>
        name
      );
      assertEquals(left.filter((name) => name.startsWith(".kbuild")), [".kbuild-tmp-1-0123abcd"]);
      assertEquals(left.includes("zz_generated.openapi.go"), true);
    }),
});

Deno.test({
  ...unless(needs, "kbuild follows no link of its own names out of the outputs"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await write(dir, { "user/artifacts.json": "mine", "user/.kbuild-tmp-7-0123abcd": "mine" });
      await Deno.mkdir(join(root, "_output"), { recursive: true });
      await Deno.symlink(join(dir, "user"), join(root, "_output/.kbuild-cache"));
      const { code, stderr } = await kbuild(PACKAGE, { cwd: root });
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "a link leads out of the outputs");
      const left = [...Deno.readDirSync(join(dir, "user"))].map(({ name }) => name).sort();
      assertEquals(left, [".kbuild-tmp-7-0123abcd", "artifacts.json"]);
      assertEquals(await Deno.readTextFile(join(dir, "user/artifacts.json")), "mine");
    }),
});

Deno.test({
  ...unless(needs, "kbuild clean removes nothing foreign behind _output that is a link"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await Deno.remove(join(root, "_output"), { recursive: true }).catch(() => {});
      for (const file of ["images/photo.jpg", "bin/k", "local/notes", "go/src-of-mine/a"]) {
        const user = await Deno.makeTempDir({ dir });
        await write(user, { [file]: "mine", "dockerized/bin/linux/amd64/kubectl": "a program" });
        await Deno.symlink(user, join(root, "_output"));
        const { code, stderr } = await kbuild(["clean"], { cwd: root });
        assertEquals([code, await Deno.readTextFile(join(user, file))], [2, "mine"], stderr);
        assertStringIncludes(stderr, "something that kbuild did not make");
        await Deno.remove(join(root, "_output"));
      }
    }),
});
