import type { Command } from "./context.ts";
import { scriptOf } from "./plan_steps.ts";

/** Lets `--dry-run` print the plan instead of running: as lines for a shell, or as JSON. */
export function withDryRun(
  command: Required<Pick<Command, "plan" | "run">>,
): Required<Pick<Command, "plan" | "run">> {
  return {
    plan: command.plan,
    async run(context, input) {
      if (input.boolean("dry-run") !== true) return await command.run(context, input);
      const plan = await command.plan(context, input);
      if (context.globals.json) {
        const { printPlanJson } = await import("./plan_run.ts");
        return await printPlanJson(context, plan);
      }
      for (const line of scriptOf(plan.steps)) context.print(line);
    },
  };
}
