/** protoc from servers on this machine that behave, and others. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  installProtoc,
  isCachedProtoc,
  isProtocVersion,
  listCachedProtoc,
  protocDigest,
  protocRelease,
} from "../../src/toolchain/mod.ts";
import { type Archive, inWorld, withDigest, withServer } from "./_world.ts";
import { zipOf } from "./_zip.ts";

const QUICK = { retryPolicy: { backoffMs: 10, attempts: 1 } };
const HOST = "linux/amd64";
const NAME = "protoc-23.4-linux-x86_64.zip";
const utf8 = new TextEncoder();

function zip(version: string, member = "bin/protoc"): Archive {
  return withDigest(zipOf([
    ["include/google/protobuf/any.proto", utf8.encode("message Any {}\n")],
    [member, utf8.encode(`#!/bin/sh\necho "libprotoc ${version}"\n`)],
    ["readme.txt", utf8.encode("protoc\n")],
  ], { deflate: true }));
}

function siteOf({ bytes }: Archive, path = `/protobuf/v23.4/${NAME}`) {
  return (asked: string) =>
    asked === path ? new Response(bytes) : new Response("no such page", { status: 404 });
}

Deno.test("protocRelease() names archives as protoc's makers do", () => {
  const table: readonly [version: string, host: string, said: string, tail: string][] = [
    ["23.4", "linux/amd64", "23.4", "v23.4/protoc-23.4-linux-x86_64.zip"],
    ["23.4", "darwin/arm64", "23.4", "v23.4/protoc-23.4-osx-aarch_64.zip"],
    ["3.21.12", "linux/arm64", "3.21.12", "v21.12/protoc-21.12-linux-aarch_64.zip"],
    ["21.12", "linux/amd64", "3.21.12", "v21.12/protoc-21.12-linux-x86_64.zip"],
    ["3.23.4", "linux/amd64", "23.4", "v23.4/protoc-23.4-linux-x86_64.zip"],
    ["3.0.2", "darwin/amd64", "3.0.2", "v3.0.2/protoc-3.0.2-osx-x86_64.zip"],
  ];
  const env = { KBUILD_CACHE: "/ca che" };
  for (const [version, host, said, tail] of table) {
    assert(isProtocVersion(version), version);
    const release = protocRelease({ env, host }, version, { site: "https://a.example" })!;
    assertEquals([release.version, release.url], [said, `https://a.example/${tail}`]);
  }
  for (const version of ["", "23", "v23.4", "2.6.1", "../23.4", "23.4-rc1"]) {
    assertEquals(isProtocVersion(version), false, version);
  }
  assertThrows(
    () => protocRelease({ env, host: "windows/amd64" }, "23.4"),
    KbuildError,
    "none for",
  );
});

Deno.test("installProtoc() fetches through a mirror, checks and unpacks the program, once", () =>
  inWorld(async (world) => {
    const archive = zip("23.4");
    await withServer(siteOf(archive, `/mirror/v23.4/${NAME}`), async ({ url, requests }) => {
      const context = world.context({
        KBUILD_MIRRORS: `127.0.0.1:1/protobuf=${url}/mirror`,
        KBUILD_PROTOC_SHA256: archive.sha256.toUpperCase(),
      }, { host: HOST });
      const release = protocRelease(context, "23.4", { site: "http://127.0.0.1:1/protobuf" })!;
      assertEquals(await isCachedProtoc(release), false);
      await installProtoc(context, release, QUICK);
      assertEquals(requests, [`/mirror/v23.4/${NAME}`]);
      const kept = [...Deno.readDirSync(release.directory)].map((each) => each.name).sort();
      assertEquals(kept, ["origin.json", "protoc"]);
      assertEquals((await Deno.stat(release.program)).mode! & 0o111, 0o111);
      const origin = JSON.parse(await Deno.readTextFile(join(release.directory, "origin.json")));
      assertEquals(origin, { from: release.url, sha256: archive.sha256, digestFrom: "lock" });
      await installProtoc(world.context({ KBUILD_OFFLINE: "y" }, { host: HOST }), release, QUICK);
      assertEquals(requests.length, 1);
      assertEquals((await listCachedProtoc(context)).map(({ version }) => version), ["23.4"]);
      const beside = [...Deno.readDirSync(join(world.cache, "protoc"))].map((each) => each.name);
      assertEquals(beside.sort(), [".lock", "protoc-23.4-linux-amd64"]);
    });
  }));

Deno.test("installProtoc() refuses what is wrong, and keeps nothing", () =>
  inWorld(async (world) => {
    const [good, other, empty] = [zip("23.4"), zip("23.5"), zip("23.4", "bin/protoc.exe")];
    const wrong = "0".repeat(64);
    const builtIn = protocDigest(
      { env: {} },
      protocRelease({ env: { KBUILD_CACHE: "/c" }, host: HOST }, "23.4")!,
    );
    assertEquals(builtIn.digestFrom, "built-in");
    const table: readonly [
      respond: (path: string) => Response,
      env: Record<string, string>,
      words: string,
    ][] = [
      [siteOf(good), {}, `its SHA-256 is ${good.sha256}, not ${builtIn.sha256}`],
      [
        siteOf(good),
        { KBUILD_PROTOC_SHA256: wrong },
        `its SHA-256 is ${good.sha256}, not ${wrong}`,
      ],
      [siteOf(good), { KBUILD_PROTOC_SHA256: "abc" }, 'KBUILD_PROTOC_SHA256="abc"'],
      [
        siteOf(other),
        { KBUILD_PROTOC_SHA256: other.sha256 },
        "as protoc 23.4 on linux/amd64: 23.5",
      ],
      [siteOf(empty), { KBUILD_PROTOC_SHA256: empty.sha256 }, 'it has no "bin/protoc"'],
      [() => new Response("", { status: 404 }), {}, "404"],
      [siteOf(good), { KBUILD_OFFLINE: "y" }, "nothing may be fetched (--offline)"],
    ];
    for (const [respond, env, words] of table) {
      await withServer(respond, async ({ url }) => {
        const context = world.context(env, { host: HOST });
        const release = protocRelease(context, "23.4", { site: `${url}/protobuf` })!;
        const install = () => installProtoc(context, release, QUICK);
        assertStringIncludes((await assertRejects(install, KbuildError)).message, words);
        assertEquals(await isCachedProtoc(release), false);
      });
    }
    const left = [...Deno.readDirSync(join(world.cache, "protoc"))].map((each) => each.name);
    assert(left.every((each) => each === ".lock"), left.join(" "));
    const context = world.context({}, { host: HOST });
    const unknown = protocRelease(context, "3.0.2")!;
    const install = () => installProtoc(context, unknown, QUICK);
    const error = await assertRejects(install, KbuildError, "its digest is not known");
    assertStringIncludes(error.notes.join("\n"), "KBUILD_PROTOC_SHA256=");
  }));
