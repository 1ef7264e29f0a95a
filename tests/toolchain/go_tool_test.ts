import { assertEquals } from "@std/assert";
import { compareGoVersions, isGoRelease, parseGoVersion } from "../../src/toolchain/mod.ts";

Deno.test("parseGoVersion() reads releases, candidates, experiments and development versions", () => {
  const table: [string, ReturnType<typeof parseGoVersion>][] = [
    ["go version go1.19.8 linux/amd64", { version: "1.19.8", devel: false, host: "linux/amd64" }],
    ["go version go1.9 linux/amd64", { version: "1.9", devel: false, host: "linux/amd64" }],
    ["go version go1.24rc1 darwin/arm64", {
      version: "1.24rc1",
      devel: false,
      host: "darwin/arm64",
    }],
    ["go version go1.26beta2 linux/arm64", {
      version: "1.26beta2",
      devel: false,
      host: "linux/arm64",
    }],
    [
      "go version go1.20.1 X:boringcrypto linux/arm64",
      { version: "1.20.1", devel: false, host: "linux/arm64" },
    ],
    [
      "go version go1.21.7-fips linux/s390x",
      { version: "1.21.7", devel: false, host: "linux/s390x" },
    ],
    [
      "go version devel go1.27-5b7f1ea Mon Nov 3 2025 linux/amd64",
      { version: "1.27", devel: true, host: "linux/amd64" },
    ],
    [
      "go version devel +abcdef123 Mon Nov 3 2019 linux/amd64",
      { version: "", devel: true, host: "linux/amd64" },
    ],
    ["gccgo (Debian) 12.2.0", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of table) assertEquals(parseGoVersion(line), expected, line);
});

Deno.test("compareGoVersions() compares numbers, not text, and candidates before releases", () => {
  const table: [string, string, number][] = [
    ["1.10", "1.6", 1],
    ["1.6", "1.10", -1],
    ["1.15.0", "1.15", 0],
    ["1.19.8", "1.19.10", -1],
    ["1.26.8", "1.15.0", 1],
    ["1.26rc1", "1.26.0", -1],
    ["1.26rc1", "1.25.9", 1],
    ["1.26rc2", "1.26rc10", -1],
    ["1.26beta1", "1.26rc1", -1],
    ["2.0", "1.99.9", 1],
  ];
  for (const [a, b, sign] of table) {
    assertEquals(Math.sign(compareGoVersions(a, b)), sign, `${a} and ${b}`);
    assertEquals(Math.sign(compareGoVersions(b, a)), sign === 0 ? 0 : -sign, `${b} and ${a}`);
  }
});

Deno.test("isGoRelease() takes what Go's archives are named after, and nothing else", () => {
  for (const text of ["1.21.7", "1.9", "1.26rc1", "1.26beta2"]) {
    assertEquals(isGoRelease(text), true);
  }
  for (
    const text of ["", "go1.21.7", "1", "1.21.", "1.21.7-x", "../1.2", "1.2\n", "devel", "1.2.3.4"]
  ) {
    assertEquals(isGoRelease(text), false, text);
  }
});
