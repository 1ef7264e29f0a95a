import { dirname, join } from "@std/path";
import { KbuildError, systemCode } from "../errors.ts";
import { isThere, readCheckoutFile } from "./files.ts";
import { ifPresent, readText, reasonOf } from "../files/mod.ts";

/** Kubernetes' own module. */
export const KUBERNETES = "k8s.io/kubernetes";

/**
 * Finds the checkout that a directory is in: the nearest directory upward with the
 * `hack/lib/golang.sh` of Kubernetes, or with `cmd`, a `Makefile` and `go.mod` or
 * `Godeps/Godeps.json` of Kubernetes (forks move scripts).
 *
 * @param startDir Where to start; links are resolved first.
 * @returns The absolute path, links resolved.
 * @throws {KbuildError} No directory upward is a checkout, or `startDir` does not exist.
 */
export async function findRoot(startDir: string): Promise<string> {
  const { root, refusal } = await searchRoot(startDir);
  if (root === undefined) throw refusal;
  return root;
}

/** The root of a checkout; where there is none, the error that says so. */
export type RootSearch =
  | { readonly root: string; readonly refusal?: undefined }
  | { readonly root?: undefined; readonly refusal: KbuildError };

/**
 * {@linkcode findRoot} for a caller that also works outside of a checkout.
 *
 * @throws {KbuildError} `startDir` does not exist, or cannot be looked at.
 */
export async function searchRoot(startDir: string): Promise<RootSearch> {
  const start = await Deno.realPath(startDir).catch((cause: unknown) => {
    const what = systemCode(cause) === "ENOENT"
      ? `Cannot find the directory "${startDir}"`
      : `Cannot use the directory "${startDir}": ${reasonOf(cause)}`;
    throw new KbuildError(what, {
      notes: ["Name the root of a Kubernetes checkout with --root DIR"],
      exitCode: 2,
      cause,
    });
  });
  const notes: string[] = [];
  const others: string[] = [];
  for (let directory = start;; directory = dirname(directory)) {
    try {
      if (await isRoot(directory)) return { root: directory };
      if (await isThere(directory, GOLANG)) others.push(await describeOther(directory));
    } catch (cause) {
      notes.push(`Cannot look into "${directory}": ${reasonOf(cause)}`);
    }
    if (dirname(directory) === directory) break;
  }
  const refusal = new KbuildError(`"${start}" is not inside a Kubernetes checkout`, {
    notes: [
      ...notes,
      ...others,
      'Looked upward for "hack/lib/golang.sh", or "cmd", "Makefile" and the module "k8s.io/kubernetes"',
      "Change into a checkout, or name one with --root DIR",
    ],
    exitCode: 2,
  });
  return { refusal };
}

const GOLANG = "hack/lib/golang.sh";

async function isRoot(directory: string): Promise<boolean> {
  if (await hasKubernetesScripts(directory)) return true;
  const looksLike = await isThere(directory, "cmd") && await isThere(directory, "Makefile");
  return looksLike && await moduleOf(directory) === KUBERNETES;
}

/**
 * Whether `hack/lib/golang.sh` is that of Kubernetes or of a project that took it over: by the prefix
 * of its functions or variables. One that Git LFS has not fetched may be.
 */
export async function hasKubernetesScripts(root: string): Promise<boolean> {
  const { text, pointer } = await readCheckoutFile(root, GOLANG);
  return text === undefined ? pointer === true : /\bkube::|\bKUBE_/.test(text);
}

/**
 * The module of a checkout, by `go.mod`, or by `Godeps/Godeps.json` where there is none; undefined where
 * neither says it.
 */
export async function moduleOf(root: string): Promise<string | undefined> {
  const goMod = await ifPresent(readText(join(root, "go.mod")));
  if (goMod !== undefined) return /^module\s+"?([^\s"]+)"?\s*(?:\/\/.*)?$/m.exec(goMod)?.[1];
  const godeps = await ifPresent(readText(join(root, "Godeps/Godeps.json")));
  // The dependencies below it have the same key.
  return /^\s*\{\s*"ImportPath":\s*"([^"]+)"/.exec(godeps ?? "")?.[1];
}

async function describeOther(directory: string): Promise<string> {
  const module = await moduleOf(directory);
  const what = module === undefined ? "" : `the module "${module}", `;
  return `"${directory}" has a ${GOLANG}, but is ${what}not Kubernetes`;
}
