import type { CodegenTask } from "./codegen_tasks.ts";
import type { GenerationProcess } from "./generation_steps.ts";

/** A start of a generator whose files are to be made, and how. */
export interface StaleTask {
  /** What is started, what it reads and writes. */
  readonly task: CodegenTask;
  /** For people: "staging/src/k8s.io/api/batch/v1 changed". */
  readonly why: string;
  /** Files that it made before, or that it replaces; below the root. */
  readonly outputs: readonly string[];
  /** Files that are removed in the copy before; below the root. */
  readonly removes: readonly string[];
  /** Build its programs, one for each module; none where an earlier task has built them. */
  readonly installs: readonly GenerationProcess[];
  /** Programs whose output is written to a file, and that file. */
  readonly producers: readonly { readonly process: GenerationProcess; readonly to: string }[];
  /** What is started; undefined for a file that consists of a text alone. */
  readonly process: GenerationProcess | undefined;
  /** The file that has the program's text; undefined if it prints it. */
  readonly reads: string | undefined;
  /** Formats the file; undefined where the generator does. */
  readonly format: GenerationProcess | undefined;
}
