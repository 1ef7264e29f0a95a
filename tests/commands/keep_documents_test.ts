/** What a run of `kbuild sbom` keeps of an earlier one. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { keepDocuments } from "../../src/commands/keep_documents.ts";
import { inScratch, listing } from "../e2e/_program.ts";

const [ONE, TWO] = ["1".repeat(64), "2".repeat(64)];

function provenance(digests: readonly string[], tool = "kbuild 1"): string {
  const subject = digests.map((sha256) => ({ name: sha256, digest: { sha256 } }));
  return `${JSON.stringify({ subject, predicate: { tool } })}\n`;
}

Deno.test("keepDocuments() keeps what holds, and what kbuild did not make", () =>
  inScratch(async (dir) => {
    const old = join(dir, "o ld");
    const files = [
      ...["bin/linux/amd64/kubectl.cdx.json", "bin/linux/amd64/kubectl.spdx.json"],
      ...[
        "bin/linux/amd64/gone.cdx.json",
        "tars/other.tar.gz.cdx.json",
        "kubernetes-release.cdx.json",
      ],
      ...["notes/of mine.txt", "bin/linux/amd64/kubectl.cdx.json.sig", "my.spdx.json"],
    ];
    for (const path of files) {
      await Deno.mkdir(join(old, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(old, path), "old");
    }
    await Deno.symlink("nowhere", join(old, "link"));
    const before = provenance([ONE, TWO]);
    await Deno.writeTextFile(join(old, "provenance.json"), before);
    const mine = ["link", "my.spdx.json", "notes/of mine.txt"];
    const signature = "bin/linux/amd64/kubectl.cdx.json.sig";
    const digests = new Map([["bin/linux/amd64/kubectl", ONE], [
      "tars/other.tar.gz",
      "3".repeat(64),
    ]]);
    const cases: readonly (readonly [string, string, readonly string[]])[] = [
      // Another file of the release has changed.
      ["changed", provenance([ONE]), ["bin/linux/amd64/kubectl.cdx.json"]],
      ["the same", before, ["bin/linux/amd64/kubectl.cdx.json", "kubernetes-release.cdx.json"]],
      ["another build", provenance([ONE, TWO], "kbuild 2"), []],
    ];
    for (const [name, now, kept] of cases) {
      const made = join(dir, name);
      await Deno.mkdir(join(made, "bin/linux/amd64"), { recursive: true });
      await Deno.writeTextFile(join(made, "bin/linux/amd64/kubectl.spdx.json"), "new");
      await Deno.writeTextFile(join(made, "provenance.json"), now);
      const release = "kubernetes-release";
      await keepDocuments(old, made, {
        digests,
        release,
        otherEnds: [".cdx.json"],
        provenance: now,
      });
      const files = listing(made, { sizes: false }).filter((path) => /[.]|link/.test(path));
      const wanted = ["bin/linux/amd64/kubectl.spdx.json", "provenance.json", signature, ...mine];
      assertEquals([name, files.sort()], [name, [...wanted, ...kept].sort()]);
      const path = join(made, "bin/linux/amd64/kubectl.spdx.json");
      assertEquals(await Deno.readTextFile(path), "new");
    }
    await keepDocuments(join(dir, "nothing"), join(dir, "the same"), {
      ...{ digests, release: "kubernetes-release", otherEnds: [], provenance: before },
    });
  }));
