import { assertEquals } from "@std/assert";
import { compareFiles } from "../../src/audit/mod.ts";
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
    for (const { path, text } of await compareFiles(`${dir}/a.tgz`, `${dir}/b.tgz`)) {
      words.push([...path, text].join(": "));
    }
  });
  return words;
}

const TABLE: readonly (readonly [change: string, words: readonly string[], pack?: string])[] = [
  ["touch -d @1 a/f", []],
  ["chmod 755 a/f", ["a/f: mode: 0644 in A, 0755 in B"]],
  ["ln -sfn a/f l", ["l: link target: a in A, a/f in B"]],
  ["touch -r a k; echo 2 >a/g; touch -r k a", ["a/g: only in B"]],
  ["echo 2 >a/f", ['a/f: content differs (2 bytes), first at line 1: "1" in A, "2" in B']],
  ["echo 2 >>a/f", [
    'a/f: content differs (2 bytes in A, 4 in B), first at line 2: the end in A, "2" in B',
  ]],
  [": >a/f", [
    'a/f: content differs (2 bytes in A, 0 in B), first at line 1: "1" in A, the end in B',
  ]],
  ["printf '1\\0\\377' >a/f", [
    "a/f: content differs (2 bytes in A, 3 in B), first at byte 1: 0a in A, 00 ff in B",
  ]],
  ["rm l; mkdir l; touch -r a l", [
    "l: type: symlink in A, directory in B",
    "l: mode: 0777 in A, 0755 in B",
    "l: link target: a in A, none in B",
  ]],
  ["", ["same members in another order"], "tar czf ../b.tgz --sort=name l a"],
  [
    "",
    ["same members, other tar headers"],
    "tar czf ../b.tgz --sort=name --format=ustar a l",
  ],
];

for (const [change, words, pack] of TABLE) {
  Deno.test(`compareFiles() says what "${change || pack}" did`, async () => {
    assertEquals(await wordsOf(change, pack), words);
  });
}

Deno.test("compareFiles() tells compression from content", async () => {
  const [words = ""] = await wordsOf("", "zcat ../a.tgz | gzip -1n >../b.tgz");
  assertEquals(words.replaceAll(/\d+/g, "N"), "same tar, other compression (N bytes in A, N in B)");
});

Deno.test("compareFiles() finds the byte far inside an archive in an archive, with the bytes there", () =>
  inScratch(async (dir) => {
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    const content = new Uint8Array(300_000).fill(1);
    content[0] = 0;
    content.set(bytes, 100_000);
    const pack = async (name: string) => {
      await Deno.writeFile(`${dir}/f`, content);
      await output([
        "sh",
        "-ec",
        "touch -d @1 f; tar czf in.tgz f; touch -d @1 in.tgz; tar cf o in.tgz",
      ], {
        cwd: dir,
      });
      await Deno.rename(`${dir}/o`, `${dir}/${name}`);
    };
    await pack("a.tar");
    content.set([2, 3], 222_222);
    await pack("b.tar");
    const ones = Array(14).fill("01").join(" ");
    assertEquals(await compareFiles(`${dir}/a.tar`, `${dir}/b.tar`), [{
      path: ["in.tgz", "f"],
      text: `content differs (300000 bytes), first at byte 222222: 01 01 ${ones} in A, ` +
        `02 03 ${ones} in B`,
    }]);
  }));

/** An image as `docker save` wrote it: the file names of its parts follow from what is in them. */
async function saveImage(dir: string, name: string, text: string, config: object): Promise<void> {
  const script =
    `rm -rf i && mkdir -p i/root && cd i && echo '${text}' >root/f && touch -d @1 root/f
    tar cf layer -C root f && id=$(sha256sum <layer | cut -c1-64) && mkdir $id && mv layer $id/layer.tar
    echo $id`;
  const id = (await output(["sh", "-ec", script], { cwd: dir })).trim();
  const rootfs = { type: "layers", diff_ids: [`sha256:${id}`] };
  await Deno.writeTextFile(`${dir}/i/config`, JSON.stringify({ ...config, rootfs }));
  const sums = await output(["sha256sum", "config"], { cwd: `${dir}/i` });
  const file = `${sums.slice(0, 64)}.json`;
  await Deno.rename(`${dir}/i/config`, `${dir}/i/${file}`);
  const manifest = [{ Config: file, RepoTags: ["r.example/x:v1"], Layers: [`${id}/layer.tar`] }];
  await Deno.writeTextFile(`${dir}/i/manifest.json`, JSON.stringify(manifest));
  await output(["sh", "-ec", `tar cf ${name} -C i $(ls i | grep -v root)`], { cwd: dir });
}

Deno.test("compareFiles() compares images by name, configuration and layer, not by names of files", () =>
  inScratch(async (dir) => {
    const config = (arch: string, path: string) => ({
      architecture: arch,
      config: { Env: [`PATH=${path}`], Entrypoint: ["/x"] },
    });
    await saveImage(dir, "a.tar", "hello", config("amd64", "/bin"));
    await saveImage(dir, "b.tar", "world", config("arm64", "/usr/bin"));
    const found = await compareFiles(`${dir}/a.tar`, `${dir}/b.tar`);
    assertEquals(found.map(({ path, text }) => [...path, text].join(": ")), [
      'image configuration: architecture: "amd64" in A, "arm64" in B',
      'image configuration: config.Env[0]: "PATH=/bin" in A, "PATH=/usr/bin" in B',
      'layer 1: f: content differs (6 bytes), first at line 1: "hello" in A, "world" in B',
    ]);
  }));
