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

Deno.test("ProgramScanner takes whole runs of digits for commits, wherever they are, and whole versions", () => {
  const head = tinyProgram({ commits: [], versions: [], size: 2048 });
  const found = (text: string) => {
    const scanner = new ProgramScanner();
    scanner.update(head);
    scanner.update(new TextEncoder().encode(text));
    const { commits, versions } = scanner.finish()!;
    return [...commits, ...versions];
  };
  const digits = "0123456789abcdef".repeat(5);
  const nothing = found("");
  for (let before = 0; before < 82; before++) {
    const [space, sha1, sha256] = [" ".repeat(before), digits.slice(0, 40), digits.slice(0, 64)];
    assertEquals(found(`${space}${sha1}\0`), [sha1, ...nothing], `${before}`);
    assertEquals(found(`${space}${sha256}\0${space}${sha1}\0`), [sha1, sha256, ...nothing]);
    for (const length of [39, 41, 63, 65, 80]) {
      assertEquals(found(`${space}${digits.slice(0, length)}\0`), nothing, `${before} ${length}`);
    }
    assertEquals(found(`${space}${sha1}`), nothing);
    assertEquals(found(`${space}${sha1.toUpperCase()}\0`), nothing);
    assertEquals(found(`${space}v1.2.3-rc.1+a\0v1.2.3 v1.2\0vv123.4.5\0`), [
      ...nothing,
      ...["v1.2.3-rc.1+a", "v123.4.5"],
    ]);
  }
});
