import { KbuildError } from "../errors.ts";
import { type OpenStage, StageReader } from "./stage.ts";
import type { DockerfileOptions, DockerfilePlan, DockerfileStage, ImageCopy } from "./types.ts";
import { type Instruction, instructionsOf } from "./words.ts";
import { destinationOf } from "./steps.ts";

/**
 * Reads a Dockerfile and works out what its stages hold, without running anything. Knows ARG, FROM
 * (`--platform`, `AS`), COPY and ADD of files and directories (`--from`, `--chown`, `--chmod`),
 * ENV, LABEL, USER, WORKDIR, ENTRYPOINT, CMD, EXPOSE, VOLUME, STOPSIGNAL, and of RUN `setcap CAPS
 * FILE` and `ln -s TARGET PATH`.
 *
 * @throws {KbuildError} An instruction of a stage that the image needs cannot be carried out without
 * a container; names file and line.
 */
export function planDockerfile(text: string, options: DockerfileOptions): DockerfilePlan {
  const { path } = options;
  const reader = new StageReader(options);
  const stages: OpenStage[] = [];
  for (const instruction of instructionsOf(text)) {
    try {
      reader.read(instruction, stages);
    } catch (error) {
      const stage = stages.at(-1);
      const unsupported = unsupportedAt(path, instruction, error);
      if (stage === undefined || instruction.keyword === "FROM") throw unsupported;
      // A stage that nothing is taken from is not built.
      stage.unsupported ??= unsupported;
    }
  }
  const last = stages.at(-1);
  if (last === undefined) throw unsupportedAt(path, { keyword: "", rest: "", line: 1 }, "no FROM");
  for (const index of neededStages(stages)) {
    const { unsupported } = stages[index]!;
    if (unsupported !== undefined) throw unsupported;
  }
  return Object.freeze({
    path,
    base: last.base,
    stages: Object.freeze(
      stages.map(({ name, base, arch, steps, settings }) =>
        Object.freeze({ name, base, arch, steps, settings })
      ),
    ),
    taken: Object.freeze([...takenImages(stages)]),
  });
}

function unsupportedAt(path: string, { line }: Instruction, why: unknown): KbuildError {
  const words = why instanceof Error ? why.message : String(why);
  return new KbuildError(`Cannot carry out line ${line} of "${path}": ${words}`, {
    notes: [
      "Give an image with that step done as the base: --base-image NAME=WHERE",
    ],
  });
}

/** Every copy of the stages that the image is made of. */
export function copiesOf(plan: Pick<DockerfilePlan, "stages">): readonly ImageCopy[] {
  return [...neededStages(plan.stages)].flatMap((index) => stageCopies(plan.stages[index]!));
}

function stageCopies({ steps }: Pick<DockerfileStage, "steps">): readonly ImageCopy[] {
  return steps.flatMap(({ changes }) => changes.filter((change) => change.kind === "copy"));
}

function neededStages(stages: readonly Pick<DockerfileStage, "steps">[]): ReadonlySet<number> {
  const needed = new Set<number>();
  const need = (index: number) => {
    if (needed.has(index)) return;
    needed.add(index);
    for (const { from } of stageCopies(stages[index]!)) {
      if (from !== undefined && "stage" in from) need(from.stage);
    }
  };
  need(stages.length - 1);
  return needed;
}

/** Images whose own files are copied: not those of stages that made what is copied themselves. */
function* takenImages(stages: readonly DockerfileStage[]): Iterable<string> {
  for (const index of neededStages(stages)) {
    for (const { from, source } of stageCopies(stages[index]!)) {
      if (from === undefined) continue;
      if ("image" in from) yield from.image;
      else {
        const stage = stages[from.stage]!;
        const isOwn = stageCopies(stage).some((copy) => destinationOf(copy) === source);
        if (!isOwn && stage.base !== "scratch") yield stage.base;
      }
    }
  }
}
