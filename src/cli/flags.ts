import type { FlagSpec, VariableSpec } from "./types.ts";

/** What `-v` stands for; 1 when not set, as the root Makefile has it. */
export const VERBOSE_VARIABLE: VariableSpec = Object.freeze<VariableSpec>({
  name: "KUBE_VERBOSE",
  kind: "number",
  summary: "Verbosity: 0 least, 5 most",
  default: "1",
});

/** What `--progress` stands for. */
export const PROGRESS_VARIABLE: VariableSpec = Object.freeze<VariableSpec>({
  name: "KBUILD_PROGRESS",
  choices: ["auto", "tty", "plain", "json", "quiet"],
  summary: "How progress is shown, as --progress",
  default: "auto",
});

/** The page of `--timings` without a value, relative to what the command works on. */
export const TIMINGS_PAGE = "_output/kbuild-timings.html";

/** Flags of every command. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = Object.freeze<FlagSpec[]>([
  {
    name: "root",
    kind: "string",
    placeholder: "DIR",
    summary: "Checkout to work on",
    default: "the one around the current directory",
  },
  { name: "json", kind: "boolean", summary: "Print the result, or the error, as one JSON value" },
  {
    name: "verbose",
    short: "v",
    kind: "number",
    placeholder: "LEVEL",
    minimum: 0,
    maximum: 5,
    variable: VERBOSE_VARIABLE.name,
    implied: 2,
    summary: "Verbosity: 0 least, 5 most; -v is 2, -vv is 3",
    default: "1",
  },
  {
    name: "progress",
    kind: "string",
    choices: PROGRESS_VARIABLE.choices ?? [],
    variable: PROGRESS_VARIABLE.name,
    placeholder: "MODE",
    summary: "How progress is shown",
    default: "auto: tty on a terminal, else plain",
  },
  {
    name: "color",
    kind: "string",
    choices: ["auto", "always", "never"],
    placeholder: "WHEN",
    summary: "Colours in what goes to stderr",
    default: "auto: on a terminal, unless NO_COLOR or TERM=dumb is set",
  },
  {
    name: "events",
    kind: "string",
    placeholder: "FILE",
    summary: "Write the events of the run to a file, a JSON object a line",
  },
  {
    name: "timings",
    kind: "string",
    placeholder: "FILE",
    optional: TIMINGS_PAGE,
    summary: "Write a page about where the time went",
  },
  { name: "debug", kind: "boolean", summary: "Show the stack and the causes of an error" },
  { name: "help", short: "h", kind: "boolean", summary: "Show this help" },
]);

/** `--version`, which comes before a command or alone. */
export const VERSION_FLAG: FlagSpec = Object.freeze<FlagSpec>({
  name: "version",
  kind: "boolean",
  summary: "Print the version of kbuild",
});

/** Flags that may come before a command. */
export const TOP_FLAGS: readonly FlagSpec[] = Object.freeze([...GLOBAL_FLAGS, VERSION_FLAG]);

/** `--dry-run`, for the commands that can do without doing. */
export const DRY_RUN_FLAG: FlagSpec = Object.freeze<FlagSpec>({
  name: "dry-run",
  kind: "boolean",
  summary: "Print what would be done, without doing it",
});

/** The value as help writes it: `DIR`, `registry|scratch`; "" for a boolean. */
export function placeholderOf({ kind, placeholder, choices }: FlagSpec): string {
  if (kind === "boolean") return "";
  return placeholder ?? choices?.join("|") ?? "VALUE";
}
