import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { applyConfig, findConfig, readCheckout, readConfig } from "../../src/checkout/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";

/** A checkout with files of its own, in `<dir>/checkout`. */
async function inFork(
  files: Readonly<Record<string, string>>,
  test: (dir: string, root: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild config ü$(x)'" });
  try {
    const root = join(dir, "checkout");
    const all = { "hack/lib/golang.sh": GOLANG, "go.mod": "module k8s.io/kubernetes\n", ...files };
    for (const [path, text] of Object.entries(all)) {
      const file = path.startsWith("../") ? join(dir, path.slice(3)) : join(root, path);
      await Deno.mkdir(join(file, ".."), { recursive: true });
      await Deno.writeTextFile(file, text);
    }
    await test(dir, root);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const GOLANG = `KUBE_SERVER_TARGETS=(cmd/kube-apiserver cmd/kubelet)
KUBE_CLIENT_TARGETS=(cmd/kubectl)
KUBE_ALL_TARGETS=("\${KUBE_SERVER_TARGETS[@]}" "\${KUBE_CLIENT_TARGETS[@]}" cmd/extra)
KUBE_SUPPORTED_SERVER_PLATFORMS=(linux/amd64)
`;

async function read(root: string) {
  const config = await findConfig(root, undefined);
  return await readCheckout(root, { variables: {}, hostArch: "amd64", config });
}

Deno.test("readCheckout() takes from kbuild.toml what it says, and names it as the source", async () => {
  const toml = `
era = "workspace"
go = "1.24.3"
static-binaries = ["kubelet"]

[targets]
server = { add = ["cmd/our-daemon"], remove = ["cmd/kubelet"] }
client = ["cmd/kubectl", "cmd/kubectl-our"]

[platforms.server]
add = ["linux/riscv64", "linux/loong64"]

[images]
our-daemon = "registry.example/base:1"
`;
  const programs = { "cmd/our-daemon/main.go": "", "cmd/kubectl-our/main.go": "" };
  await inFork({ "kbuild.toml": toml, ...programs }, async (_dir, root) => {
    const checkout = await read(root);
    assertEquals(checkout.era.name, "workspace");
    assert(checkout.era.evidence[0]?.includes("kbuild.toml"));
    assertEquals(checkout.pinnedGo, { value: "1.24.3", source: "kbuild.toml: go" });
    assertEquals(checkout.pinnedGoExact, true);
    assertEquals(checkout.targets.server, {
      value: ["cmd/kube-apiserver", "cmd/our-daemon"],
      source: "hack/lib/golang.sh:1, kbuild.toml: targets.server",
    });
    assertEquals(checkout.targets.client.source, "kbuild.toml: targets.client");
    assertEquals(checkout.platforms.server.value, [
      "linux/amd64",
      "linux/riscv64",
      "linux/loong64",
    ]);
    assertEquals(checkout.staticBinaries.value, ["kubelet"]);
    assertEquals(checkout.wrappedBinaries.value.at(-1), {
      binary: "our-daemon",
      baseImage: "registry.example/base:1",
    });
    const { value: all } = checkout.targets.all;
    for (const target of ["cmd/our-daemon", "cmd/kubectl-our", "cmd/extra"]) {
      assert(all.includes(target), `${target} is not built by "all"`);
    }
    assert(!all.includes("cmd/kubelet") || checkout.targets.node.value.includes("cmd/kubelet"));
  });
});

Deno.test("findConfig() prefers the named file, then the root's, then the one beside it", async () => {
  const files = {
    "../kbuild.json": '{"go": "1.21.1"}',
    "../other.json": '{"go": "1.21.3"}',
  };
  await inFork(files, async (dir, root) => {
    assertEquals((await findConfig(root, undefined))?.values, { go: "1.21.1" });
    await Deno.writeTextFile(join(root, "kbuild.toml"), 'go = "1.21.2"\n');
    assertEquals((await findConfig(root, undefined))?.values, { go: "1.21.2" });
    assertEquals((await findConfig(root, join(dir, "other.json")))?.values, { go: "1.21.3" });
    await assertRejects(
      () => findConfig(root, join(dir, "none.toml")),
      KbuildError,
      "no such file",
    );
  });
});

Deno.test("applyConfig() leaves a checkout alone when the file is empty", async () => {
  await inFork({}, async (dir, root) => {
    const checkout = await read(root);
    const path = join(dir, "empty.toml");
    await Deno.writeTextFile(path, "# nothing\n");
    assertEquals(applyConfig(checkout, await readConfig(path)), checkout);
  });
});

Deno.test("readCheckout() refuses targets and platforms that do not exist, and names the nearest", async () => {
  const table: readonly [toml: string, ...found: string[]][] = [
    ['targets.server = { add = ["cmd/kubelt"] }', "targets.server", 'Did you mean "cmd/kubelet"?'],
    ['targets.client = ["kubectl"]', '"kubectl" of "targets.client"', "as the checkout does"],
    [
      'targets.node = { remove = ["cmd/dameon"] }',
      "no such directory",
      'Did you mean "cmd/daemon"?',
    ],
    ['platforms.server = ["linux/amd46"]', "no such platform", 'Did you mean "linux/amd64"?'],
    ['platforms.node = { add = ["linux/arm64", "beos/ppc"] }', '"beos/ppc" of "platforms.node"'],
  ];
  await inFork({ "cmd/daemon/main.go": "", "test/e2e/x_test.go": "" }, async (_dir, root) => {
    const path = join(root, "kbuild.toml");
    for (const [toml, ...found] of table) {
      await Deno.writeTextFile(path, toml);
      const error = await assertRejects(() => read(root), UsageError);
      const text = [error.message, ...error.notes].join("\n");
      for (const part of [path, ...found]) assert(text.includes(part), text);
    }
    // What exists, and what only go can find.
    await Deno.writeTextFile(
      path,
      'targets.server = { add = ["cmd/daemon", "k8s.io/our-thing/cmd/x"] }\n' +
        'targets.test = { add = ["test/e2e/e2e.test", "cmd/..."] }\n' +
        'platforms.node = { add = ["linux/riscv64"] }\n',
    );
    assert((await read(root)).targets.server.value.includes("cmd/daemon"));
  });
});

const WRONG: readonly [text: string, message: string, note?: string][] = [
  ["go = 1.21", 'Setting "go" in', "text"],
  ['go = "latest"', 'a version of Go such as "1.21.7"'],
  ['era = "1.28"', 'one of "godeps", "gopath"'],
  ["targts = 1", 'Unknown setting "targts"', 'Did you mean "targets"?'],
  ["[targets]\nsevrer = []", 'Unknown setting "targets.sevrer"', 'Did you mean "targets.server"?'],
  ["[targets]\nserver = [1]", "a list of texts"],
  ["targets = []", "a table of lists"],
  ["[platforms.node]\nappend = []", 'Unknown setting "platforms.node.append"'],
  ["[images]\nkubectl = 3", 'Setting "images.kubectl"'],
  ["go = ", "Cannot understand the configuration"],
  [`a = ${"[".repeat(20_000)}`, "it is nested too deeply"],
];

Deno.test("readConfig() refuses what it cannot mean, and says where", async () => {
  await inFork({}, async (dir) => {
    const path = join(dir, "kbuild.toml");
    for (const [text, message, note] of WRONG) {
      await Deno.writeTextFile(path, text);
      const error = await assertRejects(() => readConfig(path), KbuildError, message);
      assertEquals(error.exitCode, 2, text);
      assert(error.message.includes(path), error.message);
      const all = [error.message, ...error.notes].join("\n");
      if (note !== undefined) assert(all.includes(note), all);
    }
    const json = join(dir, "kbuild.json");
    await Deno.writeTextFile(json, "[1]");
    await assertRejects(() => readConfig(json), UsageError, "a table of settings");
  });
});

Deno.test("findConfig() does not pass over a directory in the place of the file", async () => {
  await inFork({}, async (dir) => {
    await Deno.mkdir(join(dir, "kbuild.toml"));
    const path = join(dir, "kbuild.toml");
    await assertRejects(
      () => findConfig(dir, undefined),
      KbuildError,
      `"${path}": is a directory`,
    );
  });
});

Deno.test("readConfig() reads mirrors as the words of --mirror, and refuses what is not a rule", async () => {
  const toml = (text: string) => `[mirrors]\n${text}\n`;
  const good = `presets = ["moved"]
"registry.k8s.io" = ["m.example/k8s", "direct"]
go-modules = "https://m.example/go"`;
  await inFork({ "kbuild.toml": toml(good) }, async (_dir, root) => {
    assertEquals((await readConfig(join(root, "kbuild.toml"))).mirrors, [
      "preset:moved",
      "registry.k8s.io=m.example/k8s,direct",
      "go-modules=https://m.example/go",
    ]);
  });
  for (
    const bad of [
      '"a.example" = []',
      '"a.example" = 1',
      '"a.example" = "b c"',
      '"a=b" = "c"',
      'presets = "moved"',
    ]
  ) {
    await inFork({ "kbuild.toml": toml(bad) }, async (_dir, root) => {
      await assertRejects(() => readConfig(join(root, "kbuild.toml")), UsageError, "mirrors");
    });
  }
});
