/** The pinned Go, from the real module proxy: built with exactly that, then again without network. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { hostPlatform } from "../../src/lib/util.ts";
import {
  GO,
  inScratch,
  kbuild,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  run,
  unless,
} from "./_program.ts";

const RELEASE = "1.24.3";
const HOST = hostPlatform();
const NAME = `go${RELEASE}.${HOST.replace("/", "-")}`;

/** Why Go cannot be fetched here. */
async function unreachable(): Promise<string | undefined> {
  if (GO < 113) return "needs go 1.13 or later";
  const list = await output(["go", "env", "GOPROXY"], { env: { GOTOOLCHAIN: "local" } });
  const proxy = list.trim().split(/[,|]/)[0] ?? "";
  try {
    const url = `${proxy}/golang.org/toolchain/@v/v0.0.1-${NAME}.mod`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return response.ok ? undefined : `GOPROXY answers with ${response.status}`;
  } catch {
    return "GOPROXY cannot be reached";
  }
}

const reason = missingFor("1.35") ?? await unreachable() ??
  (GO === 124 ? "the Go in PATH may be the wanted one" : undefined);
/** Starts a program that sees no network. */
const alone = (await run(["unshare", "-rn", "true"]).catch(() => undefined))?.code === 0
  ? ["unshare", "-rn"]
  : [];

Deno.test({
  ...unless(reason, `a checkout with .go-version ${RELEASE} is built with exactly that Go`),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      await Deno.writeTextFile(join(root, ".go-version"), `${RELEASE}\n`);
      const status = () => output(["git", "status", "--porcelain"], { cwd: root });
      const before = await status();
      const cache = join(dir, "a cache ü$(x)");
      const here = { cwd: root, env: { FORCE_HOST_GO: "", KBUILD_CACHE: cache } };
      const kubectl = join(root, "_output/bin/kubectl");
      const targets = ["cmd/kubectl", "cmd/kubelet"];

      const made = await kbuild(["all", ...targets], here);
      assertEquals([made.code, made.code === 0 ? "" : made.stderr], [0, ""]);
      assertStringIncludes(made.stderr, `Fetching Go ${RELEASE} (.go-version:1): golang.org/`);
      assertStringIncludes(
        made.stderr,
        `Go ${RELEASE} (.go-version:1) from ${cache}/go/${NAME}/go`,
      );
      const versionOf = async (path: string) => await output(["go", "version", path]);
      assertMatch(await versionOf(kubectl), new RegExp(`: go${RELEASE.replaceAll(".", "\\.")}\n$`));
      assert(
        !(await output(["go", "version"], { env: { GOTOOLCHAIN: "local" } })).includes(RELEASE),
      );
      assertEquals(await status(), before);

      // Everything anew, and whoever wants the network does not get it.
      assertEquals((await kbuild(["clean"], here)).code, 0);
      const deaf = { GOPROXY: "http://127.0.0.1:1", https_proxy: "http://127.0.0.1:1" };
      const again = await run(
        [...alone, ...kbuildArgv("all", ...targets, "--offline")],
        { cwd: root, env: { ...here.env, ...deaf } },
      );
      assertEquals([again.code, again.code === 0 ? "" : again.stderr], [0, ""]);
      assertMatch(await versionOf(kubectl), new RegExp(`: go${RELEASE.replaceAll(".", "\\.")}\n$`));

      const other = await kbuild(["all", ...targets, "--offline"], {
        cwd: root,
        env: { ...here.env, ...deaf, KBUILD_CACHE: join(dir, "empty") },
      });
      assertEquals(other.code, 1);
      assertStringIncludes(other.stderr, `Get it in advance: kbuild toolchain install ${RELEASE}`);
      assertEquals(await status(), before);
    }),
});

Deno.test({
  ...unless(reason, "kbuild clean leaves the Go that checkouts share, kbuild toolchain removes it"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.35", join(dir, "kubernetes"));
      const cache = join(dir, "cache");
      const here = { cwd: root, env: { FORCE_HOST_GO: "", KBUILD_CACHE: cache } };
      const ok = async (...args: string[]) => {
        const { code, stdout, stderr } = await kbuild(args, here);
        assertEquals([code, code === 0 ? "" : stderr], [0, ""]);
        return stdout.trim();
      };
      const goroot = await ok("toolchain", "install", RELEASE);
      assertEquals(goroot, join(cache, "go", NAME, "go"));
      await ok("clean");
      assertEquals(await ok("toolchain", "path", RELEASE), goroot);
      assertMatch(await output([join(goroot, "bin/go"), "version"]), /go1\.24\.3 /);
      assertEquals([...Deno.readDirSync(join(cache, "go"))].map(({ name }) => name).sort(), [
        ".lock",
        NAME,
      ]);
      await ok("toolchain", "remove", RELEASE);
      assertEquals([...Deno.readDirSync(join(cache, "go"))].map(({ name }) => name), [".lock"]);
    }),
});
