import { KbuildError } from "../../errors.ts";
import type { KubeContext } from "../init.ts";
import type { PreparedBuild } from "./build.ts";
import { makeLink } from "./links.ts";
import { listArguments } from "./list_arguments.ts";
import type { BuildStep } from "./plan.ts";
import { binaryName } from "./targets.ts";

/** The Go packages that a program is linked from. */
export interface LinkedPackages {
  /** Where the build places the program; absolute. */
  readonly placed: string;
  /** Its main package: `k8s.io/kubernetes/cmd/kubectl`. */
  readonly main: string;
  /** Import paths, the main one among them, those of Go's own packages left out; sorted. */
  readonly packages: readonly string[];
}

/** `package|is Go's own|what it imports`; the last one of packages that were named alone. */
const TEMPLATE = '{{.ImportPath}}|{{.Standard}}|{{if not .DepOnly}}{{join .Deps "|"}}{{end}}';

/**
 * Asks Go which packages the programs of a build are linked from. Nothing is compiled.
 *
 * @throws {CommandError} Go cannot say.
 */
export async function linkedPackages(
  { builder: { shell } }: KubeContext,
  { plan, go }: PreparedBuild,
): Promise<readonly LinkedPackages[]> {
  if (plan.gopathLink !== undefined) await makeLink(plan.gopathLink);
  const found: LinkedPackages[] = [];
  for (const step of plan.platforms.flatMap(({ steps }) => steps)) {
    if (step.outputs.length === 0) continue;
    const argv = [go.path, ...listArguments(step, ["-f", TEMPLATE])];
    const { stdout } = await shell.run(argv, { cwd: step.cwd, env: step.env });
    found.push(...readLinked(step, stdout));
  }
  return Object.freeze(found);
}

/** Takes apart what `go list` printed with {@linkcode TEMPLATE}. */
function readLinked({ outputs, platform }: BuildStep, text: string): readonly LinkedPackages[] {
  const rows = text.split("\n").filter((line) => line !== "").map((line) => line.split("|"));
  const own = new Set(rows.filter(([, standard]) => standard === "true").map(([name]) => name));
  return outputs.map(({ name, placed }) => {
    const plain = name.replace(/\.exe$/, "");
    const row = rows.find(([goPackage = "", , first = ""]) =>
      binaryName(goPackage) === plain && first !== ""
    );
    if (row === undefined) {
      throw new KbuildError(`Cannot list the packages of "${name}" for ${platform}: Go names none`);
    }
    const [main = "", , ...deps] = row;
    // Packages that are compiled anew for a test are "package [main]".
    const packages = [main, ...deps.filter((each) => !own.has(each))]
      .map((each) => each.replace(/ \[.*\]$/, ""));
    return Object.freeze({
      ...{ placed, main },
      packages: Object.freeze([...new Set(packages)].sort()),
    });
  });
}
