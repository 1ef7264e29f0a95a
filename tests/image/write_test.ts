import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import {
  bytesEntry,
  type ByteSink,
  createHasher,
  fileEntry,
  type Hasher,
  inlineHasher,
  readTar,
} from "../../src/archive/mod.ts";
import {
  type Base,
  canonicalJson,
  copyLayer,
  type ImageArchive,
  type ImageArchiveOptions,
  imageConfig,
  openBase,
  parseRepoTag,
  writeImageArchive,
} from "../../src/image/mod.ts";
import { has, inTempDir, needing, noise, run } from "../archive/helpers.ts";
import {
  baseLayer,
  dockerFiles,
  ociFiles,
  sha256,
  utf8,
  writeArchive,
  writeDirectory,
} from "./helpers.ts";

const created = 1600000000;
const tags = ["registry.k8s.io/app-amd64:v1.2.3_4", "localhost:5000/x/app:v1.2.3_4"];

async function contents(path: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const member of readTar(path)) {
    assertEquals([member.mtime, member.uid, member.uname], [created, 0, "root"]);
    files.set(member.name, await member.bytes());
  }
  return files;
}
const json = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes));

async function build(
  base: Base,
  binary: string,
  out: string,
  more: Partial<ImageArchiveOptions> = {},
): Promise<ImageArchive> {
  const name = "usr/local/bin/app";
  const entry = await fileEntry(name, binary, { mtime: created, mode: 0o755 });
  const entries = copyLayer(base.tree, [entry], { created });
  return await writeImageArchive({
    ...{ out, base, arch: "amd64", created, repoTags: tags },
    layers: [{ entries, createdBy: `COPY app /${name}` }],
    ...more,
  });
}

Deno.test("writeImageArchive() writes a docker archive and an OCI layout over the same blobs", () =>
  inTempDir(async (dir) => {
    await writeDirectory(
      join(dir, "base"),
      await ociFiles([{
        ...{ arch: "amd64", layers: [baseLayer], compressed: true },
        config: { User: "65532", Env: ["A=1"] },
        history: [{ created_by: "make" }, { created_by: "USER 65532", empty_layer: true }],
      }]),
    );
    await Deno.writeFile(join(dir, "app"), noise(3_000_000));
    await using base = await openBase(join(dir, "base"), { arch: "amd64" });
    const image = await build(base, join(dir, "app"), join(dir, "out.tar"));
    const bytes = await Deno.readFile(image.path);
    assertEquals([image.size, image.sha256], [bytes.length, sha256(bytes)]);
    const files = await contents(image.path);
    for (const [name, content] of files) {
      if (name.length > 20) assertEquals(name, `blobs/sha256/${sha256(content)}`);
    }
    const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
    const layers = [base.layers[0]!.diffID];
    const config = json(files.get(blob(image.imageId)));
    layers.push(config.rootfs.diff_ids[1]);
    assertEquals(json(files.get("manifest.json")), [
      { Config: blob(image.imageId), RepoTags: tags, Layers: layers.map(blob) },
    ]);
    const index = json(files.get("index.json"));
    assertEquals(index.manifests.map((m: { annotations: unknown }) => m.annotations), [
      { "io.containerd.image.name": tags[0], "org.opencontainers.image.ref.name": "v1.2.3_4" },
      { "io.containerd.image.name": tags[1], "org.opencontainers.image.ref.name": "v1.2.3_4" },
    ]);
    assertEquals(index.manifests[0].digest, image.manifestDigest);
    const manifest = json(files.get(blob(image.manifestDigest)));
    assertEquals(manifest.config.digest, image.imageId);
    assertEquals(manifest.layers.map((layer: { digest: string }) => layer.digest), layers);
    for (const { digest, size } of [manifest.config, ...manifest.layers]) {
      assertEquals(files.get(blob(digest))?.length, size);
    }
    assertEquals(config.rootfs.diff_ids[0], base.layers[0]!.diffID);
    assertEquals(config.history.length, 3);
    assertEquals(json(files.get("oci-layout")), { imageLayoutVersion: "1.0.0" });
    await Deno.writeFile(join(dir, "layer"), files.get(blob(layers[1]!))!);
    assertEquals((await Array.fromAsync(readTar(join(dir, "layer")))).map(({ name }) => name), [
      "usr/",
      "usr/local/",
      "usr/local/bin/",
      "usr/local/bin/app",
    ]);
  }));

Deno.test("writeImageArchive() gives the same bytes for a base in any form", () =>
  inTempDir(async (dir) => {
    const made = { arch: "amd64", layers: [baseLayer], config: { User: "1" } };
    await writeDirectory(join(dir, "oci"), await ociFiles([made]));
    await writeDirectory(join(dir, "gz"), await ociFiles([{ ...made, compressed: true }]));
    await writeArchive(join(dir, "docker.tar"), await dockerFiles(made));
    await Deno.writeFile(join(dir, "app"), noise(2_000_000));
    const digests = [];
    for (const name of ["oci", "gz", "docker.tar"]) {
      await using base = await openBase(join(dir, name), { arch: "amd64" });
      digests.push((await build(base, join(dir, "app"), join(dir, `${name}.out`))).sha256);
      await Deno.utime(join(dir, "app"), 7, 7);
    }
    assertEquals(new Set(digests).size, 1);
  }));

Deno.test("writeImageArchive() writes images that openBase() opens again", () =>
  inTempDir(async (dir) => {
    await Deno.writeFile(join(dir, "app"), noise(100));
    await using scratch = await openBase("scratch", { arch: "amd64" });
    const { path } = await build(scratch, join(dir, "app"), join(dir, "a.tar"));
    await using base = await openBase(path, { arch: "amd64" });
    assertEquals(base.layers.length, 1);
    const second = await build(base, join(dir, "app"), join(dir, "b.tar"), { repoTags: [] });
    // The same layer twice is stored once.
    const files = await contents(second.path);
    assertEquals([...files.keys()].filter((name) => name.length > 20).length, 3);
    assertEquals(json(files.get("manifest.json"))[0].RepoTags, null);
    assertEquals(json(files.get("manifest.json"))[0].Layers.length, 2);
  }));

Deno.test("writeImageArchive() leaves nothing when it fails or is aborted", () =>
  inTempDir(async (dir) => {
    await Deno.mkdir(join(dir, "out"));
    const out = join(dir, "out/x.tar");
    await Deno.writeFile(join(dir, "app"), noise(9_000_000));
    await using base = await openBase("scratch", { arch: "amd64" });
    const left = async () => (await Array.fromAsync(Deno.readDir(join(dir, "out")))).length;
    const stop = AbortSignal.abort(new Error("stop"));
    await assertRejects(() => build(base, join(dir, "app"), out, { signal: stop }), Error, "stop");
    const abort = new AbortController();
    // The third opening of the file is the second pass: the output is being written.
    const entry = bytesEntry("app", noise(9_000_000), { mtime: 0 });
    let opened = 0;
    const write = async (sink: ByteSink) => {
      if (++opened === 2) abort.abort(new Error("late"));
      await sink(noise(9_000_000));
    };
    const entries = [{ ...entry, content: { write, label: "app" } }];
    const layers = [{ entries, createdBy: "COPY" }];
    const late = build(base, join(dir, "app"), out, { layers, signal: abort.signal });
    await assertRejects(() => late, Error, "late");
    let pass = 0;
    const other = async (sink: ByteSink) => await sink(noise(1000, ++pass));
    const changing = [{ ...entry, size: 1000, content: { write: other, label: "app" } }];
    await assertRejects(
      () => build(base, join(dir, "app"), out, { layers: [{ entries: changing, createdBy: "C" }] }),
      KbuildError,
      'Cannot write the layer of "C": a file changed meanwhile',
    );
    assertEquals([opened, await left()], [2, 0]);
  }));

Deno.test("writeImageArchive() writes the same with threads, and notices large files that change", () =>
  inTempDir(async (dir) => {
    const app = join(dir, "app");
    await Deno.writeFile(app, noise(20_000_000));
    await using base = await openBase("scratch", { arch: "amd64" });
    const threads = createHasher(2);
    const alone = await build(base, app, join(dir, "a.tar"));
    const both = await build(base, app, join(dir, "b.tar"), { hasher: threads });
    assertEquals({ ...both, path: "" }, { ...alone, path: "" });
    assertEquals(sha256(await Deno.readFile(both.path)), alone.sha256);
    /** Does something before the file is read for the second time. */
    const twice = async (hasher: Hasher, between: () => Promise<void>, signal?: AbortSignal) => {
      let pass = 0;
      const write = async (sink: ByteSink) => {
        if (++pass === 2) await between();
        await sink(noise(1));
      };
      const first = { ...bytesEntry("a", noise(1), { mtime: 0 }), content: { write, label: "a" } };
      const entries = [first, await fileEntry("app", app, { mtime: 0 })];
      const options = { hasher, layers: [{ entries, createdBy: "C" }], ...(signal && { signal }) };
      return await build(base, app, join(dir, "out.tar"), options);
    };
    for (const hasher of [inlineHasher, threads]) {
      for (
        const [change, words] of [
          [noise(20_000_000, 2), 'Cannot write the layer of "C": a file changed meanwhile'],
          [noise(19_999_999), "it had 20000000 bytes when listed and 19999999 when read"],
          [noise(20_000_001), "it had 20000000 bytes when listed and 20000001 when read"],
        ] as const
      ) {
        await Deno.writeFile(app, noise(20_000_000));
        await assertRejects(
          () => twice(hasher, () => Deno.writeFile(app, change)),
          KbuildError,
          words,
        );
      }
      await Deno.writeFile(app, noise(20_000_000));
      const stop = new AbortController();
      const abort = () => Promise.resolve(stop.abort(new Error("late")));
      await assertRejects(() => twice(hasher, abort, stop.signal), Error, "late");
    }
    threads.close();
    const left = (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
    assertEquals(left, ["a.tar", "app", "b.tar"]);
  }));

Deno.test("imageConfig() inherits and changes settings as a Dockerfile does", async () => {
  await using scratch = await openBase("scratch", { arch: "amd64" });
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const of = (config: Record<string, unknown> | undefined, changes = {}) => {
    const base = {
      ...scratch,
      ...(config && { config: { config }, layers: [{ diffID: "a" }] }),
    } as unknown as Base;
    const layers = [{ diffID: "sha256:x", createdBy: "COPY" }];
    return imageConfig({ base, arch: "arm64", os: "linux", created, layers, changes });
  };
  assertEquals(of(undefined), {
    architecture: "arm64",
    os: "linux",
    created: "2020-09-13T12:26:40Z",
    config: { Env: [path], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: ["sha256:x"] },
    history: [{ created: "2020-09-13T12:26:40Z", created_by: "COPY" }],
  });
  const from = {
    ...{ Entrypoint: ["/e"], Cmd: ["c"], Env: ["A=1", "PATH=/p"], User: "7", WorkingDir: "/w" },
    ...{ Labels: { a: "1", b: "2" }, StopSignal: "SIGINT", Hostname: "h", Image: "i" },
  };
  const { Hostname: _, Image: __, ...kept } = from;
  assertEquals(of(from)["config"], kept);
  const changes = {
    ...{
      entrypoint: ["/x"],
      env: { A: "2", B: "3" },
      user: "8",
      workdir: "/v",
      labels: { b: "3" },
    },
  };
  assertEquals(of(from, changes)["config"], {
    ...{ Entrypoint: ["/x"], Env: ["A=2", "PATH=/p", "B=3"], User: "8", WorkingDir: "/v" },
    ...{ Labels: { a: "1", b: "3" }, StopSignal: "SIGINT" },
  });
  assertEquals(of({}, { cmd: ["z"] })["config"], { Env: [path], Cmd: ["z"] });
  assertEquals((of({})["history"] as unknown[]).length, 2);
  assertThrows(() => of({ OnBuild: ["RUN x"] }), KbuildError, "ONBUILD");
  const wrong = { ...scratch, config: { architecture: "amd64" } };
  assertThrows(
    () => imageConfig({ base: wrong, arch: "arm", os: "linux", created, layers: [], changes: {} }),
    KbuildError,
    'it is for "amd64"',
  );
});

Deno.test("canonicalJson() sorts keys and drops what is undefined", () => {
  const value = { b: [1, { d: null, c: "ü\n" }], a: undefined, "😀": true, "\uffee": false };
  assertEquals(canonicalJson(value), '{"b":[1,{"c":"ü\\n","d":null}],"\uffee":false,"😀":true}');
});

for (
  const [name, tag, full] of [
    [
      "registry.k8s.io/kube-proxy-amd64:v1.2.3",
      "v1.2.3",
      "registry.k8s.io/kube-proxy-amd64:v1.2.3",
    ],
    ["app:v1", "v1", "docker.io/library/app:v1"],
    ["me/app:v1", "v1", "docker.io/me/app:v1"],
    ["localhost/app:v1", "v1", "localhost/app:v1"],
    ["Host.Example:5000/a/b__c:1_2", "1_2", "Host.Example:5000/a/b__c:1_2"],
  ] as const
) {
  Deno.test(`parseRepoTag() takes ${name}`, () => {
    assertEquals(parseRepoTag(name), { name, tag, full });
  });
}

for (
  const name of [
    "",
    "app",
    "app:",
    "app:v1+2",
    "App:v1",
    "a//b:v1",
    "a:b:c",
    "-a:v1",
    "a/:v1",
    "a:\nv",
  ]
) {
  Deno.test(`parseRepoTag() refuses ${JSON.stringify(name)}`, () => {
    const error = assertThrows(() => parseRepoTag(name), UsageError);
    assertEquals(error.notes.includes('Write "_" for "+": "app:v1_2"'), name.includes("+"));
  });
}

/** Builds a program without libraries, for images from scratch, as `dir/app`. */
async function buildStatic(dir: string): Promise<string> {
  const source = `package main
import ("fmt"; "os")
func main() { fmt.Println("hello from", os.Args[0]) }
`;
  // Go takes no line break in a path, so it works in a plain directory.
  const plain = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(plain, "main.go"), source);
    const { success, stderr } = await new Deno.Command("go", {
      args: ["build", "-o", "app", "main.go"],
      cwd: plain,
      env: { CGO_ENABLED: "0", GOOS: "linux", GOARCH: goArch, GO111MODULE: "off", GOFLAGS: "" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    await Deno.copyFile(join(plain, "app"), join(dir, "app"));
  } finally {
    await Deno.remove(plain, { recursive: true });
  }
  return join(dir, "app");
}
const goArch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
const go = has("go", "version");

Deno.test({
  ...needing(
    "go and a Docker engine",
    go && has("docker", "version"),
    "writeImageArchive() makes images that docker loads, runs and saves as a base",
  ),
  fn: () =>
    inTempDir(async (dir) => {
      const app = await buildStatic(dir);
      const repoTags = [`example.test/kbuild-a:${Deno.pid}`, `example.test/kbuild-b:${Deno.pid}`];
      const config = { entrypoint: ["/usr/local/bin/app"], labels: { a: "b" } };
      await using scratch = await openBase("scratch", { arch: goArch });
      const options = { arch: goArch, repoTags, config };
      const one = await build(scratch, app, join(dir, "one.tar"), options);
      const inspect = async (name: string, format: string) =>
        (await run("docker", "inspect", "--format", format, name)).trim();
      try {
        await run("docker", "load", "-i", one.path);
        const loaded = await inspect(repoTags[0]!, "{{.Id}}");
        // The classic store names an image by its configuration, containerd's by its manifest.
        assertEquals([one.imageId, one.manifestDigest].includes(loaded), true);
        assertEquals(await inspect(repoTags[1]!, "{{.Id}} {{.Config.Labels.a}}"), `${loaded} b`);
        const said = await run("docker", "run", "--rm", "--network=none", repoTags[0]!);
        assertEquals(said, "hello from /usr/local/bin/app\n");

        await run("docker", "save", "-o", join(dir, "saved.tar"), repoTags[0]!);
        await using base = await openBase(join(dir, "saved.tar"), { arch: goArch });
        assertEquals(base.layers.length, 1);
        const entry = await fileEntry("bin/deep/app2", app, { mtime: created, mode: 0o755 });
        const entries = copyLayer(base.tree, [entry], { created });
        const two = await build(base, app, join(dir, "two.tar"), {
          ...{ arch: goArch, repoTags: [repoTags[1]!], config: { entrypoint: ["/bin/deep/app2"] } },
          layers: [{ entries, createdBy: "COPY app /bin/deep/app2" }],
        });
        await run("docker", "load", "-i", two.path);
        const again = await run("docker", "run", "--rm", "--network=none", repoTags[1]!);
        assertEquals(again, "hello from /bin/deep/app2\n");
        assertEquals(
          await inspect(repoTags[1]!, "{{.Config.Labels.a}} {{len .RootFS.Layers}}"),
          "b 2",
        );
      } finally {
        await run("docker", "rmi", "-f", ...repoTags).catch(() => {});
      }
    }),
});

Deno.test({
  ...needing(
    "skopeo",
    has("skopeo", "--version"),
    "writeImageArchive() makes what skopeo reads in both forms",
  ),
  fn: () =>
    inTempDir(async (top) => {
      // skopeo takes ":" for the start of a tag, and has no way to write a path that holds one.
      const dir = join(top, "plain");
      await Deno.mkdir(dir);
      await Deno.writeFile(join(dir, "app"), noise(2_000_000));
      await writeDirectory(
        join(dir, "base"),
        await ociFiles([{
          ...{ arch: "amd64", layers: [baseLayer], compressed: true, config: { User: "9" } },
        }]),
      );
      await using base = await openBase(join(dir, "base"), { arch: "amd64" });
      const image = await build(base, join(dir, "app"), join(dir, "o.tar"), {
        repoTags: tags.slice(0, 1),
      });
      const forms = [`docker-archive:${image.path}`, `oci-archive:${image.path}`];
      const layers = [];
      for (const [i, form] of forms.entries()) {
        const out = `${dir}/copy${i}`;
        await run("skopeo", "--insecure-policy", "copy", form, `oci:${out}:x`);
        await using copy = await openBase(out, { arch: "amd64" });
        layers.push(copy.layers.map(({ diffID }) => diffID));
        assertEquals(json(utf8(canonicalJson(copy.config)))["config"]["User"], "9");
        const config = await run("skopeo", "inspect", "--config", "--raw", form);
        assertEquals(sha256(config), image.imageId.slice(7));
      }
      assertEquals(layers[0], layers[1]);
      assertEquals(layers[0]?.[0], base.layers[0]?.diffID);
    }),
});
