import { objectIn } from "../files/mod.ts";

/** Name of the file with the statement, as krel publishes it. */
export const PROVENANCE_FILE = "provenance.json";

/** Media type and artifact type of an in-toto statement. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

/**
 * Who builds: kbuild on a machine that nobody vouches for. No level of SLSA above 1 is claimed, and
 * whoever can write the file can write anything into it.
 */
const BUILDER = "urn:kbuild:builder:unhosted";

/** Meaning of the parameters: docs/sbom.md. */
const BUILD_TYPE = "urn:kbuild:build:v1";

/** A file or a manifest with its digest. */
export interface ProvenanceSubject {
  /** `release-tars/kubernetes.tar.gz`. */
  readonly name: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Something that a build was made from (in-toto's resource descriptor). */
export interface ProvenanceInput {
  /** What it is: `go1.19.8 linux/amd64 bin/go`. */
  readonly name: string;
  /** Where it is from, if anything names that. */
  readonly uri?: string;
  /** Digests by algorithm, hexadecimal: `gitCommit`, `sha256`. */
  readonly digest: Readonly<Record<string, string>>;
  /** What else is known of it. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is known of how artifacts were made. */
export interface ProvenanceFacts {
  /** What a user chose: platforms, targets, variables. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What decided also: the Go. */
  readonly internal: Readonly<Record<string, unknown>>;
  /** What it was made from. */
  readonly inputs: readonly ProvenanceInput[];
  /** Version of kbuild. */
  readonly tool: string;
}

/**
 * The provenance of artifacts: an in-toto statement (v1) with a SLSA provenance (v1) of how they were built.
 * It has no times of its own, so that the same release gives the same bytes.
 */
export function provenanceStatement(
  subjects: readonly ProvenanceSubject[],
  { parameters, internal, inputs, tool }: ProvenanceFacts,
): string {
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: parameters,
        internalParameters: internal,
        resolvedDependencies: inputs,
      },
      runDetails: { builder: { id: BUILDER, version: { kbuild: tool } } },
    },
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}

/**
 * The same provenance of something else that was made with the artifacts: the manifest of an image.
 *
 * @param text What {@linkcode provenanceStatement} returned.
 * @returns Undefined if the text is not a statement, or not of the artifact.
 */
export function statementOf(
  text: string,
  artifact: ProvenanceSubject,
  subject: ProvenanceSubject,
): string | undefined {
  const statement = objectIn(text);
  const known: unknown = statement?.["subject"];
  const isKnown = Array.isArray(known) &&
    known.some((each) => each?.name === artifact.name && each?.digest?.sha256 === artifact.sha256);
  if (!isKnown) return undefined;
  const { name, sha256 } = subject;
  return `${
    JSON.stringify({ ...statement, subject: [{ name, digest: { sha256 } }] }, undefined, 2)
  }\n`;
}
