import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { zstdCompressSync } from "node:zlib";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { bytesEntry, directoryEntry, gzip, symlinkEntry } from "../../src/archive/mod.ts";
import { copyLayer, openBase } from "../../src/image/mod.ts";
import { inTempDir, tarOf } from "../archive/helpers.ts";
import {
  baseLayer,
  dockerFiles,
  ociFiles,
  sha256,
  utf8,
  writeArchive,
  writeDirectory,
} from "./helpers.ts";

const image = { arch: "amd64", layers: [baseLayer], config: { User: "65532" } };
const diffID = `sha256:${sha256(await tarOf(baseLayer))}`;

Deno.test("openBase() opens scratch", async () => {
  await using base = await openBase("scratch", { arch: "s390x" });
  assertEquals([base.layers, base.config, base.tree.size], [[], {}, 0]);
});

for (
  const [form, make] of [
    ["an OCI directory", async (p: string) => await writeDirectory(p, await ociFiles([image]))],
    [
      "a compressed OCI directory without platforms",
      async (p: string) =>
        await writeDirectory(
          p,
          await ociFiles([{ ...image, compressed: true }], { platforms: false }),
        ),
    ],
    [
      "nested indexes",
      async (p: string) => await writeDirectory(p, await ociFiles([image], { nested: true })),
    ],
    ["an OCI archive", async (p: string) => await writeArchive(p, await ociFiles([image]))],
    ["a docker archive", async (p: string) => await writeArchive(p, await dockerFiles(image))],
    ["a gzipped docker archive", async (p: string) => {
      await writeArchive(p, await dockerFiles(image));
      await Deno.writeFile(p, await gzip(await Deno.readFile(p)));
    }],
  ] as const
) {
  Deno.test(`openBase() opens ${form}`, () =>
    inTempDir(async (dir) => {
      await make(join(dir, "base"));
      await Deno.mkdir(join(dir, "tmp"));
      {
        await using base = await openBase(join(dir, "base"), {
          arch: "amd64",
          tempDir: join(dir, "tmp"),
        });
        assertEquals(base.layers.map((layer) => layer.diffID), [diffID]);
        assertEquals(base.layers[0]?.tarSize, (await tarOf(baseLayer)).length);
        assertEquals(base.config["config"], { User: "65532" });
        assertEquals([...base.tree.keys()], ["usr", "usr/bin", "bin", "usr/bin/sh", "tmp"]);
        const chunks = await Array.fromAsync(base.layers[0]!.open());
        assertEquals(chunks.reduce((n, chunk) => n + chunk.length, 0), base.layers[0]?.tarSize);
      }
      assertEquals(await Array.fromAsync(Deno.readDir(join(dir, "tmp"))), []);
    }));
}

Deno.test("openBase() follows the links by which docker save shares layers", () =>
  inTempDir(async (dir) => {
    const layer = await tarOf(baseLayer);
    const config = {
      architecture: "amd64",
      os: "linux",
      rootfs: { diff_ids: [diffID, diffID] },
    };
    const manifest = [{ Config: "c.json", Layers: ["a/layer.tar", "b/layer.tar"] }];
    const entry = (name: string, text: string) => bytesEntry(name, utf8(text), { mtime: 0 });
    await Deno.writeFile(
      join(dir, "x.tar"),
      await tarOf([
        symlinkEntry("b/layer.tar", "../a/layer.tar", { mtime: 0 }),
        bytesEntry("a/layer.tar", layer, { mtime: 0 }),
        entry("c.json", JSON.stringify(config)),
        entry("manifest.json", JSON.stringify(manifest)),
      ]),
    );
    await using base = await openBase(join(dir, "x.tar"), { arch: "amd64" });
    assertEquals(base.layers.length, 2);
  }));

Deno.test("openBase() takes the image for the architecture, v7 of several for arm", () =>
  inTempDir(async (dir) => {
    const arm = (variant: string) => ({
      ...image,
      arch: "arm",
      variant,
      config: { User: variant },
    });
    await writeDirectory(
      dir,
      await ociFiles([image, arm("v6"), arm("v7"), { ...image, arch: "arm64" }]),
    );
    await using base = await openBase(dir, { arch: "arm" });
    assertEquals(base.config["config"], { User: "v7" });
    const error = await assertRejects(() => openBase(dir, { arch: "s390x" }), KbuildError);
    assertEquals(error.message.includes('no image for "linux/s390x"'), true);
    assertEquals(error.notes, ["It has: linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64"]);
  }));

Deno.test("openBase() refuses several images for one architecture", () =>
  inTempDir(async (dir) => {
    await writeDirectory(dir, await ociFiles([image, { ...image, config: {} }]));
    await assertRejects(() => openBase(dir, { arch: "amd64" }), KbuildError, "holds 2 images");
  }));

const spoil = async (change: (files: Record<string, Uint8Array | string>) => void) => {
  const files = await ociFiles([{ ...image, compressed: true }]);
  change(files);
  return files;
};
const blobs = (files: Record<string, unknown>) =>
  Object.keys(files).filter((name) => name.startsWith("blobs/"));
const blobWith = (files: Record<string, Uint8Array | string>, text: string) =>
  blobs(files).find((name) =>
    new TextDecoder().decode(files[name] as Uint8Array).startsWith(text)
  )!;
for (
  const [what, files, message] of [
    ["a directory of something else", { "x": "y" }, "neither an OCI layout nor a docker archive"],
    [
      "a changed manifest",
      await spoil((f) => f[blobWith(f, '{"schemaVersion":2,"config"')] = '{"schemaVersion":2}'),
      "its digest is",
    ],
    [
      "a changed configuration",
      await spoil((f) => f[blobWith(f, '{"architecture"')] = '{"architecture":"amd64"}'),
      "its digest is",
    ],
    [
      "a changed layer",
      await (async () => {
        const packed = await gzip(await tarOf([]));
        return await spoil((f) => f[blobWith(f, "\x1f")] = packed);
      })(),
      'layer "blobs/sha256/',
    ],
    ["a missing layer", await spoil((f) => delete f[blobWith(f, "\x1f")]), "it has no file"],
    [
      "damaged zstd",
      await spoil((f) => f[blobWith(f, "\x1f")] = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd])),
      "it ends in the middle of a zstd frame",
    ],
    ["an index that is not JSON", { "oci-layout": "{}", "index.json": "{" }, "it is not JSON"],
    ["an empty index", { "oci-layout": "{}", "index.json": "{}" }, "no image for"],
    [
      "a digest that climbs out",
      {
        "oci-layout": "{}",
        "index.json": '{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}',
      },
      "want sha256:<64 hex>",
    ],
    [
      "a configuration outside of the directory",
      { "manifest.json": '[{"Config":"../../../etc/passwd","Layers":[]}]' },
      'it names "../../../etc/passwd", which is outside of it',
    ],
    [
      "more layers than diff IDs",
      {
        "manifest.json": '[{"Config":"c","Layers":["a"]}]',
        "c": '{"architecture":"amd64","os":"linux"}',
      },
      "its manifest has 1 layer, its configuration 0",
    ],
    [
      "a docker archive with another layer",
      { ...await dockerFiles(image), "0abc/layer.tar": await tarOf([]) },
      "its digest is",
    ],
  ] as const
) {
  Deno.test(`openBase() refuses ${what}`, () =>
    inTempDir(async (dir) => {
      await writeDirectory(join(dir, "f"), files as Record<string, Uint8Array | string>);
      await assertRejects(() => openBase(join(dir, "f"), { arch: "amd64" }), KbuildError, message);
    }));
}

Deno.test("openBase() refuses what is missing and what is not an archive", () =>
  inTempDir(async (dir) => {
    const open = (name: string) => openBase(join(dir, name), { arch: "amd64" });
    await assertRejects(() => open("no"), KbuildError, "no such file or directory");
    await Deno.writeTextFile(join(dir, "text"), "hello\n".repeat(500));
    await assertRejects(() => open("text"), KbuildError, "not a tar member");
  }));

Deno.test("openBase() reads layers that are compressed with zstd, in frames too", () =>
  inTempDir(async (dir) => {
    const files = await ociFiles([{ arch: "amd64", layers: [baseLayer] }]);
    const tar = await tarOf(baseLayer);
    const half = tar.length / 2;
    const packed = [
      zstdCompressSync(tar.subarray(0, half)),
      // A frame to be skipped, as those who make blobs to be read in parts put in.
      new Uint8Array([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]),
      zstdCompressSync(tar.subarray(half)),
    ];
    const blob = new Uint8Array(await new Blob(packed as BlobPart[]).arrayBuffer());
    const manifestName = Object.keys(files).find((name) =>
      name.startsWith("blobs/") &&
      new TextDecoder().decode(files[name] as Uint8Array).includes('"schemaVersion"')
    )!;
    const manifest = JSON.parse(
      String(new TextDecoder().decode(files[manifestName] as Uint8Array)),
    );
    for (const cut of [0, 1, 20]) {
      const bytes = blob.subarray(0, blob.length - cut);
      const digest = `sha256:${sha256(bytes)}`;
      const mediaType = "application/vnd.oci.image.layer.v1.tar+zstd";
      const text = JSON.stringify({
        ...manifest,
        layers: [{ mediaType, digest, size: bytes.length }],
      });
      const directory = join(dir, `${cut}`);
      await writeDirectory(directory, {
        ...files,
        [`blobs/sha256/${sha256(bytes)}`]: bytes,
        [`blobs/sha256/${sha256(text)}`]: text,
        "index.json": JSON.stringify({ manifests: [{ digest: `sha256:${sha256(text)}` }] }),
      });
      if (cut > 0) {
        await assertRejects(() => openBase(directory, { arch: "amd64" }), KbuildError);
        continue;
      }
      await using base = await openBase(directory, { arch: "amd64" });
      assertEquals(base.layers[0]?.diffID, `sha256:${sha256(tar)}`);
      assertEquals(
        (await new Response(ReadableStream.from(base.layers[0]!.open())).bytes()).length,
        tar.length,
      );
    }
  }));

Deno.test("openBase() sees the files as the layers together show them", () =>
  inTempDir(async (dir) => {
    const at = { mtime: 0 };
    const file = (name: string) => bytesEntry(name, utf8("x"), at);
    const layers = [
      [
        directoryEntry("a", at),
        file("a/1"),
        directoryEntry("b", at),
        file("b/1"),
        file("c"),
        file("d"),
        directoryEntry("e", at),
        directoryEntry("e/f", at),
        directoryEntry("e/f/g", at),
        file("e/f/g/1"),
        file("e/fg"),
        directoryEntry("h", at),
        file("h/1"),
      ],
      // The new file precedes the opaque mark, which must not remove it.
      [
        file("b/2"),
        file("b/.wh..wh..opq"),
        file("a/.wh.1"),
        file(".wh.c"),
        directoryEntry("d", at),
        file("e/.wh.f"),
        file("h"),
      ],
    ];
    await writeDirectory(dir, await ociFiles([{ arch: "amd64", layers }]));
    await using base = await openBase(dir, { arch: "amd64" });
    assertEquals([...base.tree].map(([path, { type }]) => `${path} ${type}`).sort(), [
      "a directory",
      "b directory",
      "b/2 file",
      "d directory",
      "e directory",
      "e/fg file",
      "h file",
    ]);
  }));

const binary = (name: string) => bytesEntry(name, utf8("ELF"), { mtime: 99, mode: 0o755 });

Deno.test("copyLayer() brings the directories that the base has not", () => {
  const layer = copyLayer(new Map(), [binary("usr/local/bin/x"), binary("usr/local/bin/y")], {
    created: 99,
  });
  assertEquals(layer.map(({ name, mode, mtime }) => `${name} ${mode.toString(8)} ${mtime}`), [
    "usr/ 755 99",
    "usr/local/ 755 99",
    "usr/local/bin/ 755 99",
    "usr/local/bin/x 755 99",
    "usr/local/bin/y 755 99",
  ]);
});

Deno.test("copyLayer() keeps the directories of the base and follows its links", () =>
  inTempDir(async (dir) => {
    await writeDirectory(dir, await ociFiles([image]));
    await using base = await openBase(dir, { arch: "amd64" });
    const layer = copyLayer(base.tree, [binary("bin/kubectl"), binary("tmp/x")], { created: 99 });
    assertEquals(layer.map(({ name, mode, mtime, uid }) => [name, mode, mtime, uid]), [
      ["usr/", 0o755, 5, 0],
      ["usr/bin/", 0o711, 6, 0],
      ["usr/bin/kubectl", 0o755, 99, undefined],
      ["tmp/", 0o1777, 9, 12],
      ["tmp/x", 0o755, 99, undefined],
    ]);
    assertThrows(
      () => copyLayer(base.tree, [binary("usr/bin/sh/x")], { created: 99 }),
      KbuildError,
      '"/usr/bin/sh" is a file',
    );
    assertThrows(
      () => copyLayer(base.tree, [binary("usr/bin")], { created: 99 }),
      KbuildError,
      "it is a directory",
    );
  }));

Deno.test("copyLayer() refuses links that go in circles", () => {
  const node = {
    type: "symlink",
    mode: 0o777,
    mtime: 0,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
  } as const;
  const tree = new Map([["a", { ...node, linkName: "b" }], ["b", { ...node, linkName: "/a" }]]);
  assertThrows(() => copyLayer(tree, [binary("a/x")], { created: 0 }), KbuildError, "in circles");
});
