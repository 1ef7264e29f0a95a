import { KbuildError } from "../errors.ts";
import { encodeCapabilities } from "./capabilities.ts";

/** A file or folder that an image gets from the build context. */
export interface ImageCopy {
  /** Path in the build context: `kube-apiserver`, `cluster`. */
  readonly source: string;
  /** Absolute path in the image; ends in "/" when the source goes into that folder. */
  readonly target: string;
  /** Value of `security.capability`, where a stage ran setcap on the file. */
  readonly capability: Uint8Array | undefined;
}

/** What a Dockerfile comes to: a base, copies (one layer each) and configuration. */
export interface DockerfilePlan {
  /** Image reference of the last `FROM`, variables applied. */
  readonly base: string;
  readonly copies: readonly ImageCopy[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
}

/** Where a Dockerfile comes from, and what its build arguments are. */
export interface DockerfileOptions {
  /** For messages: `build/server-image/kube-apiserver/Dockerfile`. */
  readonly path: string;
  /** `--build-arg`: `BASEIMAGE`, `BINARY` … */
  readonly args: Readonly<Record<string, string>>;
}

interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly variables: Record<string, string>;
  readonly copies: ImageCopy[];
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  user: string | undefined;
  workingDir: string | undefined;
}

/**
 * Reads a Dockerfile of a Kubernetes checkout and works out what its last stage holds, without
 * running anything. Knows what those files use: ARG, FROM, COPY and ADD (also `--from=STAGE`), ENV,
 * LABEL, USER, WORKDIR, ENTRYPOINT, CMD, and `RUN setcap CAPS FILE`.
 *
 * @throws {KbuildError} An instruction cannot be carried out without a container; names the line.
 */
export function planDockerfile(text: string, options: DockerfileOptions): DockerfilePlan {
  const globals: Record<string, string> = { ...options.args };
  const stages: Stage[] = [];
  for (const { keyword, rest, line } of instructions(text)) {
    const stage = stages.at(-1);
    const refuse = (why: string) => refusal(options.path, line, why);
    if (keyword === "ARG") {
      declareArgument(rest, stage?.variables ?? globals, globals, options.args);
    } else if (keyword === "FROM") {
      stages.push(openStage(expand(rest, globals), globals));
    } else if (stage === undefined) {
      throw refuse(`${keyword} before FROM`);
    } else {
      carryOut(stage, stages, keyword, expand(rest, stage.variables), refuse);
    }
  }
  const last = stages.at(-1);
  if (last === undefined) throw refusal(options.path, 1, "no FROM");
  const { base, copies, env, labels, entrypoint, cmd, user, workingDir } = last;
  return Object.freeze({ base, copies, env, labels, entrypoint, cmd, user, workingDir });
}

function refusal(path: string, line: number, why: string): KbuildError {
  return new KbuildError(`Cannot carry out line ${line} of "${path}": ${why}`, {
    notes: ["Give an image with that step done as the base: --base-image NAME=DIR"],
  });
}

function instructions(text: string): { keyword: string; rest: string; line: number }[] {
  const found: { keyword: string; rest: string; line: number }[] = [];
  let open = "";
  let start = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    if (/^\s*#/.test(raw) || (raw.trim() === "" && open === "")) continue;
    if (open === "") start = index + 1;
    // A continued line keeps its leading blanks, as docker keeps them.
    const line = raw.trimEnd();
    if (line.endsWith("\\")) {
      open += line.slice(0, -1);
      continue;
    }
    const [, keyword = "", rest = ""] = /^(\S+)\s*(.*)$/.exec((open + line).trim()) ?? [];
    if (keyword !== "") found.push({ keyword: keyword.toUpperCase(), rest, line: start });
    open = "";
  }
  return found;
}

function declareArgument(
  rest: string,
  scope: Record<string, string>,
  globals: Readonly<Record<string, string>>,
  args: Readonly<Record<string, string>>,
): void {
  const [name = "", fallback] = rest.split("=");
  scope[name] = args[name] ?? globals[name] ?? fallback ?? "";
}

function openStage(rest: string, globals: Readonly<Record<string, string>>): Stage {
  const words = rest.split(/\s+/).filter((word) => !word.startsWith("--platform="));
  const base = (words[0] ?? "").replace(/^"(.*)"$/, "$1");
  const name = words[1]?.toUpperCase() === "AS" ? words[2] : undefined;
  return {
    name,
    base,
    // Only ARG brings a global into a stage; BuildKit's own are always there.
    variables: { TARGETARCH: globals["TARGETARCH"] ?? "", BUILDARCH: globals["BUILDARCH"] ?? "" },
    copies: [],
    env: {},
    labels: {},
    entrypoint: undefined,
    cmd: undefined,
    user: undefined,
    workingDir: undefined,
  };
}

function carryOut(
  stage: Stage,
  stages: readonly Stage[],
  keyword: string,
  rest: string,
  refuse: (why: string) => KbuildError,
): void {
  switch (keyword) {
    case "COPY":
    case "ADD":
      stage.copies.push(...copy(stage, stages, rest, refuse));
      break;
    case "ENV":
      Object.assign(stage.env, pairs(rest));
      break;
    case "LABEL":
      Object.assign(stage.labels, pairs(rest));
      break;
    case "ENTRYPOINT":
      stage.entrypoint = commandLine(rest);
      break;
    case "CMD":
      stage.cmd = commandLine(rest);
      break;
    case "USER":
      stage.user = rest;
      break;
    case "WORKDIR":
      stage.workingDir = rest;
      break;
    case "RUN":
      // ["setcap", "CAPS", "FILE"]: the form that needs no shell (kubernetes/kubernetes#136633).
      setcap(stage, rest.startsWith("[") ? commandLine(rest).join(" ") : rest, refuse);
      break;
    default:
      throw refuse(`${keyword} is not known to kbuild`);
  }
}

function copy(
  stage: Stage,
  stages: readonly Stage[],
  rest: string,
  refuse: (why: string) => KbuildError,
): ImageCopy[] {
  const words = rest.split(/\s+/);
  const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
  const paths = words.filter((word) => !word.startsWith("--"));
  const target = paths.pop();
  if (target === undefined || paths.length === 0) throw refuse("COPY needs a source and a target");
  const absolute = target.startsWith("/") ? target : `${stage.workingDir ?? ""}/${target}`;
  if (from === undefined) {
    return paths.map((source) => ({ source, target: absolute, capability: undefined }));
  }
  const origin = stages.find((candidate, index) => candidate.name === from || `${index}` === from);
  return paths.map((path) => {
    const found = origin?.copies.find((done) => landing(done) === path);
    if (found === undefined) throw refuse(`"${path}" is not a file that stage "${from}" copied`);
    return { source: found.source, target: absolute, capability: found.capability };
  });
}

/** The path that a copied file has in the image. */
export function landing(copied: ImageCopy): string {
  const name = copied.source.slice(copied.source.lastIndexOf("/") + 1);
  return copied.target.endsWith("/") ? `${copied.target}${name}` : copied.target;
}

function setcap(stage: Stage, rest: string, refuse: (why: string) => KbuildError): void {
  const [, capabilities, path] = /^setcap\s+(\S+)\s+(\S+)$/.exec(rest) ?? [];
  if (capabilities === undefined || path === undefined) throw refuse(`RUN ${rest}`);
  const index = stage.copies.findIndex((done) => landing(done) === path);
  const done = stage.copies[index];
  if (done === undefined) throw refuse(`setcap on "${path}", which no COPY made`);
  const capability = encodeCapabilities(capabilities);
  if (capability === undefined) throw refuse(`capabilities "${capabilities}"`);
  stage.copies[index] = { ...done, capability };
}

/** `["a", "b"]`, or a shell line, which docker runs by /bin/sh. */
function commandLine(rest: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(rest);
    if (Array.isArray(words)) return Object.freeze(words.map(String));
  } catch {
    // Not the JSON form.
  }
  return Object.freeze(["/bin/sh", "-c", rest]);
}

/** `A=b C="d e"`, or the old form `A b c`. */
function pairs(rest: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!/^[^\s=]+=/.test(rest)) {
    const [, name = "", value = ""] = /^(\S+)\s+(.*)$/.exec(rest) ?? [];
    return name === "" ? found : { [name]: value };
  }
  for (const match of rest.matchAll(/([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))/g)) {
    const [, name = "", double, single, plain] = match;
    found[name] = double === undefined
      ? single ?? plain ?? ""
      : double.replaceAll(/\\(["\\$])/g, "$1");
  }
  return found;
}

function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced, plain) => variables[braced ?? plain] ?? (braced === undefined ? whole : ""),
  );
}
