/**
 * Puts the result of a real demo run in /tmp/sample into README.md, between the fences of its first
 * `text` block.
 *
 * Usage: scripts/task readme
 */
import { join } from "@std/path";
import { createShell } from "../src/shell/mod.ts";

const root = join(import.meta.dirname ?? ".", "..");
const config = Deno.args[0] ?? "deno.json";
const env = Deno.env.toObject();
const { $ } = createShell({ cwd: root, env });

// 1.20 has the checkout's path in its binaries: only there others get the same digests.
const dir = "/tmp/sample";
await Deno.mkdir(dir);
try {
  const demo = $`${Deno.execPath()} run -A --config ${config} main.ts demo --dir ${dir}`;
  const shown = (await demo.text()).trimEnd();
  const readme = join(root, "README.md");
  const text = await Deno.readTextFile(readme);
  await Deno.writeTextFile(
    readme,
    text.replace(/```text\n[^`]*```/, () => `\`\`\`text\n${shown}\n\`\`\``),
  );
} finally {
  await Deno.remove(dir, { recursive: true });
}
