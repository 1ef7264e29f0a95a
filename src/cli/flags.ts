import type { FlagSpec, VariableSpec } from "./types.ts";

/** What `-v` stands for; 1 when not set, as the root Makefile has it. */
export const VERBOSE_VARIABLE: VariableSpec = Object.freeze<VariableSpec>({
  name: "KUBE_VERBOSE",
  kind: "number",
  summary: "How much to say: 0 least, 5 most",
});

/** Flags of every command. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = Object.freeze<FlagSpec[]>([
  {
    name: "root",
    kind: "string",
    placeholder: "DIR",
    summary: "The checkout to work on, instead of the one around the current folder",
  },
  { name: "json", kind: "boolean", summary: "Print the result, or the error, as one JSON value" },
  {
    name: "verbose",
    short: "v",
    kind: "number",
    placeholder: "LEVEL",
    variable: VERBOSE_VARIABLE.name,
    implied: 2,
    summary: "Say more: 0 least, 1 as ever, 5 most; -v is 2, -vv is 3",
  },
  { name: "debug", kind: "boolean", summary: "Show the stack and the causes of an error" },
  { name: "help", short: "h", kind: "boolean", summary: "Show this help" },
]);

/** `--version`, which stands before a command or alone. */
export const VERSION_FLAG: FlagSpec = Object.freeze<FlagSpec>({
  name: "version",
  kind: "boolean",
  summary: "Print the version of kbuild",
});

/** Flags that may stand before a command. */
export const TOP_FLAGS: readonly FlagSpec[] = Object.freeze([...GLOBAL_FLAGS, VERSION_FLAG]);

/** `--dry-run`, for the commands that can do without doing. */
export const DRY_RUN_FLAG: FlagSpec = Object.freeze<FlagSpec>({
  name: "dry-run",
  kind: "boolean",
  summary: "Print what would be done, and do nothing",
});

/** The value as help writes it: `DIR`; "" for a boolean. */
export function placeholderOf(flag: FlagSpec): string {
  if (flag.kind === "boolean") return "";
  return flag.placeholder ?? (flag.kind === "list" ? "LIST" : flag.kind.toUpperCase());
}
