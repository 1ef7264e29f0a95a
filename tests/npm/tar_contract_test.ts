/**
 * What kbuild expects of `@std/tar`. The file knows the module by its bare name alone, so it can be
 * run against the stand-in and against the original (see `originals_test.ts`).
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  assertValidPath,
  assertValidTarStreamOptions,
  TarStream,
  type TarStreamInput,
} from "@std/tar";
import { createHash } from "node:crypto";

const options = () => ({
  mtime: 1_600_000_000,
  mode: 0o640,
  uid: 7,
  gid: 8,
  uname: "a",
  gname: "b",
});
const content = (...chunks: Uint8Array[]) => ReadableStream.from<Uint8Array>(chunks);
const bytes = (size: number) => Uint8Array.from({ length: size }, (_, at) => at * at);
const long = (first: number, last: number) => `${"p".repeat(first)}/${"n".repeat(last)}`;

/** Members of every kind, and names at every limit; each time new, since streams are read once. */
function members(): TarStreamInput[] {
  return [
    { type: "directory", path: "d/", options: { ...options(), mode: 0o755 } },
    { type: "file", path: "empty", size: 0, readable: content(), options: options() },
    { type: "file", path: long(155, 99), size: 3, readable: content(bytes(3)), options: options() },
    { type: "symlink", path: "l", linkname: "ü".repeat(50), options: options() },
    {
      type: "file",
      path: "n".repeat(100),
      size: 3 << 20,
      readable: content(bytes(1), bytes(1 << 20), bytes((2 << 20) - 1)),
      options: options(),
    },
    { type: "file", path: "x/ünï", size: 512, readable: content(bytes(512)), options: options() },
    { type: "file", path: `a/${long(0, 98)}`, size: 0, readable: content(), options: options() },
    { type: "directory", path: `${long(40, 70)}/`, options: options() },
    { type: "file", path: "z", size: 1, readable: content(bytes(1)), options: options() },
  ];
}

/** Reads with one buffer that is used again and again, cleared where a header goes. */
async function* readAgain(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader({ mode: "byob" });
  let buffer = new Uint8Array(1 << 20).fill(0xff);
  for (;;) {
    const { done, value } = await reader.read(buffer.fill(0, 0, 512));
    if (done) return;
    yield value;
    buffer = new Uint8Array(value.buffer);
  }
}

function archive(inputs: readonly TarStreamInput[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(inputs).pipeThrough(new TarStream());
}

async function digest(chunks: AsyncIterable<Uint8Array>): Promise<[size: number, digest: string]> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
  }
  return [size, hash.digest("hex")];
}

Deno.test("TarStream writes the same bytes however it is read", async () => {
  const wanted: [number, string] = [
    3_152_896,
    "f4d3a293a350c206daa67d551c5967866a8e47e1ed5a53d5686f88a437be724e",
  ];
  assertEquals(await digest(archive(members())), wanted);
  assertEquals(await digest(readAgain(archive(members()))), wanted);
});

Deno.test("TarStream fails where a content has another size, and passes on errors", async () => {
  for (const size of [0, 2, 4, 513]) {
    const file = { type: "file" as const, path: "f", size, readable: content(bytes(3)) };
    await assertRejects(() => digest(readAgain(archive([file]))), RangeError);
  }
  const broken = async function* () {
    yield bytes(3);
    throw new SyntaxError("broken");
  };
  const readable = ReadableStream.from(broken());
  const file = { type: "file" as const, path: "f", size: 9, readable };
  await assertRejects(() => digest(readAgain(archive([file]))), SyntaxError, "broken");
  const inputs = async function* () {
    yield { type: "directory" as const, path: "d/" };
    throw new SyntaxError("broken");
  };
  const stream = ReadableStream.from<TarStreamInput>(inputs()).pipeThrough(new TarStream());
  await assertRejects(() => digest(readAgain(stream)), SyntaxError, "broken");
});

Deno.test("assertValidPath() knows what TarStream can split", () => {
  for (const path of ["a", "n".repeat(100), long(155, 99), long(20, 80), `${long(40, 70)}/`]) {
    assertValidPath(path);
  }
  for (const path of ["n".repeat(101), long(155, 100), long(1, 100), "ü".repeat(51)]) {
    assertThrows(() => assertValidPath(path), RangeError);
  }
  assertThrows(() => assertValidPath(long(156, 99)), TypeError);
});

Deno.test("assertValidTarStreamOptions() knows what a header can hold", () => {
  assertValidTarStreamOptions({});
  assertValidTarStreamOptions({ ...options(), uid: 0o777777, gid: 0o777777, mtime: 8 ** 11 - 1 });
  for (
    const bad of [
      ...[{ uid: 0o1000000 }, { gid: -1 }, { mode: 0o1000000 }, { mtime: -1 }, { mtime: 8 ** 11 }],
      ...[{ uname: "ü" }, { gname: "g".repeat(32) }],
    ]
  ) {
    assertThrows(() => assertValidTarStreamOptions(bad), TypeError);
  }
});

Deno.test("TarStream refuses link targets of more than 100 bytes", async () => {
  const link = { type: "symlink" as const, path: "l", linkname: "n".repeat(101) };
  await assertRejects(() => digest(archive([link])));
});
