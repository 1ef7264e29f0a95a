import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { detectEra, type EraName, findRoot } from "../../src/checkout/mod.ts";
import { type Files, withFiles } from "./fixture.ts";

const G = { "hack/lib/golang.sh": "kube::golang::setup_env() { :; }\n" };
const MOD = { ...G, "go.mod": "module k8s.io/kubernetes\n" };
const WORKSPACE = { ...MOD, "go.work": "", "vendor/modules.txt": "## workspace\n# a\n" };
const RSYNC = "# no rsync here\nreadonly KUBE_RSYNC_PORT=\n";

const CASES: readonly { what: string; files: Files; era: EraName; evidence: string }[] = [
  {
    what: "Godeps.json",
    files: { ...G, "Godeps/Godeps.json": "{}" },
    era: "godeps",
    evidence: "Godeps/Godeps.json lists the dependencies",
  },
  { what: "a fork without Godeps.json", files: G, era: "godeps", evidence: "missing too" },
  {
    what: "go.mod and Makefile.generated_files",
    files: { ...MOD, "Makefile.generated_files": "" },
    era: "gopath",
    evidence: "Makefile.generated_files makes",
  },
  {
    what: "Makefile.generated_files below build/root alone",
    files: { ...MOD, "build/root/Makefile.generated_files": "", "vendor/modules.txt": "# a v1\n" },
    era: "gopath",
    evidence: "build/root/Makefile.generated_files",
  },
  { what: "go.mod alone", files: MOD, era: "modules", evidence: "There is no go.work" },
  {
    what: "a private go.work",
    files: { ...MOD, "go.work": "", "vendor/modules.txt": "# a v1\n" },
    era: "modules",
    evidence: "not that of a workspace",
  },
  {
    what: "go.work and rsync",
    files: { ...WORKSPACE, "build/common.sh": RSYNC },
    era: "workspace",
    evidence: "build/common.sh:2 uses rsync",
  },
  {
    what: "go.work without rsync",
    files: { ...WORKSPACE, "build/common.sh": "# rsync is gone\n" },
    era: "workspace-bind",
    evidence: "build/common.sh uses no rsync",
  },
  {
    what: "a workspace whose go.work was left out",
    files: { ...MOD, "vendor/modules.txt": "## workspace\n", "build/common.sh": RSYNC },
    era: "workspace",
    evidence: "go.work is missing all the same",
  },
  {
    what: "go.work without a vendor directory or build scripts",
    files: { ...MOD, "go.work": "", "build/build-image/rsyncd.sh": "" },
    era: "workspace",
    evidence: "build/common.sh cannot be read",
  },
  {
    what: "a checkout without golang.sh",
    files: { "cmd/a/a.go": "", "go.mod": "module x\n" },
    era: "modules",
    evidence: "There is a go.mod",
  },
];

for (const { what, files, era, evidence } of CASES) {
  Deno.test(`detectEra() says ${era} for ${what}`, async () => {
    await withFiles(files, async (root) => {
      const found = await detectEra(root);
      assertEquals(found.name, era);
      assertStringIncludes(found.evidence.join("\n"), evidence);
      assert(Object.isFrozen(found) && Object.isFrozen(found.evidence));
    });
  });
}

Deno.test("detectEra() refuses a directory that is not a checkout", async () => {
  await withFiles({ "README.md": "", "go.mod": "module x\n" }, async (root) => {
    const error = await assertRejects(() => detectEra(root), KbuildError, root);
    assertStringIncludes(error.notes.join("\n"), "hack/lib/golang.sh");
    assertStringIncludes(error.notes.join("\n"), "--root");
    assertEquals(error.exitCode, 2);
  });
});

Deno.test("findRoot() walks up to the checkout and resolves links", async () => {
  const files = { ...G, "cmd/kubectl/main.go": "", "staging/src/x/go.mod": "module x\n" };
  await withFiles(files, async (root) => {
    assertEquals(await findRoot(root), root);
    assertEquals(await findRoot(join(root, "cmd/kubectl")), root);
    assertEquals(await findRoot(join(root, "staging/src/x")), root);
    const link = `${root} link`;
    await Deno.symlink(join(root, "cmd"), link);
    try {
      assertEquals(await findRoot(link), root);
    } finally {
      await Deno.remove(link);
    }
  });
});

Deno.test("findRoot() knows a checkout whose scripts were moved", async () => {
  const files = {
    "cmd/a/main.go": "",
    "Makefile": "",
    "go.mod": "// x\nmodule k8s.io/kubernetes\n",
  };
  await withFiles(files, async (root) => {
    assertEquals(await findRoot(join(root, "cmd/a")), root);
  });
});

Deno.test("findRoot() names another project that only has files of these names", async () => {
  const godeps = (path: string) => `{\n\t"ImportPath": "${path}",\n\t"Deps": []\n}\n`;
  const old = { "cmd/a/main.go": "", "Makefile": "" };
  const cases: readonly (readonly [files: Files, note: string | undefined])[] = [
    [{ "hack/lib/golang.sh": "" }, "but is not Kubernetes"],
    [
      { "hack/lib/golang.sh": "build() { go build; }\n", "go.mod": "module example.com/x // y\n" },
      'but is the module "example.com/x", not Kubernetes',
    ],
    [
      { "hack/lib/golang.sh": "", "Godeps/Godeps.json": godeps("example.com/old") },
      'but is the module "example.com/old", not Kubernetes',
    ],
    [{ ...old, "Godeps/Godeps.json": godeps("example.com/old") }, 'the module "k8s.io/kubernetes"'],
    [{ ...old, "Godeps/Godeps.json": godeps("k8s.io/kubernetes") }, undefined],
    [{ ...G, "go.mod": "module example.com/fork\n" }, undefined],
    [{ "hack/lib/golang.sh": "version https://git-lfs.github.com/spec/v1\n" }, undefined],
  ];
  for (const [files, note] of cases) {
    await withFiles(files, async (root) => {
      if (note === undefined) return assertEquals(await findRoot(root), root);
      const error = await assertRejects(() => findRoot(root), KbuildError, "not inside");
      assertStringIncludes(error.notes.join("\n"), note);
    });
  }
});

Deno.test("findRoot() says what it looked for", async () => {
  await withFiles({ "cmd/a": "", "Makefile": "", "go.mod": "module other\n" }, async (root) => {
    const error = await assertRejects(() => findRoot(root), KbuildError, "not inside");
    assertStringIncludes(error.notes.join("\n"), "--root");
    await assertRejects(() => findRoot(join(root, "none")), KbuildError, "none");
  });
});
