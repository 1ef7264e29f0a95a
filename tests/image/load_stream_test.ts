import { assertEquals, assertRejects } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { readTar } from "../../src/archive/mod.ts";
import { type ImageFiles, loadStream } from "../../src/image/mod.ts";
import { baseLayer, ociFiles, sha256, utf8 } from "./helpers.ts";

const bytesOf = (content: Uint8Array | string) =>
  typeof content === "string" ? utf8(content) : content;

/** Files in memory. */
function inMemory(files: Readonly<Record<string, Uint8Array | string>>): ImageFiles {
  return {
    label: "image",
    has: (name) => Promise.resolve(files[name] !== undefined),
    async *read(name) {
      await Promise.resolve();
      yield bytesOf(files[name]!).slice();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("loadStream() is the image of one architecture, byte for byte", async () => {
  const images = ["amd64", "arm64"].map((arch) => ({
    ...{ arch, layers: [baseLayer, baseLayer], compressed: true },
    config: { User: arch },
  }));
  const files = await ociFiles(images);
  const found = new Map<string, Uint8Array>();
  for await (const member of readTar(loadStream(inMemory(files), "arm64", ["a.example/b:c"]))) {
    found.set(member.name, await member.bytes());
  }
  const [entry] = JSON.parse(new TextDecoder().decode(found.get("manifest.json")));
  assertEquals(entry.RepoTags, ["a.example/b:c"]);
  const config = JSON.parse(new TextDecoder().decode(found.get(entry.Config)));
  assertEquals([config.architecture, config.config], ["arm64", { User: "arm64" }]);
  assertEquals(entry.Layers.length, 2);
  // Equal layers are there once.
  assertEquals(found.size, new Set([entry.Config, ...entry.Layers]).size + 1);
  for (const [name, bytes] of found) {
    if (name === "manifest.json") continue;
    assertEquals(name, `blobs/sha256/${sha256(bytes)}`);
    assertEquals(bytes, bytesOf(files[name]!));
  }
});

Deno.test("loadStream() names the architectures where there is no image", async () => {
  const files = await ociFiles([{ arch: "amd64", layers: [baseLayer], config: {} }]);
  const stream = loadStream(inMemory(files), "s390x", []);
  const error = await assertRejects(() => stream.next(), KbuildError);
  assertEquals(/amd64/.test([error.message, ...error.notes].join("\n")), true);
});
