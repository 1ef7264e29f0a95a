import { assert, assertEquals } from "@std/assert";
import { NO_PACKAGE, packageOf, programSizes } from "../../src/audit/mod.ts";
import { unless, which } from "../e2e/_program.ts";

Deno.test("packageOf() finds the package in the name of a function", () => {
  const cases = [
    ["main.main", "main"],
    ["k8s.io/api/core/v1.(*Pod).Size", "k8s.io/api/core/v1"],
    ["k8s.io/kubernetes/cmd/kubectl/app.Run.func1.2", "k8s.io/kubernetes/cmd/kubectl/app"],
    ["k8s.io/kubernetes/vendor/gopkg.in/yaml%2ev2.init", "gopkg.in/yaml.v2"],
    ["slices.SortFunc[go.shape.[]k8s.io/api/core/v1.Pod]", "slices"],
    ["type:.eq.net/http.Cookie", "net/http"],
    ["type..hash.net/http.Cookie", "net/http"],
    ["vendor/golang.org/x/net/idna.init", "vendor/golang.org/x/net/idna"],
    ["_cgo_panic", NO_PACKAGE],
    ["", NO_PACKAGE],
    ["a b/c.d", NO_PACKAGE],
  ];
  for (const [name = "", want] of cases) assertEquals(packageOf(name), want, name);
});

/** A program of Go that is there: go itself. */
function goProgram(): string | undefined {
  const found = which("go");
  return found === undefined ? undefined : Deno.realPathSync(found);
}

Deno.test({
  ...unless(
    goProgram() === undefined && "needs go",
    "programSizes() accounts for all machine code of a Go program, and bears any damage",
  ),
  fn() {
    const bytes = Deno.readFileSync(goProgram()!);
    const { packages, sections, size } = programSizes(bytes)!;
    assertEquals(size, bytes.length);
    assert((packages?.["cmd/go/internal/load"] ?? 0) > 10_000, JSON.stringify(packages));
    const total = Object.values(packages!).reduce((sum, each) => sum + each, 0);
    const text = sections[".text"];
    // Mach-O files have no sections here. Some bytes before and behind the functions are nobody's.
    if (text !== undefined) assert(total <= text && total > text * 0.999, `${total} of ${text}`);
    for (const length of [64, 4096, 100_000, bytes.length >> 1]) {
      programSizes(bytes.subarray(0, length));
    }
    const damaged = bytes.slice(0, 1 << 20);
    for (let at = 64; at < damaged.length; at += 97) damaged[at] = 0xff;
    assertEquals(programSizes(damaged)?.size, damaged.length);
  },
});

Deno.test("programSizes() has no packages of a table that leads out of the file", () => {
  const bytes = new Uint8Array(4096);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes[18] = 62;
  const table = new DataView(bytes.buffer, 1024);
  for (const count of [0n, 1n, 0xffffn, 0xffffffffffffffffn]) {
    table.setUint32(0, 0xfffffff1, true);
    table.setUint8(6, 1);
    table.setUint8(7, 8);
    table.setBigUint64(8, count, true);
    for (let at = 16; at < 72; at += 8) table.setBigUint64(at, 0xffffffn, true);
    assertEquals(programSizes(bytes)?.packages, undefined, `${count}`);
  }
  assertEquals(programSizes(new TextEncoder().encode("#!/bin/sh")), undefined);
});
