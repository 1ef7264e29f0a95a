/** Base images of a release from a registry: before anything is built, through mirrors, once. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { tinyProgram } from "../audit/_programs.ts";
import { AMD64, madeUpCheckout } from "../e2e/_packaging.ts";
import {
  copyTree,
  digestsOf,
  inScratch,
  kbuild,
  kbuildOk,
  output,
  unless,
  which,
} from "../e2e/_program.ts";
import { type MadeImage, makeImage, withRegistry } from "../registry/_world.ts";

const missing = which("git") === undefined ? "needs git" : undefined;
const BASES = [
  "k8s.gcr.io/build-image/go-runner:buster-v2.2.2",
  "k8s.gcr.io/build-image/debian-iptables:buster-v1.3.0",
  "debian:stretch-slim",
];
/** Nothing but servers on this machine is asked: origins of mirrored names fail at once. */
const ALONE = { HTTPS_PROXY: "http://127.0.0.1:1" };
const SERVERS = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"];

/** The image as an OCI layout, as `skopeo copy --all docker://… oci:…` would leave it. */
async function writeLayout(dir: string, image: MadeImage): Promise<void> {
  await Deno.mkdir(join(dir, "blobs/sha256"), { recursive: true });
  for (const [digest, bytes] of image.blobs) {
    await Deno.writeFile(join(dir, "blobs/sha256", digest.slice(7)), bytes);
  }
  await Deno.writeTextFile(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const bytes = image.blobs.get(image.index)!;
  await Deno.writeFile(join(dir, "index.json"), bytes);
}

/** Name -> architectures of a layout's images; each blob has to be what its name says. */
async function platformsIn(layout: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const blob = async (digest: string) => {
    const bytes = await Deno.readFile(join(layout, "blobs/sha256", digest.slice(7)));
    assertEquals(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
    return bytes;
  };
  interface Described {
    digest: string;
    platform: { architecture: string };
    annotations: Record<string, string>;
  }
  const parsed = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  const index = parsed(await Deno.readFile(join(layout, "index.json")));
  const found = new Map<string, readonly string[]>();
  for (const { digest, annotations } of index.manifests as Described[]) {
    const archs: string[] = [];
    for (const { digest: image, platform } of parsed(await blob(digest)).manifests as Described[]) {
      archs.push(platform.architecture);
      const { config, layers } = parsed(await blob(image));
      for (const part of [config, ...layers]) await blob(part.digest);
      assertEquals(parsed(await blob(config.digest)).architecture, platform.architecture);
    }
    found.set(annotations["org.opencontainers.image.ref.name"]!, archs);
  }
  return found;
}

Deno.test({
  ...unless(missing, "package-tarballs takes bases from a registry, as from an OCI layout on disk"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.02);
      const image = await makeImage(["amd64", "arm64"], 20_000);
      const cache = join(dir, "cache");
      const pack = ["package-tarballs", ...AMD64, "--json"];
      await withRegistry(image, async (server) => {
        // One rule in the checkout's configuration, beside it; the other in a flag.
        await Deno.writeTextFile(
          join(dir, "kbuild.toml"),
          `[mirrors]\n"k8s.gcr.io" = ["127.0.0.1:2", "${server.host}/k8s"]\n` +
            `"docker.io" = "127.0.0.1:2"\n`,
        );
        const env = { ...ALONE, KBUILD_BASES: "registry", KBUILD_CACHE: cache };
        const options = { cwd: root, env };
        const flag = ["--mirror", `docker.io=${server.host}/hub`];
        const first = await kbuild([...pack, ...flag], options);
        assertEquals([first.code, first.code === 0 ? "" : first.stderr], [0, ""]);
        for (const base of BASES) assertStringIncludes(first.stderr, `    ${base} ${image.index}`);
        assertMatch(first.stderr, /from "127\.0\.0\.1:2": .*refused/);
        assert(
          server.requests.includes("GET /v2/k8s/build-image/go-runner/manifests/buster-v2.2.2"),
        );
        assert(server.requests.includes("GET /v2/hub/library/debian/manifests/stretch-slim"));

        const bases = async () => {
          const path = join(root, "_output/release-tars/artifacts.json");
          const { artifacts } = JSON.parse(await Deno.readTextFile(path));
          return artifacts.filter(({ kind }: { kind: string }) => kind === "image")
            .map(({ base }: { base: unknown }) => base);
        };
        const manifest = image.manifests["amd64"]!;
        const { digest: imageId } =
          JSON.parse(new TextDecoder().decode(image.blobs.get(manifest))).config;
        const order = [0, 0, 0, 1, 2].map((i) => BASES[i]!);
        const pulled = { imageId, digest: image.index, manifest };
        // Their own registries cannot be asked for the digests, and the log says so.
        const mirrored = { ...pulled, digestFrom: "mirror" };
        assertEquals(await bases(), order.map((name) => ({ name, ...mirrored })));
        assertStringIncludes(
          first.stderr,
          `The tag of "${BASES[0]}" is resolved by the mirror "${server.host}", not verified ` +
            'against "registry.k8s.io": ',
        );
        assertStringIncludes(
          first.stderr,
          `${BASES[0]} ${image.index} (digest from the mirror, not verified)`,
        );

        // Once more without the network: all is there, and nothing changed.
        const asked = server.requests.length;
        const again = await kbuild([...pack, "--offline"], options);
        assertEquals([again.code, server.requests.length], [0, asked]);
        assertStringIncludes(again.stderr, "Nothing changed since these artifacts were made");

        // Locked in the configuration, they are verified; another digest is refused.
        const config = join(dir, "kbuild.toml");
        const text = await Deno.readTextFile(config);
        const locks = (digest: string) =>
          `[digests]\n${BASES.map((base) => `"${base}" = "${digest}"\n`).join("")}`;
        await Deno.writeTextFile(config, text + locks(image.index));
        const locked = await kbuild([...pack, ...flag], options);
        assertEquals([locked.code, locked.stderr.includes("not verified")], [0, false]);
        assertEquals(
          await bases(),
          order.map((name) => ({ name, ...pulled, digestFrom: "lock" })),
        );
        await Deno.writeTextFile(config, text + locks(`sha256:${"0".repeat(64)}`));
        const refused = await kbuild([...pack, ...flag], options);
        assertEquals(refused.code, 1);
        assertStringIncludes(refused.stderr, `want "sha256:${"0".repeat(64)}"`);
        await Deno.writeTextFile(config, text + locks("sha256:0"));
        const wrong = await kbuild([...pack, ...flag], options);
        assertEquals(wrong.code, 2);
        assertStringIncludes(wrong.stderr, `"digests."${BASES[0]}""`);
        await Deno.writeTextFile(config, text);
        const before = server.requests.length;

        // The same archives come from the same base on disk.
        const layout = join(dir, "a layout, $(x)");
        await writeLayout(layout, image);
        const given = ["go-runner", "debian-iptables", "debian"].flatMap((name) => [
          "--base-image",
          `${name}=${layout}`,
        ]);
        const local = await kbuildOk([...pack, ...given], options);
        assertEquals(digestsOf(local), digestsOf(first.stdout));
        assertEquals(await bases(), order.map((name) => ({ name, imageId })));
        assertEquals(server.requests.length, before);

        // All platforms in one layout, which is replaced, and is the base of something else as it is.
        const bin = join(root, "_output/dockerized/bin/linux");
        await copyTree(join(bin, "amd64"), join(bin, "arm64"));
        for (const { name } of Deno.readDirSync(join(bin, "arm64"))) {
          const path = join(bin, "arm64", name);
          const bytes = Deno.readFileSync(path);
          bytes.set(tinyProgram({ platform: "linux/arm64" }).subarray(0, 64));
          Deno.removeSync(path);
          Deno.writeFileSync(path, bytes);
        }
        const all = ["package-tarballs", "KUBE_BUILD_PLATFORMS=linux/amd64 linux/arm64", ...given];
        const out = join(dir, "all of it");
        await kbuildOk([...pack, ...given, "--oci-layout", out], options);
        const names = ["conformance", ...SERVERS].map((name) => `k8s.gcr.io/${name}:v1.20.2`);
        assertEquals(await platformsIn(out), new Map(names.map((name) => [name, ["amd64"]])));
        await kbuildOk([...all, "--oci-layout", out], options);
        const both = new Map(names.map((name) => [name, ["amd64", "arm64"]]));
        assertEquals(await platformsIn(out), both);
        assertEquals(
          [...Deno.readDirSync(dir)].filter(({ name }) => name.startsWith(".kbuild-tmp")),
          [],
        );
        assertEquals(await output(["git", "status", "--porcelain"], { cwd: root }), "");
      });
    }),
});

Deno.test({
  ...unless(missing, "a release without reachable bases stops before it touches anything"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.001);
      const env = { ...ALONE, KBUILD_BASES: "registry", KBUILD_CACHE: join(dir, "cache") };
      const mirror = ["--mirror", "k8s.gcr.io=127.0.0.1:2"];
      const failed = async (...args: string[]) => {
        const result = await kbuild(args, { cwd: root, env });
        assertEquals([result.code, result.stdout], [1, ""]);
        for (const name of ["release-tars", "release-images", ".kbuild.lock"]) {
          const there = await Deno.lstat(join(root, "_output", name)).catch(() => undefined);
          assertEquals(there, undefined, name);
        }
        return result.stderr;
      };
      // quick-release would build first.
      for (const command of ["quick-release", "package-tarballs"]) {
        const text = await failed(command, ...AMD64, ...mirror, "WHAT=cmd/kube-proxy");
        assertMatch(
          text,
          /^kbuild: Cannot get "k8s\.gcr\.io\/build-image\/debian-iptables:buster-v1\.3\.0" from "127\.0\.0\.1:2" \(mirror k8s\.gcr\.io=127\.0\.0\.1:2\): /m,
        );
        for (
          const way of [
            "--mirror k8s.gcr.io=WHERE (KBUILD_MIRRORS)",
            "--base-image debian-iptables=WHERE",
            "--offline takes what is in the cache",
            "--bases scratch makes images without bases",
          ]
        ) assertStringIncludes(text, way);
      }
      const offline = await failed("package-tarballs", ...AMD64, "--offline");
      assertStringIncludes(offline, "is not in the cache, and --offline forbids downloads");

      const wrong = async (words: string, args: string[], more: Record<string, string> = {}) => {
        const result = await kbuild(["package-tarballs", ...AMD64, ...args], {
          cwd: root,
          env: { ...env, ...more },
        });
        assertEquals(result.code, 2);
        assertStringIncludes(result.stderr, words);
      };
      await wrong('Value "none" of "--bases"', ["--bases", "none"]);
      await wrong('Value "none" of KBUILD_BASES', [], { KBUILD_BASES: "none" });
      await wrong('Cannot use the mirror "k8s.gcr.io"', ["--mirror", "k8s.gcr.io"]);
      await Deno.writeTextFile(join(dir, "kbuild.toml"), '[mirrors]\n"k8s.gcr.io" = [1]\n');
      await wrong(`Setting "mirrors."k8s.gcr.io"" in`, []);
      await Deno.writeTextFile(join(dir, "kbuild.toml"), '[mirrors]\npresets = ["nobody"]\n');
      await wrong('kbuild.toml" has it, in [mirrors]', []);
    }),
});

Deno.test({
  ...unless(missing, "plan --network lists each URL, with its mirror, and asks for none"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.001);
      const image = await makeImage(["amd64"], 100);
      await withRegistry(image, async (server) => {
        const options = { cwd: root, env: { KBUILD_BASES: "registry", KBUILD_CACHE: dir } };
        const plan = ["plan", "--network"];
        const command = [
          "package-tarballs",
          ...AMD64,
          "--mirror",
          `k8s.gcr.io=${server.host},direct`,
        ];
        const text = await kbuildOk([...plan, ...command], options);
        const rule = `k8s.gcr.io=${server.host}`;
        const at = `http://${server.host}/v2/build-image/go-runner`;
        assertEquals(text.split("\n").slice(0, 6), [
          "k8s.gcr.io/build-image/go-runner:buster-v2.2.2",
          "  https://registry.k8s.io/v2/build-image/go-runner/manifests/buster-v2.2.2  (digest, first)",
          `  ${at}/manifests/buster-v2.2.2  ` +
          `(digest from the mirror itself, if that fails; mirror ${rule})`,
          `  ${at}/manifests/sha256:…  (what that names; mirror ${rule})`,
          `  ${at}/blobs/sha256:…  (what is not in the cache; mirror ${rule})`,
          "  https://k8s.gcr.io/v2/build-image/go-runner/manifests/buster-v2.2.2  " +
          "(if the one before fails; mirror k8s.gcr.io=direct)",
        ]);
        assertStringIncludes(text, "https://registry-1.docker.io/v2/library/debian/manifests/");
        const json = JSON.parse(await kbuildOk([...plan, "--json", ...command], options));
        assertEquals(json.network.map(({ what }: { what: string }) => what), BASES);
        const none = await kbuildOk([...plan, ...command, "--bases", "scratch"], options);
        assertEquals(none, "Nothing would be fetched\n");
        const offline = await kbuildOk([...plan, ...command, "--offline"], options);
        assertEquals(offline, "Nothing would be fetched\n");
        const go = await kbuildOk(
          [
            ...plan,
            "quick-release",
            "--bases",
            "scratch",
            "--go",
            "1.15.5",
            "KBUILD_GO_MIRROR=https://m.example/go",
          ],
          options,
        );
        const archive = "  https://m.example/go/go1.15.5.";
        assertMatch(go.split("\n")[0]!, /^Go 1\.15\.5$/);
        assertEquals(go.split("\n").filter((line) => line.startsWith(archive)).length, 2);
        assertEquals(server.requests, []);
      });
    }),
});
