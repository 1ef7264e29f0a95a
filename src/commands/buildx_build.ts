import type { Input } from "../cli/mod.ts";
import { buildxNamed, buildxRunner } from "../container/mod.ts";
import type { StepRunner } from "../lib/golang/mod.ts";
import type { CommandContext, OpenCheckout } from "./context.ts";
import { BUILD_ENGINE, BUILD_IMAGE, CACHE_FROM, CACHE_TO } from "./flags.ts";

/** Opens a checkout whose builds run on the nodes of a builder of buildx. */
export async function openWithBuildx(
  command: CommandContext,
  input: Input,
): Promise<OpenCheckout> {
  const { env } = command;
  const read = ({ name, variable }: { name: string; variable: string }) =>
    input.string(name) ?? (env[variable] || undefined);
  const from = read(CACHE_FROM);
  const elsewhere = buildxRunner({
    builder: buildxNamed(read(BUILD_ENGINE))?.builder,
    buildImage: read(BUILD_IMAGE),
    cache: { from: from === undefined ? [] : [from], to: read(CACHE_TO) },
  });
  return within(await command.open(), elsewhere);
}

function within(outside: OpenCheckout, elsewhere: StepRunner): OpenCheckout {
  return Object.freeze({
    ...outside,
    elsewhere,
    reread: async () => within(await outside.reread(), elsewhere),
  });
}
