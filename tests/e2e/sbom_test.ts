/** `kbuild sbom` on samples: what it lists, that paths do not matter, and what it refuses. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import {
  copyTree,
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  output,
  unless,
} from "./_program.ts";
import { NO_REGISTRY, withRealRegistry } from "./_registry.ts";

const ERA = "1.28";

Deno.test({
  ...unless(missingFor(ERA), "kbuild sbom lists the modules of programs, the same in any path"),
  fn: () =>
    inScratch(async (dir) => {
      const made = await makeSample(ERA, join(dir, "kube rnetes $(x)"));
      const refused = await kbuild(["sbom"], { cwd: made });
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, "Cannot list modules: there are no binaries in");
      const { sboms } = JSON.parse(
        await kbuildOk(["quick-release", "--sbom", "--json", "WHAT=cmd/kubectl"], { cwd: made }),
      );
      assertEquals(sboms[0].of, "bin/linux/amd64/kubectl");
      await kbuildOk(["packages", "deb", "--packages", "kubectl"], { cwd: made });
      const texts: ReadonlyMap<string, string>[] = [];
      for (const root of [made, await copyTree(made, join(dir, "b"))]) {
        const cwd = { cwd: root };
        const { sboms } = JSON.parse(await kbuildOk(["sbom", "--json"], cwd));
        assert(sboms.some(({ of }: { of: string }) => of === "kubernetes-release"));
        const directory = join(root, "_output/release-sbom");
        const documents = listing(directory, { sizes: false }).filter((path) =>
          path.endsWith(".json")
        );
        texts.push(
          new Map(documents.map((name) => [name, Deno.readTextFileSync(join(directory, name))])),
        );
        // A run removes documents of what is gone; those of the other format stay, and what kbuild did not make.
        await Deno.remove(join(root, "_output/release-packages"), { recursive: true });
        await Deno.writeTextFile(join(directory, "provenance.json.sig"), "signed");
        await kbuildOk(["sbom", "--format", "spdx"], cwd);
        const left = listing(directory, { sizes: false });
        const stays = (path: string) => !/^packages|^kubernetes-release\.cdx/.test(path);
        assertEquals(
          left.filter((path) => path.endsWith(".json")),
          documents.filter(stays),
        );
        assertEquals(await Deno.readTextFile(join(directory, "provenance.json.sig")), "signed");
        // Of the same files and builds even the one of the whole release stays.
        await kbuildOk(["sbom"], cwd);
        const all = listing(directory);
        await kbuildOk(["sbom", "--format", "cyclonedx"], cwd);
        assertEquals(listing(directory), all);
      }
      const [first, second] = texts;
      assertEquals([...first!.keys()], [...second!.keys()]);
      assertEquals([...first!].filter(([path, text]) => second!.get(path) !== text), []);
      const names = (path: string) => {
        const { components } = JSON.parse(first!.get(path)!);
        return components.map(({ name, version }: Record<string, string>) => `${name} ${version}`);
      };
      const modules = names("bin/linux/amd64/kubectl.cdx.json");
      assertEquals(modules.map((each: string) => each.replace(/ go1.*/, "")), [
        ...["k8s.io/apimachinery v0.28.7", "k8s.io/client-go v0.28.7"],
        ...["k8s.io/component-base v0.28.7", "k8s.io/kubectl v0.28.7"],
        ...["k8s.io/kubernetes v1.28.7", "stdlib"],
      ]);
      const inDeb = [...first!.keys()].find((path) => path.endsWith(".deb.cdx.json"));
      assertEquals(names(inDeb!), ["kubectl v1.28.7", ...modules]);
      const { subject, predicate } = JSON.parse(first!.get("provenance.json")!);
      const subjects = subject.map(({ name }: { name: string }) => name);
      assert(subjects.includes("release-tars/kubernetes-client-linux-amd64.tar.gz"), subjects);
      assertEquals(predicate.buildDefinition.externalParameters.targets, {
        "linux/amd64": ["cmd/kubectl"],
      });
    }),
});

Deno.test({
  ...unless(missingFor(ERA), "kbuild sbom refuses programs that the checkout does not build"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample(ERA, join(dir, "kubernetes"));
      const cwd = { cwd: root };
      await kbuildOk(["all", "kubectl", "kube-proxy", "mounter"], cwd);
      const bin = join(root, "_output/local/bin/linux/amd64");
      await Deno.copyFile(join(bin, "kube-proxy"), join(bin, "kubectl"));
      const wrong = await kbuild(["sbom"], cwd);
      assertEquals(wrong.code, 1);
      assertStringIncludes(
        wrong.stderr,
        "it is program k8s.io/kubernetes/cmd/kube-proxy, listed as k8s.io/kubernetes/cmd/kubectl",
      );
      assertEquals(listing(root).filter((path) => path.startsWith("_output/release-sbom")), []);

      const built = await Deno.readFile(join(bin, "kube-proxy"));
      const faults: readonly (readonly [Uint8Array<ArrayBuffer>, string])[] = [
        [new Uint8Array(), "it is empty"],
        [new TextEncoder().encode("#!/bin/sh\n"), "it is text, not a program"],
        [built.slice(0, -1), "it is cut off: "],
      ];
      for (const [bytes, fault] of faults) {
        await Deno.writeFile(join(bin, "kubectl"), bytes);
        const broken = await kbuild(["sbom"], cwd);
        assertEquals([fault, broken.code, broken.stdout], [fault, 1, ""]);
        assertStringIncludes(broken.stderr, fault);
      }
      await Deno.remove(join(bin, "kubectl"));

      // A tarball of an earlier build, of a program that does not link the version.
      const mounter = await Deno.readFile(join(bin, "mounter"));
      const tars = join(root, "_output/release-tars");
      const tarball = join(tars, "kubernetes-server-linux-amd64.tar.gz");
      await Deno.mkdir(tars);
      const changed = new Uint8Array(mounter.length + 1);
      changed.set(mounter);
      const member = "kubernetes/server/bin/mounter";
      await packTarball([bytesEntry(member, changed, { mtime: 7, mode: 0o755 })], tarball);
      const older = await kbuild(["sbom"], cwd);
      assertEquals([older.code, older.stdout], [1, ""]);
      assertStringIncludes(older.stderr, 'its "mounter" is not one of the binaries');
      await Deno.remove(tars, { recursive: true });
      await Deno.remove(join(bin, "mounter"));

      // The version is the same, and the commit another one.
      const git = ["-C", root, "-c", "user.name=kbuild", "-c", "user.email=kbuild@example.com"];
      const commit = (await output(["git", ...git, "rev-parse", "HEAD"])).trim();
      await output(["git", ...git, "commit", "-q", "--allow-empty", "-m", "later"]);
      await output(["git", ...git, "tag", "-f", "-a", "-m", "again", "v1.28.7"]);
      const stale = await kbuild(["sbom"], cwd);
      assertEquals([stale.code, stale.stdout], [1, ""]);
      assertMatch(stale.stderr, /it is not stamped with commit [0-9a-f]{40}; in it: /);
      assertStringIncludes(stale.stderr, "KUBE_GIT_COMMIT");
      await kbuildOk(["sbom"], {
        ...cwd,
        env: { KUBE_GIT_COMMIT: commit, KUBE_GIT_VERSION: "v1.28.7" },
      });

      // Not a program, and one that no target makes: listed by what they say.
      await Deno.writeTextFile(join(bin, "notes.txt"), "not a program");
      await Deno.rename(join(bin, "kube-proxy"), join(bin, "renamed"));
      const { sboms } = JSON.parse(await kbuildOk(["sbom", "--json"], cwd));
      assertEquals(sboms.map(({ of }: { of: string }) => of), [
        ...["bin/linux/amd64/notes.txt", "bin/linux/amd64/renamed", "kubernetes-release"],
      ]);
    }),
});

Deno.test({
  ...unless(
    NO_REGISTRY ?? missingFor(ERA),
    "kbuild images push --attest attaches SBOMs and provenance to images in a registry",
  ),
  fn: () =>
    inScratch((dir) =>
      withRealRegistry(dir, async ({ host }) => {
        const root = await makeSample(ERA, join(dir, "kubernetes"));
        const options = { cwd: root, env: { KBUILD_CACHE: join(dir, "cache") } };
        const push = ["images", "push", "--attest", "--registry", `${host}/r`];
        await kbuildOk(["quick-release", "WHAT=cmd/kubectl"], options);
        const none = await kbuild(push, options);
        assertEquals(none.code, 1);
        assertStringIncludes(none.stderr, "Make them: kbuild sbom");
        await kbuildOk(["sbom"], options);
        const { images: [image] } = JSON.parse(await kbuildOk([...push, "--json"], options));
        assertEquals(image.attached, 3);

        const get = async (path: string): Promise<string> => {
          const answer = await fetch(`http://${host}/v2/r/${path}`, {
            headers: {
              accept: "application/vnd.oci.image.index.v1+json, " +
                "application/vnd.oci.image.manifest.v1+json",
            },
          });
          const text = await answer.text();
          assert(answer.ok, `${path}: ${text}`);
          return text;
        };
        const tag = image.digest.replace(":", "-");
        for (const name of ["kubectl-amd64", "kubectl"]) {
          const { manifests } = JSON.parse(await get(`${name}/manifests/${tag}`));
          const types: string[] = [];
          for (const { digest, artifactType } of manifests) {
            const { layers, subject } = JSON.parse(await get(`${name}/manifests/${digest}`));
            assertEquals(subject.digest, image.digest);
            const text = await get(`${name}/blobs/${layers[0].digest}`);
            types.push(artifactType);
            if (artifactType !== "application/vnd.in-toto+json") continue;
            assertEquals(JSON.parse(text).subject, [
              { name: image.name, digest: { sha256: image.digest.slice("sha256:".length) } },
            ]);
          }
          assertEquals(types, [
            ...["application/spdx+json", "application/vnd.cyclonedx+json"],
            "application/vnd.in-toto+json",
          ]);
        }

        // SBOMs of another archive are not attached.
        const path = join(root, "_output/release-images/amd64/kubectl.tar");
        await Deno.writeFile(path, new Uint8Array(10240), { append: true });
        const other = await kbuild([...push, "--force"], options);
        assertStringIncludes(other.stderr, `none is of "${path}" as it is now`);
      })
    ),
});
