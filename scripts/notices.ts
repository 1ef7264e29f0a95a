/**
 * Renews `THIRD_PARTY_NOTICES` from `scripts/dist/notices.ts` and `packaging/licenses`.
 *
 * Usage: scripts/task notices
 */
import { join } from "@std/path";
import { noticesText } from "./dist/notices.ts";
import { scriptMain } from "./dist/script.ts";

await scriptMain(async ({ root, say }) => {
  await Deno.writeTextFile(join(root, "THIRD_PARTY_NOTICES"), await noticesText(root));
  say("wrote THIRD_PARTY_NOTICES");
}, []);
