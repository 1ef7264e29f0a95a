import { dirname } from "@std/path";
import type { UnitSpec } from "../events/mod.ts";
import type { PlannedFetch, PlannedName } from "../registry/mod.ts";
import { quote, quoteCommand } from "../shell/mod.ts";

/** One thing that a command would do; paths are absolute. */
export type PlanStep =
  & {
    /** What it is done for: `linux/amd64`, "generated files", "release". */
    readonly group: string;
  }
  & (
    | {
      /** A program that would be started. */
      readonly kind: "process";
      readonly argv: readonly string[];
      readonly cwd: string;
      /** What the plan sets; the rest of the environment is the caller's. */
      readonly env: Readonly<Record<string, string>>;
      /** Where the checkout's scripts start it: `hack/lib/golang.sh:745`. */
      readonly source?: string;
      /** The tarball that its output is packed into; absolute. */
      readonly packedInto?: string;
    }
    /** A symbolic link that would be made or changed. */
    | { readonly kind: "link"; readonly path: string; readonly target: string }
    /** A file that Go gets in place of another, through `-overlay`. */
    | { readonly kind: "overlay"; readonly path: string; readonly text: string }
    /** A file with the version, for what runs in a container. */
    | { readonly kind: "version"; readonly path: string; readonly text: string }
    /** A directory for work in between. */
    | { readonly kind: "directory"; readonly path: string }
    /** A file that would be copied, or moved, to `path`. */
    | { readonly kind: "binary"; readonly path: string; readonly from: string }
    | {
      /** A file that would be generated, if its content changes. */
      readonly kind: "generated";
      readonly path: string;
      readonly from: string;
      /** Why it is made: "it is missing". */
      readonly why?: string;
    }
    /** An image archive on a base image. */
    | { readonly kind: "image"; readonly path: string; readonly base: string }
    | {
      /** A tarball. */
      readonly kind: "tarball";
      readonly path: string;
      /** How many entries are staged for it; 0 for the sources. */
      readonly entries: number;
      /** The files that go into it as they are; absolute. */
      readonly reads?: readonly string[];
    }
    /** A package of a distribution, and the programs in it; absolute paths. */
    | { readonly kind: "package"; readonly path: string; readonly programs: readonly string[] }
    /** A small file of a release, next to its tarballs. */
    | { readonly kind: "checksums"; readonly path: string }
    /** Something that would be fetched, and the URLs that are asked for. */
    | ({ readonly kind: "fetch" } & PlannedFetch)
    | ({
      /** A published file that would be downloaded to `path`. */
      readonly kind: "download";
      readonly path: string;
      /** `sha512:…`. */
      readonly digest: string;
    } & PlannedFetch)
    /** A name that would be pushed: an archive, or a list over architectures. */
    | ({ readonly kind: "push" } & PlannedName)
    /** A file or directory that would be removed. */
    | { readonly kind: "remove"; readonly path: string }
  );

/** A unit of work of a plan, as `kbuild plan --units --json` prints it. */
export interface PlannedUnit {
  /** As events name it: `build kubectl, kubelet for linux/amd64`. */
  readonly id: string;
  readonly kind: UnitSpec["kind"];
  readonly name: string;
  /** What it is made for; null where that does not matter. */
  readonly platform: string | null;
  /** SHA-256 in hexadecimal: the same key stands for the same bytes. Null: see `why`. */
  readonly key: string | null;
  /** Why there is no key, as the end of a sentence. */
  readonly why: string | null;
  /** Ids of the units that have to be made before. */
  readonly needs: readonly string[];
  /** The files that it leaves, below the checkout. */
  readonly leaves: readonly string[];
  /** How long it took when it was last made in this output directory. */
  readonly seconds: number | null;
}

/** The steps as lines of a shell script: what kbuild does itself is in comments. */
export function scriptOf(steps: readonly PlanStep[]): readonly string[] {
  const lines: string[] = [];
  let group = "";
  for (const step of steps) {
    if (step.group !== group) lines.push(comment(group = step.group));
    lines.push(scriptLine(step));
  }
  return Object.freeze(lines);
}

/** A name in it may have line breaks: the text after them would be a command. */
function comment(text: string): string {
  return `# ${text.replaceAll(/[\r\n]+/g, " ")}`;
}

function scriptLine(step: PlanStep): string {
  switch (step.kind) {
    case "process": {
      if (step.packedInto !== undefined) {
        return comment(`tarball ${step.packedInto} holds what ${quoteCommand(step.argv)} prints`);
      }
      const env = Object.entries(step.env).map(([name, value]) => `${name}=${quote(value)}`);
      return `cd ${quote(step.cwd)} && ${[...env, quoteCommand(step.argv)].join(" ")}`;
    }
    case "link":
      return `mkdir -p ${quote(dirname(step.path))} && ` +
        `ln -sfn ${quote(step.target)} ${quote(step.path)}`;
    case "overlay":
    case "version":
      return `mkdir -p ${quote(dirname(step.path))} && ` +
        `printf %s ${quote(step.text)} > ${quote(step.path)}`;
    case "directory":
      return `mkdir -p ${quote(step.path)}`;
    case "binary":
      return `mkdir -p ${quote(dirname(step.path))} && cp ${quote(step.from)} ${quote(step.path)}`;
    case "generated":
      return `mkdir -p ${quote(dirname(step.path))} && mv ${quote(step.from)} ${quote(step.path)}`;
    case "image":
      return comment(`image ${step.path} on ${step.base}`);
    case "tarball":
      return [
        comment(`tarball ${step.path}`),
        ...(step.reads ?? []).map((file) => comment(`  of ${file}`)),
      ]
        .join("\n");
    case "package":
      return comment(`package ${step.path} of ${step.programs.join(", ")}`);
    case "checksums":
      return comment(`checksums ${step.path}`);
    case "fetch":
      return comment(`fetch ${step.what} from ${step.urls[0]?.url}`);
    case "download":
      return downloadLine(step);
    case "push":
      return comment(pushLine(step));
    case "remove":
      return `rm -rf -- ${quote(step.path)}`;
  }
}

/** What does the same with curl and the sums of coreutils. */
function downloadLine({ path, urls, digest }: PlanStep & { kind: "download" }): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `mkdir -p ${quote(dirname(path))} && curl -fL -o ${quote(path)} ${
    quote(urls[0]?.url ?? "")
  } && echo ${quote(`${hex}  ${path}`)} | ${algorithm}sum -c`;
}

/** `push a list over amd64, arm64 as registry.example/kube-proxy:v1`. */
export function pushLine({ name, path, archs, attached = [] }: PlannedName): string {
  const what = path ?? `a list over ${archs.join(", ") || "what the registry has"}`;
  const about = attached.length === 0 ? "" : ` with ${attached.join(", ")}`;
  return `push ${what} as ${name}${about}`;
}
