import { assertEquals } from "@std/assert";
import { provenanceStatement, statementOf } from "../../src/sbom/mod.ts";

const FACTS = {
  parameters: { version: "v1.20.2", variables: { GOFLAGS: "-tags=x" } },
  internal: { go: "go version go1.19.8 linux/amd64" },
  inputs: [{ name: "sources", digest: { gitCommit: "f00" } }],
  tool: "0.0.0",
};
const ARTIFACT = { name: "release-images/amd64/kube-proxy.tar", sha256: "a".repeat(64) };

Deno.test("provenanceStatement() is an in-toto statement with a provenance of SLSA", () => {
  const text = provenanceStatement([ARTIFACT], FACTS);
  const { _type, subject, predicateType, predicate } = JSON.parse(text);
  assertEquals([_type, predicateType], [
    ...["https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"],
  ]);
  assertEquals(subject, [{ name: ARTIFACT.name, digest: { sha256: ARTIFACT.sha256 } }]);
  assertEquals(predicate.buildDefinition.externalParameters, FACTS.parameters);
  assertEquals(predicate.runDetails, {
    builder: { id: "urn:kbuild:builder:unhosted", version: { kbuild: "0.0.0" } },
  });
});

Deno.test("statementOf() gives the provenance of an artifact to its image, and to nothing else", () => {
  const text = provenanceStatement([ARTIFACT, { name: "b", sha256: "b".repeat(64) }], FACTS);
  const image = { name: "registry.example/kube-proxy-amd64:v1", sha256: "c".repeat(64) };
  const { subject, predicate } = JSON.parse(statementOf(text, ARTIFACT, image)!);
  assertEquals(subject, [{ name: image.name, digest: { sha256: image.sha256 } }]);
  assertEquals(predicate, JSON.parse(text).predicate);
  for (
    const [other, artifact] of [
      [text, { ...ARTIFACT, sha256: "d".repeat(64) }],
      [text, { ...ARTIFACT, name: "other" }],
      ["{", ARTIFACT],
      ['{"subject":[null,{"digest":1}]}', ARTIFACT],
    ] as const
  ) {
    assertEquals(statementOf(other, artifact, image), undefined);
  }
});
