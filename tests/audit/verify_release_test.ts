/** `kbuild verify-release` over small releases made by hand, and over everything done to them. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { type VerifiedRelease, verifyRelease } from "../../src/audit/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { inScratch, kbuild, output } from "../e2e/_program.ts";
import { type TinyProgram, tinyProgram } from "./_programs.ts";

const CLIENT = "release-tars/kubernetes-client-linux-amd64.tar.gz";
const SERVER = "release-tars/kubernetes-server-linux-amd64.tar.gz";
const IMAGE = "release-images/amd64/kube-proxy.tar";

/** A program for the machine of `platform`. */
function program(options: { arch?: string } & TinyProgram = {}): Uint8Array<ArrayBuffer> {
  const { arch = "amd64", ...others } = options;
  return tinyProgram({ platform: `linux/${arch}`, ...others });
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
}

async function sh(cwd: string, script: string): Promise<string> {
  return (await output(["sh", "-ec", script], { cwd })).trim();
}

interface ImageParts {
  kubelet?: Uint8Array<ArrayBuffer>;
  arch?: string;
  tag?: string;
  diffId?: string;
  layers?: string;
}

/** `kube-proxy.tar` as `docker save` wrote it: manifest.json, configuration, one layer. */
async function packImage(dir: string, out: string, parts: ImageParts = {}): Promise<void> {
  const { arch = "amd64", tag = "v1.20.2" } = parts;
  const work = join(dir, "image");
  await sh(dir, `rm -rf image && mkdir image ${JSON.stringify(dirname(out))} -p`);
  await put(join(work, "root/usr/bin/kube-proxy"), parts.kubelet ?? program());
  await sh(work, "mkdir l && tar cf l/layer.tar -C root usr && rm -r root");
  const diffId = parts.diffId ?? (await sh(work, "sha256sum <l/layer.tar")).split(" ")[0];
  const rootfs = { type: "layers", diff_ids: [`sha256:${diffId}`] };
  await put(join(work, "c.json"), JSON.stringify({ os: "linux", architecture: arch, rootfs }));
  const [id = ""] = (await sh(work, "sha256sum <c.json")).split(" ");
  const RepoTags = [`registry.example/kube-proxy-amd64:${tag}`];
  const layer = parts.layers ?? "l/layer.tar";
  const manifest = [{ Config: `${id}.json`, RepoTags, Layers: [layer] }];
  await put(join(work, "manifest.json"), JSON.stringify(manifest));
  await sh(work, `mv c.json ${id}.json && tar cf "${out}" *`);
}

/** A release of a client, a server with an image, and the source; its checksums follow. */
async function makeRelease(dir: string, image: ImageParts = {}, kubectl = program()) {
  const out = join(dir, "out");
  await put(join(dir, "c/kubernetes/client/bin/kubectl"), kubectl);
  await put(join(dir, "s/kubernetes/server/bin/kubelet"), program());
  await put(join(dir, "s/kubernetes/server/bin/kube-proxy.docker_tag"), "v1.20.2\n");
  for (const part of ["c", "s"]) await put(join(dir, part, "kubernetes/version"), "v1.20.2\n");
  // Test data: a program for another machine and an archive that is broken.
  await put(join(dir, "src/testdata/x"), program({ arch: "arm64" }));
  await put(join(dir, "src/testdata/x.gz"), new Uint8Array([0x1f, 0x8b, 8, 0, 1]));
  await packImage(dir, join(out, IMAGE), image);
  await sh(
    dir,
    `mkdir out/release-tars && cp out/${IMAGE} s/kubernetes/server/bin/
     tar czf s/kubernetes/kubernetes-src.tar.gz -C src testdata
     tar czf out/${CLIENT} -C c kubernetes; tar czf out/${SERVER} -C s kubernetes`,
  );
  await writeSums(out);
  return out;
}

/** The checksum files as kbuild writes them. */
async function writeSums(out: string): Promise<void> {
  await sh(
    join(out, "release-tars"),
    `rm -f *SUMS *.sha*; sha256sum *.tar.gz >sums; mv sums SHA256SUMS
     sha512sum *.tar.gz >sums; mv sums SHA512SUMS
     for f in *.tar.gz; do sha512sum <$f | tr -d ' \\n-' >$f.sha512; sha256sum $f >$f.sha256; done`,
  );
  const artifacts = [];
  for (const [path, kind] of [[IMAGE, "image"], [CLIENT, "tarball"], [SERVER, "tarball"]]) {
    const { size } = await Deno.stat(join(out, path!));
    const [sha256] = (await sh(out, `sha256sum <${path}`)).split(" ");
    const [tarSha256] = kind === "image"
      ? []
      : (await sh(out, `zcat ${path} | sha256sum`)).split(" ");
    artifacts.push({ path, kind, platform: "linux/amd64", size, sha256, tarSha256 });
  }
  const list = { version: "v1.20.2", epoch: 1, artifacts };
  await put(join(out, "release-tars/artifacts.json"), JSON.stringify(list));
}

/** All problems as "artifact: member: text", digests cut. */
function wordsOf({ artifacts, problems }: VerifiedRelease): string[] {
  const all = [
    ...artifacts.flatMap(({ name, problems }) => problems.map((each) => ({ name, ...each }))),
    ...problems.map((each) => ({ name: "", ...each })),
  ];
  return all.map(({ name, path, text }) =>
    [name.replace(/.*\//, ""), ...path, text].filter(Boolean).join(": ")
      .replaceAll(/[0-9a-f]{64,128}|[0-9a-f]{12}…/g, "HEX").replaceAll(/\d{3,} bytes/g, "N bytes")
  );
}

Deno.test("verifyRelease() finds nothing wrong with a whole release, and counts what it read", () =>
  inScratch(async (dir) => {
    const out = await makeRelease(dir);
    const report = await verifyRelease(out);
    assertEquals(wordsOf(report), []);
    assertEquals(report.version, "v1.20.2");
    assertEquals(report.notes, []);
    assertEquals(
      report.artifacts.map(({ name, programs, images, platform, checksums }) => [
        [name, programs, images.length, platform],
        checksums.length,
      ]),
      [
        [[IMAGE, 1, 1, "linux/amd64"], 1],
        [[CLIENT, 1, 0, "linux/amd64"], 5],
        [[SERVER, 2, 1, "linux/amd64"], 5],
      ],
    );

    // The directory alone, and without any checksum, as Kubernetes' scripts leave it.
    const tars = await verifyRelease(join(out, "release-tars"));
    assertEquals(wordsOf(tars), []);
    assertMatch(tars.notes.join(), /^1 image of artifacts\.json not looked at/);
    await sh(out, "cd release-tars; rm *.sha* *SUMS *.json");
    const bare = await verifyRelease(out);
    assertEquals([wordsOf(bare), bare.version], [[], "v1.20.2"]);
    assertEquals(bare.notes, ["Checksums not compared: there are none here"]);
  }));

const [client, server] = [CLIENT, SERVER].map((path) => path.slice("release-tars/".length));

/** Changes to a finished release, and all problems that they cause. */
const TAMPERED: readonly (readonly [script: string, words: readonly string[]])[] = [
  // The last byte of a gzip frame is the size's highest.
  [`printf '\\001' | dd of=${client} bs=1 seek=$(($(stat -c %s ${client}) - 1)) conv=notrunc`, [
    `${client}: sha256 is HEX, want HEX (release-tars/SHA256SUMS, release-tars/artifacts.json, ` +
    `release-tars/${client}.sha256, release-tars/SHA512SUMS, release-tars/${client}.sha512)`,
    `${client}: is damaged`,
  ]],
  [`rm ${client}`, [
    `release-tars/${client}: is missing; named by release-tars/SHA256SUMS, ` +
    `release-tars/SHA512SUMS, release-tars/artifacts.json, release-tars/${client}.sha256, ` +
    `release-tars/${client}.sha512`,
  ]],
  [`cp ${client} extra.tar.gz`, [
    "extra.tar.gz: is not in release-tars/SHA256SUMS",
    "extra.tar.gz: is not in release-tars/SHA512SUMS",
    "extra.tar.gz: is not in release-tars/artifacts.json",
  ]],
  ["echo hello >>SHA256SUMS", [
    'release-tars/SHA256SUMS: has a line that is not a sha256 checksum: "hello"',
  ]],
  [": >SHA512SUMS", ["release-tars/SHA512SUMS: is empty"]],
  ["sed -i 's/  /  ..\\/..\\/..\\/etc\\//' SHA256SUMS", [
    `release-tars/SHA256SUMS: names "../../../etc/${client}", which is outside the directory`,
    `release-tars/SHA256SUMS: names "../../../etc/${server}", which is outside the directory`,
  ]],
  ["truncate -s 40 artifacts.json", [
    "release-tars/artifacts.json: is not a list of artifacts as kbuild writes it",
  ]],
  ['sed -i \'s/amd64","size/arm64","size/g\' artifacts.json', [
    "kube-proxy.tar: platform is linux/amd64, release-tars/artifacts.json says linux/arm64",
    `${client}: platform is linux/amd64, release-tars/artifacts.json says linux/arm64`,
    `${server}: platform is linux/amd64, release-tars/artifacts.json says linux/arm64`,
  ]],
  ["sed -i s/v1.20.2/v1.20.3/ artifacts.json", [
    'kube-proxy.tar: is image "registry.example/kube-proxy-amd64:v1.20.2", want tag v1.20.3',
    `${server}: kubernetes/server/bin/kube-proxy.tar: is image ` +
    '"registry.example/kube-proxy-amd64:v1.20.2", want tag v1.20.3',
    "kube-proxy.tar: l/layer.tar: usr/bin/kube-proxy: is not stamped with version v1.20.3; " +
    "in it: v1.20.2",
    `${client}: kubernetes/version: says v1.20.2, want v1.20.3`,
    `${client}: kubernetes/client/bin/kubectl: is not stamped with version v1.20.3; in it: v1.20.2`,
    `${server}: kubernetes/version: says v1.20.2, want v1.20.3`,
    `${server}: kubernetes/server/bin/kube-proxy.tar: l/layer.tar: usr/bin/kube-proxy: is not ` +
    "stamped with version v1.20.3; in it: v1.20.2",
    `${server}: kubernetes/server/bin/kubelet: is not stamped with version v1.20.3; in it: v1.20.2`,
  ]],
  [
    "ln -s nothing x.tar.gz; rm *SUMS artifacts.json",
    [
      "x.tar.gz: Cannot read",
    ],
  ],
];

for (const [script, words] of TAMPERED) {
  Deno.test(`verifyRelease() tells what "${script}" did`, () =>
    inScratch(async (dir) => {
      const out = await makeRelease(dir);
      await sh(join(out, "release-tars"), script);
      const found = wordsOf(await verifyRelease(out));
      assertEquals(found.length, words.length, found.join("\n"));
      for (const text of words) {
        assert(found.some((each) => each.startsWith(text)), `${text}\nfound:\n${found.join("\n")}`);
      }
    }));
}

/** What is wrong in the artifacts themselves, all checksums being right. */
const WRONG: readonly (readonly [
  what: string,
  image: ImageParts,
  kubectl: Uint8Array<ArrayBuffer> | undefined,
  words: readonly string[],
])[] = [
  ["a program for another machine", {}, program({ arch: "arm64" }), [
    `${client}: kubernetes/client/bin/kubectl: is a program for linux/arm64, want linux/amd64`,
  ]],
  ["a program that is cut off", {}, program({ extent: 5000 }), [
    `${client}: kubernetes/client/bin/kubectl: is cut off: N bytes, its headers speak of 5000`,
  ]],
  ["an empty program", {}, new Uint8Array(), [
    `${client}: kubernetes/client/bin/kubectl: is empty`,
  ]],
  ["a script in the place of a program", {}, new TextEncoder().encode("#!/bin/sh\n"), [
    `${client}: kubernetes/client/bin/kubectl: is text, not a program`,
  ]],
  [
    "another version that does not show what it links",
    {},
    program({ versions: ["v1.20.1"], linksVersion: false }),
    [
      `${client}: kubernetes/client/bin/kubectl: is not stamped with version v1.20.2; in it: v1.20.1`,
    ],
  ],
  ["an empty program in an image", { kubelet: new Uint8Array() }, undefined, [
    "l/layer.tar: usr/bin/kube-proxy: is empty",
  ]],
  ["a program that was not stamped", {}, program({ versions: [] }), [
    `${client}: kubernetes/client/bin/kubectl: is not stamped with version v1.20.2; in it: no version`,
  ]],
  ["an image for another machine", { arch: "arm64" }, undefined, [
    "is an image for linux/arm64, want linux/amd64",
  ]],
  ["an image with another tag", { tag: "v1.20.3" }, undefined, [
    'is image "registry.example/kube-proxy-amd64:v1.20.3", the file .docker_tag beside it says v1.20.2',
  ]],
  ["a layer with another digest", { diffId: "0".repeat(64) }, undefined, [
    "l/layer.tar: has digest sha256:HEX, the configuration says sha256:HEX",
  ]],
  ["a layer that is missing", { layers: "none/layer.tar" }, undefined, [
    'manifest.json: names layer "none/layer.tar", which is not in the archive',
  ]],
  ["another machine's program in an image", { kubelet: program({ arch: "arm64" }) }, undefined, [
    "l/layer.tar: usr/bin/kube-proxy: is a program for linux/arm64, want linux/amd64",
  ]],
];

for (const [what, image, kubectl, words] of WRONG) {
  Deno.test(`verifyRelease() finds ${what}`, () =>
    inScratch(async (dir) => {
      const found = wordsOf(await verifyRelease(await makeRelease(dir, image, kubectl)));
      // Findings in an image name its archive and of the server tarball; the file with the tag is
      // beside the latter alone.
      const places = kubectl !== undefined
        ? [""]
        : ["kube-proxy.tar: ", `${server}: kubernetes/server/bin/kube-proxy.tar: `];
      const wanted = words.flatMap((text) => places.map((place) => place + text))
        .map((text) => text.replace(/^(kube-proxy\.tar: is image ".*", ).*/, "$1want tag v1.20.2"));
      assertEquals(found.sort(), wanted.sort());
    }));
}

Deno.test("kbuild verify-release ends with 0 for a sound release, with 1 for another, and names what is wrong", () =>
  inScratch(async (dir) => {
    const out = await makeRelease(dir);
    const sound = await kbuild(["verify-release", "out"], { cwd: dir });
    assertEquals([sound.code, sound.stdout.trimEnd().split("\n")], [0, [
      `ok    ${IMAGE}: ${Number(await sh(out, `tar tf ${IMAGE} | wc -l`))} members, 1 program, ` +
      "1 image, 1 checksum",
      `ok    ${CLIENT}: 5 members, 1 program, 5 checksums`,
      `ok    ${SERVER}: 8 members, 2 programs, 1 image, 5 checksums`,
      `${out} v1.20.2: 3 artifacts: 3 sound, 0 bad`,
    ]]);
    const other = await kbuild(["verify-release", "out", "--stamped", "v1.20.9"], { cwd: dir });
    assertEquals(other.code, 1);
    assertMatch(other.stdout, /kubectl: is not stamped with version v1\.20\.9; in it: v1\.20\.2/);
    assertMatch(other.stderr, /The release is not sound: 3 artifacts: 0 sound, 3 bad/);
    const json = await kbuild(["verify-release", "out", "--json"], { cwd: dir });
    const { sound: isSound, artifacts } = JSON.parse(json.stdout);
    assertEquals([isSound, artifacts.length], [true, 3]);
    await put(join(dir, "empty/notes.txt"), "");
    const empty = await kbuild(["verify-release", "empty"], { cwd: dir });
    assertEquals([empty.code, empty.stdout], [1, ""]);
    assertMatch(empty.stderr, /there is no release in it/);
  }));

Deno.test("verifyRelease() refuses a directory that is not there", async () => {
  await assertRejects(() => verifyRelease("/nonexistent/x"), KbuildError, "Cannot verify");
});

Deno.test("verifyRelease() names what is whole as an archive and nothing that a release holds", () =>
  inScratch(async (dir) => {
    const bin = "kubernetes/client/bin";
    const index = (digest: string) => JSON.stringify({ manifests: [{ digest }] });
    const table: readonly [make: string, artifact: string, says: RegExp][] = [
      ["printf '[[[' >manifest.json; tar cf a.tar manifest.json", "a.tar", /not the manifest/],
      ["echo null >manifest.json; tar cf a.tar manifest.json", "a.tar", /not the manifest/],
      [
        "ln -s manifest.json manifest.json; tar cf a.tar manifest.json",
        "a.tar",
        /not the manifest/,
      ],
      [
        `echo '{}' >oci-layout; echo '${index("sha256:../../x")}' >index.json; tar cf a.tar *`,
        "a.tar",
        /names manifest "sha256:\.\.\/\.\.\/x", which is not in the archive/,
      ],
      ["echo '{}' >oci-layout; echo 7 >index.json; tar cf a.tar *", "a.tar", /not the index/],
      [
        `mkdir -p ${bin}; printf '\\177ELF\\377\\377\\377' >${bin}/kubectl; ` +
        "tar czf kubernetes-client-linux-amd64.tar.gz kubernetes",
        "kubernetes-client-linux-amd64.tar.gz",
        /kubectl: begins like a program, and its headers cannot be read/,
      ],
      [
        `mkdir -p ${bin} in; echo >evil; (cd in && tar czPf ../a.tar.gz ../evil)`,
        "a.tar.gz",
        /\.\.\/evil: is outside of the archive's tree/,
      ],
      [
        "echo >abs; tar czPf a.tar.gz $PWD/abs",
        "a.tar.gz",
        /abs: is outside of the archive's tree/,
      ],
    ];
    for (const [make, artifact, says] of table) {
      const work = await Deno.makeTempDir({ dir });
      await sh(work, make);
      const { code, stdout, stderr } = await kbuild(["verify-release", join(work, artifact)]);
      assertEquals(code, 1, `${make}\n${stdout}${stderr}`);
      assertMatch(stdout, says, make);
    }
  }));

Deno.test("kbuild verify-release names all that is wrong in a tarball, and sends no control character to a terminal", () =>
  inScratch(async (dir) => {
    const bin = "kubernetes/client/bin";
    await put(join(dir, bin, "kubectl"), program());
    await sh(
      dir,
      `cd ${bin}; cp kubectl su; chmod 4755 su; cp kubectl sg; chmod 2755 sg; cp kubectl ww; chmod 777 ww
       ln -s /etc/passwd absolute; ln -s ../../../../etc leads; ln kubectl hard; ln -s kubectl fine
       mkfifo pipe; printf x >"$(printf 'clear\\033[2J')"; printf x >"$(printf 'two\\nlines')"
       cd ../../..; mkdir other; echo x >other/file
       tar cf a.tar kubernetes other; tar rf a.tar ${bin}/ww; gzip -c a.tar >kubernetes-client-linux-amd64.tar.gz`,
    );
    const path = join(dir, "kubernetes-client-linux-amd64.tar.gz");
    const { code, stdout, stderr } = await kbuild(["verify-release", path, "--stamped", "v1.20.2"]);
    assertEquals(code, 1);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stdout + stderr), stdout + stderr);
    const lines = stdout.split("\n").map((line) => line.trim().replace(`${bin}/`, ""));
    for (
      const line of [
        "su: has mode 4755: it would run as its owner (setuid)",
        "sg: has mode 2755: it would run as its group (setgid)",
        "ww: has mode 0777: everybody could write to it",
        "ww: is in the archive more than once",
        'absolute: is a link to "/etc/passwd", which may lead out of the archive\'s tree',
        'leads: is a link to "../../../../etc", which may lead out of the archive\'s tree',
        'other/file: is outside of "kubernetes"',
        "pipe: is a named pipe",
        "clear\\x1b[2J: has a name with control characters, or one that is not UTF-8",
        "two\\u000alines: has a name with control characters, or one that is not UTF-8",
        "two\\u000alines: is text, not a program",
      ]
    ) assert(lines.includes(line), `${line}\n${stdout}`);
    assert(lines.some((line) => /^(hard|kubectl): is a hard link to /.test(line)), stdout);
    assert(!lines.some((line) => line.startsWith("fine: ")), stdout);
    const json = await kbuild(["verify-release", path, "--json"]);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(json.stdout));
    assertEquals(JSON.parse(json.stdout).sound, false);
  }));
