import { assertEquals } from "@std/assert";
import { provenanceStatement, statementOf } from "../../src/sbom/mod.ts";
import { inScratch, output, run, unless } from "../e2e/_program.ts";

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

/** in-toto's own library: unknown fields and values of another type are errors. */
const IN_TOTO = `
import json, sys
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
text = json.load(open(sys.argv[1]))
Statement.copy_from_pb(json_format.ParseDict(text, statement_pb2.Statement())).validate()
json_format.ParseDict(text["predicate"], provenance_pb2.Provenance())
print(len(text["subject"]))
`;

const noLibrary =
  (await run(["python3", "-c", "import in_toto_attestation"]).catch(() => undefined))
      ?.code === 0
    ? undefined
    : "needs in-toto-attestation of Python";

Deno.test({
  ...unless(noLibrary, "in-toto's own library takes statement and provenance"),
  fn: () =>
    inScratch(async (dir) => {
      const path = `${dir}/provenance.json`;
      const check = () => output(["python3", "-c", IN_TOTO, path]);
      const text = provenanceStatement([ARTIFACT, { ...ARTIFACT, name: "b" }], FACTS);
      await Deno.writeTextFile(path, text);
      assertEquals(await check(), "2\n");
      await Deno.writeTextFile(path, text.replace('"buildType"', '"kind"'));
      assertEquals(await check().catch(() => "refused"), "refused");
    }),
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
