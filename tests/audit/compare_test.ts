import { assertEquals } from "@std/assert";
import { compareContents, surveyFile } from "../../src/audit/mod.ts";
import { inScratch, output } from "../e2e/_program.ts";

/** Words for what a change of `stage` makes of a tarball of it; `make` packs it again. */
async function wordsOf(
  change: string,
  pack = "tar czf ../b.tgz --sort=name a l",
): Promise<string[]> {
  const words: string[] = [];
  await inScratch(async (dir) => {
    await output(["sh", "-c", "mkdir s && cd s && mkdir a && echo 1 >a/f && ln -s a l"], {
      cwd: dir,
    });
    const cwd = `${dir}/s`;
    await output(["tar", "czf", "../a.tgz", "--sort=name", "a", "l"], { cwd });
    await output(["sh", "-c", `${change}\n${pack}`], { cwd });
    const [a, b] = [await surveyFile(`${dir}/a.tgz`), await surveyFile(`${dir}/b.tgz`)];
    for (const { path, text } of compareContents(a, b)) words.push([...path, text].join(": "));
  });
  return words;
}

const TABLE: readonly (readonly [change: string, words: readonly string[], pack?: string])[] = [
  ["touch -d @1 a/f", []],
  ["chmod 755 a/f", ["a/f: mode: 0644 in A, 0755 in B"]],
  ["ln -sfn a/f l", ["l: link target: a in A, a/f in B"]],
  ["touch -r a k; echo 2 >a/g; touch -r k a", ["a/g: only in B"]],
  ["echo 2 >a/f", ["a/f: content differs (2 bytes), first between bytes 0 and 1"]],
  ["", ["same members in another order"], "tar czf ../b.tgz --sort=name l a"],
  [
    "",
    ["same members, other tar headers"],
    "tar czf ../b.tgz --sort=name --format=ustar a l",
  ],
];

for (const [change, words, pack] of TABLE) {
  Deno.test(`compareContents() says what "${change || pack}" did`, async () => {
    assertEquals(await wordsOf(change, pack), words);
  });
}

Deno.test("compareContents() tells compression from content", async () => {
  const [words = ""] = await wordsOf("", "zcat ../a.tgz | gzip -1n >../b.tgz");
  assertEquals(words.replaceAll(/\d+/g, "N"), "same tar, other compression (N bytes in A, N in B)");
});
