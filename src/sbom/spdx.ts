import { createHash } from "node:crypto";
import { buildDate } from "../lib/version/mod.ts";
import type { Bom, BomContext, Component, RelationKind } from "./types.ts";

const UNKNOWN = "NOASSERTION";

/** What each kind is for, in SPDX' words. */
const PURPOSES: Readonly<Record<Component["kind"], string>> = {
  program: "APPLICATION",
  module: "LIBRARY",
  tarball: "ARCHIVE",
  image: "CONTAINER",
  package: "INSTALL",
  release: "APPLICATION",
};

const TYPES: Readonly<Record<RelationKind, string>> = {
  "contains": "CONTAINS",
  "depends on": "DEPENDS_ON",
  "generated from": "GENERATED_FROM",
  "descends from": "DESCENDANT_OF",
};

/**
 * A bill of materials as an SPDX 2.3 document in JSON (spdx.github.io/spdx-spec/v2.3). Its namespace is
 * derived from what it says, so that equal documents are equal byte by byte.
 */
export function spdxDocument(bom: Bom, context: BomContext): string {
  const ids = spdxIds(bom.components);
  const idOf = (id: string) => ids.get(id)!;
  const content = {
    name: bom.name,
    creationInfo: {
      created: buildDate(context.epoch),
      creators: [`Organization: ${context.supplier}`, `Tool: kbuild-${context.tool}`],
    },
    packages: bom.components.map((component) => ({
      SPDXID: idOf(component.id),
      name: component.name,
      versionInfo: component.version,
      supplier: `Organization: ${component.supplier}`,
      downloadLocation: UNKNOWN,
      filesAnalyzed: false,
      ...component.sha256 === undefined ? {} : {
        checksums: [{ algorithm: "SHA256", checksumValue: component.sha256 }],
      },
      licenseConcluded: UNKNOWN,
      licenseDeclared: component.license ?? UNKNOWN,
      copyrightText: UNKNOWN,
      primaryPackagePurpose: PURPOSES[component.kind],
      ...component.purl === undefined ? {} : {
        externalRefs: [{
          referenceCategory: "PACKAGE-MANAGER",
          referenceType: "purl",
          referenceLocator: component.purl,
        }],
      },
    })),
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: idOf(bom.subject),
      },
      ...bom.relations.flatMap(({ from, kind, to }) =>
        to.map((each) => ({
          spdxElementId: idOf(from),
          relationshipType: TYPES[kind],
          relatedSpdxElement: idOf(each),
        }))
      ),
    ],
  };
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  const { name, ...rest } = content;
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://spdx.org/spdxdocs/kbuild/${encodeURIComponent(name)}-${digest}`,
    ...rest,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Identifiers of letters, digits, "." and "-", different for each component. */
function spdxIds(components: readonly Component[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  for (const { id, kind, name, version } of components) {
    const wanted = `SPDXRef-${kind}-${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
    let own = wanted;
    for (let n = 2; taken.has(own); n++) own = `${wanted}-${n}`;
    taken.add(own);
    ids.set(id, own);
  }
  return ids;
}
