/**
 * Replaces trees below a directory, or clears what a killed run of it left: started by
 * work_directory_test.ts, which lets its file operations fail.
 */
import { join } from "@std/path";
import { clearLeftovers, temporaryName, WorkDirectory } from "../../src/files/mod.ts";

const [dir = "", action = ""] = Deno.args;
try {
  await clearLeftovers(dir);
  if (action === "replace") {
    await using work = await WorkDirectory.make(temporaryName(join(dir, "x")));
    for (const name of ["a", "b", "c"]) {
      await Deno.mkdir(join(work.path, name, "below"), { recursive: true });
      await Deno.writeTextFile(join(work.path, name, "below/file"), `new ${name}`);
    }
    await Deno.writeTextFile(join(work.path, "d"), "new d");
    const names = ["a", "b", "c", "d"];
    await work.replace(Object.fromEntries(names.map((name) => [name, join(dir, name)])));
  }
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
