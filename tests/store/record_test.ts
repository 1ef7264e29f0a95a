import { assertEquals, assertThrows } from "@std/assert";
import { encodeMessage } from "../../src/store/protobuf.ts";
import { decodeResult, decodeValue, encodeResult, encodeValue } from "../../src/store/record.ts";
import { bytesOf, keyOf } from "./_files.ts";

const key = keyOf("key");
const file = {
  path: "a/b",
  digest: `sha256:${keyOf("content")}`,
  size: 5_000_000_000,
  mode: 0o755,
};

/** The entry of any JSON. */
function entryOf(value: unknown): Uint8Array<ArrayBuffer> {
  return encodeMessage([[5, JSON.stringify(value)]]);
}

Deno.test("decodeResult() gives back what encodeResult() was given", () => {
  const result = { key, files: [{ ...file, path: "a" }, file], seconds: 0.25, note: "über" };
  assertEquals(decodeResult(key, encodeResult(result)), result);
  assertEquals(decodeResult(key, encodeResult({ key, files: [] })), { key, files: [] });
});

Deno.test("encodeResult() is an ActionResult of the remote execution API", () => {
  const bytes = encodeResult({ key, files: [{ ...file, path: "a", size: 300 }] });
  const hash = [...new TextEncoder().encode(keyOf("content"))];
  const digest = [0x0a, 64, ...hash, 0x10, 0xac, 0x02];
  const output = [0x0a, 1, 97, 0x12, digest.length, ...digest, 0x20, 1];
  assertEquals([...bytes.subarray(0, output.length + 2)], [0x12, output.length, ...output]);
  assertEquals(bytes[output.length + 2], 0x2a);
});

Deno.test("decodeResult() refuses what leads out of a directory, and whatever is not a result", () => {
  const good = { kbuild: 1, key, files: [file] };
  assertEquals(decodeResult(key, entryOf(good))?.files.length, 1);
  const files: unknown[] = [
    ...["", "/a", "a/../b", "../a", "a//b", "./a", "a/", "a\0b", 5, "a/".repeat(3000) + "a"].map(
      (path) => [{ ...file, path }],
    ),
    ...["sha256:", "md5:abc", `sha256:${"A".repeat(64)}`, null].map((
      digest,
    ) => [{ ...file, digest }]),
    ...[-1, 1.5, 2 ** 60, "5", null].map((size) => [{ ...file, size }]),
    ...[0o777, 0o4755, 0, "493"].map((mode) => [{ ...file, mode }]),
    ...[[file, file], [{ ...file, path: "b" }, file], [null], {}, undefined],
  ];
  for (const each of files) {
    assertEquals(decodeResult(key, entryOf({ ...good, files: each })), undefined);
  }
  for (const other of [{ kbuild: 2 }, { key: keyOf("other") }, { seconds: -1 }, { note: 5 }]) {
    assertEquals(decodeResult(key, entryOf({ ...good, ...other })), undefined);
  }
  assertThrows(() => encodeResult({ key, files: [{ ...file, path: "../a" }] }), TypeError);
});

Deno.test("decodeResult() and decodeValue() take no bytes for an entry that are not one", () => {
  const whole = encodeValue(key, bytesOf(100));
  assertEquals(decodeValue(key, whole), bytesOf(100));
  assertEquals(decodeValue(keyOf("other"), whole), undefined);
  for (let size = 0; size < whole.length; size++) {
    assertEquals(decodeValue(key, whole.slice(0, size)), undefined);
  }
  for (let seed = 0; seed < 2000; seed++) {
    const bytes = bytesOf(seed % 50, seed);
    assertEquals(decodeValue(key, bytes), undefined);
    assertEquals(decodeResult(key, bytes), undefined);
  }
});
