import { type CompressionLevel, FAST_LEVEL } from "../archive/mod.ts";
import { numberIn } from "../lib/util.ts";
import { COMPRESSION_LEVEL } from "./flags.ts";

/** The level of `--compression-level`, as the environment has it; undefined where it is not set. */
export function compressionLevelIn(
  env: Readonly<Record<string, string>>,
): CompressionLevel | undefined {
  const { variable } = COMPRESSION_LEVEL;
  return env[variable] === FAST_LEVEL ? FAST_LEVEL : numberIn(env, variable, 9);
}
