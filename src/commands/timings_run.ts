import { resolve } from "@std/path";
import { KbuildError } from "../errors.ts";
import { writeFileAtomic } from "../files/mod.ts";
import { duration, oneLine } from "../progress/mod.ts";
import { figuresOf, keptRuns, pageOf, readRun, traceOf } from "../timings/mod.ts";
import type { CommandContext } from "./context.ts";

/** Shows the last run, or writes it to files. */
export async function showTimings(
  command: CommandContext,
  { html, trace }: { html: string | undefined; trace: string | undefined },
): Promise<void> {
  const [last] = await keptRuns(await command.locate());
  if (last === undefined) {
    throw new KbuildError("No run is known: nothing was built here since kbuild keeps timings", {
      notes: ["Build something: kbuild all WHAT=cmd/kubectl; another directory: --root DIR"],
    });
  }
  const figures = figuresOf(await readRun(last.path));
  if (html !== undefined) await writeFileAtomic(resolve(command.cwd, html), pageOf(figures));
  if (trace !== undefined) await writeFileAtomic(resolve(command.cwd, trace), traceOf(figures));
  if (command.globals.json) return command.printJson(figures);
  if (html !== undefined || trace !== undefined) {
    for (const file of [html, trace]) if (file !== undefined) command.print(file);
    return;
  }
  const rows = figures.units.toSorted((a, b) => b.ms - a.ms).map((unit) => [
    oneLine(unit.name),
    unit.kind,
    unit.result ?? "unfinished",
    unit.started === undefined ? "" : duration(unit.started),
    unit.started === undefined ? "" : duration(unit.ms),
    unit.before === undefined ? "" : duration(unit.before),
  ]);
  command.printTable([["UNIT", "KIND", "RESULT", "BEGAN AT", "TIME", "BEFORE"], ...rows], {
    align: ["left", "left", "left", "right", "right", "right"],
    cut: ["end"],
  });
  command.print("");
  const end = figures.code === undefined ? "did not end" : `exited with ${figures.code}`;
  command.print(
    `${oneLine(figures.command)} took ${duration(figures.ms)} at ${oneLine(figures.at)}, ${end}`,
  );
}
