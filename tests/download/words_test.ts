import { join } from "@std/path";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  addToLockFile,
  addToLockText,
  chooseFiles,
  formatLockFile,
  parseLockFile,
  parseRequested,
  releaseSite,
  versionUrl,
} from "../../src/download/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";

/** An error with all its notes. */
function textOf(error: KbuildError): string {
  return [error.message, ...error.notes].join("\n");
}

Deno.test("parseRequested() reads versions and markers as get-kube.sh does", () => {
  const version = (text: string) => ({ kind: "version" as const, version: text });
  const marker = (text: string) => ({ kind: "marker" as const, marker: text });
  for (
    const [word, wanted] of [
      ["v1.30.2", version("v1.30.2")],
      ["1.30.2", version("v1.30.2")],
      ["release/v1.30.2", version("v1.30.2")],
      // A pre-release, which the script of 1.7 took for a build of CI.
      ["v1.7.0-beta.1", version("v1.7.0-beta.1")],
      ["v1.19.0-beta.0.318+b618411f1edb98", version("v1.19.0-beta.0.318+b618411f1edb98")],
      ["ci/v1.19.0-318+b618411f1edb98", version("v1.19.0-318+b618411f1edb98")],
      ["stable", marker("release/stable")],
      ["stable.txt", marker("release/stable")],
      ["latest-1.31", marker("release/latest-1.31")],
      ["release/stable-1", marker("release/stable-1")],
      ["ci/latest", marker("ci/latest")],
      ["ci/latest-fast.txt", { ...marker("ci/latest-fast"), isFast: true }],
      ["ci/k8s-master", marker("ci/k8s-master")],
    ] as const
  ) assertEquals(parseRequested(word), wanted, word);
  for (
    const [word, said] of [
      ["1.30", "stable-1.30"],
      ["stabel", 'Did you mean "stable"?'],
      ["v01.2.3", "neither a version nor a marker"],
      ["v1.30.2/../x", "neither a version nor a marker"],
      ["../stable", "neither a version nor a marker"],
      ["", "neither a version nor a marker"],
    ] as const
  ) assertStringIncludes(textOf(assertThrows(() => parseRequested(word), UsageError)), said);
  assertEquals(parseRequested("v1.30.2-acme", { validate: false }), version("v1.30.2-acme"));
  assertThrows(() => parseRequested("v1/../x", { validate: false }), UsageError);
});

Deno.test("releaseSite() is the one that get-kube.sh would use", () => {
  const urls = (env: Record<string, string>) =>
    ["v1.30.2", "v1.31.0-alpha.0.5+0123456789abcd"].map((each) =>
      versionUrl(releaseSite(env), each)
    );
  const build = "v1.31.0-alpha.0.5+0123456789abcd";
  const official = ["https://dl.k8s.io/release/v1.30.2", `https://dl.k8s.io/ci/${build}`];
  assertEquals(urls({}), official);
  for (const address of ["https://dl.k8s.io/", "https://dl.k8s.io/release"]) {
    const env = { KUBERNETES_RELEASE_URL: address };
    assertEquals(urls(env), official);
    assertEquals(releaseSite(env).isGiven, false);
  }
  const mirror = "https://mirror.example/k8s";
  assertEquals(urls({ KUBERNETES_RELEASE_URL: mirror }), [
    `${mirror}/v1.30.2`,
    `${mirror}/${build}`,
  ]);
  assertEquals(
    urls({ KUBERNETES_RELEASE_URL: mirror, KUBERNETES_CI_RELEASE_URL: "http://ci.example" }),
    [`${mirror}/v1.30.2`, `http://ci.example/${build}`],
  );
  for (const address of ["file:///srv", "mirror.example", "https://mirror.example/?a=b"]) {
    assertThrows(() => releaseSite({ KUBERNETES_RELEASE_URL: address }), UsageError);
  }
});

Deno.test("chooseFiles() refuses names that lead elsewhere", () => {
  const request = { version: "v1.30.2", env: {}, host: "darwin/arm64" };
  for (const word of ["bin/", "bin/../x", "bin/a/b", "bin/.hidden", "clients"]) {
    assertThrows(() => chooseFiles({ ...request, what: [word] }), UsageError, "no such part");
  }
  assertEquals(
    chooseFiles({ ...request, what: ["client", "server", "client"] }).map(({ name }) => name),
    ["kubernetes-client-darwin-arm64.tar.gz", "kubernetes-server-linux-amd64.tar.gz"],
  );
});

Deno.test("digests are added to a lock file without the loss of a comment", () => {
  const digest = (sign: string) => ({ algorithm: "sha256", hex: sign.repeat(64) } as const);
  const line = (sign: string, url: string) => `sha256:${sign.repeat(64)} https://x/${url}`;
  const text = [
    ...["# Ours, see the wiki.", "", "# Of the old cluster.", line("b", "b")],
    ...["", "# Twice.", line("d", "d"), line("d", "d"), "# The end.", ""],
  ];
  const more = new Map([["https://x/c", digest("c")], ["https://x/a", digest("a")]]);
  const wanted = [
    ...["# Ours, see the wiki.", "", line("a", "a"), "# Of the old cluster.", line("b", "b")],
    ...[line("c", "c"), "", "# Twice.", line("d", "d"), "# The end.", ""],
  ];
  for (const end of ["\n", "\r\n"]) {
    assertEquals(addToLockText(text.join(end), more, "kbuild.lock"), wanted.join(end));
    const same = new Map([["https://x/b", digest("b")]]);
    assertEquals(addToLockText(text.join(end), same, "kbuild.lock"), text.join(end));
  }
  const other = new Map([["https://x/b", digest("e")]]);
  assertStringIncludes(
    addToLockText(text.join("\n"), other, "kbuild.lock"),
    `# Of the old cluster.\n${line("e", "b")}\n`,
  );
});

Deno.test("a lock file that is a link stays one", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const files = new Map([["https://x/a", { algorithm: "sha1", hex: "a".repeat(40) } as const]]);
    await Deno.mkdir(join(dir, "shared"));
    for (const name of ["new", "old"]) {
      const [link, real] = [join(dir, `${name}.lock`), join(dir, "shared", name)];
      if (name === "old") await Deno.writeTextFile(real, "# mine\n");
      await Deno.symlink(`shared/${name}`, link);
      await addToLockFile(link, files);
      assertEquals((await Deno.lstat(link)).isSymlink, true);
      assertStringIncludes(await Deno.readTextFile(real), "https://x/a\n");
    }
    assertStringIncludes(await Deno.readTextFile(join(dir, "shared/old")), "# mine\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a lock file is read as it is written, and nothing else is", () => {
  const lines = [
    `sha256:${"b".repeat(64)} https://dl.k8s.io/release/v1.30.2/a`,
    `sha512:${"a".repeat(128)} https://dl.k8s.io/release/v1.30.2/b`,
  ];
  const files = parseLockFile(`# by hand\r\n\n${lines[1]}\r\n${lines[0]}\n`, "kbuild.lock");
  assertEquals([...files.values()].map(({ line }) => line), [3, 4]);
  const text = formatLockFile(files);
  assertEquals(text.split("\n").slice(1), [...lines, ""]);
  assertEquals(formatLockFile(parseLockFile(text, "kbuild.lock")), text);
  for (
    const [text, said] of [
      ["<<<<<<< HEAD\n", "line 1"],
      [`${lines[0]}\n${lines[0]!.replace("bb", "cc")}\n`, "line 2: there is another digest"],
      [`sha512:${"a".repeat(64)} https://x/y\n`, "line 1"],
      [`md5:${"a".repeat(32)} https://x/y\n`, "line 1"],
    ] as const
  ) {
    const error = assertThrows(() => parseLockFile(text, "kbuild.lock"), KbuildError);
    assertStringIncludes(textOf(error), said);
  }
});
