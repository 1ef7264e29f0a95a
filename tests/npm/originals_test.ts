/**
 * Runs the contracts against the originals. `KBUILD_STD_ORIGINALS` names a checkout of
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

/** A contract, a module of it, what must not be loaded, and which of its tests. */
const CONTRACTS = [
  ["@std/fs keeps the contract", "./fs_contract_test.ts", "fs/mod.ts", "npm/fs.ts", ""],
  ["@std/tar keeps the contract", "./tar_contract_test.ts", "tar/mod.ts", "npm/tar.ts", ""],
  // The original leaves in a buffer what was there.
  [
    ...["@std/tar carries streamTar()", "../archive/stream_tar_test.ts", "tar/mod.ts"] as const,
    ...["npm/tar.ts", "/^streamTar/"] as const,
  ],
  // dax is not part of denoland/std.
  ["@std/* keep the contract", "./std_contract_test.ts", "path/mod.ts", "npm/path.ts", "@std/"],
] as const;

for (const [name, file, original, standIn, filter] of CONTRACTS) {
  Deno.test({
    name: originals === undefined
      ? `${name} (skipped: needs KBUILD_STD_ORIGINALS, a checkout of denoland/std)`
      : name,
    ignore: originals === undefined,
    async fn() {
      if (originals === undefined) return;
      const root = await Deno.realPath(originals);
      const config = ["--no-check", "--no-lock", "--config", join(root, "deno.json")];
      const contract = fromFileUrl(new URL(file, import.meta.url));

      // First that the bare name means the original there, else the run would prove nothing.
      const info = await deno(root, "info", "--json", ...config.slice(1), contract);
      assertStringIncludes(info.text, toFileUrl(join(root, original)).href);
      assertEquals(info.text.includes(standIn), false);

      const { code, text } = await deno(
        root,
        "test",
        "-A",
        "--filter",
        filter,
        ...config,
        contract,
      );
      assertEquals(code, 0, text);
      assertMatch(text, /\b[1-9]\d* passed \| 0 failed/);
    },
  });
}
