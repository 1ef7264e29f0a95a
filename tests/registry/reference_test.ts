import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { parseMirrors } from "../../src/net/mod.ts";
import { endpointsFor, parseReference, urlOf } from "../../src/registry/mod.ts";
import { parseChallenges } from "../../src/registry/challenge.ts";

const D = `sha256:${"a".repeat(64)}`;

Deno.test("parseReference() reads names as docker does", () => {
  const cases: readonly [string, string, string | undefined, string | undefined][] = [
    ["busybox", "docker.io/library/busybox", "latest", undefined],
    ["armel/busybox:1", "docker.io/armel/busybox", "1", undefined],
    ["docker.io/busybox", "docker.io/library/busybox", "latest", undefined],
    ["index.docker.io/library/busybox", "docker.io/library/busybox", "latest", undefined],
    ["debian:stretch-slim", "docker.io/library/debian", "stretch-slim", undefined],
    ["registry.k8s.io/pause:3.9", "registry.k8s.io/pause", "3.9", undefined],
    ["localhost/x", "localhost/x", "latest", undefined],
    ["host:5000/a/b", "host:5000/a/b", "latest", undefined],
    ["host:5000/a/b:1_2-3.4", "host:5000/a/b", "1_2-3.4", undefined],
    ["[::1]:5000/a:1", "[::1]:5000/a", "1", undefined],
    [`x.io/a@${D}`, "x.io/a", undefined, D],
    [`x.io/a:tag@${D}`, "x.io/a", "tag", D],
  ];
  for (const [text, name, tag, digest] of cases) {
    const found = parseReference(text);
    assertEquals([found.name, found.tag, found.digest, found.text], [name, tag, digest, text]);
  }
});

Deno.test("parseReference() refuses what is not a name", () => {
  const cases: readonly [string, string][] = [
    ["", "is not a name"],
    ["x.io/", "is not a name"],
    ["x.io/Abc", "capital letters"],
    ["x.io/a:", "is not a tag"],
    ["x.io/a:b+c", "is not a tag"],
    ["x.io/a@sha256:abc", "is not a digest"],
    ["x.io/../a", "is not a name"],
    ["x.io/a b", "is not a name"],
    ["x.io/a\n", "is not a name"],
    ["https://x.io/a", "is not a registry"],
  ];
  for (const [text, words] of cases) {
    const error = assertThrows(() => parseReference(text), UsageError);
    assertStringIncludes(error.message, words, text);
  }
});

Deno.test("endpointsFor() goes where mirrors lead, and knows where Docker Hub answers", () => {
  const where = (mirrors: string, name: string) =>
    endpointsFor(parseMirrors(mirrors), parseReference(name)).map((endpoint) =>
      urlOf(endpoint, "manifests/latest")
    );
  assertEquals(where("", "busybox"), [
    "https://registry-1.docker.io/v2/library/busybox/manifests/latest",
  ]);
  assertEquals(where("docker.io=m.example,direct", "busybox"), [
    "https://m.example/v2/library/busybox/manifests/latest",
    "https://registry-1.docker.io/v2/library/busybox/manifests/latest",
  ]);
  assertEquals(
    where("gcr.io/google_containers=registry.k8s.io", "gcr.io/google_containers/pause"),
    [
      "https://registry.k8s.io/v2/pause/manifests/latest",
    ],
  );
  assertEquals(where("x.io=docker.io/someone", "x.io/a"), [
    "https://registry-1.docker.io/v2/someone/a/manifests/latest",
  ]);
});

Deno.test("parseChallenges() reads several ways in, quotes and all", () => {
  assertEquals(
    parseChallenges(
      'Bearer realm="https://a.example/t?x=\\"1\\",2",service=reg , scope="repository:a:pull,push",' +
        'Basic realm="b c"',
    ),
    [
      {
        scheme: "bearer",
        parameters: {
          realm: 'https://a.example/t?x="1",2',
          service: "reg",
          scope: "repository:a:pull,push",
        },
      },
      { scheme: "basic", parameters: { realm: "b c" } },
    ],
  );
  assertEquals(parseChallenges("Negotiate"), [{ scheme: "negotiate", parameters: {} }]);
  assertEquals(parseChallenges(null), []);
});
