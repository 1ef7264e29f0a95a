/** A real registry: pushing, pulling back with others and with kbuild, bases through a mirror. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { bytesEntry } from "../../src/archive/mod.ts";
import { encodeCapabilities } from "../../src/dockerfile/mod.ts";
import { copyLayer, openBase, writeImageArchive } from "../../src/image/mod.ts";
import { fetchImages } from "../../src/registry/mod.ts";
import { inWorld, type MadeImage, makeImage } from "../registry/_world.ts";
import { Docker } from "../real/_docker.ts";
import {
  digestsOf,
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  missingFor,
  unless,
  which,
} from "./_program.ts";
import { NO_REGISTRY, skopeo, withRealRegistry } from "./_registry.ts";

const NO_SKOPEO = which("skopeo") === undefined ? "needs skopeo in PATH" : undefined;
const ARCHS = ["amd64", "arm64"] as const;
const sha256 = (text: string | Uint8Array) =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;

interface Pushed {
  readonly name: string;
  readonly digest: string;
  readonly imageId?: string;
  readonly unchanged: boolean;
  readonly sent: number;
}

/** An image as an OCI layout on disk. */
async function writeLayout(dir: string, image: MadeImage): Promise<string> {
  await Deno.mkdir(join(dir, "blobs/sha256"), { recursive: true });
  for (const [digest, bytes] of image.blobs) {
    await Deno.writeFile(join(dir, "blobs/sha256", digest.slice(7)), bytes);
  }
  await Deno.writeTextFile(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const { mediaType } = JSON.parse(new TextDecoder().decode(image.blobs.get(image.index)));
  const size = image.blobs.get(image.index)!.length;
  await Deno.writeTextFile(
    join(dir, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest: image.index, size }] }),
  );
  return dir;
}

/** Archives of two images for two architectures; one program is large enough for several parts. */
async function writeRelease(dir: string, text = "first"): Promise<string> {
  const made = await makeImage(ARCHS, 50_000);
  const layout = await writeLayout(join(dir, "base"), made);
  const noise = new Uint8Array(20 << 20);
  for (let at = 0; at < noise.length; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  const directory = join(dir, "release-images");
  for (const arch of ARCHS) {
    await Deno.mkdir(join(directory, arch), { recursive: true });
    for (const name of ["kube-apiserver", "kube-proxy"]) {
      await using base = await openBase(layout, { arch });
      const content = name === "kube-proxy" ? noise : new TextEncoder().encode(`${text} ${arch}`);
      const file = bytesEntry(`usr/local/bin/${name}`, content, { mtime: 1, mode: 0o755 });
      const capability = encodeCapabilities("cap_net_bind_service=+ep")!;
      const entry = name === "kube-proxy"
        ? file
        : { ...file, xattrs: { "security.capability": capability } };
      await writeImageArchive({
        out: join(directory, arch, `${name}.tar`),
        base,
        arch,
        created: 1,
        layers: [{ entries: copyLayer(base.tree, [entry], { created: 1 }), createdBy: "COPY" }],
        repoTags: [`registry.k8s.io/${name}-${arch}:v1.35.0_1`, `mine.example/${name}:x`],
      });
    }
  }
  return directory;
}

Deno.test({
  ...unless(
    NO_REGISTRY ?? NO_SKOPEO,
    "kbuild images push: equal digests for skopeo, docker and kbuild; lists resolve per platform",
  ),
  fn: (t) =>
    inScratch((dir) =>
      withRealRegistry(dir, async ({ host }) => {
        const directory = await writeRelease(dir);
        const env = { KBUILD_CACHE: join(dir, "cache") };
        const to = ["--registry", `${host}/team/k8s`];
        const push = async (...more: string[]): Promise<Pushed[]> => {
          const json = await kbuildOk(["images", "push", directory, ...to, "--json", ...more], {
            cwd: dir,
            env,
          });
          return JSON.parse(json).images;
        };
        const first = await push();
        const of = (name: string) => first.find((image) => image.name === name)!;
        const nameOf = (name: string) => `${host}/team/k8s/${name}:v1.35.0_1`;

        await t.step("the names are krel's, lists last", () => {
          assertEquals(first.map(({ name }) => name), [
            nameOf("kube-apiserver-amd64"),
            nameOf("kube-proxy-amd64"),
            nameOf("kube-apiserver-arm64"),
            nameOf("kube-proxy-arm64"),
            nameOf("kube-apiserver"),
            nameOf("kube-proxy"),
          ]);
        });

        await t.step("skopeo sees the same digests and image IDs", async () => {
          for (const { name, digest, imageId } of first) {
            const at = [`docker://${name}`, "--tls-verify=false"];
            assertEquals(sha256(await skopeo("inspect", "--raw", ...at)), digest);
            if (imageId === undefined) continue;
            assertEquals(sha256(await skopeo("inspect", "--raw", "--config", ...at)), imageId);
          }
        });

        await t.step("a list resolves per platform", async () => {
          for (const arch of ARCHS) {
            const at = [`docker://${nameOf("kube-proxy")}`, "--tls-verify=false"];
            const config = await skopeo(
              "--override-arch",
              arch,
              "inspect",
              "--raw",
              "--config",
              ...at,
            );
            assertEquals(sha256(config), of(nameOf(`kube-proxy-${arch}`)).imageId);
            const layout = `oci:${join(dir, `copied-${arch}`)}:x`;
            await skopeo(
              ...["--override-arch", arch, "copy", "--src-tls-verify=false"],
              ...[`docker://${nameOf("kube-proxy")}`, layout],
            );
          }
        });

        await t.step("kbuild pulls the same images, capabilities and all", () =>
          inWorld(async (world) => {
            const reference = nameOf("kube-apiserver");
            const [image] = await fetchImages(world.context(), [{ reference, archs: ARCHS }]);
            assertEquals(image!.digest, of(reference).digest);
            for (const arch of ARCHS) {
              assertEquals(image!.images[arch], of(nameOf(`kube-apiserver-${arch}`)).digest);
              await using base = await openBase(image!.files, { arch });
              const program = base.tree.get("usr/local/bin/kube-apiserver");
              assertEquals(program?.xattrs?.["security.capability"]?.length, 20);
              assertEquals(base.layers.length, 2);
            }
          }));

        const docker = await Docker.find();
        await t.step({
          name: `docker pulls the same images${
            docker === undefined ? " (skipped: no engine that docker version can reach)" : ""
          }`,
          ignore: docker === undefined,
          fn: async () => {
            for (const arch of ARCHS) {
              const name = nameOf(`kube-proxy-${arch}`);
              await docker!.run("pull", "-q", "--platform", `linux/${arch}`, name);
              const found = await docker!.run(
                "image",
                "inspect",
                "-f",
                "{{.Id}} {{.RepoDigests}}",
                name,
              );
              await docker!.run("rmi", name);
              assertStringIncludes(found, of(name).digest);
              assert([of(name).imageId, of(name).digest].includes(found.split(" ")[0]!), found);
            }
          },
        });
        await docker?.close();

        await t.step("what is there is not sent again, nor compressed", async () => {
          const again = await push();
          assertEquals(
            again.map(({ unchanged, sent }) => [unchanged, sent]),
            first.map(() => [true, 0]),
          );
          assertEquals(
            again.map(({ digest }) => digest),
            first.map(({ digest }) =>
              digest
            ),
          );
        });

        await t.step("another cache makes the same digests", async () => {
          const json = await kbuildOk(["images", "push", directory, ...to, "--json"], {
            cwd: dir,
            env: { KBUILD_CACHE: join(dir, "other cache") },
          });
          const digests = JSON.parse(json).images.map(({ digest }: Pushed) => digest);
          assertEquals(digests, first.map(({ digest }) => digest));
        });

        await t.step(
          "a tag that stands for something else is replaced only with --force",
          async () => {
            const [proxy] = [join(directory, "amd64/kube-apiserver.tar")];
            await Deno.remove(proxy);
            await Deno.mkdir(join(dir, "next"));
            const next = await writeRelease(join(dir, "next"), "second");
            await Deno.copyFile(join(next, "amd64/kube-apiserver.tar"), proxy);
            const refused = await kbuild(["images", "push", directory, ...to], { cwd: dir, env });
            assertEquals([refused.code, refused.stdout], [1, ""]);
            assertMatch(refused.stderr, /Cannot push: 2 tags point to a different image already/);
            const before = of(nameOf("kube-apiserver-amd64"));
            assertStringIncludes(
              refused.stderr,
              `${before.name} is ${before.digest}, would become`,
            );
            assertStringIncludes(refused.stderr, "--force");
            const at = ["--raw", `docker://${before.name}`, "--tls-verify=false"];
            assertEquals(sha256(await skopeo("inspect", ...at)), before.digest);
            const forced = await push("--force");
            assertEquals(forced.map(({ unchanged }) => unchanged), [
              false,
              true,
              true,
              true,
              false,
              true,
            ]);
            assertEquals(sha256(await skopeo("inspect", ...at)), forced[0]!.digest);
          },
        );

        await t.step("manifest makes lists over what several machines have pushed", async () => {
          const under = ["--registry", `${host}/split`, "--tag", "v2+x", "--json"];
          const options = { cwd: dir, env };
          for (const arch of ARCHS) {
            await kbuildOk(
              ["images", "push", join(directory, arch), "--no-manifest", ...under],
              options,
            );
          }
          const json = await kbuildOk(
            ["images", "manifest", join(directory, "amd64"), ...under],
            options,
          );
          const lists = JSON.parse(json).images;
          assertEquals(
            lists.map(({ name, archs }: { name: string; archs: string[] }) => [name, archs]),
            [
              [`${host}/split/kube-apiserver:v2_x`, ["amd64", "arm64"]],
              [`${host}/split/kube-proxy:v2_x`, ["amd64", "arm64"]],
            ],
          );
          assertEquals(lists[1].digest, of(nameOf("kube-proxy")).digest);
          const lacking = ["--platform", "linux/amd64,linux/s390x"];
          const failed = await kbuild(
            ["images", "manifest", directory, ...under, ...lacking],
            options,
          );
          assertEquals(failed.code, 1);
          assertStringIncludes(failed.stderr, `has no "${host}/split/kube-apiserver-s390x:v2_x"`);
        });
      })
    ),
});

Deno.test({
  ...unless(
    NO_REGISTRY ?? NO_SKOPEO ?? missingFor("1.28"),
    "quick-release takes a base through a mirror of registry.k8s.io: the archives of a local layout",
  ),
  fn: () =>
    inScratch((dir) =>
      withRealRegistry(dir, async ({ host }) => {
        const root = await makeSample("1.28", join(dir, "kubernetes"));
        const options = {
          cwd: root,
          // The tag's own registry cannot be asked; nothing outside of this machine is.
          env: {
            KBUILD_CACHE: join(dir, "cache"),
            KBUILD_BASES: "registry",
            HTTPS_PROXY: "http://127.0.0.1:1",
          },
        };
        const release = [
          ...["quick-release", "WHAT=cmd/kube-proxy", "--platform", "linux/amd64", "--json"],
          ...["--mirror", `registry.k8s.io=${host}/mirror`],
        ];
        const plan = JSON.parse(await kbuildOk(["plan", "--network", ...release], options));
        const [{ what, urls }] = plan.network;
        assertMatch(what, /^registry\.k8s\.io\/build-image\/distroless-iptables:/);
        assertMatch(urls[0].url, /^https:\/\/registry\.k8s\.io\/v2\/build-image\/distroless/);
        assertMatch(urls[1].url, new RegExp(`^http://${host}/v2/mirror/build-image/distroless`));

        const layout = await writeLayout(join(dir, "layout"), await makeImage(ARCHS, 100_000));
        const there = what.replace("registry.k8s.io", `${host}/mirror`);
        await skopeo(
          ...["copy", "--all", "--preserve-digests", "--dest-tls-verify=false"],
          ...[`oci:${layout}`, `docker://${there}`],
        );
        const pulled = digestsOf(await kbuildOk(release, options));
        const given = ["--base-image", `distroless-iptables=${layout}`];
        const local = digestsOf(await kbuildOk([...release, ...given], options));
        assertEquals(pulled, local);
        const image = Object.keys(pulled).find((path) => path.endsWith("amd64/kube-proxy.tar"));
        await using base = await openBase(join(root, image!), { arch: "amd64" });
        assertEquals(base.layers.length, 2);
        assert(base.tree.has("etc/amd64"));
      })
    ),
});
