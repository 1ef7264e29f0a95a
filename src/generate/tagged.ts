import { join } from "@std/path";

/** Folders that `cache_go_dirs.sh` passes over: `_*`, `.*` and `vendor` at the root. */
function skipped(name: string): boolean {
  return name.startsWith("_") || name.startsWith(".") || name === "vendor";
}

/** A line that makes a file count in `ALL_K8S_TAG_FILES`. */
const ANY_TAG = /^\/\/ *\+k8s:/m;

/**
 * Finds the packages with a `// +k8s:openapi-gen=` comment, as `ALL_K8S_TAG_FILES` and the
 * `*_OPENAPI_DIRS` of `Makefile.generated_files` do: every Go file outside of `vendor`, where the
 * staging modules count under their names in `vendor`.
 *
 * @param tag `openapi-gen`.
 */
export async function findTagged(root: string, tag: string): Promise<readonly string[]> {
  const wanted = `+k8s:${tag}=`;
  const found = new Set<string>();

  async function visit(folder: string, top: boolean): Promise<void> {
    const folders: string[] = [];
    const files: string[] = [];
    for await (const entry of Deno.readDir(join(root, folder))) {
      if (entry.isDirectory && !(top && skipped(entry.name))) folders.push(entry.name);
      else if (entry.isFile && entry.name.endsWith(".go")) files.push(entry.name);
    }
    const path = (name: string) => folder === "" ? name : `${folder}/${name}`;
    for (const name of files) {
      const text = await Deno.readTextFile(join(root, path(name)));
      if (text.includes(wanted) && ANY_TAG.test(text)) {
        found.add(folder.replace(/^staging\/src\//, "vendor/"));
        break;
      }
    }
    await Promise.all(folders.map((name) => visit(path(name), false)));
  }
  await visit("", true);
  return Object.freeze([...found].sort());
}

/** Folders that every OpenAPI target but `KUBE` sees besides its own. */
const APIMACHINERY = [
  "vendor/k8s.io/apimachinery/pkg/apis/meta/v1/",
  "vendor/k8s.io/apimachinery/pkg/runtime/",
  "vendor/k8s.io/apimachinery/pkg/version/",
];

/** The further folders of each target: `*_OPENAPI_TAG_FILES` of v1.20.2. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  AGGREGATOR: ["vendor/k8s.io/kube-aggregator/"],
  APIEXTENSIONS: ["vendor/k8s.io/apiextensions/", "vendor/k8s.io/api/autoscaling/v1/"],
  CODEGEN: ["vendor/k8s.io/code-generator/"],
  SAMPLEAPISERVER: ["vendor/k8s.io/sample-apiserver/"],
};

/** The tagged packages that one OpenAPI target covers. */
export function openapiPackages(target: string, tagged: readonly string[]): readonly string[] {
  const own = OWN[target];
  if (own === undefined) {
    const left = ["vendor/k8s.io/code-generator/", "vendor/k8s.io/sample-apiserver/"];
    return tagged.filter((path) => !left.some((prefix) => `${path}/`.startsWith(prefix)));
  }
  return tagged.filter((path) =>
    [...APIMACHINERY, ...own].some((prefix) => `${path}/`.startsWith(prefix))
  );
}
