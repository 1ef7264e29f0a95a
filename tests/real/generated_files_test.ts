/**
 * Generated files of real checkouts: `make generated_files` or `hack/update-codegen.sh`, and kbuild, each in a copy of its
 * own, from an empty set of files; then all files of both copies are compared, and kbuild's with those of the commit: what
 * a Go newer than the checkout's writes in another way may differ (`FORMATS`). `KBUILD_TEST_TREES` names the checkouts,
 * `KBUILD_TEST_CODEGENS` the generators (all, by name), `GOTOOLCHAIN` the Go. What the script needs has to be in PATH
 * (protoc and goimports for protobuf), and what it fetches reachable. An hour on two processors for all.
 */
import { assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { ENV, kbuildOk, output, unless, which } from "../e2e/_program.ts";

const TREES = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((path) => path !== "");
const NAMES = (Deno.env.get("KBUILD_TEST_CODEGENS") ?? "").split(/\s+/).filter((word) =>
  word !== ""
);
const MAKEFILE = "build/root/Makefile.generated_files";

/** The files of a checkout that builds read, with digests. */
async function filesOf(root: string): Promise<Record<string, string>> {
  const text = await output([
    ...["sh", "-c"],
    'cd "$1" && find . \\( -path ./.git -o -path ./_output -o -path ./.make \\) -prune -o -type f -print0 | ' +
    "xargs -0 sha256sum",
    ...["sh", root],
  ]);
  return Object.fromEntries(
    text.split("\n").filter((line) => line !== "").map((
      line,
    ) => [line.slice(66), line.slice(0, 64)]),
  );
}

/** Removes what make would make; the script of 1.26 and later removes its files itself. */
async function empty(root: string): Promise<void> {
  await output([
    ...["sh", "-c"],
    `cd "$1" && find . \\( -path ./vendor -o -path ./.git -o -path ./_output \\) -prune -o ` +
    String.raw`\( -name 'zz_generated.*.go' -o -path '*/pkg/generated/bindata.go' \) ` +
    `! -path '*/testdata/*' -exec rm {} +`,
    ...["sh", root],
  ]);
}

/**
 * What a Go newer than the checkout's writes in another way: since 1.17 `//go:build` lines, since 1.19 white space in comments,
 * since 1.16 the character DEL.
 */
const FORMATS: readonly (readonly [RegExp, string])[] = [
  [/^\/\/go:build .*\n/gm, ""],
  [/^\/\/[ \t]*\n/gm, ""],
  [/^\/\/[ \t]+/gm, "// "],
  [/\\x7f/g, "\\u007f"],
];

/** Committed files that are not as the commit has them: but for `FORMATS`, and otherwise. */
async function differentFromGit(
  root: string,
): Promise<{ format: readonly string[]; other: readonly string[] }> {
  const listed = await output(["git", "diff", "-z", "--name-only", "--no-renames"], { cwd: root });
  const found = { format: [] as string[], other: [] as string[] };
  for (const path of listed.split("\0").filter((path) => path !== "")) {
    const committed = await output(["git", "show", `HEAD:${path}`], { cwd: root });
    const made = await Deno.readTextFile(join(root, path)).catch(() => undefined);
    const plain = (text: string) =>
      FORMATS.reduce((text, [pattern, old]) => text.replace(pattern, old), text);
    const isFormat = made !== undefined && plain(made) === plain(committed);
    (isFormat ? found.format : found.other).push(path);
  }
  return found;
}

for (const tree of TREES) {
  const missing = ["git", "bash", "make", "go"].filter((program) => which(program) === undefined);
  Deno.test({
    ...unless(
      missing.length > 0 && `needs ${missing.join(", ")}`,
      `kbuild generates for ${basename(tree)} the files that its own script generates`,
    ),
    fn: async () => {
      const dir = await Deno.makeTempDir({ prefix: "kbuild-generated-" });
      const chosen = Deno.env.get("GOTOOLCHAIN");
      const env = { ...ENV, ...chosen === undefined ? {} : { GOTOOLCHAIN: chosen } };
      try {
        const [own, ours] = [join(dir, "own"), join(dir, "ours")];
        for (const copy of [own, ours]) await output(["cp", "-a", tree, copy]);
        const isMake = await Deno.stat(join(tree, MAKEFILE)).then(() => true, () => false);
        const script = isMake ? ["make", "generated_files"] : ["hack/update-codegen.sh", ...NAMES];
        const command = isMake ? "generated_files" : "update-codegen";
        if (isMake) { for (const copy of [own, ours]) await empty(copy); }
        const deleted = await output(["git", "ls-files", "--deleted"], { cwd: ours });
        await output(script, { cwd: own, env: { ...env, FORCE_HOST_GO: "y" } });
        await kbuildOk([command, "--from-nothing", ...isMake ? [] : NAMES], { cwd: ours, env });
        const [wanted, made] = [await filesOf(own), await filesOf(ours)];
        const paths = [...new Set([...Object.keys(wanted), ...Object.keys(made)])].sort();
        assertEquals(paths.filter((path) => wanted[path] !== made[path]), []);
        const { format, other } = await differentFromGit(ours);
        console.log(
          `${paths.length} files compared; ${deleted.split("\n").length - 1} committed ones were ` +
            `deleted: ${format.length} differ from the commit by the format of another Go`,
        );
        assertEquals(other, []);
      } finally {
        await output(["sh", "-c", 'chmod -R u+w "$1" && rm -rf "$1"', "sh", dir]);
      }
    },
  });
}

if (TREES.length === 0) {
  Deno.test({
    name: "kbuild generates what scripts generate (skipped: name checkouts with KBUILD_TEST_TREES)",
    ignore: true,
    fn: () => {},
  });
}
