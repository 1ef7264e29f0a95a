/** etcd from servers on this machine that behave, and others. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { etcdRelease, installEtcd, isCachedEtcd, plannedEtcdUrls } from "../../src/testing/mod.ts";
import { type Archive, archiveOf, inWorld, withDigest, withServer } from "../toolchain/_world.ts";
import { zipOf } from "../toolchain/_zip.ts";

const VERSION = "3.99.1";
/** etcd's own site, which cannot be reached. */
const CUT_OFF = "http://127.0.0.1:1/etcd";
const QUICK = { retryPolicy: { backoffMs: 10, attempts: 1 } };
const utf8 = new TextEncoder();

function script(version: string): Uint8Array {
  return utf8.encode(`#!/bin/sh\necho "etcd Version: ${version}"\necho "Git SHA: abc"\n`);
}

function members(host: string, version: string): (readonly [string, Uint8Array])[] {
  const top = `etcd-v${VERSION}-${host.replace("/", "-")}`;
  return [
    [`${top}/README.md`, utf8.encode("# etcd\n")],
    [`${top}/etcd`, script(version)],
    [`${top}/Documentation/etcd`, utf8.encode("not the program")],
    [`${top}/etcdctl`, script(version)],
  ];
}

async function tarOf(host: string, version = VERSION): Promise<Archive> {
  return await archiveOf(
    members(host, version).map(([name, bytes]) =>
      bytesEntry(name, bytes, { mtime: 1, mode: 0o755 })
    ),
  );
}

/** A server with a release, and its list of digests. */
function siteOf(name: string, { bytes, sha256 }: Archive, sums = `${sha256}  ${name}\n`) {
  return (path: string) =>
    path === `/etcd/v${VERSION}/${name}`
      ? new Response(bytes)
      : path === `/etcd/v${VERSION}/SHA256SUMS`
      ? new Response(`${"0".repeat(64)}  another.tar.gz\n${sums}`)
      : new Response("no such page", { status: 404 });
}

for (const host of ["linux/amd64", "darwin/arm64"]) {
  Deno.test(`installEtcd() fetches, checks and unpacks the programs for ${host}, once`, () =>
    inWorld(async (world) => {
      const archive = host.startsWith("linux")
        ? await tarOf(host)
        : withDigest(zipOf(members(host, VERSION), { deflate: true }));
      const ending = host.startsWith("linux") ? "tar.gz" : "zip";
      const name = `etcd-v${VERSION}-${host.replace("/", "-")}.${ending}`;
      await withServer(siteOf(name, archive), async ({ url, requests }) => {
        const context = world.context({}, { host });
        const release = etcdRelease(context, VERSION, { site: `${url}/etcd` })!;
        assertEquals(await isCachedEtcd(release), false);
        await installEtcd(context, release, QUICK);
        assertEquals(requests, [`/etcd/v${VERSION}/SHA256SUMS`, `/etcd/v${VERSION}/${name}`]);
        assertEquals(
          requests.map((path) => url + path),
          plannedEtcdUrls(context, release).map((each) => each.url),
        );
        const kept = [...Deno.readDirSync(release.directory)].map((each) => each.name).sort();
        assertEquals(kept, ["etcd", "etcdctl", "origin.json"]);
        assertEquals(await Deno.readFile(release.program), script(VERSION));
        assertEquals((await Deno.stat(release.program)).mode! & 0o111, 0o111);
        const origin = JSON.parse(await Deno.readTextFile(join(release.directory, "origin.json")));
        assertEquals(origin, {
          from: `${url}/etcd/v${VERSION}/${name}`,
          sha256: archive.sha256,
          digestFrom: "origin",
        });
        await installEtcd(world.context({ KBUILD_OFFLINE: "y" }, { host }), release, QUICK);
        assertEquals(requests.length, 2);
        const beside = [...Deno.readDirSync(join(world.cache, "etcd"))].map((each) => each.name);
        assertEquals(beside.sort(), [".lock", release.directory.split("/").at(-1)!]);
      });
    }));
}

Deno.test("installEtcd() takes a mirror, and its digests where etcd's own site cannot be reached", () =>
  inWorld(async (world) => {
    const host = "linux/amd64";
    const archive = await tarOf(host);
    const name = `etcd-v${VERSION}-linux-amd64.tar.gz`;
    await withServer(siteOf(name, archive), async ({ url, requests }) => {
      const env = { KBUILD_MIRRORS: `127.0.0.1:1/etcd=${url}/etcd` };
      const context = world.context(env, { host });
      const release = etcdRelease(context, VERSION, { site: CUT_OFF })!;
      await installEtcd(context, release, QUICK);
      assertEquals(requests, [`/etcd/v${VERSION}/SHA256SUMS`, `/etcd/v${VERSION}/${name}`]);
      assertStringIncludes(world.log.join(""), "digest of etcd will come from the same mirror");
      assertEquals(await isCachedEtcd(release), true);
    });
  }));

Deno.test("installEtcd() asks all mirrors for the digests, as it plans to", () =>
  inWorld(async (world) => {
    const host = "linux/amd64";
    const archive = await tarOf(host);
    const name = `etcd-v${VERSION}-linux-amd64.tar.gz`;
    await withServer(siteOf(name, archive), async ({ url, requests }) => {
      const env = { KBUILD_MIRRORS: `127.0.0.1:1/etcd=${url}/other,${url}/etcd` };
      const context = world.context(env, { host });
      const release = etcdRelease(context, VERSION, { site: CUT_OFF })!;
      await installEtcd(context, release, QUICK);
      const paths = ["SHA256SUMS", name].flatMap((file) =>
        ["other", "etcd"].map((mirror) => `/${mirror}/v${VERSION}/${file}`)
      );
      assertEquals(requests, paths);
      const planned = plannedEtcdUrls(context, release).map((each) => each.url);
      assertEquals(planned, [
        `${CUT_OFF}/v${VERSION}/SHA256SUMS`,
        ...paths.map((path) => url + path),
      ]);
      assertEquals(await isCachedEtcd(release), true);
    });
  }));

Deno.test("installEtcd() refuses what is wrong, and keeps nothing", () =>
  inWorld(async (world) => {
    const host = "linux/amd64";
    const name = `etcd-v${VERSION}-linux-amd64.tar.gz`;
    const [good, other] = await Promise.all([tarOf(host), tarOf(host, "3.99.2")]);
    const wrong = "0".repeat(64);
    const table: readonly [
      respond: (path: string) => Response,
      env: Record<string, string>,
      words: string,
    ][] = [
      [
        siteOf(name, good, `${wrong}  ${name}\n`),
        {},
        `its SHA-256 is ${good.sha256}, not ${wrong}`,
      ],
      [siteOf(name, good), { KBUILD_ETCD_SHA256: wrong }, `its SHA-256 is ${good.sha256}, not`],
      [siteOf(name, good), { KBUILD_ETCD_SHA256: "abc" }, 'KBUILD_ETCD_SHA256="abc"'],
      [siteOf(name, good, ""), {}, `it has no digest of "${name}"`],
      [() => new Response("<html>log in</html>"), {}, "SHA256SUMS"],
      [() => new Response("", { status: 404 }), {}, "404"],
      [siteOf(name, other), {}, `as etcd ${VERSION} on linux/amd64: 3.99.2`],
      [siteOf(name, good), { KBUILD_OFFLINE: "y" }, "nothing may be fetched (--offline)"],
    ];
    for (const [respond, env, words] of table) {
      await withServer(respond, async ({ url }) => {
        const context = world.context(env, { host });
        const release = etcdRelease(context, VERSION, { site: `${url}/etcd` })!;
        const error = await assertRejects(() => installEtcd(context, release, QUICK), KbuildError);
        assertStringIncludes(error.message, words);
        assertEquals(await isCachedEtcd(release), false);
      });
    }
    const left = [...Deno.readDirSync(join(world.cache, "etcd"))].map((each) => each.name);
    assert(left.every((each) => each === ".lock"), left.join(" "));
  }));
