/** What the commands show that only look: inspect, plan, targets, platforms. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { goText } from "../../src/commands/inspect_run.ts";
import type { GoDescription } from "../../src/toolchain/mod.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { SAMPLE_ERAS } from "../../src/sample/mod.ts";
import {
  GO,
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  output,
  script,
  unless,
  which,
} from "../e2e/_program.ts";
import { GOLANG, withFiles } from "../checkout/fixture.ts";

const HOST = hostPlatform();
const env = { FORCE_HOST_GO: "y" };
/** Samples that need no newer Go than there is. */
const noGit = which("git") === undefined ? "needs git" : undefined;

interface Value {
  readonly value: string | readonly string[];
  readonly source: string;
}
type Section = Readonly<Record<string, Value>>;
interface Inspection {
  readonly era: { readonly name: string; readonly goMode: string };
  readonly config: string | null;
  readonly targets: Section;
  readonly platforms: Section;
  readonly go: Section;
  readonly build: Section;
  readonly images: Section;
  readonly goChoice: { readonly action: string; readonly why: string };
  readonly version: { readonly gitVersion: string; readonly dirtyPaths: readonly string[] };
  readonly refusals: readonly string[];
}

async function inspect(root: string, ...args: string[]): Promise<Inspection> {
  return JSON.parse(await kbuildOk(["inspect", "--json", ...args], { cwd: root, env }));
}

/** Every `file:line` in the sources of an inspection. */
function linesNamed(inspection: Inspection): readonly [file: string, line: number][] {
  const { targets, platforms, go, build, images } = inspection;
  return [targets, platforms, go, build, images].flatMap((section) => Object.values(section))
    .flatMap(({ source }) =>
      [...source.matchAll(/([\w./-]+):(\d+)/g)].map((
        [, file = "", line = ""],
      ): [string, number] => [
        file,
        Number(line),
      ])
    );
}

for (const era of SAMPLE_ERAS) {
  Deno.test({
    ...unless(noGit ?? missingFor(era), `kbuild inspect says where every value is from: ${era}`),
    fn: () =>
      inScratch(async (dir) => {
        const root = await makeSample(era, join(dir, "it's $(a) kubernetes"));
        const before = listing(root);
        const found = await inspect(root);
        const human = await kbuildOk(["inspect"], { cwd: root, env });
        assertEquals(listing(root), before, "inspect wrote something");
        assertEquals(found.refusals, []);
        assertMatch(found.version.gitVersion, /^v1\.\d+\.\d+$/);

        const lines = linesNamed(found);
        assert(lines.length > 10, "hardly any line is named");
        for (const [file, line] of lines) {
          const text = await Deno.readTextFile(join(root, file));
          assert((text.split("\n")[line - 1] ?? "").trim() !== "", `${file}:${line} is empty`);
        }
        // The named line is the one that assigns the list.
        const [, line] = /golang\.sh:(\d+)/.exec(found.targets["client"]?.source ?? "") ?? [];
        const golang = (await Deno.readTextFile(join(root, "hack/lib/golang.sh"))).split("\n");
        assertMatch(golang[Number(line) - 1] ?? "", /KUBE_CLIENT_TARGETS/);
        for (
          const word of [
            "cmd/kubectl",
            HOST,
            found.version.gitVersion,
            ...Object.keys(found.images),
          ]
        ) {
          assert(human.includes(word), `"${word}" is not shown`);
        }
      }),
  });
}

Deno.test("goText() says what a Go is for only if that is a version", () => {
  const have = { path: "/opt/go/bin/go", version: "1.19.8" } as GoDescription["have"];
  const text = (want: string) =>
    goText({ have, want, why: "", action: "host", path: "/opt/go/bin/go", notes: [], tool: have });
  const known = "1.19.8, this machine's (/opt/go/bin/go)";
  assertEquals(text("1.15.0 or later"), `${known}, for 1.15.0 or later`);
  assertEquals(text("/opt/go"), known);
  assertEquals(text("the Go in PATH"), known);
});

Deno.test({
  ...unless(
    noGit ?? missingFor("1.20"),
    "kbuild inspect names what it cannot read, and takes it from kbuild.toml",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "fork"));
      const path = join(root, "hack/lib/golang.sh");
      const golang = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, golang.replaceAll("KUBE_CLIENT_TARGETS", "OUR_CLIENTS"));
      const fork = await inspect(root);
      assertEquals(fork.targets["client"], {
        value: ["cmd/kubectl"],
        source: "built-in table (1.20)",
      });
      assert(
        fork.refusals.some((text) => text.includes("KUBE_CLIENT_TARGETS")),
        `${fork.refusals}`,
      );
      assertEquals(fork.version.dirtyPaths, ["hack/lib/golang.sh"]);

      const config = join(dir, "kbuild.toml");
      await Deno.writeTextFile(
        config,
        'targets.client = ["cmd/kubectl", "cmd/kubelet"]\nplatforms.client = { add = ["linux/riscv64"] }\n',
      );
      const told = await inspect(root);
      assertEquals([told.config, told.targets["client"]], [config, {
        value: ["cmd/kubectl", "cmd/kubelet"],
        source: "kbuild.toml: targets.client",
      }]);
      const { platforms } = await inspect(root, "--platform", "linux/riscv64");
      assertEquals(platforms["client"]?.value, ["linux/riscv64"]);
      const wrong = await kbuild(["inspect", "--config", "none.toml"], { cwd: root, env });
      assertEquals([wrong.code, wrong.stdout], [2, ""]);
      assert(wrong.stderr.includes(`"${join(root, "none.toml")}"`), wrong.stderr);
    }),
});

interface Plan {
  readonly processes: readonly { argv: string[]; cwd: string; env: Record<string, string> }[];
  readonly files: readonly { kind: string; path: string; size?: number }[];
  readonly downloads: readonly unknown[];
}

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild plan names the programs that then run, and the files that appear",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const log = join(dir, "go.log");
      const bin = join(dir, "bin");
      await Deno.mkdir(bin);
      // Each argument ends with a unit separator, each start with a line break.
      script(
        join(bin, "go"),
        `said=$(printf '%s\\037' "$@")\nprintf '%s\\n' "$said" >> '${log}'\nexec '${
          which("go")
        }' "$@"\n`,
      );
      const here = { cwd: root, env: { ...env, PATH: `${bin}:${Deno.env.get("PATH")}` } };
      const args = ["all", "cmd/kubectl", "KUBE_BUILD_PLATFORMS=linux/amd64"];
      const before = listing(root);
      const plan: Plan = JSON.parse(await kbuildOk(["plan", "--json", ...args], here));
      const human = await kbuildOk(["plan", ...args], here);
      assertEquals(listing(root), before, "plan wrote something");
      assertEquals(plan.downloads, []);
      assertEquals(await kbuildOk(["plan", ...args, "--root", root], { ...here, cwd: dir }), human);

      await Deno.writeTextFile(log, "");
      await kbuildOk(args, here);
      const started = (await Deno.readTextFile(log)).split("\n")
        .map((line) => line.split("\x1f").slice(0, -1))
        .filter(([verb]) => verb === "install" || verb === "test");
      const planned = plan.processes.filter(({ argv }) => argv[0]?.endsWith("/go"));
      assertEquals(started, planned.map(({ argv }) => argv.slice(1)));
      assert(planned.length > 0, "no process is planned");
      for (const { path } of plan.files) await Deno.lstat(path);
      const { files }: Plan = JSON.parse(await kbuildOk(["plan", "--json", ...args], here));
      const kubectl = files.find(({ path }) => path.endsWith("linux/amd64/kubectl"));
      assertEquals(kubectl?.size, (await Deno.stat(kubectl?.path ?? "")).size);
      assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
    }),
});

Deno.test({
  ...unless(noGit ?? (GO === 0 ? "needs go" : undefined), "kbuild plan says what it cannot plan"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const table: readonly [args: readonly string[], text: string][] = [
        [["plan"], 'Command "kbuild plan" needs an argument: COMMAND'],
        [["plan", "targets"], 'Cannot plan "kbuild targets": it only looks'],
        [["plan", "gnu", "sed"], 'Cannot plan "kbuild gnu": it does one program\'s work at once'],
        [["plan", "quick-relase"], 'Did you mean "quick-release"?'],
        [["plan", "all", "--jobz"], 'Unknown flag "--jobz" of "kbuild all"'],
        [["plan", "all", "WHAT=cmd/kubctl"], 'Unknown target "cmd/kubctl"'],
      ];
      for (const [args, text] of table) {
        const { code, stdout, stderr } = await kbuild(args, { cwd: root, env });
        assertEquals([code, stdout, stderr.includes(text) ? text : stderr], [2, "", text]);
      }
      const clean = await kbuildOk(["plan", "clean"], { cwd: root, env });
      assertMatch(clean, /^Downloads {2}none\nProcesses {2}0\nFiles {6}0$/m);
    }),
});

Deno.test({
  ...unless(noGit, "kbuild plan names the Go that is to be fetched, and plans with it"),
  fn: () =>
    inScratch(async (dir) => {
      const path = join(dir, "bin");
      await Deno.mkdir(path);
      await Deno.symlink(which("git") ?? "", join(path, "git"));
      const away = {
        PATH: path,
        FORCE_HOST_GO: "",
        KBUILD_CACHE: join(dir, "cache"),
        KBUILD_GO_MIRROR: "http://mirror.invalid/go",
      };
      for (const [era, go] of [["1.20", "1.15.5"], ["1.28", "1.21.7"]] as const) {
        const root = await makeSample(era, join(dir, era));
        const plan: Plan & { go: { action: string; version: string } } = JSON.parse(
          await kbuildOk(["plan", "--json", "all"], { cwd: root, env: away }),
        );
        assertEquals([plan.go.action, plan.go.version], ["archive", go]);
        const [os, arch] = HOST.split("/");
        assertEquals(plan.downloads, [
          { what: `Go ${go}`, from: `http://mirror.invalid/go/go${go}.${os}-${arch}.tar.gz` },
        ]);
        assert(plan.processes.length > 2, "hardly any process is planned");
        assert(plan.processes.some(({ argv }) => argv[0]?.startsWith(`${dir}/cache/`)), era);
        const { code, stderr } = await kbuild(["all", "--offline"], { cwd: root, env: away });
        assertEquals([code, stderr.includes(`kbuild toolchain install ${go}`)], [1, true], stderr);
      }
    }),
});

Deno.test("kbuild names the module of a project that has Kubernetes' scripts and is not Kubernetes", () =>
  withFiles(
    { "hack/lib/golang.sh": GOLANG, "go.mod": "module example.com/kube\n" },
    async (root) => {
      const { code, stderr } = await kbuild(["targets", "--root", root]);
      assertEquals(code, 0);
      assertStringIncludes(stderr, 'This is the module "example.com/kube", not Kubernetes: values');
    },
  ));
