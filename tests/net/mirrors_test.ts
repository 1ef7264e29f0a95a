import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { candidatesFor, goProxy, parseMirrors, PRESETS } from "../../src/net/mod.ts";

const urls = (text: string, name: string) =>
  candidatesFor(parseMirrors(text), name).map(({ url }) => url);

Deno.test("candidatesFor() takes the rule with the longest prefix that ends where a part does", () => {
  const table = "registry.k8s.io=a.example/k8s registry.k8s.io/build-image=b.example,c.example/x";
  const cases: readonly [name: string, urls: readonly string[]][] = [
    ["registry.k8s.io/pause", ["https://a.example/k8s/pause"]],
    ["registry.k8s.io/build-image/go-runner", [
      "https://b.example/go-runner",
      "https://c.example/x/go-runner",
    ]],
    ["registry.k8s.io/build-images/x", ["https://a.example/k8s/build-images/x"]],
    ["registry.k8s.io.example/x", ["https://registry.k8s.io.example/x"]],
    ["k8s.gcr.io/pause", ["https://k8s.gcr.io/pause"]],
    ["https://registry.k8s.io/pause", ["https://a.example/k8s/pause"]],
    ["http://elsewhere.example/go", ["http://elsewhere.example/go"]],
  ];
  for (const [name, expected] of cases) assertEquals(urls(table, name), expected, name);
});

Deno.test("candidatesFor() keeps the original out, unless direct is written", () => {
  assertEquals(urls("x.example=m.example,direct", "x.example/a"), [
    "https://m.example/a",
    "https://x.example/a",
  ]);
  assertEquals(candidatesFor(parseMirrors("x.example=m.example"), "x.example/a"), [
    { url: "https://m.example/a", rule: "x.example=m.example" },
  ]);
});

Deno.test("candidatesFor() takes http where it is written, and on this machine", () => {
  const cases: readonly [where: string, url: string][] = [
    ["http://m.example", "http://m.example/a"],
    ["m.example:5000", "https://m.example:5000/a"],
    ["localhost:5000", "http://localhost:5000/a"],
    ["127.0.0.1/x/", "http://127.0.0.1/x/a"],
    ["[::1]:80", "http://[::1]:80/a"],
    ["https://localhost:5000", "https://localhost:5000/a"],
    ["127.0.0.1.example", "https://127.0.0.1.example/a"],
  ];
  for (const [where, url] of cases) assertEquals(urls(`x.example=${where}`, "x.example/a"), [url]);
});

Deno.test("parseMirrors() lets the last rule of a prefix count, in all its spellings", () => {
  const table =
    "docker.io=a.example index.docker.io=b.example https://registry-1.docker.io/=c.example";
  assertEquals(parseMirrors(table), [{ prefix: "docker.io", where: ["c.example"] }]);
  assertEquals(
    parseMirrors("preset:daocloud registry.k8s.io=own.example").find(({ prefix }) =>
      prefix === "registry.k8s.io"
    )?.where,
    ["own.example"],
  );
});

Deno.test("parseMirrors() takes every preset, and refuses what is not a rule", () => {
  for (const name of Object.keys(PRESETS)) parseMirrors(`preset:${name}`);
  const cases: readonly [text: string, words: string][] = [
    ["m.example", "it must be PREFIX=WHERE"],
    ["preset:moved m.example", "it must be PREFIX=WHERE"],
    ["x.example=", `"" is not an address`],
    ["x.example=ftp://m.example", "is not an address"],
    ["x.example=m.example/a?b", "is not an address"],
    ["x.example=user:secret@m.example", "is not an address"],
    ["=m.example", `"" is not a registry`],
    ["../x=m.example", `"../x" is not a registry`],
    ["preset:daocluod", 'Unknown preset of mirrors "daocluod"'],
  ];
  for (const [text, words] of cases) {
    const error = assertThrows(() => parseMirrors(text), UsageError);
    assertStringIncludes(error.message, words);
  }
});

Deno.test("goProxy() is a list for GOPROXY that is tried in order", () => {
  assertEquals(goProxy(parseMirrors("x.example=y.example")), undefined);
  assertEquals(
    goProxy(parseMirrors("go-modules=m.example/go,http://n.example,direct")),
    "https://m.example/go|http://n.example|direct",
  );
});
