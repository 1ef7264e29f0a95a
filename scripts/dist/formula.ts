import { KbuildError } from "../../src/errors.ts";

/** What goes into the template. */
export interface FormulaValues {
  /** `owner/name`. */
  readonly repository: string;
  readonly version: string;
  /** Text of `SHA256SUMS`. */
  readonly sums: string;
}

/**
 * Fills `packaging/kbuild.rb.in`.
 *
 * @throws {KbuildError} A value of the template is not known, such as the digest of a platform.
 */
export function fillFormula(template: string, values: FormulaValues): string {
  const digests = new Map(
    values.sums.trim().split("\n").map((line) => {
      const [digest = "", name = ""] = line.split(/ +/);
      return [`SHA256 ${name.replace(/^kbuild-/, "")}`, digest];
    }),
  );
  const known = new Map([
    ["REPOSITORY", values.repository],
    ["VERSION", values.version],
    ...digests,
  ]);
  return template.replaceAll(/@([A-Z0-9]+(?: [a-z0-9-]+)?)@/g, (_, name: string) => {
    const value = known.get(name);
    if (value !== undefined) return value;
    throw new KbuildError(`Cannot fill in "${name}" of the formula`, {
      notes: ["Compile every platform first: scripts/task compile"],
    });
  });
}
