import type { BuildStep } from "./plan.ts";

/**
 * The arguments of `go` that list the packages of a step and all that they import, for the same platform,
 * tags and flags.
 *
 * @param flags Further flags of `go list`.
 */
export function listArguments(
  { argv }: Pick<BuildStep, "argv">,
  flags: readonly string[],
): readonly string[] {
  const [, command, ...words] = argv;
  const plain = words.filter((word, index) =>
    word !== "-c" && word !== "-o" && words[index - 1] !== "-o"
  );
  return ["list", "-deps", ...flags, ...command === "test" ? ["-test"] : [], ...plain];
}
