import { assertEquals } from "@std/assert";
import { ProgramScanner } from "../../src/audit/go_binary.ts";
import { tinyProgram } from "./_programs.ts";

Deno.test("ProgramScanner finds versions and commits that are stamped, in chunks of any size", () => {
  const commits = ["a".repeat(40), "0123456789abcdef".repeat(4)];
  const bytes = tinyProgram({ commits, versions: ["v1.20.2", "v1.20.3-rc.0"], size: 4096 });
  for (const size of [1, 7, 300, 4096]) {
    const scanner = new ProgramScanner();
    for (let at = 0; at < bytes.length; at += size) scanner.update(bytes.subarray(at, at + size));
    const program = scanner.finish()!;
    assertEquals(program.versions, ["v1.20.2", "v1.20.3-rc.0"]);
    // A part of a longer text may be found, too.
    assertEquals(commits.filter((each) => !program.commits.includes(each)), []);
    assertEquals([program.linksVersion, program.canStart], [true, true]);
  }
});
