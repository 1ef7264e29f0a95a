import type { Check } from "./list.ts";
import { type Need, needsIn, scriptTexts } from "./needs.ts";

/**
 * Checks of the releases whose verdict depends on nothing but the files of the checkout, what git has of them, Go, the
 * programs in `PATH` and the environment: the scripts of 1.7, 1.20 and 1.28 were searched for anything else. Left out are
 * those that ask the network, containers or the clock, compare with other commits, or compile C, and gofmt, boilerplate and
 * generated files, whose records are their own.
 */
const REPEATABLE: ReadonlySet<string> = new Set([
  ...["api-groups", "cli-conventions", "conformance-requirements", "description", "fieldname-docs"],
  ...["flags-underscore", "generated-docs", "generated-swagger-docs", "import-aliases"],
  ...["import-boss", "imports", "non-mutating-validation", "pkg-names"],
  ...["prerelease-lifecycle-tags", "prometheus-imports", "staging-meta-files", "test-code"],
  ...["test-featuregates", "test-images", "typecheck"],
]);

/** What such a script may need beside bash, git and Go. */
const ALLOWED: ReadonlySet<Need> = new Set(["make", "GNU sed", "python", "python3"]);

/** Where a program's name is a command. */
const COMMAND = String
  .raw`(?:^|[;&|({!\`]|\b(?:if|then|do|else|while|until|xargs|env|exec|command|sudo)\s)\s*`;
/** Signs that a script of that name, as a fork has it, asks for more than the checkout. */
const BEYOND: readonly RegExp[] = [
  // Other commits, tags, branches, remotes: of git only what is in its index, and the files, count.
  new RegExp(
    `${COMMAND}git(?:\\s+(?:--no-pager|-C\\s+\\S+))*\\s+(?!(?:grep|ls-files|archive|write-tree|--no-pager|-C)\\b)`,
  ),
  /\bkube::(?:build|etcd|release)::|\bkube::util::(?:git|base_ref|has_changes|download|host_)/,
  new RegExp(
    `${COMMAND}(?:curl|wget|ssh|nc|ping|docker|podman|nerdctl|kubectl|gcloud|gsutil|crane|skopeo|jq|openssl|date|hostname|` +
      "uname|whoami|id|df|free|nproc)(?:\\s|\\)|$)",
  ),
  /\b(?:EPOCHSECONDS|RANDOM|SECONDS|HOSTNAME)\b|\bprintf\s.*%\(.*\)T/,
  /(?<![\w.}])~\/|\$\{?HOME\b|(?<![\w.}])\/(?:etc|usr|var|opt|proc|sys|run|home|root)\//,
  // Of Python.
  /^\s*(?:import|from)\b.*\b(?:datetime|time|urllib\w*|requests|http|socket|subprocess|getpass|platform)\b/,
  /\bos\.environ\b/,
];

/**
 * Whether a check that passed passes again as long as the checkout, Go, programs and environment are the same: it is
 * one of the releases', and neither its script nor those that it starts say otherwise.
 *
 * @param options.isUnderstood Whether each line of the script is known, and kbuild does its work: no line says otherwise.
 */
export async function isRepeatable(
  root: string,
  { directory, name, path }: Check,
  { isUnderstood = false }: { isUnderstood?: boolean } = {},
): Promise<boolean> {
  if (directory !== "" || !REPEATABLE.has(name)) return false;
  if (isUnderstood) return true;
  const { isComplete, texts } = await scriptTexts(root, path);
  return isComplete && needsIn(texts).every((need) => ALLOWED.has(need)) &&
    !texts.some(({ lines }) => lines.some((line) => BEYOND.some((sign) => sign.test(line))));
}
