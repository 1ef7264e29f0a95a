import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { walk } from "@std/fs";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { bytesEntry } from "../../src/archive/mod.ts";
import { encodeCapabilities } from "../../src/dockerfile/mod.ts";
import { copyLayer, openBase, writeImageArchive, writeOciLayout } from "../../src/image/mod.ts";
import { has, inTempDir, needing, noise, run } from "../archive/helpers.ts";
import { baseLayer, ociFiles, sha256, writeDirectory } from "./helpers.ts";

const created = 1600000000;

/** An archive of a made-up program on a base with a layer. */
async function makeArchive(dir: string, name: string, arch: string, tags: readonly string[]) {
  const directory = join(dir, `base-${arch}`);
  await writeDirectory(
    directory,
    await ociFiles([{ arch, layers: [baseLayer], compressed: true }]),
  );
  await using base = await openBase(directory, { arch });
  const program = bytesEntry(`usr/local/bin/${name}`, noise(100_000, name.length), {
    mtime: created,
    mode: 0o755,
    xattrs: { "security.capability": encodeCapabilities("cap_net_bind_service=+ep")! },
  });
  const entries = copyLayer(base.tree, [program], { created });
  const out = join(dir, `${name}-${arch}.tar`);
  return await writeImageArchive({
    ...{ out, base, arch, created, repoTags: tags },
    layers: [{ entries, createdBy: `COPY ${name} /usr/local/bin/${name}` }],
    config: { entrypoint: [`/usr/local/bin/${name}`], env: { A: "1" } },
  });
}

/** Archives of two images for two platforms. */
async function makeArchives(dir: string) {
  const made = [];
  for (const name of ["kube-proxy", "kube-apiserver"]) {
    for (const arch of ["arm64", "amd64"]) {
      const tag = (registry: string) => `${registry}/${name}-${arch}:v1.2.3_4`;
      made.push(await makeArchive(dir, name, arch, [tag("registry.k8s.io"), tag("me.example")]));
    }
  }
  return made;
}

const json = async (path: string) => JSON.parse(await Deno.readTextFile(path));

Deno.test("writeOciLayout() has an index for each name, with an entry for each platform", () =>
  inTempDir(async (dir) => {
    const made = await makeArchives(dir);
    const out = join(dir, "layout");
    const { names } = await writeOciLayout(out, made.map(({ path }) => path));
    assertEquals(names, [
      "me.example/kube-apiserver:v1.2.3_4",
      "me.example/kube-proxy:v1.2.3_4",
      "registry.k8s.io/kube-apiserver:v1.2.3_4",
      "registry.k8s.io/kube-proxy:v1.2.3_4",
    ]);
    const index = await json(join(out, "index.json"));
    const named = index.manifests.map((m: { annotations: Record<string, string> }) =>
      m.annotations["org.opencontainers.image.ref.name"]
    );
    assertEquals(named, names);
    const inner = await json(join(out, "blobs/sha256", index.manifests[3].digest.slice(7)));
    assertEquals(
      inner.manifests.map((m: { platform: unknown; digest: string }) => [m.platform, m.digest]),
      [
        [{ architecture: "amd64", os: "linux" }, made[1]!.manifestDigest],
        [{ architecture: "arm64", os: "linux" }, made[0]!.manifestDigest],
      ],
    );
    for (const { name } of Deno.readDirSync(join(out, "blobs/sha256"))) {
      assertEquals(sha256(await Deno.readFile(join(out, "blobs/sha256", name))), name);
    }
    // Two lists of two images with manifest and configuration, four programs, one base layer.
    assertEquals([...Deno.readDirSync(join(out, "blobs/sha256"))].length, 2 + 8 + 2 + 1);

    // The order of the archives means nothing, and a layout is replaced.
    const before = await Deno.readTextFile(join(out, "index.json"));
    await writeOciLayout(out, made.map(({ path }) => path).reverse());
    assertEquals(await Deno.readTextFile(join(out, "index.json")), before);
    assertEquals([...Deno.readDirSync(dir)].filter(({ name }) => name.startsWith(".")), []);
  }));

Deno.test("writeOciLayout() replaces nothing else, and leaves nothing when it fails", () =>
  inTempDir(async (dir) => {
    const made = await makeArchives(dir);
    const paths = made.map(({ path }) => path);
    await Deno.mkdir(join(dir, "mine"));
    await Deno.writeTextFile(join(dir, "mine/file"), "mine");
    const fails = (out: string, text: string, archives = paths) =>
      assertRejects(() => writeOciLayout(join(dir, out), archives), KbuildError, text);
    await fails("mine", `"${dir}/mine/file" is something that kbuild did not make`);
    await fails("mine/file", "it is not a directory");
    await fails("none/layout", 'there is no directory "');
    const other = await makeArchive(dir, "other", "amd64", ["me.example/kube-proxy:v1.2.3_4"]);
    await fails("layout", "Cannot write one image", [...paths, other.path]);
    const bytes = await Deno.readFile(paths[0]!);
    bytes[bytes.length >> 1]! ^= 1;
    await Deno.writeFile(paths[0]!, bytes);
    await fails("layout", "its digest is");
    const abort = AbortSignal.abort(new Error("stop"));
    await assertRejects(
      () => writeOciLayout(join(dir, "layout"), paths, { signal: abort }),
      Error,
      "stop",
    );
    const left = [...Deno.readDirSync(dir)].map(({ name }) => name);
    assertEquals(left.filter((name) => name === "layout" || name.startsWith(".")), []);
    assertEquals(await Deno.readTextFile(join(dir, "mine/file")), "mine");
  }));

Deno.test("writeOciLayout() goes on where a killed run was, and waits for another one", () =>
  inTempDir(async (dir) => {
    const paths = (await makeArchives(dir)).map(({ path }) => path);
    const out = join(dir, "layout");
    await writeOciLayout(out, paths.slice(0, 1));
    const index = await Deno.readTextFile(join(out, "index.json"));
    // As a run that was killed between the two renames leaves it.
    const digest = sha256("layout").slice(0, 12);
    const work = join(dir, `.kbuild-tmp-${digest}`);
    await Deno.mkdir(work);
    await Deno.rename(out, join(work, "layout"));
    const journal = { items: [{ made: "layout", place: "../layout", existed: true }] };
    await Deno.writeTextFile(join(work, "replace.json"), JSON.stringify(journal));
    await Deno.mkdir(join(work, "old-layout"));
    await assertRejects(() => writeOciLayout(out, [join(dir, "none.tar")]), KbuildError);
    assertEquals(await Deno.readTextFile(join(out, "index.json")), index);

    const both = await Promise.all([writeOciLayout(out, paths), writeOciLayout(out, paths)]);
    assertEquals(both[0].names, both[1].names);
    const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith(".")), []);
  }));

Deno.test("writeOciLayout() replaces a layout that kbuild wrote, if nobody has added to it", () =>
  inTempDir(async (dir) => {
    const paths = (await makeArchives(dir)).map(({ path }) => path);
    const real = await Deno.realPath(dir);
    const table: readonly (readonly [
      change: string,
      paths: (layout: string) => Promise<unknown>,
      refused: string | undefined,
    ])[] = [
      ["nothing", () => Promise.resolve(), undefined],
      [
        "a file",
        (layout) => Deno.writeTextFile(join(layout, "notes.txt"), "mine"),
        '"notes.txt"',
      ],
      ["a directory", (layout) => Deno.mkdir(join(layout, "src/a"), { recursive: true }), '"src"'],
      [
        "a file beside the blobs",
        (layout) => Deno.writeTextFile(join(layout, "blobs/sha256/notes"), "mine"),
        '"blobs/sha256/notes"',
      ],
      [
        "a blob",
        (layout) => Deno.writeTextFile(join(layout, "blobs/sha256", sha256("mine")), "mine"),
        `"blobs/sha256/${sha256("mine")}"`,
      ],
      [
        "an algorithm",
        async (layout) => {
          await Deno.mkdir(join(layout, "blobs/md5"));
          await Deno.writeTextFile(join(layout, "blobs/md5/0"), "mine");
        },
        '"blobs/md5/0"',
      ],
      [
        "an image, as skopeo writes it down",
        async (layout) => {
          const index = await json(join(layout, "index.json"));
          const config = { mediaType: "application/vnd.oci.image.manifest.v1+json" };
          index.manifests.push({ ...config, digest: `sha256:${sha256("")}`, size: 0 });
          await Deno.writeTextFile(join(layout, "index.json"), JSON.stringify(index));
        },
        "kbuild did not write that OCI layout",
      ],
      [
        "no index",
        (layout) => Deno.remove(join(layout, "index.json")),
        "kbuild did not write that OCI layout",
      ],
    ];
    for (const [index, [change, make, refused]] of table.entries()) {
      const layout = join(dir, `layout ${index}`);
      await writeOciLayout(layout, paths);
      await make(layout);
      const before = await Array.fromAsync(walk(layout), ({ path }) => path);
      if (refused === undefined) {
        await writeOciLayout(layout, paths);
      } else {
        const error = await assertRejects(() => writeOciLayout(layout, paths), KbuildError);
        const reason = error.message.replace(`${real}/layout ${index}/`, "");
        assertStringIncludes(reason, refused, change);
      }
      assertEquals(await Array.fromAsync(walk(layout), ({ path }) => path), before, change);
    }

    // A layout of another tool is not kbuild's.
    await writeDirectory(
      join(dir, "other"),
      await ociFiles([{ arch: "amd64", layers: [baseLayer] }]),
    );
    await assertRejects(
      () => writeOciLayout(join(dir, "other"), paths),
      KbuildError,
      "did not write",
    );

    // A link stays, and what it leads to is replaced.
    await Deno.mkdir(join(dir, "empty"));
    await Deno.symlink("empty", join(dir, "link"));
    await writeOciLayout(join(dir, "link"), paths);
    assertEquals(await Deno.readLink(join(dir, "link")), "empty");
    assertEquals((await Deno.stat(join(dir, "empty/index.json"))).isFile, true);
    await Deno.symlink("nowhere", join(dir, "dead"));
    await assertRejects(
      () => writeOciLayout(join(dir, "dead"), paths),
      KbuildError,
      "leads nowhere",
    );
  }));

Deno.test("writeImageArchive() and writeOciLayout() write these very bytes, wherever they run", () =>
  inTempDir(async (dir) => {
    const made = await makeArchives(dir);
    const out = join(dir, "layout");
    await writeOciLayout(out, made.map(({ path }) => path));
    assertEquals(
      [...made.map((image) => image.sha256), sha256(await Deno.readFile(join(out, "index.json")))],
      GOLDEN,
    );
  }));

/** Digests of the archives of `makeArchives`, and of the layout's index. */
const GOLDEN: readonly string[] = [
  "1a58fbcc07b05764fe949652e7dab27f8da1a9b569caf0abcc1b81f53d7f2438",
  "8e0d8949b6f41e7b8725894f0dcbe91d6033eeb0daa1d1eeffecbe4b67571ed1",
  "0da76a208429738011b5d9a5bdfc439f49bb0c11e94c59b5bc4a17ff800dbf49",
  "67031f2f29b5b1c85403f4d32ecbb95a5f38a11f87739cf4769dfe1df69be787",
  "5cff4543cdd646f15337c60dcbc6937e76943112ae7bed7222d392ec2344ca62",
];

Deno.test({
  ...needing(
    "skopeo",
    has("skopeo", "--version"),
    "skopeo finds each name and platform in a layout",
  ),
  fn: () =>
    inTempDir(async (top) => {
      // skopeo has no way to write a path that holds a colon, and links the dots that it has.
      const dir = join(top, "plain");
      await Deno.mkdir(dir);
      const made = await makeArchives(dir);
      const out = join(dir, "layout");
      await writeOciLayout(out, made.map(({ path }) => path));
      for (const [index, arch] of ["arm64", "amd64"].entries()) {
        const config = await run(
          "skopeo",
          ...["--insecure-policy", "--override-arch", arch, "--override-os", "linux"],
          ...["inspect", "--config", "--raw", `oci:${out}:registry.k8s.io/kube-proxy:v1.2.3_4`],
        );
        assertEquals(`sha256:${sha256(config)}`, made[index]!.imageId);
      }
    }),
});
