/** The exit codes of `kbuild compare`, and what it shows of two directories. */
import { assertEquals, assertMatch } from "@std/assert";
import { inScratch, kbuild, output } from "../e2e/_program.ts";

Deno.test("kbuild compare ends with 0, 1 or 2, and names the member", () =>
  inScratch(async (dir) => {
    const make = "mkdir a b && echo 1 >f && tar czf a/x.tar.gz f && chmod 755 f && " +
      "tar czf b/x.tar.gz f && cp -r a c";
    await output(["sh", "-c", make], { cwd: dir });
    const equal = await kbuild(["compare", "a", "c"], { cwd: dir });
    assertEquals([equal.code, equal.stdout.split("\n").at(-2)], [
      0,
      "1 artifact: 1 equal, 0 different",
    ]);
    const other = await kbuild(["compare", "a", "b"], { cwd: dir });
    assertEquals([other.code, other.stdout.split("\n").slice(4, 6)], [
      1,
      ["x.tar.gz", "  f: mode: 0644 in A, 0755 in B"],
    ]);
    await output(["sh", "-c", "mkdir d && zcat a/x.tar.gz | gzip -1 >d/x.tar.gz"], { cwd: dir });
    const compressed = await kbuild(["compare", "a", "d"], { cwd: dir });
    assertEquals(compressed.code, 0, compressed.stdout);
    assertMatch(compressed.stdout, /same tar, other compression \(\d+ bytes in A, \d+ in B\)/);
    assertMatch(compressed.stdout, /1 artifact: 1 equal \(1 in other bytes\), 0 different/);
    for (const args of [["a"], ["a", "none"], ["a", "a/x.tar.gz"]]) {
      assertEquals((await kbuild(["compare", ...args], { cwd: dir })).code, 2, `${args}`);
    }
  }));

Deno.test("kbuild compare looks at what two _output directories publish, and not at checksums", () =>
  inScratch(async (dir) => {
    const make = "mkdir -p a/release-tars a/local b/release-tars && echo 1 >a/release-tars/x && " +
      "echo 1 >b/release-tars/x && echo 2 >a/local/x && echo 3 >a/release-tars/SHA256SUMS && " +
      "echo 4 >a/release-tars/x.sha512";
    await output(["sh", "-c", make], { cwd: dir });
    const equal = await kbuild(["compare", "a", "b"], { cwd: dir });
    assertEquals([equal.code, equal.stdout.split("\n").at(-2)], [
      0,
      "1 artifact: 1 equal, 0 different",
    ]);
    await output(["sh", "-c", "echo 5 >b/release-tars/x"], { cwd: dir });
    const other = await kbuild(["compare", "a", "b"], { cwd: dir });
    assertEquals([other.code, ...other.stdout.split("\n").slice(2, 5)], [
      ...[1, "1 artifact: 0 equal, 1 different", "", "release-tars/x"],
    ]);

    // The same from the directory of tarballs alone, and from a checkout.
    await output([
      "sh",
      "-c",
      "mkdir c a/release-images && mv b c/_output && echo 6 >a/release-images/i",
    ], {
      cwd: dir,
    });
    const directory = await kbuild(["compare", "a", "c/_output/release-tars"], { cwd: dir });
    assertEquals([directory.code, directory.stdout.trimEnd().split("\n").slice(2)], [1, [
      "Images are not compared: of A only release-tars, as the other one is a directory of it",
      "1 artifact: 0 equal, 1 different",
      "",
      "x",
      '  content differs (2 bytes), first at line 1: "1" in A, "5" in B',
    ]]);
    const checkout = await kbuild(["compare", "a", "c"], { cwd: dir });
    assertEquals([checkout.code, checkout.stdout.split("\n")[4]], [1, "release-images/i"]);
  }));
