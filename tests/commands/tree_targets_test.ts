/** `kbuild vet`, and the targets whose scripts are the checkout's own: `test-cmd` and others. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { VET } from "../checks/_scripts.ts";
import {
  CLONE,
  ENV,
  inScratch,
  kbuild,
  makeSample,
  missingFor,
  script,
  unless,
} from "../e2e/_program.ts";

/** Leaves a file in the root, as the releases' script does. */
const TEST_CMD = `#!/usr/bin/env bash
cd "$(dirname "$0")/../.."
mktemp controller-manager.kubeconfig.XXXXX > made
echo "WHAT=$WHAT SERVICE=$SERVICE"
make --no-print-directory echo
[[ "$WHAT" != fail ]]
`;

Deno.test({
  ...unless(
    missingFor("1.20"),
    "kbuild test-cmd runs the checkout's script, and removes what it leaves",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes it's $(x)"));
      const makefile = join(root, "Makefile");
      const rules = "test-cmd:\n\thack/make-rules/test-cmd.sh\necho:\n\t@echo inner\n";
      await Deno.writeTextFile(makefile, `${await Deno.readTextFile(makefile)}\n${rules}`);
      const path = join(root, "hack/make-rules/test-cmd.sh");
      await Deno.writeTextFile(path, TEST_CMD, { mode: 0o755 });
      const own = join(root, "controller-manager.kubeconfig.abcde");
      await Deno.writeTextFile(own, "");
      const left = () =>
        [...Deno.readDirSync(root)].map(({ name }) => name)
          .filter((name) => name.startsWith("controller-manager"));
      const env = { KBUILD_LAUNCHER: join(CLONE, "scripts/kbuild") };

      const good = await kbuild(["test-cmd", "deployment", "SERVICE=a b"], { cwd: root, env });
      assertEquals(
        [good.code, good.stdout],
        [0, "WHAT=deployment SERVICE=a b\ninner\n"],
        good.stderr,
      );
      assertEquals(left(), ["controller-manager.kubeconfig.abcde"]);
      const bad = await kbuild(["test-cmd", "WHAT=fail"], { cwd: root, env });
      assertEquals(bad.code, 1);
      assertStringIncludes(bad.stderr, 'Cannot make "test-cmd": its recipe exited with status 1');
      assertEquals(left(), ["controller-manager.kubeconfig.abcde"]);

      await Deno.writeTextFile(path, `${TEST_CMD}kube::etcd::start\n`);
      const bin = join(dir, "bin");
      await Deno.mkdir(bin);
      script(join(bin, "make"), "exit 0\n");
      const hidden = (ENV["PATH"] ?? "").split(":").filter((each) => !isThere(join(each, "etcd")));
      const bare = { PATH: [bin, ...hidden].join(":") };
      const none = await kbuild(["test-cmd"], { cwd: root, env: bare });
      assertEquals(none.code, 1, none.stderr);
      assertStringIncludes(none.stderr, "hack/make-rules/test-cmd.sh needs etcd");
      const missing = await kbuild(["lint"], { cwd: root, env });
      assertEquals(missing.code, 2);
    }),
});

Deno.test({
  ...unless(missingFor("1.20"), "kbuild vet finds what go vet finds"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await Deno.writeTextFile(join(root, "hack/make-rules/vet.sh"), VET);
      const good = await kbuild(["vet", "WHAT=./pkg/util/slice", "--json"], { cwd: root });
      assertEquals(
        [good.code, JSON.parse(good.stdout)],
        [0, { ok: true, output: [] }],
        good.stderr,
      );
      const wrong = 'package slice\n\nimport "fmt"\n\nfunc wrong() { fmt.Printf("%d", "x") }\n';
      await Deno.writeTextFile(join(root, "pkg/util/slice/wrong.go"), wrong);
      const bad = await kbuild(["vet", "./pkg/util/slice"], { cwd: root });
      assertEquals(bad.code, 1);
      assertStringIncludes(bad.stderr, "wrong.go:5:");
      assertStringIncludes(bad.stderr, "kbuild: go vet found problems\n");
    }),
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
