/** A PATH without git: what was given need not be asked. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import { SAMPLE_ERAS } from "../../src/sample/mod.ts";
import { inScratch, kbuild, makeSample, missingFor, output, unless, which } from "./_program.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** All that git would be asked for. */
const GIVEN = {
  KUBE_GIT_COMMIT: COMMIT,
  KUBE_GIT_TREE_STATE: "clean",
  KUBE_GIT_VERSION: "v1.99.7",
  SOURCE_DATE_EPOCH: "1600000000",
};

/** A directory for PATH with everything that go may need, and no git. */
async function pathWithoutGit(dir: string): Promise<string> {
  const bin = join(dir, "bin");
  await Deno.mkdir(bin);
  for (const program of ["go", "gcc", "cc", "as", "ld", "sh"]) {
    const found = which(program);
    if (found !== undefined) await Deno.symlink(await Deno.realPath(found), join(bin, program));
  }
  return bin;
}

for (const era of SAMPLE_ERAS) {
  Deno.test({
    ...unless(missingFor(era), `kbuild builds without git what was given to it: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "kubernetes"));
        // As what git archive makes: no repository.
        await Deno.remove(join(root, ".git"), { recursive: true });
        await Deno.writeTextFile(
          join(dir, "defs"),
          Object.entries({ ...GIVEN, KUBE_GIT_MAJOR: "1", KUBE_GIT_MINOR: "99" })
            .map(([name, value]) => `${name}='${value}'\n`).join(""),
        );
        const { SOURCE_DATE_EPOCH } = GIVEN;
        const file = { KUBE_GIT_VERSION_FILE: join(dir, "defs"), SOURCE_DATE_EPOCH };
        const PATH = await pathWithoutGit(dir);
        for (const given of [GIVEN, file]) {
          // kube-apiserver needs generated files up to 1.25, which git is asked about.
          const { code, stderr } = await kbuild(["all", "kubectl", "kube-apiserver"], {
            cwd: root,
            env: { ...given, PATH },
          });
          assertEquals(code, 0, stderr);
          const bin = join(root, "_output/local/bin", hostPlatform());
          for (const program of ["kubectl", "kube-apiserver"]) {
            assertStringIncludes(await Deno.readTextFile(join(bin, program)), "v1.99.7");
          }
          const version = await output([join(bin, "kubectl"), "version", "--client"]);
          assertStringIncludes(version, "v1.99.7");
          assert(!stderr.includes("Cannot start"), stderr);
        }
      }),
  });
}
