/** `kbuild sbom` on samples: what it lists, that paths do not matter, and what it refuses. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  copyTree,
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  missingFor,
  unless,
} from "./_program.ts";

const ERA = "1.28";

Deno.test({
  ...unless(missingFor(ERA), "kbuild sbom lists the modules of programs, the same in any path"),
  fn: () =>
    inScratch(async (dir) => {
      const made = await makeSample(ERA, join(dir, "kube rnetes $(x)"));
      const refused = await kbuild(["sbom"], { cwd: made });
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, "Cannot list modules: there are no binaries in");
      await kbuildOk(["quick-release", "WHAT=cmd/kubectl"], { cwd: made });
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
        // A second run replaces the first, and documents of what is gone with it.
        await Deno.remove(join(root, "_output/release-packages"), { recursive: true });
        await kbuildOk(["sbom", "--format", "spdx"], cwd);
        const left = listing(directory, { sizes: false });
        assertEquals(left.filter((path) => /\.cdx\.json$|^packages/.test(path)), []);
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
    }),
});

Deno.test({
  ...unless(missingFor(ERA), "kbuild sbom refuses programs that the checkout does not build"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample(ERA, join(dir, "kubernetes"));
      const cwd = { cwd: root };
      await kbuildOk(["all", "kubectl", "kube-proxy"], cwd);
      const bin = join(root, "_output/local/bin/linux/amd64");
      await Deno.copyFile(join(bin, "kube-proxy"), join(bin, "kubectl"));
      const wrong = await kbuild(["sbom"], cwd);
      assertEquals(wrong.code, 1);
      assertStringIncludes(
        wrong.stderr,
        "it is program k8s.io/kubernetes/cmd/kube-proxy, listed as k8s.io/kubernetes/cmd/kubectl",
      );
      assertEquals(listing(root).filter((path) => path.startsWith("_output/release-sbom")), []);

      await Deno.remove(join(bin, "kubectl"));
      // Not a program, and one that no target makes: listed by what they say.
      await Deno.writeTextFile(join(bin, "notes.txt"), "not a program");
      await Deno.rename(join(bin, "kube-proxy"), join(bin, "renamed"));
      const { sboms } = JSON.parse(await kbuildOk(["sbom", "--json"], cwd));
      assertEquals(sboms.map(({ of }: { of: string }) => of), [
        ...["bin/linux/amd64/notes.txt", "bin/linux/amd64/renamed", "kubernetes-release"],
      ]);
    }),
});
