import { dirname, join } from "@std/path";
import { KbuildError } from "../errors.ts";
import { isThere } from "./files.ts";
import { ifPresent, reasonOf } from "../files/mod.ts";

/**
 * Finds the checkout that a folder lies in: the nearest folder upward with `hack/lib/golang.sh`, or
 * with `cmd`, a `Makefile` and `go.mod` or `Godeps/Godeps.json` of Kubernetes (forks move scripts).
 *
 * @param startDir Where to start; links are resolved first.
 * @returns The absolute path, links resolved.
 * @throws {KbuildError} No folder upward is a checkout, or `startDir` does not exist.
 */
export async function findRoot(startDir: string): Promise<string> {
  let start: string;
  try {
    start = await Deno.realPath(startDir);
  } catch (cause) {
    throw new KbuildError(`Cannot find the folder "${startDir}"`, {
      notes: ["Name the root of a Kubernetes checkout with --root FOLDER"],
      exitCode: 2,
      cause,
    });
  }
  const notes: string[] = [];
  for (let folder = start;; folder = dirname(folder)) {
    try {
      if (await isRoot(folder)) return folder;
    } catch (cause) {
      notes.push(`Cannot look into "${folder}": ${reasonOf(cause)}`);
    }
    if (dirname(folder) === folder) break;
  }
  throw new KbuildError(`"${start}" is not inside a Kubernetes checkout`, {
    notes: [
      ...notes,
      'Looked upward for "hack/lib/golang.sh", or "cmd", "Makefile" and the module "k8s.io/kubernetes"',
      "Change into a checkout, or name one with --root FOLDER",
    ],
    exitCode: 2,
  });
}

async function isRoot(folder: string): Promise<boolean> {
  if (await isThere(folder, "hack/lib/golang.sh")) return true;
  if (!await isThere(folder, "cmd") || !await isThere(folder, "Makefile")) return false;
  if (await isThere(folder, "Godeps/Godeps.json")) return true;
  const goMod = await ifPresent(Deno.readTextFile(join(folder, "go.mod"))) ?? "";
  return /^module\s+"?k8s\.io\/kubernetes"?\s*$/m.test(goMod);
}
