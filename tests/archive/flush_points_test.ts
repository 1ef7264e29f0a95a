import { assertEquals } from "@std/assert";
import { bytesEntry, FlushPoints, writeTar } from "../../src/archive/mod.ts";
import { collect, noise, tarOf } from "./helpers.ts";

const MIB = 1 << 20;
const mtime = 1600000000;

/** All places that are found when the tar comes in pieces of `step` bytes. */
function cutsOf(tar: Uint8Array, step: number): number[] {
  const points = new FlushPoints();
  const found: number[] = [];
  for (let at = 0; at < tar.length; at += step) {
    found.push(...points.find(tar.subarray(at, at + step)).map((offset) => at + offset));
  }
  return found;
}

Deno.test("FlushPoints.find() finds where contents of 1 MiB and more begin and end", async () => {
  const tar = await tarOf([
    bytesEntry("small", noise(MIB - 1), { mtime }),
    bytesEntry("large", noise(MIB + 5), { mtime }),
    bytesEntry("last", noise(3 * MIB), { mtime }),
  ]);
  const large = 512 + MIB + 512;
  const last = large + MIB + 512 + 512;
  const expected = [large, large + MIB + 5, last, last + 3 * MIB];
  for (const step of [1 << 20, 4096, 1000, 511]) assertEquals(cutsOf(tar, step), expected);
});

Deno.test("FlushPoints.find() finds contents in archives inside archives", async () => {
  const program = noise(2 * MIB + 77);
  const layer = await tarOf([
    bytesEntry("usr/local/bin/kube-proxy", program, {
      mtime,
      xattrs: { "security.capability": noise(20) },
    }),
  ]);
  const image = await tarOf([bytesEntry("blobs/sha256/0", layer, { mtime })]);
  const tar = await tarOf([
    bytesEntry("kube-proxy", program, { mtime }),
    bytesEntry("kube-proxy.tar", image, { mtime }),
  ]);
  const found = cutsOf(tar, 65536);
  // Header, PAX header and its record.
  const inLayer = 3 * 512;
  const second = 512 + program.length + (512 - program.length % 512) + 512;
  assertEquals(found.slice(0, 4), [512, 512 + program.length, second, second + 512]);
  const start = second + 512 + inLayer;
  assertEquals(found.slice(4, 6), [start, start + program.length]);
  assertEquals(found.slice(6), [second + 512 + layer.length, second + image.length]);
});

Deno.test("FlushPoints.find() takes anything for input", () => {
  assertEquals(cutsOf(noise(3 * MIB), 70001), []);
  assertEquals(cutsOf(new Uint8Array(MIB), 512), []);
});

Deno.test("FlushPoints.find() does not let a member reach beyond its archive", async () => {
  // A member inside claims 3 MiB, where its archive has 1 MiB and a half.
  const out = collect();
  await writeTar([bytesEntry("liar", noise(3 * MIB), { mtime })], out.sink);
  const cutOff = out.bytes().slice(0, MIB + MIB / 2);
  const tar = await tarOf([
    bytesEntry("inner.tar", cutOff, { mtime }),
    bytesEntry("next", noise(MIB), { mtime }),
  ]);
  const next = 512 + cutOff.length + 512;
  assertEquals(cutsOf(tar, MIB), [512, 512 + cutOff.length, next, next + MIB]);
});
