/** What nobody wants to unpack. */
import { assertEquals } from "@std/assert";
import { type Member, memberHazards } from "../../src/audit/mod.ts";

function member(name: string, fields: Partial<Member> = {}): Member {
  const nothing = { mode: 0o644, mtime: 0, size: 0, uid: 0, gid: 0, uname: "", gname: "" };
  return { name, type: "file", ordinal: 0, ...nothing, ...fields };
}

/** A member of a tarball, and what is wrong with it. */
const CASES: readonly (readonly [Member, string])[] = [
  [member("/etc/passwd"), "is outside of the archive's tree"],
  [member("kubernetes/../etc/passwd"), "is outside of the archive's tree"],
  [member("kubernetes-evil/x"), 'is outside of "kubernetes"'],
  [member("version"), 'is outside of "kubernetes"'],
  [
    member("kubernetes/\x1b[2J"),
    "has a name with control characters, or one that is not UTF-8",
  ],
  [
    member("kubernetes/a\nok"),
    "has a name with control characters, or one that is not UTF-8",
  ],
  [
    member("kubernetes/\u202egnp"),
    "has a name with control characters, or one that is not UTF-8",
  ],
  [
    member("kubernetes/\udc80"),
    "has a name with control characters, or one that is not UTF-8",
  ],
  [
    member("kubernetes/a", { type: "hardlink", linkName: "kubernetes/b" }),
    'is a hard link to "kubernetes/b"',
  ],
  [member("kubernetes/a", { type: "character" }), "is a character device"],
  [member("kubernetes/a", { type: "block" }), "is a block device"],
  [member("kubernetes/a", { type: "fifo" }), "is a named pipe"],
  [member("kubernetes/a", { mode: 0o4755 }), "has mode 4755: it would run as its owner (setuid)"],
  [member("kubernetes/a", { mode: 0o2755 }), "has mode 2755: it would run as its group (setgid)"],
  [member("kubernetes/a", { mode: 0o666 }), "has mode 0666: everybody could write to it"],
  [
    member("kubernetes/a/", { type: "directory", mode: 0o777 }),
    "has mode 0777: everybody could write to it",
  ],
  [
    member("kubernetes/a", { xattrs: { "security.capability": new Uint8Array(20) } }),
    "has capabilities, with which it could do more than whoever starts it",
  ],
  ...["/etc", "../b", "b/../../..", "", "../../kubernetes/b"].map((linkName) =>
    [
      member("kubernetes/a", { type: "symlink", mode: 0o777, linkName }),
      `is a link to "${linkName}", which may lead out of the archive's tree`,
    ] as const
  ),
];

Deno.test("memberHazards() names each member with its cause", () => {
  for (const [each, text] of CASES) {
    assertEquals([...memberHazards([each], { tree: "kubernetes" })], [{ path: [each.name], text }]);
  }
});

Deno.test("memberHazards() finds two members of one name, however it is written", () => {
  const names = ["kubernetes/a", "./kubernetes//a", "kubernetes/./a", "kubernetes/b"];
  assertEquals([...memberHazards(names.map((name) => member(name)), { tree: "kubernetes" })], [
    { path: ["./kubernetes//a"], text: "is in the archive more than once" },
  ]);
});

Deno.test("memberHazards() finds nothing in what releases hold", () => {
  const release = [
    member("./", { type: "directory", mode: 0o755 }),
    member("./kubernetes/", { type: "directory", mode: 0o775 }),
    member("kubernetes/server/bin/kubelet", { mode: 0o755 }),
    member('kubernetes/a "quoted" näme', { mode: 0o664 }),
    member("kubernetes/cluster/gce/cos", { type: "symlink", mode: 0o777, linkName: "gci" }),
    member("kubernetes/a/b", { type: "symlink", mode: 0o777, linkName: "../server" }),
  ];
  assertEquals([...memberHazards(release, { tree: "kubernetes" })], []);
  // As docker wrote a layer that comes again.
  const again = { type: "symlink", linkName: "../a/layer.tar", mode: 0o777 } as const;
  assertEquals([...memberHazards([member("b/layer.tar", again)], { isImages: true })], []);
  const hard = member("a", { type: "hardlink", linkName: "b" });
  assertEquals([...memberHazards([hard, member("c", { mode: 0o666 })], { isImages: true })], []);
});
