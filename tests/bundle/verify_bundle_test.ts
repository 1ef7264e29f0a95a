import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import {
  bytesEntry,
  directoryEntry,
  packTarball,
  readTar,
  symlinkEntry,
  type TarEntry,
  unpackTar,
  writeTar,
} from "../../src/archive/mod.ts";
import {
  type BundleManifest,
  bundleName,
  INSTALL_SCRIPT,
  manifestText,
  sumsText,
  verifyBundle,
} from "../../src/bundle/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { inWorld } from "../registry/_world.ts";
import { KBUILD, makeBundle, membersOf, program } from "./_bundles.ts";

const ROOT = bundleName({ version: "v1.20.2", platform: "linux/amd64" });
const at = (path: string) => `${ROOT}/${path}`;
const encode = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const file = (path: string, bytes: Uint8Array | string, mode = 0o644) =>
  bytesEntry(at(path), typeof bytes === "string" ? encode(bytes) : bytes, { mtime: 7, mode });

function bytesOf({ content }: TarEntry): Uint8Array {
  return content !== undefined && "bytes" in content ? content.bytes : new Uint8Array();
}

/** Lists that say what is there, as somebody makes them who can count: only the contents are wrong. */
function relisted(
  entries: readonly TarEntry[],
  change: (manifest: BundleManifest) => BundleManifest = (manifest) => manifest,
): TarEntry[] {
  const others = entries.filter(({ name, type }) =>
    type === "file" && ![at("bundle.json"), at("SHA256SUMS")].includes(name)
  );
  const old = JSON.parse(
    new TextDecoder().decode(bytesOf(entries.find(({ name }) => name === at("bundle.json"))!)),
  ) as BundleManifest;
  const files = others.map((entry) => ({
    path: entry.name.slice(ROOT.length + 1),
    size: entry.size,
    sha256: sha256(bytesOf(entry)),
  })).sort((a, b) => a.path < b.path ? -1 : 1);
  const manifest = change({ ...old, files });
  const text = encode(manifestText(manifest));
  const sums = sumsText([{ path: "bundle.json", sha256: sha256(text) }, ...manifest.files]);
  return [file("bundle.json", text), file("SHA256SUMS", sums), ...others];
}

const without = (entries: readonly TarEntry[], path: string) =>
  entries.filter(({ name }) => name !== at(path));
const replaced = (entries: readonly TarEntry[], path: string, bytes: Uint8Array | string) =>
  entries.map((entry) => entry.name === at(path) ? file(path, bytes, entry.mode) : entry);

/** An image archive whose index and list of images are others, with more members. */
async function repacked(
  entries: readonly TarEntry[],
  path: string,
  change: (document: string) => string,
  more: readonly TarEntry[] = [],
): Promise<readonly TarEntry[]> {
  const bytes = bytesOf(entries.find(({ name }) => name === at(path))!);
  const members: TarEntry[] = [];
  async function* source() {
    yield bytes;
  }
  for await (const member of readTar(source())) {
    const content = await member.bytes();
    const isDocument = ["index.json", "manifest.json"].includes(member.name);
    const changed = isDocument ? encode(change(new TextDecoder().decode(content))) : content;
    members.push(bytesEntry(member.name, changed, { mtime: 7 }));
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await writeTar([...members, ...more], (chunk) => void parts.push(chunk.slice()));
  return replaced(entries, path, new Uint8Array(await new Blob(parts).arrayBuffer()));
}

/** What somebody does to a bundle, and a word of what is reported. */
const HOSTILE: readonly (readonly [
  what: string,
  change: (entries: readonly TarEntry[]) => readonly TarEntry[] | Promise<readonly TarEntry[]>,
  said: string,
])[] = [
  ["a file is missing", (all) => without(all, "images/etcd.tar"), '"images/etcd.tar" is missing'],
  [
    "a file is missing, and in no list",
    (all) => relisted(without(all, "images/etcd.tar")),
    '"etcd" is neither there nor named as left out',
  ],
  ["a file is added", (all) => [...all, file("bin/sh", "x")], '"bin/sh" is not listed'],
  [
    "a file is added to the lists, too",
    (all) => relisted([...all, file("bin/sh", program(), 0o755)]),
    '"bin/sh" belongs to no part',
  ],
  [
    "a program is another one",
    (all) => replaced(all, "bin/kubelet", program("v1.20.1")),
    '"bin/kubelet" has digest',
  ],
  [
    "a program is cut off",
    (all) => replaced(all, "bin/kubelet", program().slice(0, 3000)),
    '"bin/kubelet" has 3000 bytes',
  ],
  [
    "a program is of another version, with its digest",
    (all) => relisted(replaced(all, "bin/kubelet", program("v1.20.1"))),
    '"bin/kubelet"',
  ],
  [
    "a program is a script",
    (all) => relisted(replaced(all, "bin/kubectl", "#!/bin/sh\nrm -rf /\n")),
    '"bin/kubectl" is text, not a program',
  ],
  [
    "the script is another one",
    (all) => replaced(all, "install.sh", `${INSTALL_SCRIPT}rm -rf /\n`),
    '"install.sh" is not the one that this kbuild writes',
  ],
  [
    "the script is another one, with its digest and another kbuild",
    (all) =>
      relisted(
        replaced(all, "install.sh", `${INSTALL_SCRIPT}rm -rf /\n`),
        (manifest) => ({ ...manifest, kbuild: "9.9.9" }),
      ),
    '"install.sh" is not the one that this kbuild writes',
  ],
  [
    "the script is missing",
    (all) => relisted(without(all, "install.sh")),
    '"install.sh" is missing',
  ],
  [
    "a file is a link",
    (
      all,
    ) => [...without(all, "bin/kubelet"), symlinkEntry(at("bin/kubelet"), "/bin/sh", { mtime: 7 })],
    '"bin/kubelet" is not a file',
  ],
  [
    "a program has the mode of root's",
    (all) =>
      all.map((entry) => entry.name === at("bin/kubelet") ? { ...entry, mode: 0o4755 } : entry),
    '"bin/kubelet" has mode 4755',
  ],
  [
    "a directory is added",
    (all) => [...all, directoryEntry(at("etc"), { mtime: 7 })],
    'directory "etc" has nothing that is listed',
  ],
  [
    "a directory is in the place of a file",
    (
      all,
    ) => [...without(all, "images/etcd.tar"), directoryEntry(at("images/etcd.tar"), { mtime: 7 })],
    '"images/etcd.tar" is not a file',
  ],
  [
    "a directory is in the place of a list",
    (all) => [...all, directoryEntry(at("SHA256SUMS"), { mtime: 7 })],
    '"SHA256SUMS" is not a file',
  ],
  [
    "a directory comes twice",
    (all) => [...all, directoryEntry(at("bin"), { mtime: 7 })],
    '"bin" is there twice',
  ],
  [
    "others may write to a directory",
    (all) =>
      all.map((entry) => entry.name === `${ROOT}/images/` ? { ...entry, mode: 0o777 } : entry),
    '"images" has mode 777, want 755',
  ],
  [
    "nobody may read the directory of the bundle",
    (all) => all.map((entry) => entry.name === `${ROOT}/` ? { ...entry, mode: 0 } : entry),
    "its directory has mode 0, want 755",
  ],
  [
    "a program cannot be started",
    (all) =>
      all.map((entry) => entry.name === at("bin/kubelet") ? { ...entry, mode: 0o644 } : entry),
    '"bin/kubelet" has mode 644, want 755',
  ],
  [
    "a file comes twice",
    (all) => [...all, file("bin/kubelet", program(), 0o755)],
    '"bin/kubelet" is there twice',
  ],
  [
    "a file is outside",
    (all) => [...all, bytesEntry("etc/passwd", encode("x"), { mtime: 7 })],
    '"etc/passwd" is outside of',
  ],
  [
    "the list of digests is another one",
    (all) => replaced(all, "SHA256SUMS", "\n"),
    '"SHA256SUMS" does not list what',
  ],
  [
    "the list of digests lists more",
    (all) =>
      replaced(
        all,
        "SHA256SUMS",
        `${new TextDecoder().decode(bytesOf(all.find(({ name }) => name === at("SHA256SUMS"))!))}${
          "0".repeat(64)
        }  ../x\n`,
      ),
    '"SHA256SUMS" does not list what',
  ],
  [
    "an image is another one",
    (all) => {
      const other = bytesOf(all.find(({ name }) => name === at("images/pause.tar"))!);
      return relisted(replaced(all, "images/kube-proxy.tar", other));
    },
    '"images/kube-proxy.tar" is not "registry.example/kube-proxy:v1.20.2"',
  ],
  [
    "an image is described as another one",
    (all) =>
      relisted(all, (manifest) => ({
        ...manifest,
        images: manifest.images.map((image) => ({ ...image, imageId: `sha256:${"0".repeat(64)}` })),
      })),
    '"images/pause.tar" has image',
  ],
  [
    "an image's manifest is another one",
    (all) =>
      relisted(all, (manifest) => ({
        ...manifest,
        images: manifest.images.map((image) => ({ ...image, manifest: image.imageId })),
      })),
    '"images/pause.tar" has an index of other images',
  ],
  [
    "an image is not described",
    (all) => relisted(all, (manifest) => ({ ...manifest, images: manifest.images.slice(1) })),
    'image "kube-apiserver" is not described once',
  ],
  [
    "the index of an image has another name for containerd",
    async (all) =>
      relisted(
        await repacked(
          all,
          "images/pause.tar",
          (text) =>
            text.replace(
              '"io.containerd.image.name":"registry.example/pause:v1.20.2"',
              '"io.containerd.image.name":"registry.example/kube-apiserver:v1.20.2"',
            ),
        ),
      ),
    'has the names "registry.example/kube-apiserver:v1.20.2" in its index as io.containerd',
  ],
  [
    "the index of an image has another name",
    async (all) =>
      relisted(
        await repacked(
          all,
          "images/pause.tar",
          (text) =>
            text.replace(
              '"org.opencontainers.image.ref.name":"registry.example/pause:v1.20.2"',
              '"org.opencontainers.image.ref.name":"registry.example/etcd:v1.20.2"',
            ),
        ),
      ),
    'has the names "registry.example/etcd:v1.20.2" in its index as org.opencontainers',
  ],
  [
    "the index of an image has no names",
    async (all) =>
      relisted(
        await repacked(
          all,
          "images/pause.tar",
          (text) => text.replace(/"annotations":\{[^}]*\},/, ""),
        ),
      ),
    'has the names "undefined" in its index as io.containerd',
  ],
  [
    "an image has two indexes",
    async (all) =>
      relisted(
        await repacked(all, "images/pause.tar", (text) => text, [
          bytesEntry("./index.json", encode('{"manifests":[]}'), { mtime: 7 }),
        ]),
      ),
    '"images/pause.tar" has a member twice',
  ],
  [
    "an image of Kubernetes has none of its programs",
    async (all) => {
      const named = await repacked(
        all,
        "images/pause.tar",
        (text) => text.replaceAll("/pause:", "/kube-proxy:"),
      );
      const bytes = bytesOf(named.find(({ name }) => name === at("images/pause.tar"))!);
      return relisted(replaced(all, "images/kube-proxy.tar", bytes), (manifest) => {
        const { manifest: digest, imageId } = manifest.images.find(({ name }) => name === "pause")!;
        const images = manifest.images.map((image) =>
          image.name === "kube-proxy" ? { ...image, manifest: digest, imageId } : image
        );
        return { ...manifest, images };
      });
    },
    '"images/kube-proxy.tar" has no program that is stamped with version v1.20.2',
  ],
  [
    "a program is one of somebody else",
    (all) => relisted(replaced(all, "bin/kubelet", program("").replace("gitTreeState", "nothing"))),
    '"bin/kubelet" is not stamped with version v1.20.2; in it: no version',
  ],
  [
    "an image is no archive",
    (all) => relisted(replaced(all, "images/pause.tar", "x")),
    '"images/pause.tar"',
  ],
  [
    "a layer has other bytes",
    (all) => {
      const bytes = bytesOf(all.find(({ name }) => name === at("images/pause.tar"))!).slice();
      bytes[bytes.length >> 1]! ^= 1;
      return relisted(replaced(all, "images/pause.tar", bytes));
    },
    '"images/pause.tar',
  ],
  [
    "a tarball of programs is cut off",
    (all) => {
      const path = "programs/crictl-v1.19.0-linux-amd64.tar.gz";
      const bytes = bytesOf(all.find(({ name }) => name === at(path))!);
      return relisted(replaced(all, path, bytes.slice(0, 60)));
    },
    '"programs/crictl-v1.19.0-linux-amd64.tar.gz"',
  ],
  [
    "a part is there and named as left out",
    (all) => relisted(all, (manifest) => ({ ...manifest, leftOut: ["deb"] })),
    '"deb" is named as left out, and is there',
  ],
];

Deno.test("verifyBundle() takes a bundle as it is written, packed and unpacked", () =>
  inWorld(async (world) => {
    const [path, again] = [join(world.dir, "a.tar.gz"), join(world.dir, "b.tar.gz")];
    const made = await makeBundle(world, path);
    const options = { kbuild: KBUILD };
    const verified = await verifyBundle(path, options);
    assertEquals(verified.problems, []);
    assertEquals([verified.sha256, verified.manifest], [made.sha256, made.manifest]);
    assertEquals(verified.notes.length, 1);
    const known = await verifyBundle(path, { ...options, digest: made.sha256 });
    assertEquals([known.problems, known.notes], [[], []]);
    const other = await verifyBundle(path, { ...options, digest: "0".repeat(64) });
    assertStringIncludes(other.problems.join(), `want sha256:${"0".repeat(64)}`);
    // Another kbuild's script is taken from whoever is known.
    const members = replaced(await membersOf(path), "install.sh", "#!/bin/sh\n");
    const theirs = relisted(members, (manifest) => ({ ...manifest, kbuild: "9.9.9" }));
    const { sha256 } = await packTarball(theirs, again, { inOrder: true });
    const taken = await verifyBundle(again, { ...options, digest: sha256 });
    assertEquals([taken.problems, taken.notes], [[], [
      '"install.sh" is the one of another kbuild',
    ]]);
    await unpackTar(path, join(world.dir, "unpacked"));
    const directory = join(world.dir, "unpacked", ROOT);
    assertEquals((await verifyBundle(directory, options)).problems, []);
    // Whoever unpacked it has another umask.
    await Deno.chmod(join(directory, "bin/kubelet"), 0o700);
    await Deno.chmod(join(directory, "images"), 0o750);
    assertEquals((await verifyBundle(directory, options)).problems, []);
    await Deno.chmod(join(directory, "bin/kubelet"), 0o4755);
    await Deno.chmod(join(directory, "sbom"), 0o777);
    await Deno.mkdir(join(directory, "etc"));
    await Deno.writeTextFile(join(directory, "packages/more"), "x");
    await Deno.remove(join(directory, "images/etcd.tar"));
    await Deno.symlink("/bin/sh", join(directory, "bin/sh"));
    assertEquals((await verifyBundle(directory, options)).problems.toSorted(), [
      '"bin/kubelet" has mode 4755, want 755',
      '"bin/sh" is not a file',
      '"images/etcd.tar" is missing',
      '"packages/more" is not listed',
      '"sbom" has mode 777, want 755',
      'directory "etc" has nothing that is listed',
    ]);
  }));

Deno.test("verifyBundle() reports what is wrong in bundles of strangers", (t) =>
  inWorld(async (world) => {
    const path = join(world.dir, "bundle.tar.gz");
    await makeBundle(world, path);
    const members = await membersOf(path);
    for (const [what, change, said] of HOSTILE) {
      await t.step(what, async () => {
        const out = join(world.dir, "changed.tar.gz");
        await packTarball(await change(members), out, { inOrder: true });
        const { problems } = await verifyBundle(out, { kbuild: KBUILD });
        assertStringIncludes(problems.join("\n"), said);
        await Deno.remove(out);
      });
    }
  }));

Deno.test("verifyBundle() refuses what is not a bundle", (t) =>
  inWorld(async (world) => {
    const path = join(world.dir, "bundle.tar.gz");
    await makeBundle(world, path);
    const members = await membersOf(path);
    const text = new TextDecoder().decode(
      bytesOf(members.find(({ name }) => name === at("bundle.json"))!),
    );
    const cases: readonly (readonly [string, readonly TarEntry[], string])[] = [
      ["no list", without(members, "bundle.json"), 'it has no "bundle.json"'],
      ["no digests", without(members, "SHA256SUMS"), 'it has no "SHA256SUMS"'],
      [
        "a list that is a link",
        [...without(members, "bundle.json"), symlinkEntry(at("bundle.json"), "/etc", { mtime: 7 })],
        'it has no "bundle.json"',
      ],
      ["no JSON", replaced(members, "bundle.json", "x"), "its form is undefined"],
      ["a later form", replaced(members, "bundle.json", '{"bundle":2}'), "its form is 2"],
      [
        "a path that leads out",
        replaced(members, "bundle.json", text.replace('"bin/kubelet"', '"../../kubelet"')),
        '"path" is "../../kubelet"',
      ],
      [
        "a path for a shell",
        replaced(members, "bundle.json", text.replace('"bin/kubelet"', '"bin/$(reboot)"')),
        '"path" is',
      ],
      [
        "a platform for a shell",
        replaced(members, "bundle.json", text.replace('"linux/amd64"', '"linux/$(reboot)"')),
        '"platform" is',
      ],
      [
        "an unknown part",
        replaced(members, "bundle.json", text.replace('"leftOut": []', '"leftOut": ["x"]')),
        'it leaves out "x"',
      ],
    ];
    for (const [what, entries, said] of cases) {
      await t.step(what, async () => {
        const out = join(world.dir, "changed.tar.gz");
        await packTarball(entries, out, { inOrder: true });
        const error = await assertRejects(() => verifyBundle(out, { kbuild: KBUILD }), KbuildError);
        assertStringIncludes(error.message, said);
      });
    }
    const gzipped = await Deno.readFile(path);
    const contents: readonly (readonly [string, string | Uint8Array])[] = [
      ["a text", "not an archive\n".repeat(100)],
      ["random bytes", crypto.getRandomValues(new Uint8Array(4096))],
      ["an empty file", ""],
      ["the beginning of a bundle", gzipped.slice(0, 20)],
    ];
    const file = join(world.dir, "no bundle");
    for (const [what, bytes] of contents) {
      await t.step(what, async () => {
        await Deno.writeFile(file, typeof bytes === "string" ? encode(bytes) : bytes);
        const error = await assertRejects(
          () => verifyBundle(file, { kbuild: KBUILD }),
          KbuildError,
        );
        assertEquals(error.message, `Cannot verify "${file}": it is not a bundle`);
        assertStringIncludes(error.notes.join("\n"), "kbuild verify-release checks releases");
      });
    }
    await t.step("no file", async () => {
      await Deno.remove(file);
      const error = await assertRejects(() => verifyBundle(file, { kbuild: KBUILD }), KbuildError);
      assertEquals(error.message, `Cannot read "${file}": no such file or directory`);
    });
  }));
