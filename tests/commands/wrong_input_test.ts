import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  inScratch,
  kbuild,
  listing,
  lonelyPath,
  makeSample,
  missingFor,
  output,
  plain,
  script,
  unless,
  which,
} from "../e2e/_program.ts";

const HELP = (command: string, what: string) => `  -> "kbuild help ${command}" lists the ${what}\n`;
const SUPPORTED = "  -> This checkout builds darwin/amd64, linux/386, linux/amd64, linux/arm, " +
  "linux/arm64, linux/ppc64le, linux/s390x, windows/386, windows/amd64 (hack/lib/golang.sh:NN)\n";

/** Command line -> exact stderr, exit code 2. `<root>` is the checkout. */
const TABLE: readonly (readonly [args: readonly string[], stderr: string])[] = [
  [
    ["frobnicate"],
    'kbuild: Unknown command "frobnicate"\n  -> "kbuild help" lists the commands\n',
  ],
  [["kubectl", "--root="], 'kbuild: Flag "--root" needs a value\n  -> Write --root DIR\n'],
  [
    ["kubectl", "clean"],
    'kbuild: Cannot build "clean" with "kubectl": it is not a directory in cmd/\n' +
    "  -> Run one after the other: kbuild kubectl && kbuild clean\n" +
    "  -> Other targets: kbuild all cmd/kubectl test/e2e/e2e.test\n",
  ],
  [
    ["kubectl", "kubelett"],
    'kbuild: Cannot build "kubelett" with "kubectl": it is not a directory in cmd/\n' +
    '  -> Did you mean "kubelet"?\n' +
    "  -> Other targets: kbuild all cmd/kubectl test/e2e/e2e.test\n",
  ],
  [
    ["all", "cmd"],
    'kbuild: Cannot build "cmd": its directory has no Go files\n' +
    "  -> All programs below it: kbuild all cmd/...\n  -> List the targets: kbuild targets\n",
  ],
  [
    ["quickrelease"],
    'kbuild: Unknown command "quickrelease"\n  -> Did you mean "quick-release"?\n' +
    '  -> "kbuild help" lists the commands\n',
  ],
  [
    ["all", "kubctl"],
    'kbuild: Unknown target "kubctl": this checkout has no such directory or name\n' +
    '  -> Did you mean "kubectl"?\n  -> List the targets: kbuild targets\n',
  ],
  [
    ["all", "WHAT=cmd/kubelett"],
    'kbuild: Unknown target "cmd/kubelett": this checkout has no such directory or name\n' +
    '  -> Did you mean "cmd/kubelet"?\n  -> List the targets: kbuild targets\n',
  ],
  [
    ["quick-release", "--what", "cmd/zzz"],
    'kbuild: Unknown target "cmd/zzz": this checkout has no such directory or name\n' +
    "  -> List the targets: kbuild targets\n",
  ],
  [
    ["all", "--platform", "linux/amd46"],
    'kbuild: Cannot build for "linux/amd46": the checkout does not support it\n' +
    `  -> Did you mean "linux/amd64"?\n${SUPPORTED}` +
    '  -> Go may support others for named targets: "go tool dist list"\n',
  ],
  [
    ["quick-release", "KUBE_BUILD_PLATFORMS=linux/amd64 windows/amd46"],
    'kbuild: Cannot build for "windows/amd46": the checkout does not support it\n' +
    `  -> Did you mean "windows/amd64"?\n${SUPPORTED}`,
  ],
  [
    ["bundle", "verify", "none.tar.gz"],
    'kbuild: Cannot verify "<root>/none.tar.gz": no such file or directory\n',
  ],
  [
    ["package-tarballs", "--compression-level", "10"],
    'kbuild: Value "10" of "--compression-level" is not ' +
    '"0", "1", "2", "3", "4", "5", "6", "7", "8", "9" or "fast"\n',
  ],
  [
    ["package-tarballs", "KBUILD_BLOCK_CACHE_MB=much"],
    'kbuild: Value "much" of KBUILD_BLOCK_CACHE_MB is not a number\n',
  ],
  [
    ["all", "--platfrom", "linux/amd64"],
    'kbuild: Unknown flag "--platfrom" of "kbuild all"\n  -> Did you mean "--platform"?\n' +
    HELP("all", "flags"),
  ],
  [["all", "--zzz"], `kbuild: Unknown flag "--zzz" of "kbuild all"\n${HELP("all", "flags")}`],
  [["all", "--jobs", "many"], 'kbuild: Value "many" of "--jobs" is not a number\n'],
  ...["0", "1.5", "-1"].map((jobs) =>
    [
      ["all", `--jobs=${jobs}`],
      `kbuild: Value "${jobs}" of "--jobs" is not a whole number from 1 on\n`,
    ] as const
  ),
  [["clean", "--root"], 'kbuild: Flag "--root" needs a value\n  -> Write --root DIR\n'],
  [["all", "DBG=5"], 'kbuild: Value "5" of DBG is not "0" or "1"\n'],
  [
    ["all", "KUBE_FASTBUILD=ture"],
    'kbuild: Value "ture" of KUBE_FASTBUILD is not "true" or "false"\n' +
    '  -> Did you mean "true"?\n',
  ],
  [
    ["release", "KUBE_BUILD_CONFORMANCE=maybe"],
    'kbuild: Value "maybe" of KUBE_BUILD_CONFORMANCE is not "y" or "n"\n' +
    "  -> Kubernetes' scripts take every other value for no\n",
  ],
  [
    ["all", "SOURCE_DATE_EPOCH=today"],
    'kbuild: Value "today" of SOURCE_DATE_EPOCH is not a number\n',
  ],
  [
    ["all", "KUBE_GIT_TREE_STATE=claen"],
    'kbuild: Value "claen" of KUBE_GIT_TREE_STATE is not "clean", "dirty" or "archive"\n' +
    '  -> Did you mean "clean"?\n',
  ],
  [
    ["all", "KUBE_BUILD_PLATFORM=linux/amd64"],
    'kbuild: Unknown variable "KUBE_BUILD_PLATFORM"\n' +
    '  -> Did you mean "KUBE_BUILD_PLATFORMS"?\n' +
    '  -> "kbuild help variables" lists the variables; set others in the environment\n',
  ],
  [
    ["all", "GOFLAG=-v"],
    'kbuild: Unknown variable "GOFLAG"\n  -> Did you mean "GOFLAGS"?\n' +
    '  -> "kbuild help variables" lists the variables; set others in the environment\n',
  ],
  [
    ["all", "KUBE_GOFLAGS=-v", "GOFLAGS=-x"],
    "kbuild: Cannot use both KUBE_GOFLAGS and GOFLAGS\n" +
    "  -> Use GOFLAGS; KUBE_GOFLAGS is its old name\n",
  ],
  [
    ["all", "OUT_DIR=/tmp"],
    'kbuild: Cannot use OUT_DIR="/tmp": it must be a directory in the checkout\n' +
    '  -> Give a path relative to "<root>", such as "_output"\n' +
    "  -> Or do without it: unset OUT_DIR\n",
  ],
  [
    ["all", "KUBE_OUTPUT_SUBPATH=../elsewhere"],
    'kbuild: Cannot use KUBE_OUTPUT_SUBPATH="../elsewhere": it must be a directory in the checkout\n' +
    '  -> Give a path relative to "<root>", such as "_output"\n' +
    "  -> Or do without it: unset KUBE_OUTPUT_SUBPATH\n",
  ],
  [
    ["quick-release", "--base-image", "go-runner"],
    'kbuild: Cannot use --base-image "go-runner": it must be NAME=WHERE\n' +
    "  -> WHERE is an OCI layout directory, a docker or OCI archive, docker:IMAGE, or scratch\n",
  ],
  [
    ["quick-release", "--base-image", "go-runner=/nowhere"],
    'kbuild: Cannot open base image "/nowhere": no such file or directory\n' +
    '  -> --base-image go-runner=WHERE takes an OCI layout directory, an archive, docker:IMAGE or "scratch"\n',
  ],
  [["version", "--shell", "--ldflags"], "kbuild: Cannot print both --shell and --ldflags\n"],
  [
    ["env", "x"],
    'kbuild: Unexpected argument "x" of "kbuild env"\n' +
    '  -> "kbuild env" takes flags and NAME=value alone\n' +
    '  -> "kbuild help env" shows examples\n',
  ],
  [
    ["demo", "--era", "1.3"],
    'kbuild: Value "1.3" of "--era" is not "1.7", "1.20", "1.28", "1.35" or "latest"\n' +
    '  -> Did you mean "1.35"?\n',
  ],
];

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild names what is wrong with a command line, and writes nothing",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const before = listing(root);
      for (const [args, wanted] of TABLE) {
        const { code, stdout, stderr } = await kbuild(args, { cwd: root });
        const shown = plain(stderr, { root }).replaceAll(/golang\.sh:\d+/g, "golang.sh:NN");
        assertEquals({ args, code, stdout, stderr: shown }, {
          args,
          code: 2,
          stdout: "",
          stderr: wanted,
        });
      }
      assertEquals(listing(root), before);
    }),
});

/** Environment and command line -> exit code and stderr; what is not read does not matter. */
const ENVIRONMENTS: readonly (readonly [string, args: string, code: number, stderr: string])[] = [
  [
    "KUBE_FASTBUILD=yes",
    "platforms",
    2,
    'kbuild: Value "yes" of KUBE_FASTBUILD is not "true" or "false"\n' +
    "  -> KUBE_FASTBUILD is set in the environment\n",
  ],
  [
    "DBG=yes",
    "all cmd/kubectl --dry-run",
    2,
    'kbuild: Value "yes" of DBG is not "0" or "1"\n  -> DBG is set in the environment\n',
  ],
  [
    "KBUILD_OFFLINE=maybe",
    "inspect",
    2,
    'kbuild: Value "maybe" of KBUILD_OFFLINE is not "y" or "n"\n' +
    "  -> KBUILD_OFFLINE is set in the environment\n",
  ],
  [
    "KUBE_DOCKER_REGISTRY=bad host!",
    "quick-release --dry-run",
    2,
    'kbuild: Cannot use "bad host!" for KUBE_DOCKER_REGISTRY: images cannot have such a registry in ' +
    'their names\n  -> Write a host, with a path or without: "registry.example/kubernetes"\n' +
    "  -> KUBE_DOCKER_REGISTRY is set in the environment\n",
  ],
  [
    "KUBE_DOCKER_IMAGE_TAG=v1+x",
    "plan quick-release",
    2,
    'kbuild: Cannot use "v1+x" for KUBE_DOCKER_IMAGE_TAG: a tag has no "+"\n' +
    '  -> Write "_" for "+": "v1_x"\n  -> KUBE_DOCKER_IMAGE_TAG is set in the environment\n',
  ],
  [
    "KUBE_FASTBUILDS=true",
    "version --json",
    0,
    '+++ [time] WARNING: Unknown variable "KUBE_FASTBUILDS" in the environment has no effect; did ' +
    'you mean "KUBE_FASTBUILD"?\n',
  ],
  [
    "KBUILD_OFLINE=y",
    "env",
    0,
    '+++ [time] WARNING: Unknown variable "KBUILD_OFLINE" in the environment has no effect; did ' +
    'you mean "KBUILD_OFFLINE"?\n',
  ],
  [
    "KUBE_GIT_COMMIT=abc\ndef",
    "version",
    2,
    "kbuild: Cannot use KUBE_GIT_COMMIT: its value has a line break\n",
  ],
  ["DBG=yes", "version", 0, ""],
  ["KUBE_EDITOR=vi", "version", 0, ""],
  ["KUBE_LINUX_RISCV64_CC=gcc", "targets", 0, ""],
];

Deno.test({
  ...unless(missingFor("1.20"), "kbuild names what is wrong with the environment"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      for (const [setting, line, wanted, text] of ENVIRONMENTS) {
        const [name = "", value = ""] = setting.split("=");
        const args = line.split(" ");
        const { code, stderr } = await kbuild(args, { cwd: root, env: { [name]: value } });
        assertEquals([setting, code, plain(stderr)], [setting, wanted, text]);
      }
    }),
});

Deno.test("kbuild says where no checkout is", () =>
  inScratch(async (dir) => {
    const note = '  -> Looked upward for "hack/lib/golang.sh", or "cmd", "Makefile" and the ' +
      'module "k8s.io/kubernetes"\n' +
      "  -> Change into a checkout, or name one with --root DIR\n";
    for (const args of [["all"], ["quick-release"], ["version"], ["clean"], ["env"]]) {
      assertEquals(await kbuild(args, { cwd: dir }), {
        code: 2,
        signal: null,
        stdout: "",
        stderr: `kbuild: "${dir}" is not inside a Kubernetes checkout\n${note}`,
      });
    }
    const { code, stderr } = await kbuild(["all", "--root", join(dir, "nothing")]);
    assertEquals([code, stderr], [
      2,
      `kbuild: Cannot find the directory "${dir}/nothing"\n` +
      "  -> Name the root of a Kubernetes checkout with --root DIR\n",
    ]);
  }));

Deno.test({
  ...unless(missingFor("1.20"), "kbuild refuses half a container, and a demo in a full directory"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const alone = await kbuild(["release", "--build-image", "golang:1.24"], { cwd: root });
      assertEquals([alone.code, alone.stdout, alone.stderr], [
        2,
        "",
        "kbuild: Cannot use --build-image without --container\n" +
        "  -> Without it, kbuild builds on this machine\n",
      ]);
      const both = await kbuild(["all", "--container", "--go", "1.24.3"], { cwd: root });
      assertEquals([both.code, both.stdout, both.stderr], [
        2,
        "",
        "kbuild: Cannot use --go with --container: the Go of the build image builds\n" +
        "  -> Choose the image: --build-image golang:1.24\n",
      ]);
      const before = listing(root);
      const demo = await kbuild(["demo", "--dir", root]);
      assertEquals(demo.code, 1);
      assert(demo.stderr.startsWith(`kbuild: Cannot make a sample in "${root}": the directory `));
      assertEquals(listing(root), before);
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild says what to do about Go: missing, too old, foreign, devel",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const { path } = lonelyPath(dir);
      const go = join(path, "go");
      const all = async () => {
        const args = ["all", "cmd/kubectl", "--dry-run"];
        const { code, stdout, stderr } = await kbuild(args, { cwd: root, env: { PATH: path } });
        return { code, stdout: stdout !== "", stderr: plain(stderr, { go }) };
      };

      await Deno.remove(go);
      assertEquals(await all(), {
        code: 1,
        stdout: false,
        stderr: 'kbuild: Cannot find "go" in PATH\n' +
          "  -> This checkout needs Go 1.15.0 or later\n" +
          "  -> FORCE_HOST_GO asks for it; without that kbuild fetches Go\n" +
          "  -> Install Go: on Debian `apt-get install golang-go`, on macOS `brew install go`\n" +
          "  -> or download it from https://go.dev/dl/, then put its bin directory into PATH\n" +
          "  -> To find out more: kbuild doctor go\n",
      });

      script(go, 'echo "go version go1.10.8 linux/amd64"\n');
      const old = await all();
      assertEquals({ ...old, stderr: old.stderr.replaceAll(/golang\.sh:\d+/g, "golang.sh:NN") }, {
        code: 1,
        stdout: false,
        stderr:
          'kbuild: Cannot build with Go 1.10.8 ("<go>"): this checkout needs Go 1.15.0 or later\n' +
          "  -> hack/lib/golang.sh:NN sets the minimum, build/build-image/cross/VERSION:1 pins 1.15.5; " +
          "FORCE_HOST_GO asks for this Go\n" +
          "  -> Let kbuild fetch it: --go 1.15.5\n" +
          "  -> To find out more: kbuild doctor go\n",
      });

      script(go, 'echo "Usage: go PLAYER: a board game"\n');
      assertEquals(await all(), {
        code: 1,
        stdout: false,
        stderr: 'kbuild: Cannot understand "go version" of "<go>": ' +
          '"Usage: go PLAYER: a board game"\n' +
          "  -> Check that this is Go's own program\n" +
          "  -> To find out more: kbuild doctor go\n",
      });

      const line = "go version devel go1.27-5b7f1ea Thu Jan 1 00:00:00 2026 +0000 linux/amd64";
      script(
        go,
        `if [ "$1" = version ]; then echo "${line}"; exit 0; fi\nexec '${which("go")}' "$@"\n`,
      );
      assertEquals(await all(), {
        code: 0,
        stdout: true,
        stderr: "",
      });
    }),
});

const SAY_VERSION =
  "  -> Or say which version it is: KUBE_GIT_VERSION=v1.2.3 as an argument or in the environment\n" +
  "  -> To find out more: kbuild doctor git\n";

Deno.test({
  ...unless(missingFor("1.20"), "kbuild stops without a version, and names ways out that work"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const refused = async (args: readonly string[], why: string) => {
        const { code, stdout, stderr } = await kbuild(args, {
          cwd: root,
          env: { GIT_CEILING_DIRECTORIES: dir },
        });
        assertEquals({ args, code, stdout, stderr }, {
          args,
          code: 1,
          stdout: "",
          stderr: `kbuild: Cannot find the version of this checkout: ${why}\n${SAY_VERSION}`,
        });
      };
      const tags = (await output(["git", "tag"], { cwd: root })).trim().split("\n");
      await output(["git", "tag", "-d", ...tags], { cwd: root });
      const commands = [["all"], ["all", "--dry-run"], ["quick-release"], ["cross"]];
      const noTag = 'the repository has no tag that begins with "v"\n' +
        "  -> Fetch the tags: git fetch --tags\n" +
        "  -> A fork without tags: git fetch --tags https://github.com/kubernetes/kubernetes";
      for (const args of commands) await refused(args, noTag);

      await output(["git", "tag", "v1.20.9"], { cwd: root });
      assertEquals((await kbuild(["version"], { cwd: root })).stdout.split("\n")[0], "v1.20.9");

      await Deno.remove(join(root, ".git"), { recursive: true });
      const noClone = `"${root}" is neither a git clone nor made by git archive\n` +
        "  -> Build in a clone (git clone), or in what git archive makes of a tag";
      for (const args of commands) await refused(args, noClone);
      const way = await kbuild(["all", "cmd/kubectl", "--dry-run", "KUBE_GIT_VERSION=v1.2.3"], {
        cwd: root,
        env: { GIT_CEILING_DIRECTORIES: dir },
      });
      assertEquals(way.code, 0, way.stderr);
      assertStringIncludes(way.stderr, "    The version is that of KUBE_GIT_VERSION\n");
      assertStringIncludes(way.stdout, ".gitVersion=v1.2.3'");
      assertEquals(
        listing(root).filter((path) => path.startsWith("_output")),
        [],
      );

      const bad = await kbuild(["all", "cmd/kubectl", "KUBE_GIT_VERSION=1.2", "--dry-run"], {
        cwd: root,
        env: {
          KUBE_GIT_COMMIT: "0123456789012345678901234567890123456789",
          KUBE_GIT_TREE_STATE: "clean",
        },
      });
      assertEquals([bad.code, bad.stderr], [
        2,
        'kbuild: Cannot use KUBE_GIT_VERSION="1.2" as the version: it is not a semantic version ' +
        "(vX.Y.Z[-pre][+meta])\n  -> Write it so: KUBE_GIT_VERSION=v1.2\n",
      ]);
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild logs a platform that no list has, and names all missing inputs before it builds",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const other = await kbuild(["all", "cmd/kubectl", "-p", "linux/riscv64", "--dry-run"], {
        cwd: root,
      });
      assertEquals([other.code, plain(other.stderr)], [
        0,
        "+++ [time] linux/riscv64 is not in the platform lists of this checkout; " +
        "Go decides whether it builds\n",
      ]);
      for (const path of ["LICENSES", "docs", "README.md"]) {
        await Deno.remove(join(root, path), { recursive: true });
      }
      const { code, stdout, stderr } = await kbuild(["quick-release"], { cwd: root });
      assertEquals([code, stdout, stderr], [
        1,
        "",
        "kbuild: Cannot package this checkout: 3 inputs are missing\n\n" +
        "    LICENSES (node, server, final)\n    README.md (final)\n    docs (final)\n\n" +
        "  -> Restore them, from the Kubernetes that this is of or from git: " +
        "git restore LICENSES README.md docs\n" +
        "  -> Leave out what the checkout lacks: --allow-missing\n",
      ]);
      assert(!listing(root).some((path) => path.startsWith("_output/local")));
    }),
});

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild refuses directories that Go cannot work in, in one clear line",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const table = [
        ["co:lon", 'a ":" divides the directories of a GOPATH'],
        ["line\nbreak", "Go takes no line break in the path of a package"],
        [`"two' quotes`, "Go's flags cannot hold a path with a blank and both kinds of quotes"],
      ] as const;
      for (const [name, why] of table) {
        const root = await makeSample("1.20", join(dir, name));
        const { code, stdout, stderr } = await kbuild(["all", "cmd/kubectl", "--dry-run"], {
          cwd: root,
        });
        assertEquals([code, stdout, stderr], [
          1,
          "",
          `kbuild: Cannot build in "${root.replace("\n", "\n    ")}": ${why}\n` +
          "  -> Move the checkout to a directory with a plainer name\n",
        ]);
        // Looking around works there all the same.
        assertEquals((await kbuild(["version", "--json"], { cwd: root })).code, 0);
      }
    }),
});
