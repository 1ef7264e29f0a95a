import { ERA_120, ERA_17 } from "./eras_gopath.ts";
import { ERA_128, ERA_135, ERA_LATEST } from "./eras_modules.ts";
import type { EraFacts } from "./era_facts.ts";
import type { EraParameter } from "./types.ts";

const ERAS: readonly EraFacts[] = [ERA_17, ERA_120, ERA_128, ERA_135, ERA_LATEST];

/** The eras that a sample can be made for, oldest first. */
export const SAMPLE_ERAS: readonly EraParameter[] = Object.freeze(
  ERAS.map(({ era }) => era),
);

/** The facts of one era. */
export function eraFacts(era: EraParameter): EraFacts {
  return ERAS.find((facts) => facts.era === era)!;
}
