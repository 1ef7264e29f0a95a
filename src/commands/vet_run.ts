import { KbuildError } from "../errors.ts";
import { ensureGeneratedFiles, type GenerationPlan } from "../generate/mod.ts";
import { makeLink } from "../lib/golang/mod.ts";
import { planVet, type VetPlan } from "../testing/mod.ts";
import { type GoChoice, type GoTool, sayGo, takeGo } from "../toolchain/mod.ts";
import { planPreparation, preparationSteps, whileGitLooks } from "./build_run.ts";
import type { CommandContext, CommandPlan, OpenCheckout } from "./context.ts";
import { withOutput } from "./with_output.ts";

interface PreparedVet {
  readonly plan: VetPlan;
  readonly generation: GenerationPlan;
  readonly go: GoTool;
  readonly choice: GoChoice;
}

async function prepare(
  { context, checkout }: OpenCheckout,
  words: readonly string[],
  options: { fetch: boolean },
): Promise<PreparedVet> {
  const all = [context.env["WHAT"] ?? "", ...words].flatMap((text) => text.split(/\s+/))
    .filter((word) => word !== "");
  return await whileGitLooks({ context, checkout }, async (tree) => {
    const chosen = await takeGo(context, checkout, options);
    const plan = await planVet(context, checkout, chosen.go, all);
    const generation = await planPreparation({ context, checkout }, chosen, { tree });
    return Object.freeze({ plan, generation, ...chosen });
  });
}

/** What `kbuild vet` would start. */
export async function planVetSteps(
  command: CommandContext,
  words: readonly string[],
): Promise<CommandPlan> {
  const open = await command.open();
  const { plan, generation, go, choice } = await prepare(open, words, { fetch: false });
  const { argv, cwd, shownEnv: env, source } = plan;
  const steps = Object.freeze([
    ...preparationSteps(plan.link, generation, open.context.builder),
    { group: "vet", kind: "process", argv, cwd, env, source } as const,
  ]);
  return Object.freeze({ steps, go: Object.freeze({ ...choice, tool: go }) });
}

/** Runs `go vet`; what it finds is shown as it comes. */
export async function runVet(command: CommandContext, words: readonly string[]): Promise<void> {
  const ask = (open: OpenCheckout) => prepare(open, words, { fetch: true });
  const { context, plan } = await withOutput(await command.open(), {
    what: "vet",
    check: ask,
    prepare: ask,
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    async work({ context, checkout }, prepared) {
      sayGo(context, prepared);
      if (prepared.plan.link !== undefined) await makeLink(prepared.plan.link);
      await ensureGeneratedFiles(context, checkout, prepared.generation);
      return { context, plan: prepared.plan };
    },
  });
  const unit = context.log.events.unit({ kind: "test", name: "packages with go vet" });
  let found: KbuildError | undefined;
  const lines: string[] = [];
  const decoder = new TextDecoder();
  try {
    await unit.run(async () => {
      const { code, tail } = await context.shell.run(plan.argv, {
        ...{ cwd: plan.cwd, env: plan.env, allowed: "any", label: "go vet" },
        onStderr(chunk) {
          const text = decoder.decode(chunk, { stream: true });
          lines.push(text);
          context.log.events.log("output", text);
        },
      });
      if (code === 0) return;
      const isUsage = code === 2 && tail.some((line) => line.startsWith("usage: go vet"));
      throw found = new KbuildError(
        isUsage ? "Cannot vet: go vet refuses a flag" : "go vet found problems",
      );
    });
  } catch (error) {
    if (error !== found) throw error;
  }
  if (command.globals.json) {
    const problems = lines.join("").split("\n").filter((line) => line !== "");
    command.printJson({ ok: found === undefined, output: problems });
  }
  if (found !== undefined) throw found;
}
