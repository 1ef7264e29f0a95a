/** A build that the system stopped for want of memory is tried once more, with less at once. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { buildBinaries, prepareBuild, verifyGoVersion } from "../../src/lib/golang/mod.ts";
import { knownLimit } from "../../src/lib/golang/memory_limit.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { findProgram } from "../../src/lib/util.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, missingFor, script, unless } from "../e2e/_program.ts";
import { openSample } from "./_open.ts";

/** A sample with a `go` that is killed at so many of its first installs. */
async function openStarved(kills: number) {
  const sample = await openSample("1.35");
  const { checkout, context: { root, env } } = sample;
  const real = await findProgram("go", env["PATH"]);
  const goroot = (await sample.context.shell.run([real!, "env", "GOROOT"])).stdout.trim();
  const directory = join(dirname(root), "bin");
  await Deno.mkdir(directory);
  const log = join(directory, "log");
  await Deno.writeTextFile(log, "");
  script(
    join(directory, "go"),
    `if [ "$1" = install ]; then
  echo "\${GOMAXPROCS:-all}" >>'${log}'
  if [ "$(wc -l <'${log}')" -le ${kills} ]; then kill -9 $$; fi
fi
exec '${real}' "$@"
`,
  );
  const used = {
    ...env,
    PATH: `${directory}:${env["PATH"]}`,
    GOROOT: goroot,
    ...(ENV["GOCACHE"] === undefined ? {} : { GOCACHE: ENV["GOCACHE"] }),
  };
  let said = "";
  const context = createContext({
    ...{ root, env: used },
    log: createLogger({ write: (text) => void (said += text) }),
    shell: createShell({ cwd: root, env: used }),
  });
  const vars = await getVersionVars(context);
  const go = await verifyGoVersion(context, checkout);
  const build = async (jobs?: number) => {
    said = "";
    await Deno.writeTextFile(log, "");
    const other = go.host === "linux/amd64" ? "linux/arm64" : "linux/amd64";
    const matrix = [go.host, other].map((platform) => ({ platform, targets: ["cmd/kubectl"] }));
    const request = { matrix, vars, epoch: 0, go, ...(jobs === undefined ? {} : { jobs }) };
    await buildBinaries(context, checkout, await prepareBuild(context, checkout, request));
  };
  const installs = async () => (await Deno.readTextFile(log)).trim().split("\n");
  return { build, context, installs, said: () => said, remove: sample.remove };
}

Deno.test({
  ...unless(missingFor("1.35"), "a build without memory comes once more, and less at once stays"),
  fn: async () => {
    const starved = await openStarved(1);
    try {
      await starved.build(1);
      // The first was killed, the other platform went on, the first came again.
      assertEquals(await starved.installs(), ["all", "all", "1"]);
      assertMatch(
        starved.said(),
        /WARNING: Memory was short for linux\/\w+: the system stopped go/,
      );
      assertMatch(starved.said(), /Platforms at once: 1; processors: \d+; memory: [\d.]+ GiB \(/);
      await Deno.stat(join(starved.context.binPath, "linux/amd64/kubectl"));
      await Deno.stat(join(starved.context.binPath, "linux/arm64/kubectl"));
      // Remembered, until there is much more memory.
      const limit = await knownLimit(starved.context, () => ({ bytes: 1, source: "" }));
      assertEquals([limit?.jobs, limit?.processes], [1, 1]);
      const more = () => ({ bytes: (limit?.budget ?? 0) * 2, source: "" });
      assertEquals(await knownLimit(starved.context, more), undefined);
    } finally {
      await starved.remove();
    }
  },
});

Deno.test({
  ...unless(missingFor("1.35"), "a build that is killed twice fails, and says why"),
  fn: async () => {
    const starved = await openStarved(9);
    try {
      const error = await assertRejects(() => starved.build(1), KbuildError);
      assert(error.notes.some((note) => note.includes("GOMAXPROCS=1")), error.notes.join("\n"));
      assertEquals(await starved.installs(), ["all", "all", "1"]);
      assertEquals(await knownLimit(starved.context, () => ({ bytes: 1, source: "" })), undefined);
    } finally {
      await starved.remove();
    }
  },
});
