/** Which checks there are, held against a driver in the form of Kubernetes' own, run by bash. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { listChecks, listUpdates } from "../../src/checks/mod.ts";
import { readVerifyLists } from "../../src/checkout/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV, run } from "../e2e/_program.ts";
import { SCRIPTS } from "./_scripts.ts";

/** What the driver says of each script, as it runs them. */
async function theirs(root: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const argv = ["bash", join(root, "hack/make-rules/verify.sh")];
  const { stdout } = await run(argv, { cwd: root, env: { ...ENV, ...env } });
  return stdout.trim().split("\n").map((line) => line.replace(/^(SUCCESS|FAILED)/, "Running"))
    // Its pattern is quoted, so that it fits no file: kbuild does what is meant.
    .map((line) => line.replace("Running verify-runtime-d", "Skipping verify-runtime-d"))
    .map((line) => line.replace("dockerized.sh in quick mode", "dockerized.sh"));
}

for (
  const env of [
    {},
    { QUICK: "true" },
    { EXCLUDE_TYPECHECK: "y" },
    { EXCLUDE_TYPECHECK: "yes" },
    { WHAT: "typecheck gofmt flags" },
    { WHAT: "linkcheck", QUICK: "true" },
  ] as Readonly<Record<string, string>>[]
) {
  Deno.test(`listChecks() chooses as the script does with ${JSON.stringify(env)}`, () =>
    withFiles(SCRIPTS, async (written) => {
      // The driver itself takes no spaces in its path.
      const root = await Deno.makeTempDir({ prefix: "kbuild-checks-" });
      await Deno.rename(join(written, "hack"), join(root, "hack"));
      const names = (env["WHAT"] ?? "").split(" ").filter((name) => name !== "");
      const checks = await listChecks({ root }, {
        ...{ names, isQuick: env["QUICK"] === "true", variables: env },
      });
      const ours = checks.map(({ file, skipped }) =>
        skipped === undefined
          ? `Running ${file}`
          : `Skipping ${file}${skipped === "slow" ? " in quick mode" : ""}`
      );
      try {
        assertEquals(ours, await theirs(root, env));
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    }));
}

Deno.test("listChecks() finds those of modules from 1.33 on, and refuses unknown names", () => {
  const work = "go 1.24\nuse (\n\t.\n\t./staging/src/k8s.io/api\n)\n";
  const files = {
    "hack/make-rules/verify.sh": "for module in ./go.mod ./staging/**/go.mod; do true; done\n",
    "hack/verify-all.sh": "",
    "hack/verify-codegen.sh": "",
    "go.work": work,
    "staging/src/k8s.io/api/go.mod": "module k8s.io/api\n",
    "staging/src/k8s.io/api/hack/verify-codegen.sh": "",
  };
  return withFiles(files, async (root) => {
    const request = { isQuick: false, variables: {} };
    const all = await listChecks({ root }, { ...request, names: [] });
    assertEquals(all.map(({ path, skipped = "" }) => `${path} ${skipped}`.trim()), [
      "hack/verify-all.sh excluded",
      "hack/verify-codegen.sh",
      "staging/src/k8s.io/api/hack/verify-codegen.sh",
    ]);
    const named = await listChecks({ root }, { ...request, names: ["codegen"] });
    assertEquals(named.map(({ path }) => path), ["hack/verify-codegen.sh"]);
    const path = "staging/src/k8s.io/api/hack/verify-codegen.sh";
    const [inModule] = await listChecks({ root }, { ...request, names: [path] });
    assertEquals([inModule?.directory, inModule?.argv], [
      "staging/src/k8s.io/api",
      ["bash", "hack/verify-codegen.sh"],
    ]);
    const error = await assertRejects(
      () => listChecks({ root }, { ...request, names: ["codgen"] }),
      UsageError,
    );
    assertEquals(error.notes[0], 'Did you mean "codegen"?');
  });
});

Deno.test("listUpdates() reads the list of the checkout, in its order", () =>
  withFiles(SCRIPTS, async (root) => {
    const all = await listUpdates({ root }, []);
    assertEquals(all.map(({ name }) => name), ["first", "second", "third"]);
    const named = await listUpdates({ root }, ["third", "update-first.sh", "hack/update-third.sh"]);
    assertEquals(named.map(({ path }) => path), ["hack/update-third.sh", "hack/update-first.sh"]);
    await assertRejects(() => listUpdates({ root }, ["fourth"]), UsageError);
    await Deno.writeTextFile(join(root, "hack/make-rules/update.sh"), "true\n");
    const error = await assertRejects(() => listUpdates({ root }, []), KbuildError);
    assertEquals(error.notes, ["Name the scripts: kbuild update first second third"]);
    // As an array, in newer releases.
    await Deno.writeTextFile(
      join(root, "hack/make-rules/update.sh"),
      "BASH_TARGETS=(update-a\n)\n",
    );
    assertEquals((await listUpdates({ root }, [])).map(({ name }) => name), ["a"]);
  }));

Deno.test("readVerifyLists() leaves out what would start everything again, whatever the script", () =>
  withFiles({ "hack/make-rules/verify.sh": "$(\n" }, async (root) => {
    const lists = await readVerifyLists({ root }, {});
    assertEquals(lists, {
      excluded: ["verify-all.sh", "verify-*-dockerized.sh"],
      quick: undefined,
      inModules: false,
      reportsErrors: false,
    });
  }));
