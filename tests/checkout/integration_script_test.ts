/**
 * Holds {@linkcode readIntegrationScript} against `hack/make-rules/test-integration.sh` run by bash with a
 * `make` that records: a script in the form of 1.20, and those of the checkouts in `KBUILD_TEST_TREES` (each
 * is copied).
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { readCheckout, readEtcdWanted, readIntegrationScript } from "../../src/checkout/mod.ts";
import { sampleFiles } from "../../src/sample/mod.ts";
import { INTEGRATION_SCRIPT } from "../e2e/_etcd.ts";
import { copyTree, ENV, output, script } from "../e2e/_program.ts";
import { withFiles } from "./fixture.ts";

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

const NAMES = ["GOFLAGS", "KUBE_RACE", "KUBE_TEST_ARGS", "KUBE_TIMEOUT", "WHAT", "GOMAXPROCS"];

/** Settings by name. */
const CASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "nothing": {},
  "WHAT": { WHAT: "./test/integration/a ./test/integration/b" },
  "KUBE_TEST_ARGS": { WHAT: "a", KUBE_TEST_ARGS: "-run 'A b' -v=4" },
  "KUBE_TIMEOUT": { WHAT: "a", KUBE_TIMEOUT: "-timeout=7s" },
  "KUBE_RACE": { WHAT: "a", KUBE_RACE: "-race" },
  "SHORT": { WHAT: "a", SHORT: "-short=false" },
  "KUBE_TEST_VMODULE": { WHAT: "a", KUBE_TEST_VMODULE: "x*=5" },
  "GOFLAGS": { WHAT: "a", GOFLAGS: "-v" },
  "processors": { WHAT: "a", KUBE_INTEGRATION_TEST_MAX_CONCURRENCY: "3" },
};

/** What the script hands to `make test`. */
async function recorded(
  root: string,
  variables: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const directory = await Deno.makeTempDir({ prefix: "kbuild-test-integration-" });
  try {
    const [log, bin] = [join(directory, "log"), join(directory, "bin")];
    await Deno.mkdir(bin);
    const print = NAMES.map((name) => `printf '%s\\0' "${name}=\${${name}-}"`).join("; ");
    script(join(bin, "make"), `{ ${print}; printf '%s\\0' "$@"; } > '${log}'\n`);
    // etcd is not what is compared.
    script(join(bin, "etcd"), 'case "$1" in --version) echo "etcd Version: 99.0.0";; esac\n');
    script(join(bin, "ss"), "echo iproute2\n");
    for (const name of ["curl", "jq"]) script(join(bin, name), "exit 0\n");
    // 1.28 and later ask etcd every 30 s for its metrics.
    script(join(bin, "sleep"), "exit 1\n");
    const go =
      'case "$1" in version) echo go version go1.99.0 linux/amd64 ;; env) echo linux ;; esac\n';
    script(join(bin, "go"), go);
    const env = { ...variables, PATH: `${bin}:${ENV["PATH"]}`, TMPDIR: directory };
    await output(["bash", join(root, "hack/make-rules/test-integration.sh")], { cwd: root, env });
    const words = (await Deno.readTextFile(log)).split("\0");
    const pairs = words.flatMap((word) => {
      const [, name = "", value = ""] = /^([A-Z_]+)=(.*)$/s.exec(word) ?? [];
      return name === "" ? [] : [[name, value] as const];
    });
    return Object.fromEntries(pairs);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function compare(root: string, variables: Readonly<Record<string, string>>): Promise<number> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const ours = await readIntegrationScript(checkout, {
    host: "linux/amd64",
    variables: { ...variables, HOME: ENV["HOME"] ?? "" },
    gopath: join(root, "_output/local/go"),
  });
  assert("variables" in ours, JSON.stringify(ours));
  const { WHAT: what = "", ...theirs } = await recorded(root, variables);
  for (const [name, value] of Object.entries(theirs)) {
    assertEquals([name, ours.variables[name] ?? ""], [name, value]);
  }
  // In a workspace, Go lists them.
  if (ours.packages !== undefined) assertEquals(ours.packages.join(" "), what.trim());
  return ours.packages?.length ?? 0;
}

const files = Object.fromEntries(
  [...sampleFiles("1.20")].flatMap(([path, file]) =>
    "text" in file && path.startsWith("hack/") ? [[path, file.text] as const] : []
  ),
);

Deno.test("readIntegrationScript() gives what bash hands to make test", async (t) => {
  const tree = {
    ...files,
    "hack/make-rules/test-integration.sh": INTEGRATION_SCRIPT,
    "test/integration/b/b_test.go": "package b\n",
    "test/integration/a/deep/a_test.go": "package a\n",
    "test/integration/a/deep/c_test.go": "package a\n",
    "test/integration/framework/f.go": "package framework\n",
  };
  await withFiles(tree, async (root) => {
    for (const [name, variables] of Object.entries(CASES)) {
      await t.step(
        name,
        async () =>
          assertEquals(
            await compare(root, variables),
            name === "nothing" || name === "WHAT" ? 2 : 1,
          ),
      );
    }
  });
});

Deno.test("readIntegrationScript() says where a script is not understood", async () => {
  await withFiles(files, async (root) => {
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    const inputs = { host: "linux/amd64", variables: {}, gopath: "/gopath" };
    const whyOf = async () => {
      const read = await readIntegrationScript(checkout, inputs);
      return "why" in read ? read.why : JSON.stringify(read);
    };
    assertEquals(await whyOf(), "hack/make-rules/test-integration.sh: Missing");
    const path = join(root, "hack/make-rules/test-integration.sh");
    await Deno.writeTextFile(path, "true\n");
    assertMatch(await whyOf(), /test-integration\.sh: It starts no make test$/);
    await Deno.writeTextFile(path, 'true\nmake test WHAT="$(curl x)"\n');
    assertMatch(await whyOf(), /test-integration\.sh:2: .*curl/);
  });
});

Deno.test("readEtcdWanted() reads the oldest etcd, and whether the tests speak v2", async () => {
  await withFiles(files, async (root) => {
    assertEquals(await readEtcdWanted({ root }, {}), { version: "3.4.13", isV2: false });
    const wanted = await readEtcdWanted({ root }, { ETCD_VERSION: "3.4.0" });
    assertEquals(wanted.version, "3.4.0");
    const path = join(root, "hack/lib/etcd.sh");
    await Deno.writeTextFile(path, "ETCD_VERSION=3.0.17\ncurl $URL/v2/keys/_test\n");
    assertEquals(await readEtcdWanted({ root }, {}), { version: "3.0.17", isV2: true });
    await Deno.remove(path);
    assertEquals(await readEtcdWanted({ root }, {}), { version: "0", isV2: false });
  });
});

Deno.test({
  name: `readIntegrationScript() gives what bash hands on in real checkouts${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async (t) => {
    for (const tree of trees) {
      const directory = await Deno.makeTempDir({ prefix: "kbuild-test-integration-" });
      try {
        const root = await copyTree(tree, join(directory, "tree"));
        for (const [name, variables] of Object.entries(CASES)) {
          await t.step(`${tree}: ${name}`, async () => void await compare(root, variables));
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }
  },
});
