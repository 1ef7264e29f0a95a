import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { readNote, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { checkoutState } from "./checkout_state.ts";
import type { Check } from "./list.ts";
import { isRepeatable } from "./repeatable.ts";

/** Which checks passed before, with nothing changed since. */
export interface Verdicts {
  /** Whether a check passed, with the same checkout, Go, programs and environment. */
  has(check: Check): Promise<boolean>;
  /** Notes that a check has passed; `has()` was asked before it ran. */
  add(check: Check): Promise<void>;
}

/** Variables that decide nothing in a script: where it was started, and how its output is shown. */
const IRRELEVANT =
  /^(_|PWD|OLDPWD|SHLVL|TERM|COLUMNS|LINES|TMPDIR|DISPLAY|NO_COLOR|WHAT|SILENT|QUICK|ARTIFACTS|KUBE_JUNIT_REPORT_DIR|KUBE_VERBOSE|KBUILD_PROGRESS|KBUILD_TOOLS_PATH|SSH_.*|XDG_SESSION.*|WINDOWID)$/;

/** The form of the note; another one is not read. */
const FORM = 3;

/**
 * Opens the note of checks that passed, `_output/local/.kbuild/checks/passed.json`. The checkout is looked at once, when the
 * first check is asked for: what changes after that has another key.
 *
 * @param options.env Environment of the scripts.
 * @param options.go What `go version` says, and where it is.
 * @param options.kbuild Its version: it is the scripts' `make`.
 * @param options.isUnderstood Whether kbuild does the work of a script of which it knows each line.
 */
export async function openVerdicts(
  { output, root, shell }: Pick<KubeContext, "output" | "root" | "shell">,
  { env, go, kbuild, isUnderstood }: {
    env: Readonly<Record<string, string>>;
    go: string;
    kbuild: string;
    isUnderstood?: (check: Check) => boolean;
  },
): Promise<Verdicts> {
  const path = join(output, ".kbuild", "checks", "passed.json");
  const note = await readNote(path);
  const noted = note?.["form"] === FORM ? note["passed"] : undefined;
  const passed = new Map<string, unknown>(
    typeof noted === "object" && noted !== null ? Object.entries(noted) : [],
  );
  let key: Promise<string | undefined> | undefined;
  const known = new Map<string, Promise<boolean>>();
  const isKnown = (check: Check) => {
    const found = known.get(check.path) ??
      isRepeatable(root, check, { isUnderstood: isUnderstood?.(check) === true });
    known.set(check.path, found);
    return found;
  };
  const findKey = async () => {
    const state = await checkoutState({ root, shell }, env);
    if (state === undefined) return undefined;
    const counted = Object.entries(env).filter(([name]) => !IRRELEVANT.test(name)).sort();
    return createHash("sha256").update(JSON.stringify([kbuild, go, counted, state])).digest("hex");
  };
  return Object.freeze<Verdicts>({
    async has(check) {
      if (!await isKnown(check)) return false;
      const now = await (key ??= findKey());
      return now !== undefined && now === passed.get(check.path);
    },
    async add(check) {
      // As all was before the script ran.
      const before = await key;
      if (before === undefined || !await isKnown(check)) return;
      passed.set(check.path, before);
      await Deno.mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(
        path,
        JSON.stringify({ form: FORM, passed: Object.fromEntries(passed) }),
      );
    },
  });
}
