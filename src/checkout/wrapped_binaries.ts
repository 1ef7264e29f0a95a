import type { BashReader } from "../bash/mod.ts";
import { type EraTable, tableImage } from "./tables.ts";
import type { WrappedBinary } from "./types.ts";

/** Architectures that Kubernetes' own scripts know bases for. */
const ARCHITECTURES = ["amd64", "arm", "arm64", "ppc64le", "s390x"];
const FUNCTION = "kube::build::get_docker_wrapped_binaries";

/** Server images and where they were found. */
export interface WrappedBinariesResult {
  readonly value: readonly WrappedBinary[];
  readonly source: string;
  /** Why the table was used: ":87: …", to follow the file's name. */
  readonly why?: string;
}

/**
 * Reads `kube::build::get_docker_wrapped_binaries`, which prints `binary,base` pairs, for every
 * architecture; the table's images where that is not possible.
 *
 * @param bash `hack/lib/golang.sh` and `build/common.sh`, read.
 * @param table The fallback.
 * @param options The environment, for the fallback (`KUBE_BASE_IMAGE_REGISTRY` and the like), and the
 * server platforms, whose architectures (`riscv64` of a fork) have bases, too.
 */
export function readWrappedBinaries(
  bash: BashReader,
  table: EraTable,
  options: {
    variables: Readonly<Record<string, string>>;
    platforms: readonly string[];
  },
): WrappedBinariesResult {
  const { variables, platforms } = options;
  const served = platforms.map((platform) => platform.split("/")[1] ?? "");
  const architectures = [...new Set([...ARCHITECTURES, ...served])].filter((arch) => arch !== "");
  const byArch = architectures.map((arch) => ({ arch, pairs: parse(bash.call(FUNCTION, [arch])) }));
  const amd64 = byArch[0]!.pairs;
  const source = bash.functionSource(FUNCTION);
  if (amd64 === undefined || source === undefined) {
    const refusal = bash.why(FUNCTION);
    const why = source === undefined
      ? `: ${FUNCTION} is not defined`
      : `:${refusal?.line ?? source.line}: ${FUNCTION}: ${refusal?.why ?? "Prints no pairs"}`;
    return { value: fromTable(table, variables), source: table.label, why };
  }
  const value = amd64.map(([binary, baseImage]) =>
    wrappedBinary(
      binary,
      baseImage,
      byArch.flatMap(({ arch, pairs }) => {
        const base = pairs?.find(([name]) => name === binary)?.[1];
        return base === undefined ? [] : [[arch, base] as const];
      }),
    )
  );
  return { value: Object.freeze(value), source: `${source.path}:${source.line}` };
}

function parse(text: string | undefined): (readonly [string, string])[] | undefined {
  const words = text?.split(/\s+/).filter((word) => word !== "") ?? [];
  const pairs = words.map((word) => /^([^,]+),([^,]+)$/.exec(word));
  if (pairs.length === 0 || pairs.includes(null)) return undefined;
  return pairs.map((match) => [match![1]!, match![2]!] as const);
}

function wrappedBinary(
  binary: string,
  baseImage: string,
  bases: readonly (readonly [string, string])[],
): WrappedBinary {
  if (bases.every(([, base]) => base === baseImage)) return Object.freeze({ binary, baseImage });
  const baseImages = Object.freeze(Object.fromEntries(bases));
  return Object.freeze({ binary, baseImage, baseImages });
}

function fromTable(
  table: EraTable,
  variables: Readonly<Record<string, string>>,
): readonly WrappedBinary[] {
  const registry = variables["KUBE_BASE_IMAGE_REGISTRY"] || table.baseImageRegistry || "";
  return Object.freeze(table.images.map(({ binary, base, variables: overrides }) => {
    const override = overrides.map((name) => variables[name]).find((value) => value);
    const image = (arch: string) => override ?? tableImage(base, { registry, arch });
    return wrappedBinary(
      binary,
      image("amd64"),
      ARCHITECTURES.map((arch) => [arch, image(arch)] as const),
    );
  }));
}
