import { dirname, join } from "@std/path";
import { readNote, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import type { LeftOut } from "./package_generators.ts";

/** Facts about the files of `hack/update-codegen.sh` that are remembered, in `_output/local/.kbuild/codegen.json`. */
export interface CodegenState {
  /** Key of the tree in which everything was up to date; undefined if it never was. */
  readonly key: string | undefined;
  /** By {@linkcode CodegenTask.id}. */
  readonly tasks: Readonly<Record<string, CodegenRecord>>;
  /** Generators that were not run. */
  readonly leftOut: readonly LeftOut[];
}

/** What the files of one start of a generator were made from. */
export interface CodegenRecord {
  /** Name of the generator. */
  readonly generator: string;
  /** Digest of everything that they are made from. */
  readonly inputs: string;
  /** Digests of the directories among the inputs. */
  readonly places: Readonly<Record<string, string>>;
  /** The files, by path below the root. */
  readonly outputs: Readonly<Record<string, { readonly content: string; readonly seen: string }>>;
}

/** The form of the note; another one is not read. */
const FORM = 1;

function statePath(context: KubeContext): string {
  return join(context.output, ".kbuild", "codegen.json");
}

/** Reads the state; an unreadable or foreign file counts as none. */
export async function readCodegenState(context: KubeContext): Promise<CodegenState> {
  const { form, state } = await readNote(statePath(context)) ?? {};
  const nothing: CodegenState = { key: undefined, tasks: {}, leftOut: [] };
  if (form !== FORM || typeof state !== "object" || state === null) return nothing;
  return { ...nothing, ...state as CodegenState };
}

/** Writes the state, by rename. */
export async function writeCodegenState(context: KubeContext, state: CodegenState): Promise<void> {
  const path = statePath(context);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, JSON.stringify({ form: FORM, state }));
}
