import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  artifactBom,
  type BomContext,
  cycloneDxDocument,
  type DescribedArtifact,
  golangPurl,
  imagePurl,
  type ListedProgram,
  programBom,
  releaseBom,
  spdxDocument,
} from "../../src/sbom/mod.ts";

const CONTEXT: BomContext = {
  ...{ version: "v1.20.2", goPackage: "k8s.io/kubernetes", license: "Apache-2.0" },
  ...{ supplier: "Example", epoch: 1610544000, tool: "0.0.0" },
};
const KUBECTL: ListedProgram = {
  ...{ path: "bin/linux/amd64/kubectl", name: "kubectl", platform: "linux/amd64" },
  ...{ goPackage: "k8s.io/kubernetes/cmd/kubectl", version: "v1.20.2", sha256: "a".repeat(64) },
  modules: [
    {
      path: "github.com/Azure/x",
      version: "v1.0.0+incompatible",
      origin: "vendor",
      license: "MIT",
    },
    { path: "k8s.io/kubernetes", version: "v1.20.2", origin: "main", license: "Apache-2.0" },
    { path: "stdlib", version: "go1.19.8", origin: "go", license: "BSD-3-Clause" },
  ],
};
const IMAGE: DescribedArtifact = {
  ...{ kind: "image", path: "release-images/amd64/kube-proxy.tar", sha256: "b".repeat(64) },
  repoTags: ["registry.example/kube-proxy-amd64:v1.20.2"],
  base: { name: "registry.example:5000/base/debian:v1", digest: `sha256:${"c".repeat(64)}` },
  programs: [KUBECTL],
};

Deno.test("golangPurl(), imagePurl() follow the specification of package URLs", () => {
  assertEquals(
    golangPurl("github.com/Azure/x", "v1.0.0+incompatible"),
    "pkg:golang/github.com/azure/x@v1.0.0%2Bincompatible",
  );
  assertEquals(golangPurl("k8s.io/a", "v1", "cmd/b"), "pkg:golang/k8s.io/a@v1#cmd/b");
  assertEquals(
    imagePurl("registry.example:5000/a/b:v1", "sha256:00"),
    "pkg:oci/b@sha256%3A00?repository_url=registry.example:5000%2Fa%2Fb",
  );
});

Deno.test("spdxDocument() has packages, relations and a namespace from its content", () => {
  const text = spdxDocument(programBom(KUBECTL, CONTEXT), CONTEXT);
  const { packages, relationships, documentNamespace, creationInfo } = JSON.parse(text);
  assertEquals(creationInfo.created, "2021-01-13T13:20:00Z");
  assertEquals(packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID), [
    "SPDXRef-program-kubectl-v1.20.2",
    "SPDXRef-module-github.com-Azure-x-v1.0.0-incompatible",
    "SPDXRef-module-k8s.io-kubernetes-v1.20.2",
    "SPDXRef-module-stdlib-go1.19.8",
  ]);
  assertEquals(packages[0].checksums[0].checksumValue, KUBECTL.sha256);
  const kinds = relationships.map((each: Record<string, string>) => each["relationshipType"]);
  const dependencies = ["DEPENDS_ON", "DEPENDS_ON", "DEPENDS_ON"];
  assertEquals(kinds, ["DESCRIBES", ...dependencies, "GENERATED_FROM"]);
  assertEquals(spdxDocument(programBom(KUBECTL, CONTEXT), CONTEXT), text);
  const other = spdxDocument(programBom({ ...KUBECTL, sha256: "d".repeat(64) }, CONTEXT), CONTEXT);
  assertNotEquals(JSON.parse(other).documentNamespace, documentNamespace);
});

Deno.test("spdxDocument() keeps names apart that are the same in its identifiers", () => {
  const modules = ["a.example/x-y", "a.example/x_y", 'a.example/x"\n$(y)'].map((path) => (
    { path, version: "v1", origin: "vendor" as const }
  ));
  const { packages } = JSON.parse(
    spdxDocument(programBom({ ...KUBECTL, modules }, CONTEXT), CONTEXT),
  );
  const ids = packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
  assertEquals(new Set(ids).size, 4);
  assert(ids.every((id: string) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(id)), ids.join(" "));
});

Deno.test("cycloneDxDocument() has components and what each depends on", () => {
  const document = JSON.parse(cycloneDxDocument(artifactBom(IMAGE, CONTEXT), CONTEXT));
  const { metadata, components, dependencies, serialNumber } = document;
  assert(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
    serialNumber,
  ));
  assertEquals([metadata.component.name, metadata.component.type], [
    ...["registry.example/kube-proxy-amd64", "container"],
  ]);
  assertEquals(components.map((each: Record<string, string>) => each["name"]), [
    "registry.example:5000/base/debian",
    ...["kubectl", "github.com/Azure/x", "k8s.io/kubernetes", "stdlib"],
  ]);
  assertEquals(dependencies[0], {
    ref: IMAGE.path,
    dependsOn: ["base:registry.example:5000/base/debian:v1", KUBECTL.path],
  });
});

Deno.test("releaseBom() has every artifact, and every program once", () => {
  const deb: DescribedArtifact = {
    ...{ kind: "package", path: "release-packages/deb/kubectl_1.20.2-00_amd64.deb" },
    ...{ sha256: "e".repeat(64), programs: [KUBECTL] },
  };
  const rpm = { ...deb, path: "release-packages/rpm/kubernetes-cni-0.8.7-0.x86_64.rpm" };
  const bom = releaseBom([IMAGE, deb, rpm], [KUBECTL], CONTEXT);
  assertEquals(bom.components.filter(({ kind }) => kind === "program").length, 1);
  assertEquals(
    bom.components.filter(({ kind }) => kind === "package").map(({ purl }) => purl),
    [
      "pkg:deb/kubernetes/kubectl@1.20.2-00?arch=amd64",
      "pkg:rpm/kubernetes/kubernetes-cni@0.8.7-0?arch=x86_64",
    ],
  );
  assertEquals(bom.components[0]?.id, bom.subject);
});
