/** The commit that Go itself writes into programs: left out only where git cannot be asked. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { vcsStamp } from "../../src/lib/golang/vcs_stamp.ts";
import { buildBinaries, prepareBuild } from "../../src/lib/golang/mod.ts";
import { findSourceDate, getVersionVars, requireVersion } from "../../src/lib/version/mod.ts";
import { missingFor, unless, which } from "../e2e/_program.ts";
import { type OpenSample, openSample } from "./_open.ts";

const OTHER_OWNER = { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };

const tool = (version: string) => ({
  path: "/go/bin/go",
  description: `go version go${version} linux/amd64`,
  version,
  devel: false,
  host: "linux/amd64",
});

async function withSample(
  era: "1.20" | "1.28",
  body: (sample: OpenSample) => Promise<void>,
): Promise<void> {
  const sample = await openSample(era);
  try {
    await body(sample);
  } finally {
    await sample.remove();
  }
}

Deno.test("vcsStamp() leaves the commit out where git fails, and says why", () =>
  withSample("1.28", async ({ context, checkout, withEnv }) => {
    const go = tool("1.21.7");
    const usual = await vcsStamp(context, checkout, go);
    assertEquals([usual.flags, usual.note, usual.env["GIT_CONFIG_GLOBAL"]], [
      [],
      undefined,
      "/dev/null",
    ]);
    const other = await vcsStamp(withEnv(OTHER_OWNER), checkout, go);
    assertEquals(other.flags, ["-buildvcs=false"]);
    assertStringIncludes(other.note ?? "", "which belongs to another user");
    // Without git Go leaves it out itself.
    const none = await vcsStamp(withEnv({ PATH: context.root }), checkout, go);
    assertEquals(none, {
      flags: [],
      env: {},
      note: "Programs do not name their commit (vcs.revision): git cannot be started",
    });
    // Nobody is asked where Go does not ask, or the user decides.
    const never = { flags: [], env: {} };
    assertEquals(await vcsStamp(withEnv(OTHER_OWNER), checkout, tool("1.17.13")), never);
    const given = withEnv({ ...OTHER_OWNER, GOFLAGS: "-v -buildvcs=true" });
    assertEquals(await vcsStamp(given, checkout, go), never);
    await Deno.remove(join(context.root, ".git"), { recursive: true });
    assertEquals(await vcsStamp(context, checkout, go), never);
  }));

Deno.test("vcsStamp() is nothing in GOPATH mode", () =>
  withSample("1.20", async ({ checkout, withEnv }) => {
    assertEquals(await vcsStamp(withEnv(OTHER_OWNER), checkout, tool("1.26.0")), {
      flags: [],
      env: {},
    });
  }));

Deno.test({
  ...unless(
    missingFor("1.28") ?? (which("git") === undefined && "needs git"),
    "a checkout of another user is built to the end when its version is set",
  ),
  fn: () =>
    withSample("1.28", async ({ checkout, withEnv }) => {
      const context = withEnv({
        ...OTHER_OWNER,
        KUBE_GIT_VERSION: "v1.28.7",
        HOME: Deno.env.get("HOME") ?? "/",
      });
      const vars = requireVersion(await getVersionVars(context));
      const { epoch } = await findSourceDate(context, vars);
      const options = {
        matrix: [{ platform: context.host, targets: ["cmd/kubectl"] }],
        vars,
        epoch,
      };
      const prepared = await prepareBuild(context, checkout, options);
      const { plan } = prepared;
      const [step] = plan.platforms[0]!.steps;
      assertEquals(step?.argv.slice(1, 3), ["install", "-buildvcs=false"]);
      const [kubectl] = await buildBinaries(context, checkout, prepared);
      const { stdout } = await context.shell.run([kubectl?.path ?? "", "version", "--client"]);
      assertStringIncludes(stdout, "v1.28.7");
    }),
});
