/**
 * Content keys of units: the same key stands for the same bytes, whatever the path of the checkout, and each
 * input that changes bytes changes the key.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { countedVariables } from "../../src/lib/golang/mod.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import {
  copyTree,
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  missingFor,
  unless,
  which,
} from "../e2e/_program.ts";

interface Unit {
  readonly id: string;
  readonly kind: string;
  readonly key: string | null;
  readonly why: string | null;
  readonly needs: readonly string[];
  readonly leaves: readonly string[];
}

async function unitsOf(
  root: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Unit[]> {
  const json = await kbuildOk(["plan", "--units", "--json", ...words], { cwd: root, env });
  return (JSON.parse(json) as { units: readonly Unit[] }).units;
}

/** The key of the one unit that a command makes. */
async function keyOf(
  root: string,
  words: readonly string[] = ["all", "kubectl"],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [unit, ...others] = await unitsOf(root, words, env);
  assertEquals(others, []);
  assertEquals([typeof unit?.key, unit?.why], ["string", null]);
  return unit?.key ?? "";
}

async function write(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
}

const LATEST: EraParameter = "latest";

Deno.test(
  unless(missingFor(LATEST), "a key changes with every input of the bytes"),
  () =>
    inScratch(async (dir) => {
      const root = await makeSample(LATEST, join(dir, "kubernetes"));
      const before = await keyOf(root);
      assertEquals(await keyOf(root), before, "asked again");
      const others: Record<string, string> = {
        version: await keyOf(root, ["all", "kubectl"], { KUBE_GIT_VERSION: "v9.9.9" }),
        date: await keyOf(root, ["all", "kubectl"], { SOURCE_DATE_EPOCH: "1" }),
        linker: await keyOf(root, ["all", "kubectl"], { GOLDFLAGS: "-w" }),
        flags: await keyOf(root, ["all", "kubectl", "GOFLAGS=-tags=extra"]),
        debugger: await keyOf(root, ["all", "kubectl", "DBG=1"]),
        architecture: await keyOf(root, ["all", "kubectl"], { GOAMD64: "v3" }),
        platform: await keyOf(root, ["all", "kubectl", "--platform", "windows/amd64"]),
        cgo: await keyOf(root, ["all", "kubectl"], { KUBE_CGO_OVERRIDES: "kubectl" }),
        target: await keyOf(root, ["all", "kubeadm"]),
      };
      const main = join(root, "cmd/kubectl/kubectl.go");
      const text = await Deno.readTextFile(main);
      await write(main, `${text}\n// More.\n`);
      others["source"] = await keyOf(root);
      await write(main, text);
      assertEquals(await keyOf(root), before, "a source as it was");
      await write(join(root, "cmd/kubectl/more.go"), "package main\n");
      others["new file"] = await keyOf(root);
      await Deno.remove(join(root, "cmd/kubectl/more.go"));
      const module = join(root, "go.mod");
      await write(module, `${await Deno.readTextFile(module)}\n// A comment.\n`);
      others["go.mod"] = await keyOf(root);
      const all = [before, ...Object.values(others)];
      assertEquals(new Set(all).size, all.length, JSON.stringify(others, undefined, 1));
    }),
);

for (const era of ["1.20", LATEST] as const) {
  Deno.test(
    unless(missingFor(era), `${era}: the same key on another path, and the same bytes`),
    () =>
      inScratch(async (dir) => {
        const first = await makeSample(era, join(dir, "first"));
        const second = await copyTree(first, join(dir, "a longer path", "second"));
        const words = ["all", "kubectl", "kubelet", "--trimpath"];
        const made = [];
        for (const root of [first, second]) {
          await kbuildOk(words, { cwd: root });
          const units = await unitsOf(root, words);
          const files = await Promise.all(
            units.flatMap(({ leaves }) => leaves).map(async (path) => {
              const bytes = await Deno.readFile(join(root, path));
              return [path, createHash("sha256").update(bytes).digest("hex")];
            }),
          );
          made.push({ keys: units.map(({ id, key }) => [id, key]), files });
        }
        assertEquals(made[0], made[1]);
        assertEquals(made[0]?.files.length, 2);
        assertEquals(made[0]?.keys.map(([, key]) => typeof key), ["string", "string"]);
      }),
  );
}

Deno.test(
  unless(missingFor("1.20"), "without -trimpath, the path of the checkout is in the key"),
  () =>
    inScratch(async (dir) => {
      const first = await makeSample("1.20", join(dir, "first"));
      const second = await copyTree(first, join(dir, "second"));
      assertNotEquals(await keyOf(first), await keyOf(second));
      assertEquals(
        await keyOf(first, ["all", "kubectl"], { KBUILD_TRIMPATH: "y" }),
        await keyOf(second, ["all", "kubectl", "--trimpath"]),
      );
    }),
);

Deno.test(
  unless(missingFor(LATEST), "a release's units: what each needs, and keys of all"),
  () =>
    inScratch(async (dir) => {
      const root = await makeSample(LATEST, join(dir, "kubernetes"));
      const units = await unitsOf(root, ["quick-release"]);
      assertEquals(units.filter(({ key }) => key === null), []);
      const ids = units.map(({ id }) => id);
      assertEquals(new Set(ids).size, ids.length);
      assertEquals(units.flatMap(({ needs }) => needs).filter((id) => !ids.includes(id)), []);
      const server = units.find(({ id }) => id.startsWith("tarball kubernetes-server-"));
      assertEquals(server?.needs.filter((id) => id.startsWith("image kube-proxy")).length, 1);
      // Another level gives other bytes to tarballs alone.
      const fast = await unitsOf(root, ["quick-release", "--compression-level", "fast"]);
      const changed = fast.filter(({ key }, index) => key !== units[index]?.key);
      assertEquals(new Set(changed.map(({ kind }) => kind)), new Set(["tarball"]));
      // Nothing was written.
      assertEquals([...Deno.readDirSync(root)].filter(({ name }) => name === "_output"), []);
    }),
);

Deno.test(
  unless(missingFor(LATEST), "commands without units say so"),
  () =>
    inScratch(async (dir) => {
      const root = await makeSample(LATEST, join(dir, "kubernetes"));
      const { code, stderr } = await kbuild(["plan", "--units", "clean"], { cwd: root });
      assertEquals(code, 2);
      assertEquals(stderr.includes('Cannot show the units of "kbuild clean"'), true, stderr);
    }),
);

Deno.test(
  unless(
    missingFor(LATEST) ?? (which("gcc") === undefined ? "needs gcc" : undefined),
    "with cgo, the compiler, its headers and its flags are in the key",
  ),
  () =>
    inScratch(async (dir) => {
      const root = await makeSample(LATEST, join(dir, "kubernetes"));
      const headers = join(dir, "include");
      await Deno.mkdir(headers);
      await write(join(headers, "of_test.h"), "#define OF_TEST 1\n");
      const code =
        'package main\n\n// #include <of_test.h>\n// #include <stdlib.h>\nimport "C"\n\n' +
        "var ofTest = C.OF_TEST\n";
      await write(join(root, "cmd/kubelet/c.go"), code);
      const words = ["all", "kubelet"];
      const env = { CPATH: headers };
      const before = await keyOf(root, words, env);
      assertEquals(await keyOf(root, words, env), before);
      const compiler = join(dir, "my-gcc");
      await write(compiler, `#!/bin/sh\nexec gcc "$@"\n`);
      await Deno.chmod(compiler, 0o755);
      const flags = await keyOf(root, words, { ...env, CGO_CFLAGS: "-O1" });
      const other = await keyOf(root, words, { ...env, CC: compiler });
      await write(join(headers, "of_test.h"), "#define OF_TEST 2\n");
      const header = await keyOf(root, words, env);
      assertEquals(new Set([before, flags, other, header]).size, 4);
      // What pkg-config would say is not known.
      await write(
        join(root, "cmd/kubelet/c.go"),
        code.replace("// #include", "// #cgo pkg-config: x\n// #include"),
      );
      const [unit] = await unitsOf(root, words, env);
      assertEquals([unit?.key, unit?.why], [null, "it has cgo with pkg-config"]);
    }),
);

Deno.test("variables of others that begin like Go's are not in keys", () => {
  const env = { GOFLAGS: "-v", GOAMD64: "v3", GO_EXTLINK_ENABLED: "1", CGO_CFLAGS: "-O2" };
  const others = { GOOGLE_API_KEY: "a", GOOGLE_CREDENTIALS: "{}", GODADDY_KEY: "b", GOPROXY: "c" };
  assertEquals(countedVariables({ ...env, ...others }), env);
});
