import { assertEquals, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { encodeHeader, type TarEntry } from "../../src/archive/mod.ts";

const file: TarEntry = { name: "a", type: "file", mode: 0o644, mtime: 1, size: 0 };

function field(block: Uint8Array, offset: number, length: number): string {
  return new TextDecoder().decode(block.subarray(offset, offset + length)).replace(/\0.*$/s, "");
}

Deno.test("encodeHeader() writes a ustar block", () => {
  const block = encodeHeader({ ...file, name: "dir/kubectl", mode: 0o4751, mtime: 1600000000 });
  assertEquals(block.length, 512);
  assertEquals(field(block, 0, 100), "dir/kubectl");
  assertEquals(field(block, 100, 8), "0004751");
  assertEquals(field(block, 136, 12), "13727410000");
  assertEquals(field(block, 257, 8), "ustar");
  assertEquals([field(block, 265, 32), field(block, 297, 32)], ["root", "root"]);
  const sum = block.reduce((n, byte, i) => n + (i >= 148 && i < 156 ? 32 : byte), 0);
  assertEquals(parseInt(field(block, 148, 7), 8), sum);
});

Deno.test("encodeHeader() writes GNU tar's own form for those who know no PAX", () => {
  const block = encodeHeader({ ...file, name: "./a", mode: 0o755 }, "gnu");
  assertEquals(block.length, 512);
  assertEquals(new TextDecoder().decode(block.subarray(257, 265)), "ustar  \0");
  assertEquals([field(block, 265, 32), field(block, 297, 32)], ["root", "root"]);
  assertEquals(block.subarray(329).every((byte) => byte === 0), true);
  const sum = block.reduce((n, byte, i) => n + (i >= 148 && i < 156 ? 32 : byte), 0);
  assertEquals(parseInt(field(block, 148, 7), 8), sum);
  assertEquals(encodeHeader({ ...file, name: "d".repeat(100) }, "gnu").length, 512);
  for (
    const fields of [
      { xattrs: { "user.a": new Uint8Array(1) } },
      { mtime: -1 },
    ]
  ) {
    assertThrows(
      () => encodeHeader({ ...file, ...fields }, "gnu"),
      KbuildError,
      "into an archive without PAX headers",
    );
  }
});

const d = (n: number) => "d".repeat(n);
for (
  const [what, name, prefix, rest] of [
    ["100 bytes as a name", d(100), "", d(100)],
    ["155 + 100 bytes split", `${d(155)}/${d(100)}`, d(155), d(100)],
    [
      "UTF-8 split at a slash",
      `${"ü".repeat(70)}/${"ü".repeat(50)}`,
      "ü".repeat(70),
      "ü".repeat(50),
    ],
  ] as const
) {
  Deno.test(`encodeHeader() keeps ${what}`, () => {
    const block = encodeHeader({ ...file, name });
    assertEquals(block.length, 512);
    assertEquals([field(block, 345, 155), field(block, 0, 100)], [prefix, rest]);
  });
}

for (
  const [what, fields, record] of [
    ["101 bytes without a slash", { name: d(101) }, `111 path=${d(101)}\n`],
    ["a part over 100 bytes", { name: `x/${d(101)}` }, `113 path=x/${d(101)}\n`],
    [
      "a directory whose own slash is the only place to split",
      { name: `${d(101)}/`, type: "directory" },
      `112 path=${d(101)}/\n`,
    ],
    ["a long link", { type: "symlink", linkName: d(101) }, `115 linkpath=${d(101)}\n`],
    ["8 GiB", { size: 8 * 2 ** 30 }, "19 size=8589934592\n"],
    ["a time before 1970", { mtime: -1 }, "12 mtime=-1\n"],
    ["a large uid", { uid: 2097152 }, "15 uid=2097152\n"],
    ["a long user name", { uname: d(32) }, `42 uname=${d(32)}\n`],
    [
      "extended attributes in order",
      { xattrs: { "user.b": new Uint8Array([0x31]), "user.a": new Uint8Array([0x32]) } },
      "25 SCHILY.xattr.user.a=2\n25 SCHILY.xattr.user.b=1\n",
    ],
  ] as const
) {
  Deno.test(`encodeHeader() writes a PAX record for ${what}`, () => {
    const bytes = encodeHeader({ ...file, ...fields } as TarEntry);
    assertEquals(bytes.length, 1536);
    assertEquals(String.fromCharCode(bytes[156]!), "x");
    assertEquals(field(bytes, 512, 512), record);
  });
}

Deno.test("encodeHeader() counts a record's length with its own digits", () => {
  // 99 would need three digits once they are counted: the jump from 2 to 3 digits.
  for (let n = 101; n < 1200; n++) {
    const bytes = encodeHeader({ ...file, name: d(n) });
    const record = new TextDecoder().decode(bytes.subarray(512)).split("\n")[0] + "\n";
    assertEquals(record.length, parseInt(record));
  }
});

Deno.test("encodeHeader() encodes the 8 GiB less one byte in ustar", () => {
  assertEquals(encodeHeader({ ...file, size: 8 * 2 ** 30 - 1 }).length, 512);
});

for (
  const [what, fields, message] of [
    ["an empty name", { name: "" }, "the name is empty"],
    ["an absolute name", { name: "/etc" }, "starts with a slash"],
    ["a NUL", { name: "a\0b" }, "NUL"],
    ["a .. part", { name: "a/../b" }, '".." part'],
    ["a lone surrogate", { name: "\ud800" }, "not valid text"],
    ["a file with a slash at the end", { name: "a/" }, "ends in a slash"],
    ["a directory without one", { type: "directory" }, "ends in a slash"],
    ["a link without target", { type: "symlink" }, "no target"],
    ["a file with a target", { linkName: "b" }, "no link target"],
    ["an attribute with =", { xattrs: { "a=b": new Uint8Array(0) } }, "extended attribute"],
  ] as const
) {
  Deno.test(`encodeHeader() refuses ${what}`, () => {
    assertThrows(() => encodeHeader({ ...file, ...fields } as TarEntry), KbuildError, message);
  });
}

for (
  const fields of [{ mode: 0o10000 }, { mtime: 1.5 }, { size: -1 }, { uid: NaN }, {
    type: "symlink",
    linkName: "x",
    size: 1,
  }] as const
) {
  Deno.test(`encodeHeader() refuses ${JSON.stringify(fields)}`, () => {
    assertThrows(() => encodeHeader({ ...file, ...fields } as TarEntry), RangeError);
  });
}

Deno.test("encodeHeader() gives long names members of their own in GNU tar's form", () => {
  const name = "d".repeat(150);
  const bytes = encodeHeader({ ...file, name }, "gnu");
  assertEquals([field(bytes, 0, 100), bytes.length], ["././@LongLink", 3 * 512]);
  assertEquals([field(bytes, 156, 1), field(bytes, 512, 512)], ["L", name]);
  const linkName = "t".repeat(511);
  const link = encodeHeader({ ...file, name: "l", type: "symlink", size: 0, linkName }, "gnu");
  assertEquals([field(link, 156, 1), link.length], ["K", 3 * 512]);
  assertEquals(field(link, 512, 512), linkName);
});
