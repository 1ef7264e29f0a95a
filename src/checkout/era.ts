import { hasKubernetesScripts } from "./find_root.ts";
import { KbuildError } from "../errors.ts";
import { ifPresent, openFile } from "../files/mod.ts";
import { isThere, readCheckoutFile } from "./files.ts";
import type { Era, EraName } from "./types.ts";

const ERAS: Readonly<Record<EraName, Pick<Era, "title" | "goMode">>> = {
  godeps: { title: "1.6–1.14 (Godeps, built in GOPATH mode)", goMode: "gopath" },
  gopath: { title: "1.15–1.25 (go.mod, generated code made by make)", goMode: "gopath" },
  modules: { title: "1.26–1.29 (go.mod, vendored modules)", goMode: "modules" },
  workspace: { title: "1.30–1.35 alpha (go.work)", goMode: "workspace" },
  "workspace-bind": {
    title: "1.35 and later (go.work, the checkout mounted into the build container)",
    goMode: "workspace",
  },
};

/** The names of the eras, oldest first. */
export const ERA_NAMES: readonly EraName[] = Object.freeze(Object.keys(ERAS) as EraName[]);

/** The era that somebody names, instead of {@linkcode detectEra}. */
export function namedEra(name: EraName, evidence: string): Era {
  return Object.freeze({ name, ...ERAS[name], evidence: Object.freeze([evidence]) });
}

/**
 * Tells the era of a checkout by the files that it has, never by a version: backports and forks
 * break version rules.
 *
 * | era | files |
 * | --- | --- |
 * | `godeps` | `Godeps/Godeps.json` and no `go.mod` |
 * | `gopath` | `go.mod` and `Makefile.generated_files` |
 * | `modules` | `go.mod`, neither `go.work` nor `Makefile.generated_files` |
 * | `workspace` | `go.work` and `## workspace` in `vendor/modules.txt`; `build/common.sh` uses rsync |
 * | `workspace-bind` | as before, without rsync (kubernetes/kubernetes#134510, #134656) |
 *
 * @param root Root of the checkout.
 * @throws {KbuildError} The directory is not a Kubernetes checkout.
 */
export async function detectEra(root: string): Promise<Era> {
  const [golang, cmd, goMod, godeps, generated, rootGenerated, goWork] = await Promise.all([
    hasKubernetesScripts(root),
    isThere(root, "cmd"),
    isThere(root, "go.mod"),
    isThere(root, "Godeps/Godeps.json"),
    isThere(root, "Makefile.generated_files"),
    isThere(root, "build/root/Makefile.generated_files"),
    isThere(root, "go.work"),
  ]);
  if (!golang && !(cmd && (goMod || godeps))) throw notACheckout(root);

  const evidence: string[] = [];
  const era = (name: EraName): Era =>
    Object.freeze({ name, ...ERAS[name], evidence: Object.freeze(evidence) });
  const generatedPath = generated
    ? "Makefile.generated_files"
    : "build/root/Makefile.generated_files";
  if (!goMod) {
    evidence.push("There is no go.mod");
    if (godeps) evidence.push("Godeps/Godeps.json lists the dependencies");
    else evidence.push("Godeps/Godeps.json is missing too, as in some forks");
    return era("godeps");
  }
  evidence.push("There is a go.mod");
  if (await isWorkspace(root, goWork, evidence)) {
    return era(await usesRsync(root, evidence) ? "workspace" : "workspace-bind");
  }
  if (generated || rootGenerated) {
    evidence.push(`${generatedPath} makes generated code part of the build`);
    return era("gopath");
  }
  evidence.push("There is no Makefile.generated_files");
  return era("modules");
}

/** A private `go.work` in an older tree does not count: its vendor directory says so. */
async function isWorkspace(root: string, goWork: boolean, evidence: string[]): Promise<boolean> {
  const vendor = await firstLine(root, "vendor/modules.txt");
  if (vendor?.startsWith("## workspace")) {
    evidence.push("vendor/modules.txt is that of a workspace");
    if (!goWork) evidence.push("go.work is missing all the same");
    return true;
  }
  if (!goWork) {
    evidence.push("There is no go.work");
    return false;
  }
  if (vendor === undefined) {
    evidence.push("There is a go.work, and no vendor/modules.txt that says otherwise");
    return true;
  }
  evidence.push("There is a go.work, but vendor/modules.txt is not that of a workspace");
  return false;
}

/** First line of a file that may be large. */
async function firstLine(root: string, path: string): Promise<string | undefined> {
  using file = await ifPresent(openFile(`${root}/${path}`));
  if (file === undefined) return undefined;
  const buffer = new Uint8Array(256);
  const size = await file.read(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, size)).split("\n")[0];
}

async function usesRsync(root: string, evidence: string[]): Promise<boolean> {
  const { text } = await readCheckoutFile(root, "build/common.sh");
  if (text === undefined) {
    const found = await isThere(root, "build/build-image/rsyncd.sh");
    evidence.push(
      `build/common.sh cannot be read; build/build-image/rsyncd.sh is ${
        found ? "there" : "missing"
      }`,
    );
    return found;
  }
  const line = text.split("\n").findIndex((text) => /^[^#]*rsync/i.test(text)) + 1;
  evidence.push(line > 0 ? `build/common.sh:${line} uses rsync` : "build/common.sh uses no rsync");
  return line > 0;
}

function notACheckout(root: string): KbuildError {
  return new KbuildError(`"${root}" is not a Kubernetes checkout`, {
    notes: [
      'Looked for "hack/lib/golang.sh", or "cmd" together with "go.mod" or "Godeps/Godeps.json"',
      "Run kbuild inside a checkout, or name one with --root DIR",
    ],
    exitCode: 2,
  });
}
