import type { DockerfileStage, ImageCopy, ImageStep } from "./types.ts";
import {
  expandWord,
  type Instruction,
  jsonWords,
  type Lookup,
  normalPath,
  plainWords,
} from "./words.ts";

/** The stages, variables and working directory that a COPY or ADD refers to. */
export interface CopyContext {
  readonly lookup: Lookup;
  /** Where relative targets start. */
  readonly workingDir: string;
  /** All stages so far; the last one is that of the instruction. */
  readonly stages: readonly DockerfileStage[];
}

/**
 * Reads `COPY [--from=…] [--chown=…] [--chmod=…] SOURCE… TARGET`, and ADD of local files.
 *
 * @throws {SyntaxError} What only a builder can do.
 */
export function readCopy(
  { keyword, rest, line }: Instruction,
  { lookup, workingDir, stages }: CopyContext,
): ImageStep {
  if (rest.includes("<<")) throw new SyntaxError(`${keyword} of a here-document`);
  const [, flags = "", paths = ""] = /^((?:--\S+\s+)*)([^]*)$/.exec(rest) ?? [];
  const options = readFlags(keyword, flags, lookup);
  const words = (jsonWords(paths) ?? plainWords(paths)).map((word) => expandWord(word, lookup));
  const given = words.pop();
  if (given === undefined || words.length === 0) {
    throw new SyntaxError(`${keyword} needs a source and a target`);
  }
  const intoDirectory = /(^|\/)\.?$/.test(given) || given.endsWith("/..");
  const absolute = normalPath(given, workingDir);
  const target = intoDirectory && absolute !== "/" ? `${absolute}/` : absolute;
  if (words.length > 1 && !target.endsWith("/")) {
    throw new SyntaxError(`several sources need a target that ends in "/", not "${given}"`);
  }
  const from = options.from === undefined ? undefined : originOf(options.from, stages);
  return {
    line,
    createdBy: `${keyword} ${words.join(" ")} ${target}`,
    changes: words.map((word): ImageCopy => ({
      kind: "copy",
      source: from === undefined ? contextPath(keyword, word) : normalPath(word, "/"),
      from,
      target,
      chmod: options.chmod,
      chown: options.chown,
      capability: undefined,
      unpacks: keyword === "ADD",
    })),
  };
}

function readFlags(keyword: string, text: string, lookup: Lookup) {
  const found: { from?: string; chown?: string; chmod?: number } = {};
  for (const flag of plainWords(text)) {
    const [, name = flag, raw = ""] = /^--([a-z-]+)=([^]*)$/.exec(flag) ?? [];
    const value = expandWord(raw, lookup);
    if (value !== "" && name === "from" && keyword === "COPY") found.from = value;
    else if (value !== "" && name === "chown") found.chown = value;
    else if (name === "chmod" && /^0?[0-7]{3,4}$/.test(value)) found.chmod = parseInt(value, 8);
    else throw new SyntaxError(`${keyword} ${flag}`);
  }
  return found;
}

/** A stage by name or number, else an image. */
function originOf(from: string, stages: readonly DockerfileStage[]): ImageCopy["from"] {
  const earlier = stages.slice(0, -1);
  const byName = earlier.findLastIndex(({ name }) => name === from.toLowerCase());
  if (byName >= 0) return { stage: byName };
  if (!/^\d+$/.test(from)) return { image: from };
  if (Number(from) < earlier.length) return { stage: Number(from) };
  throw new SyntaxError(`there is no stage "${from}"`);
}

/** A path in the build context; all of it for an empty word, which BuildKit takes for the root. */
function contextPath(keyword: string, word: string): string {
  if (keyword === "ADD" && /^([a-z]+:\/\/|git@)/i.test(word)) {
    throw new SyntaxError(`ADD of "${word}", which has to be fetched`);
  }
  if (/[*?[\]]/.test(word)) throw new SyntaxError(`${keyword} of a pattern: "${word}"`);
  if (word.split("/").includes("..")) {
    throw new SyntaxError(`${keyword} of "${word}", which may lead out of the build context`);
  }
  const path = normalPath(word, "/").slice(1);
  return path === "" ? "." : path;
}
