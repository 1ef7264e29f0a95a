import { createHash } from "node:crypto";
import { buildDate } from "../lib/version/mod.ts";
import type { Bom, BomContext, Component } from "./types.ts";

/** What each kind is, in CycloneDX' words. */
const TYPES: Readonly<Record<Component["kind"], string>> = {
  program: "application",
  module: "library",
  tarball: "file",
  image: "container",
  package: "application",
  release: "application",
};

/**
 * A bill of materials as a CycloneDX 1.6 document in JSON (cyclonedx.org/docs/1.6/json). Its serial number
 * is derived from what it says, so that equal documents are equal byte by byte. Relations of all kinds are
 * dependencies there.
 */
export function cycloneDxDocument(bom: Bom, context: BomContext): string {
  const [subject, ...others] = bom.components.map(componentOf);
  const targets = new Map<string, Set<string>>(bom.components.map(({ id }) => [id, new Set()]));
  for (const { from, to } of bom.relations) for (const each of to) targets.get(from)?.add(each);
  const content = {
    version: 1,
    metadata: {
      timestamp: buildDate(context.epoch),
      tools: {
        components: [{ type: "application", name: "kbuild", version: context.tool }],
      },
      component: subject,
      supplier: { name: context.supplier },
    },
    components: others,
    dependencies: [...targets].map(([ref, to]) => (
      { ref, ...to.size === 0 ? {} : { dependsOn: [...to].sort() } }
    )),
  };
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    ...content,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function componentOf(component: Component) {
  const { id, kind, name, version, supplier, sha256, license, purl } = component;
  return {
    type: TYPES[kind],
    "bom-ref": id,
    supplier: { name: supplier },
    name,
    version,
    ...sha256 === undefined ? {} : { hashes: [{ alg: "SHA-256", content: sha256 }] },
    ...license === undefined ? {} : { licenses: licensesOf(license) },
    ...purl === undefined ? {} : { purl },
  };
}

function licensesOf(expression: string) {
  return expression.includes(" ") ? [{ expression }] : [{ license: { id: expression } }];
}

/** A UUID of version 8 (RFC 9562): the first bits of a digest. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
