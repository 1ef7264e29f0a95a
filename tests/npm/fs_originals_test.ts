/**
 * Runs the contract of `@std/fs` against the original. `KBUILD_STD_ORIGINALS` names a checkout of
 * https://github.com/denoland/std; its own `deno.json` maps the bare names to the originals.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";

const originals = Deno.env.get("KBUILD_STD_ORIGINALS");

async function deno(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test({
  name: originals === undefined
    ? "@std/fs keeps the contract (skipped: needs KBUILD_STD_ORIGINALS, a checkout of denoland/std)"
    : "@std/fs keeps the contract",
  ignore: originals === undefined,
  async fn() {
    if (originals === undefined) return;
    const root = await Deno.realPath(originals);
    const config = ["--no-check", "--no-lock", "--config", join(root, "deno.json")];
    const contract = fromFileUrl(new URL("./fs_contract_test.ts", import.meta.url));

    // First that the bare name means the original there, else the run would prove nothing.
    const info = await deno(root, "info", "--json", ...config.slice(1), contract);
    assertStringIncludes(info.text, toFileUrl(join(root, "fs/mod.ts")).href);
    assertEquals(info.text.includes("npm/fs.ts"), false);

    const { code, text } = await deno(root, "test", "-A", ...config, contract);
    assertEquals(code, 0, text);
    assertMatch(text, /\b[1-9]\d* passed \| 0 failed/);
  },
});
