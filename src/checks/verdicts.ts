import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { ifPresentSync, readNote, writeFileAtomic } from "../files/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import { filesBelow } from "./files_below.ts";
import type { Check } from "./list.ts";
import { fingerprint, isSettled } from "./seen.ts";

/** Which checks passed before, with nothing changed since. */
export interface Verdicts {
  /** Whether a check passed, with the same files, Go and environment. */
  has(check: Check): boolean;
  /** Notes that a check has passed. */
  add(check: Check): Promise<void>;
}

/**
 * Checks of the releases whose verdict depends on nothing but the files of the checkout, its commit, Go and the
 * environment. Others ask the network, containers, or programs of this machine.
 */
const REPEATABLE: ReadonlySet<string> = new Set([
  ...["api-groups", "boilerplate", "cli-conventions", "conformance-requirements", "description"],
  ...["e2e-test-ownership", "fieldname-docs", "file-sizes", "flags-underscore", "generated-docs"],
  ...["generated-files", "generated-swagger-docs", "gofmt", "govet", "import-aliases"],
  ...["import-boss", "imports", "netparse-cve", "non-mutating-validation", "pkg-names"],
  ...["prerelease-lifecycle-tags", "prometheus-imports", "staging-meta-files", "symbols"],
  ...["test-code", "test-featuregates", "test-images", "testing-import", "typecheck"],
]);

/** Variables that decide nothing in a script: where it was started, and how its output is shown. */
const IRRELEVANT =
  /^(_|PWD|OLDPWD|SHLVL|TERM|COLUMNS|LINES|TMPDIR|DISPLAY|NO_COLOR|WHAT|SILENT|QUICK|ARTIFACTS|KUBE_JUNIT_REPORT_DIR|KUBE_VERBOSE|KBUILD_PROGRESS|KBUILD_TOOLS_PATH|SSH_.*|XDG_SESSION.*|WINDOWID)$/;

/** Files of git that say which commit and which files it has. */
const GIT_FILES: readonly string[] = [".git/HEAD", ".git/index", ".git/packed-refs"];
/** The form of the note; another one is not read. */
const FORM = 1;

/**
 * Opens the note of checks that passed, `_output/local/.kbuild/checks/passed.json`. Files are looked at when the first
 * check is asked for; those that have changed so recently that they may change again without a trace count for nothing.
 *
 * @param options.env Environment of the scripts.
 * @param options.go What `go version` says, and where it is.
 */
export async function openVerdicts(
  { output, root }: Pick<KubeContext, "output" | "root">,
  { env, go }: { env: Readonly<Record<string, string>>; go: string },
): Promise<Verdicts> {
  const path = join(output, ".kbuild", "checks", "passed.json");
  const note = await readNote(path);
  const noted = note?.["form"] === FORM ? note["passed"] : undefined;
  const passed = new Map<string, unknown>(
    typeof noted === "object" && noted !== null ? Object.entries(noted) : [],
  );
  let known: { readonly key: string | undefined } | undefined;
  const key = () => {
    if (known === undefined) {
      const files = fingerprintOf(root);
      const shown = Object.entries(env).filter(([name]) => !IRRELEVANT.test(name)).sort();
      known = {
        key: files === undefined
          ? undefined
          : createHash("sha256").update(JSON.stringify([go, shown, files])).digest("hex"),
      };
    }
    return known.key;
  };
  const isRepeatable = ({ name, directory }: Check) => directory === "" && REPEATABLE.has(name);
  return Object.freeze<Verdicts>({
    has: (check) =>
      isRepeatable(check) && passed.has(check.path) && key() === passed.get(check.path),
    async add(check) {
      if (!isRepeatable(check)) return;
      // As the files were before the script ran: what was changed meanwhile has another key.
      const print = key();
      if (print === undefined) passed.delete(check.path);
      else passed.set(check.path, print);
      await Deno.mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(
        path,
        JSON.stringify({ form: FORM, passed: Object.fromEntries(passed) }),
      );
    },
  });
}

/** What all files of a checkout are like, outputs left out; undefined if one has changed just now. */
function fingerprintOf(root: string): string | undefined {
  const started = Date.now();
  const hash = createHash("sha256");
  let isStill = true;
  const add = (path: string) => {
    const info = ifPresentSync(() => Deno.lstatSync(join(root, path)));
    if (info === undefined) return;
    if (!isSettled(info, started)) isStill = false;
    hash.update(`${path}\0${info.mode}\0${fingerprint(info)}\n`);
  };
  const takes = (path: string) => path !== ".git" && path !== "_output";
  const files = filesBelow(root, takes, () => void (isStill = false));
  for (const path of files.map((file) => file.path).sort()) add(path);
  for (const path of GIT_FILES) add(path);
  return isStill ? hash.digest("hex") : undefined;
}
