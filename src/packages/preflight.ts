import { join } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { ifPresent, readText } from "../files/mod.ts";
import { isAtLeast, type KubernetesVersion, parseKubernetesVersion } from "./version.ts";

/** Files of kubeadm that say which programs it looks for before `kubeadm init`. */
const FILES = ["checks.go", "checks_linux.go", "checks_unix.go"]
  .map((name) => `cmd/kubeadm/app/preflight/${name}`);

/**
 * Programs without which `kubeadm init` of a version stops, as text of kubeadm's preflight checks has them:
 * `InPathCheck{executable: "conntrack", mandatory: true, exec: execer}`, in all versions from 1.6 on.
 *
 * A check may be inside of a condition such as `v.LessThan(utilversion.MustParseSemantic("1.32.0"))`
 * (kubernetes/kubernetes#126952), which the version decides.
 */
export function demandedPrograms(text: string, version: KubernetesVersion): readonly string[] {
  const found = new Set<string>();
  const limits: { readonly depth: number; readonly holds: boolean }[] = [];
  let depth = 0;
  for (const line of text.split("\n")) {
    const check = /InPathCheck\{\s*executable:\s*"([^"]+)",\s*mandatory:\s*true\b/.exec(line);
    const isOn = limits.every(({ holds }) => holds);
    if (check !== null && isOn) found.add(check[1]!);
    const limit = /\bLessThan\([\w.]*MustParseSemantic\("([^"]+)"\)\)/.exec(line)?.[1];
    const opened = (line.match(/\{/g) ?? []).length - (line.match(/\}/g) ?? []).length;
    if (limit !== undefined && opened > 0) {
      parseKubernetesVersion(limit);
      limits.push({ depth, holds: !isAtLeast(version, limit) });
    }
    depth += opened;
    while (limits.length > 0 && depth <= limits.at(-1)!.depth) limits.pop();
  }
  return Object.freeze([...found].sort());
}

/**
 * {@linkcode demandedPrograms} of a checkout; none if it has no kubeadm.
 *
 * @throws {KbuildError} One of the files cannot be read.
 */
export async function readDemandedPrograms(
  { root }: Pick<Checkout, "root">,
  version: KubernetesVersion,
): Promise<readonly string[]> {
  const texts = await Promise.all(FILES.map((path) => ifPresent(readText(join(root, path)))));
  const found = texts.flatMap((text) => text === undefined ? [] : demandedPrograms(text, version));
  return Object.freeze([...new Set(found)].sort());
}
