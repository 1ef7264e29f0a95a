import { dirname } from "@std/path";
import { readText, writeFileAtomic } from "../files/mod.ts";
import { pathOf, readInputs } from "./inputs.ts";
import { toRegExp } from "./regex.ts";
import {
  type Address,
  parseSed,
  type ReplacementPart,
  type SedCommand,
  type Substitution,
} from "./sed_script.ts";
import { bytesOf, parseOptions, type ToolContext, ToolRefusal } from "./types.ts";

const SPECS = [
  { names: ["n", "quiet", "silent"] },
  { names: ["e", "expression"], value: "needed" },
  { names: ["f", "file"], value: "needed" },
  { names: ["i", "in-place"], value: "optional" },
  { names: ["E", "r", "regexp-extended"] },
  { names: ["s", "separate"] },
  { names: ["u", "unbuffered"] },
  { names: ["z", "null-data"] },
] as const;

/** A line, and whether its end was there. */
interface Line {
  readonly text: string;
  readonly isEnded: boolean;
}

/** `sed`, in the forms of Kubernetes' scripts. */
export async function sed(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("sed", args, SPECS);
  const has = (name: string) => options.some(([each]) => each === name);
  const files = [...words];
  const scripts: string[] = [];
  for (const [name, value] of options) {
    if (name === "e") scripts.push(value);
    if (name !== "f") continue;
    if (value === "-") throw new ToolRefusal("kbuild's sed does not have -f -");
    scripts.push(await readText(pathOf(context, value)));
  }
  if (scripts.length === 0) {
    const script = files.shift();
    if (script === undefined) throw new ToolRefusal("sed: no script");
    scripts.push(script);
  }
  const suffix = options.findLast(([name]) => name === "i")?.[1];
  if (suffix?.includes("/")) throw new ToolRefusal(`kbuild's sed does not have -i${suffix}`);
  const script = scripts.map((each) => each.replace(/\n$/, "")).join("\n");
  const machine = new Machine(parseSed(script), {
    isExtended: has("E"),
    isSilent: has("n") || /^#n(\n|$)/.test(script),
    end: has("z") ? "\0" : "\n",
  });
  const inputs = await readInputs("sed", files, context, { missing: "can't read" });
  let { status } = inputs;
  const apart = suffix !== undefined || has("s");
  const groups = apart ? inputs.found.map((each) => [each]) : [inputs.found];
  for (const group of groups) {
    const texts = group.map(({ bytes }) => decode(bytes));
    const isBytes = texts.some(({ isBytes }) => isBytes);
    const { text, exit } = machine.run(
      group.flatMap((_, at) =>
        linesOf(isBytes ? latin(group[at]!.bytes) : texts[at]!.text, has("z") ? "\0" : "\n")
      ),
    );
    const bytes = isBytes ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : bytesOf(text);
    const [file] = group;
    if (suffix !== undefined && file !== undefined) {
      if (exit !== undefined) throw new ToolRefusal("kbuild's sed does not have q with -i");
      if (file.path === undefined) throw new ToolRefusal("sed: -i needs a file");
      const mode = ((await Deno.stat(file.path)).mode ?? 0o644) & 0o7777;
      const name = file.path.slice(file.path.lastIndexOf("/") + 1);
      const directory = await Deno.realPath(dirname(file.path));
      if (suffix !== "") {
        const kept = suffix.includes("*") ? suffix.replaceAll("*", name) : `${name}${suffix}`;
        await writeFileAtomic(`${directory}/${kept}`, file.bytes, { mode });
      }
      await writeFileAtomic(`${directory}/${name}`, bytes, { mode });
    } else {
      await context.write(bytes);
    }
    if (exit !== undefined) {
      status = exit;
      break;
    }
  }
  return status;
}

/** Text of bytes; of bytes that are not UTF-8 a letter each. */
function decode(bytes: Uint8Array): { text: string; isBytes: boolean } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, isBytes: false };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { text: latin(bytes), isBytes: true };
  }
}

function latin(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

function linesOf(text: string, end: string): readonly Line[] {
  const parts = text.split(end);
  const last = parts.pop();
  const lines = parts.map((part): Line => ({ text: part, isEnded: true }));
  return last === "" || last === undefined ? lines : [...lines, { text: last, isEnded: false }];
}

interface MachineOptions {
  readonly isExtended: boolean;
  readonly isSilent: boolean;
  readonly end: string;
}

/** Runs a script on the lines of files. */
class Machine {
  readonly #commands: readonly SedCommand[];
  readonly #options: MachineOptions;
  readonly #labels = new Map<string, number>();
  readonly #regexes = new Map<string, RegExp>();
  #last: RegExp | undefined;

  constructor(commands: readonly SedCommand[], options: MachineOptions) {
    this.#commands = commands;
    this.#options = options;
    for (const [at, { name, text }] of commands.entries()) {
      if (name === ":") this.#labels.set(text, at);
    }
    for (const { name, text, from, to, substitution } of commands) {
      if (/^[btT]$/.test(name) && text !== "" && !this.#labels.has(text)) {
        throw new ToolRefusal(`sed: can't find label "${text}"`);
      }
      if (name === "r") throw new ToolRefusal(`kbuild's sed does not have the command "r"`);
      // What is not understood is refused before anything is written.
      for (const each of [from, to]) {
        if (each?.kind === "regex" && each.source !== "") this.#regex(each.source, each.flags);
      }
      if (substitution !== undefined && substitution.source !== "") {
        this.#regex(substitution.source, substitution.flags);
      }
    }
    this.#last = undefined;
  }

  #regex(source: string, flags: string): RegExp {
    if (source === "") {
      if (this.#last === undefined) throw new ToolRefusal("sed: no previous regular expression");
      return this.#last;
    }
    const key = `${flags}/${source}`;
    let regex = this.#regexes.get(key);
    if (regex === undefined) {
      const { isExtended } = this.#options;
      regex = toRegExp(source, { isExtended, flags: `g${flags}` });
      this.#regexes.set(key, regex);
    }
    return this.#last = regex;
  }

  run(lines: readonly Line[]): { text: string; exit: number | undefined } {
    const { end, isSilent } = this.#options;
    let out = "";
    let needsEnd = false;
    let [at, space, isEnded, hold, isHoldEnded] = [0, "", true, "", true];
    let after: string[] = [];
    let exit: number | undefined;
    /** Ranges that are open: up to that line, or until something fits. */
    const ranges = new Map<SedCommand, number | "open">();
    const put = (text: string, withEnd: boolean) => {
      if (needsEnd) out += end;
      out += text;
      if (withEnd) out += end;
      needsEnd = !withEnd;
    };
    const flush = () => {
      for (const text of after) {
        if (needsEnd) out += end;
        needsEnd = false;
        out += text;
      }
      after = [];
    };
    const read = (): Line | undefined => lines[at++];
    const fits = (address: Address): boolean => {
      switch (address.kind) {
        case "line":
          return at === address.line;
        case "last":
          return at === lines.length;
        case "step": {
          const { first, step } = address;
          return step === 0 ? at === first : at >= first && (at - first) % step === 0;
        }
        case "regex": {
          const regex = this.#regex(address.source, address.flags);
          regex.lastIndex = 0;
          return regex.test(space);
        }
      }
    };
    const selects = (command: SedCommand): boolean => {
      const { from, to } = command;
      if (from === undefined) return true;
      if (to === undefined) return fits(from);
      const state = ranges.get(command);
      const isFromZero = from.kind === "line" && from.line === 0;
      if (state === undefined) {
        const begins = isFromZero ? at === 1 : fits(from);
        if (!begins) return false;
        if (to.kind === "more") {
          if (to.lines > 0) ranges.set(command, at + to.lines);
        } else if (to.kind === "line") {
          if (to.line > at) ranges.set(command, to.line);
        } else if (to.kind === "last") {
          if (at < lines.length) ranges.set(command, lines.length);
        } else if (!(isFromZero && fits(to))) ranges.set(command, "open");
        return true;
      }
      if (state === "open") {
        if (fits(to as Address)) ranges.delete(command);
        return true;
      }
      if (at >= state) ranges.delete(command);
      // A line behind the end, if commands before have read on.
      if (at > state) return fits(from);
      return true;
    };
    let restarts = false;
    cycles: for (;;) {
      if (!restarts) {
        const line = read();
        if (line === undefined) break;
        ({ text: space, isEnded } = line);
      }
      restarts = false;
      let hasReplaced = false;
      let isDeleted = false;
      steps: for (let step = 0; step < this.#commands.length; step++) {
        const command = this.#commands[step]!;
        if (selects(command) === command.isNegated) {
          if (command.name === "{") step = command.end - 1;
          continue;
        }
        const jump = () => {
          const target = command.text === "" ? undefined : this.#labels.get(command.text);
          step = target ?? this.#commands.length;
        };
        switch (command.name) {
          case "s": {
            const replaced = substitute(
              space,
              this.#regex(command.substitution!.source, command.substitution!.flags),
              command.substitution!,
            );
            if (replaced === undefined) break;
            hasReplaced = true;
            space = replaced;
            if (command.substitution!.prints) put(space, isEnded);
            break;
          }
          case "y":
            space = [...space].map((char) => command.letters!.get(char) ?? char).join("");
            break;
          case "d":
            isDeleted = true;
            break steps;
          case "D": {
            const newline = space.indexOf("\n");
            isDeleted = true;
            if (newline >= 0) {
              space = space.slice(newline + 1);
              restarts = true;
            }
            break steps;
          }
          case "p":
            put(space, isEnded);
            break;
          case "P":
            put(space.split("\n")[0]!, true);
            break;
          case "=":
            put(`${at}`, false);
            out += "\n";
            needsEnd = false;
            break;
          case "n":
          case "N": {
            if (at >= lines.length) {
              if (!isSilent) put(space, isEnded);
              flush();
              break cycles;
            }
            if (command.name === "n" && !isSilent) put(space, isEnded);
            flush();
            const line = read()!;
            space = command.name === "n" ? line.text : `${space}\n${line.text}`;
            isEnded = line.isEnded;
            break;
          }
          case "g":
            [space, isEnded] = [hold, isHoldEnded];
            break;
          case "G":
            space = `${space}\n${hold}`;
            isEnded = isHoldEnded;
            break;
          case "h":
            [hold, isHoldEnded] = [space, isEnded];
            break;
          case "H":
            hold = `${hold}\n${space}`;
            isHoldEnded = isEnded;
            break;
          case "x":
            [space, hold] = [hold, space];
            [isEnded, isHoldEnded] = [isHoldEnded, isEnded];
            break;
          case "a":
            after.push(command.text);
            break;
          case "i":
            if (needsEnd) out += end;
            needsEnd = false;
            out += command.text;
            break;
          case "c": {
            const isInside = command.to !== undefined && !command.isNegated && ranges.has(command);
            if (!isInside) {
              if (needsEnd) out += end;
              needsEnd = false;
              out += command.text;
            }
            isDeleted = true;
            break steps;
          }
          case "b":
            jump();
            break;
          case "t":
          case "T":
            if (hasReplaced === (command.name === "t")) jump();
            hasReplaced = false;
            break;
          case "q":
          case "Q":
            exit = Number(command.text);
            if (command.name === "q" && !isSilent) put(space, isEnded);
            flush();
            break cycles;
        }
      }
      if (!isDeleted && !isSilent) put(space, isEnded);
      flush();
    }
    return { text: out, exit };
  }
}

/** @returns undefined where nothing fits. */
function substitute(
  text: string,
  regex: RegExp,
  { replacement, isGlobal, nth }: Substitution,
): string | undefined {
  let out = "";
  let [from, count, at] = [0, 0, 0];
  let last = -1;
  let found = false;
  while (at <= text.length) {
    regex.lastIndex = at;
    const match = regex.exec(text);
    if (match === null) break;
    const end = match.index + match[0].length;
    // No empty match directly behind a match.
    if (match[0] === "" && match.index === last) {
      at = next(text, end);
      continue;
    }
    last = end;
    count++;
    if (count >= nth) {
      out += text.slice(from, match.index) + expand(replacement, match);
      from = end;
      found = true;
      if (!isGlobal) break;
    }
    at = match[0] === "" ? next(text, end) : end;
  }
  return found ? out + text.slice(from) : undefined;
}

/** Behind a letter, which may be two units. */
function next(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

function expand(parts: readonly ReplacementPart[], match: RegExpExecArray): string {
  let out = "";
  let [all, one]: ("U" | "L" | "u" | "l" | "")[] = ["", ""];
  for (const part of parts) {
    if (typeof part === "object") {
      if (part.to === "U" || part.to === "L") all = part.to;
      else if (part.to === "E") all = "";
      else one = part.to;
      continue;
    }
    let text = typeof part === "string" ? part : match[part] ?? "";
    if (typeof part === "number" && part >= match.length) {
      throw new ToolRefusal(`sed: invalid reference \\${part}`);
    }
    if (all !== "") text = inCase(text, all === "U");
    if (one !== "" && text !== "") {
      const first = inCase(text[0]!, one === "u");
      text = first + text.slice(1);
      one = "";
    }
    out += text;
  }
  return out;
}

/** Letter by letter: "ß" has no large one. */
function inCase(text: string, isLarge: boolean): string {
  return [...text].map((char) => {
    const changed = isLarge ? char.toUpperCase() : char.toLowerCase();
    return changed.length === char.length ? changed : char;
  }).join("");
}
