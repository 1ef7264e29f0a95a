/** Go's variables, in the environment and in the go env file: the same build, or a line that says so. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { prepareBuild } from "../../src/lib/golang/mod.ts";
import { readGoSettings } from "../../src/lib/go_settings.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { GO, unless, which } from "../e2e/_program.ts";
import { type OpenSample, openSample } from "./_open.ts";

type Values = Readonly<Record<string, string>>;

/** A value that go takes for each variable, and that is not its default. */
const VALUES: Values = {
  AR: "other-ar",
  CC: "other-cc",
  CGO_CFLAGS: "-O3",
  CGO_CPPFLAGS: "-DX",
  CGO_CXXFLAGS: "-O3",
  CGO_ENABLED: "0",
  CGO_FFLAGS: "-O3",
  CGO_LDFLAGS: "-s",
  CXX: "other-cxx",
  FC: "other-fc",
  GCCGO: "other-gccgo",
  GO111MODULE: "auto",
  GOAMD64: "v3",
  GOARCH: "arm64",
  GOARM: "5",
  GOAUTH: "off",
  GOBIN: "/elsewhere/bin",
  GOCACHE: "/elsewhere/cache",
  GOCACHEPROG: "",
  GODEBUG: "http2client=0",
  GOEXPERIMENT: "nodwarf5",
  GOFIPS140: "latest",
  GOFLAGS: "-mod=mod",
  GOINSECURE: "example.org",
  GOMODCACHE: "/elsewhere/mod",
  GONOPROXY: "example.org",
  GONOSUMDB: "example.org",
  GOOS: "windows",
  GOPATH: "/elsewhere/gopath",
  GOPRIVATE: "example.org",
  GOPROXY: "https://proxy.example",
  GOSUMDB: "off",
  GOTMPDIR: "/var/tmp",
  GOTOOLCHAIN: "local",
  GOVCS: "*:off",
  GOWORK: "off",
  PKG_CONFIG: "other-pkg-config",
};

/** What only says where things come from. */
const SOURCES = new Set([
  ...["GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE"],
  ...["GOPROXY", "GOSUMDB", "GOTMPDIR", "GOVCS"],
]);

/** What go itself says of the variables in the first step of a plan, and what the plan says. */
async function plan(
  sample: OpenSample,
  context: KubeContext,
): Promise<{ values: Values; notes: string; shown: Values }> {
  const { plan } = await prepareBuild(context, sample.checkout, {
    matrix: [{ platform: context.host, targets: ["cmd/kubectl"] }],
    vars: await getVersionVars(context),
    epoch: 0,
  });
  const step = plan.platforms[0]!.steps[0]!;
  const { stdout } = await context.shell.run(
    [step.argv[0] ?? "go", "env", "-json", ...Object.keys(VALUES)],
    { cwd: context.root, env: step.env },
  );
  return { values: JSON.parse(stdout), notes: plan.notes.join("\n"), shown: step.shownEnv };
}

for (const era of ["1.20", "1.35"] as const) {
  const reason = GO < 125 ? "needs go 1.25 or later" : which("git") === undefined && "needs git";
  Deno.test({
    ...unless(reason, `a build of ${era} is the same, or says so, whatever Go's variables are`),
    fn: async () => {
      const sample = await openSample(era);
      try {
        const config = join(sample.context.root, "..", "go.env");
        const clean = await plan(sample, sample.context);
        assertEquals(clean.notes, "");
        for (const [name, value] of Object.entries(VALUES)) {
          await Deno.writeTextFile(config, `${name}=${value}\n`);
          // In the file: only where things come from.
          const filed = await plan(sample, sample.withEnv({ GOENV: config }));
          for (const other of Object.keys(VALUES)) {
            if (SOURCES.has(name) && SOURCES.has(other)) continue;
            assertEquals(filed.values[other], clean.values[other], `${name} in the file: ${other}`);
          }
          // In the environment: as for Kubernetes' scripts, and said.
          const given = await plan(sample, sample.withEnv({ [name]: value }));
          const changed = given.values[name] !== clean.values[name];
          const said = given.notes.includes(name) || given.shown[name] === value;
          assert(!changed || said || SOURCES.has(name), `${name} is not said`);
        }
      } finally {
        await sample.remove();
      }
    },
  });
}

Deno.test("readGoSettings() hands on where things come from, and names what does not count", () =>
  inTemp(async (dir) => {
    const file = join(dir, ".config/go/env");
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(
      file,
      "# comment\nGOPROXY=https://proxy.example\nGOFLAGS=-mod=mod\nGOBIN=/usr/local/bin\r\n" +
        "GOPRIVATE=example.org\nGOAMD64=v3\nGOSUMDB=\nnonsense\n=x\n",
    );
    const { env, notes } = readGoSettings({ HOME: dir, GOPRIVATE: "mine.example" }, "linux");
    assertEquals(env, {
      HOME: dir,
      GOPRIVATE: "mine.example",
      GOPROXY: "https://proxy.example",
      GOENV: "off",
    });
    assertEquals(notes, [
      `GOFLAGS=-mod=mod of "${file}" does not count; as an argument it would`,
      `GOAMD64=v3 of "${file}" does not count; as an argument it would`,
    ]);
    // What was read once is not read again.
    assertEquals(readGoSettings(env, "linux"), { env, notes: [] });
    assertEquals(readGoSettings({ HOME: dir, GOENV: "off" }, "linux").notes, []);
    assertEquals(readGoSettings({ HOME: dir }, "darwin").notes, []);
    assertEquals(readGoSettings({ XDG_CONFIG_HOME: join(dir, ".config") }, "linux").notes, notes);
    assertEquals(readGoSettings({}, "linux"), { env: { GOENV: "off" }, notes: [] });
    // A file that cannot be read keeps nobody from building.
    const odd = readGoSettings({ GOENV: dir }, "linux");
    assertStringIncludes(odd.notes.join("\n"), `"${dir}" does not count: `);
  }));

Deno.test("createContext() reads the go env file where nobody has", () =>
  inTemp(async (dir) => {
    const file = join(dir, "go.env");
    await Deno.writeTextFile(file, "GOAMD64=v3\n");
    const sample = await openSample("1.20");
    try {
      const { root, log, shell } = sample.context;
      const context = createContext({ root, log, shell, env: { GOENV: file } });
      assertEquals([context.env, context.goNotes.length], [{ GOENV: "off" }, 1]);
    } finally {
      await sample.remove();
    }
  }));

async function inTemp(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-go-" }));
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
