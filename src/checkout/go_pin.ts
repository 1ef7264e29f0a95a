import type { CheckoutFile } from "./files.ts";
import type { Sourced } from "./types.ts";

/**
 * The Go that a checkout pins: `.go-version`, else `build/build-image/cross/VERSION`, which says it
 * in two ways: `v1.15.5-1` is Go 1.15.5, `v1.28.0-go1.21.7-bullseye.0` is Go 1.21.7.
 *
 * @param goVersion The file `.go-version`.
 * @param cross The file `build/build-image/cross/VERSION`.
 * @param scripts The checkout's build scripts.
 * @returns A version without "go": `1.21.7`, `1.26rc1`; `exact` if it is that of `.go-version`, and a
 * script reads that file, as those of 1.27 and later do. Forks of 1.26.0 have the file for other tools.
 */
export function pinnedGo(
  goVersion: CheckoutFile,
  cross: CheckoutFile,
  scripts: readonly CheckoutFile[],
): { pin: Sourced<string>; exact: boolean } | undefined {
  const plain = /^(?:go)?([0-9]+\.[0-9]+[0-9A-Za-z.]*)\s*$/.exec(goVersion.text?.trim() ?? "");
  if (plain !== null) {
    return { pin: sourced(plain[1]!, goVersion), exact: scripts.some(readsGoVersion) };
  }
  const text = cross.text?.trim() ?? "";
  const named = /-go([0-9]+\.[0-9]+[0-9A-Za-z.]*)(?:-|$)/.exec(text);
  if (named !== null) return { pin: sourced(named[1]!, cross), exact: false };
  const old = /^v?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:(?:beta|rc)[0-9]+)?)(?:-|$)/.exec(text);
  return old === null ? undefined : { pin: sourced(old[1]!, cross), exact: false };
}

/** Whether a line that is not a comment names the file. */
function readsGoVersion({ text = "" }: CheckoutFile): boolean {
  return /^\s*[^\s#].*\.go-version\b/m.test(text);
}

function sourced(value: string, file: CheckoutFile): Sourced<string> {
  return Object.freeze({ value, source: `${file.path}:1` });
}

/**
 * The lowest Go that `kube::golang::verify_go_version` takes: `minimum_go_version=go1.15.0`, or in
 * 1.7 a comparison with `"go1.6"` (as strings there; kbuild compares numbers).
 *
 * @param golang Text of `hack/lib/golang.sh`.
 */
export function minimumGo(golang: string): { value: string; line: number } | undefined {
  const match = /^[^#\n]*\bminimum_go_version=["']?go([0-9][0-9.]*)/m.exec(golang) ??
    /^[^#\n]*go_version\[2\]\}?"?\s*<\s*"?go([0-9][0-9.]*)/m.exec(golang);
  if (match === null) return undefined;
  const line = golang.slice(0, match.index + match[0].length).split("\n").length;
  return { value: match[1]!, line };
}
