import { parseOptions, type ToolContext, ToolRefusal } from "./types.ts";

const SPECS = [
  { names: ["0", "null"] },
  { names: ["r", "no-run-if-empty"] },
  { names: ["n", "max-args"], value: "needed" },
  { names: ["L", "max-lines"], value: "needed" },
  { names: ["I"], value: "needed" },
  { names: ["i", "replace"], value: "optional" },
  { names: ["P", "max-procs"], value: "needed" },
  { names: ["t", "verbose"] },
] as const;

/** Bytes of the arguments of one call, as GNU xargs has it. */
const MAX_BYTES = 131_072;

/** `xargs`; with `-P` calls still run one after the other. */
export async function xargs(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("xargs", args, SPECS, { stopsAtWord: true });
  const value = (name: string) => options.findLast(([each]) => each === name)?.[1];
  const number = (name: string) => {
    const text = value(name);
    if (text === undefined) return undefined;
    if (!/^[1-9]\d*$/.test(text)) {
      throw new ToolRefusal(`xargs: invalid number "${text}" for -${name}`);
    }
    return Number(text);
  };
  const processes = value("P");
  if (processes !== undefined && !/^\d+$/.test(processes)) {
    throw new ToolRefusal(`xargs: invalid number "${processes}" for -P`);
  }
  const replaced = value("I") ?? (value("i") === "" ? "{}" : value("i"));
  const command = words.length === 0 ? ["echo"] : words;
  const text = new TextDecoder().decode(await context.readInput());
  const isNull = value("0") !== undefined;
  const lines = isNull ? nullItems(text) : splitLines(text, replaced !== undefined);
  const calls: string[][] = [];
  if (replaced !== undefined) {
    for (const item of lines.flat()) {
      calls.push(command.map((word, at) => at === 0 ? word : word.replaceAll(replaced, item)));
    }
  } else {
    const [perCall, perLines] = [number("n"), number("L")];
    const items = perLines === undefined
      ? lines.flat().map((item) => [item])
      : lines.filter((line) => line.length > 0);
    const most = perLines ?? perCall ?? Infinity;
    let [call, count, size]: [string[], number, number] = [[], 0, 0];
    for (const item of items) {
      const length = item.reduce((sum, each) => sum + each.length + 1, 0);
      if (count > 0 && (count >= most || size + length > MAX_BYTES)) {
        calls.push([...command, ...call]);
        [call, count, size] = [[], 0, 0];
      }
      call.push(...item);
      count++;
      size += length;
    }
    const runsEmpty = value("r") === undefined && calls.length === 0;
    if (count > 0 || runsEmpty) calls.push([...command, ...call]);
  }
  let status = 0;
  for (const argv of calls) {
    if (value("t") !== undefined) context.warn(argv.join(" "));
    const code = await context.start(argv);
    if (code === "missing") return 127;
    if (code === "denied") return 126;
    if (code === "killed") {
      context.warn(`xargs: ${argv[0]}: terminated by a signal`);
      return 125;
    }
    if (code === 255) {
      context.warn(`xargs: ${argv[0]}: exited with status 255; aborting`);
      return 124;
    }
    if (code !== 0) status = 123;
  }
  return status;
}

function nullItems(text: string): readonly (readonly string[])[] {
  const items = text.split("\0");
  if (items.at(-1) === "") items.pop();
  return items.map((item) => [item]);
}

/** Words of each line; with `-I` a line is one. Quotes and backslashes are as in GNU xargs. */
function splitLines(text: string, isWhole: boolean): readonly (readonly string[])[] {
  const lines: string[][] = [];
  let line: string[] = [];
  let word: string | undefined;
  /** Whether a blank precedes, escaped or not: with `-L` the line goes on in the next one. */
  let goesOn = false;
  const end = () => {
    if (word !== undefined) line.push(word);
    word = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\n") {
      end();
      if (goesOn && !isWhole) continue;
      if (line.length > 0) lines.push(line);
      line = [];
      continue;
    }
    goesOn = /[ \t]/.test(char) && (word !== undefined || line.length > 0);
    if (/[ \t]/.test(char)) {
      if (!isWhole) end();
      else if (word !== undefined) word += char;
    } else if (char === "'" || char === '"') {
      const close = text.indexOf(char, at + 1);
      const inside = text.slice(at + 1, close);
      if (close < 0 || inside.includes("\n")) {
        throw new ToolRefusal(
          `xargs: unmatched ${char === "'" ? "single" : "double"} quote; by default quotes are ` +
            "special to xargs unless you use the -0 option",
        );
      }
      word = (word ?? "") + inside;
      at = close;
    } else if (char === "\\") {
      word = (word ?? "") + (text[++at] ?? "");
      goesOn = /[ \t]/.test(text[at] ?? "");
    } else word = (word ?? "") + char;
  }
  end();
  if (line.length > 0) lines.push(line);
  return lines;
}
