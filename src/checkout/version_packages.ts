/** A line of `hack/lib/version.sh` that stamps a package. */
export interface VersionPackageLine {
  /** The package as written: `${KUBE_GO_PACKAGE}/vendor/k8s.io/client-go/pkg/version`. */
  readonly package: string;
  /** Line, counted from 1. */
  readonly line: number;
}

/**
 * Finds the packages that `kube::version::ldflags` stamps: the lines `-X 'PACKAGE.${key}=${val}'`
 * (1.20 version.sh:160-161) and `-X PACKAGE.${key}=${val}` without quotes (1.7 :122-123).
 *
 * @param text Text of `hack/lib/version.sh`.
 */
export function findVersionPackages(text: string): readonly VersionPackageLine[] {
  const found: VersionPackageLine[] = [];
  text.split("\n").forEach((line, i) => {
    if (/^\s*#/.test(line)) return;
    for (const match of line.matchAll(/-X\s+'?([^\s'"=]+)\.\$\{?\w+\}?=\$\{?\w+\}?/g)) {
      if (found.some((other) => other.package === match[1])) continue;
      found.push(Object.freeze({ package: match[1]!, line: i + 1 }));
    }
  });
  return Object.freeze(found);
}
