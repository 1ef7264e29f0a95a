import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { systemCode } from "../errors.ts";
import { ifPresent } from "../files/mod.ts";
import { pathOf, readInputs, reasonLike } from "./inputs.ts";
import { bytesOf, parseOptions, type Tool, type ToolContext, ToolRefusal } from "./types.ts";

const MKTEMP = [
  { names: ["d", "directory"] },
  { names: ["u", "dry-run"] },
  { names: ["q", "quiet"] },
  { names: ["t"] },
  { names: ["p"], value: "needed" },
  { names: ["tmpdir"], value: "optional" },
  { names: ["suffix"], value: "needed" },
] as const;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `mktemp`. */
export async function mktemp(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("mktemp", args, MKTEMP);
  const value = (name: string) => options.findLast(([each]) => each === name)?.[1];
  if (words.length > 1) throw new ToolRefusal("mktemp: too many templates");
  const [template = "tmp.XXXXXXXXXX"] = words;
  const suffix = value("suffix") ?? "";
  const tmp = context.env["TMPDIR"] || "/tmp";
  const given = value("p") ?? value("tmpdir");
  const isBelow = given !== undefined || value("t") !== undefined || words.length === 0;
  // -t prefers the variable to -p.
  const directory = value("t") !== undefined
    ? context.env["TMPDIR"] || given || "/tmp"
    : given || tmp;
  const name = `${template}${suffix}`;
  const [, head = "", xs = "", tail = ""] = /^(.*?)(X+)([^X]*)$/s.exec(name) ?? [];
  const run = /X{3,}$/.exec(`${head}${xs}`)?.[0] ?? xs;
  if (run.length < 3 || (suffix === "" && tail.includes("/"))) {
    context.warn(`mktemp: too few X's in template '${template}'`);
    return 1;
  }
  if (isBelow && template.startsWith("/")) {
    throw new ToolRefusal(`mktemp: the template "${template}" is absolute`);
  }
  if (value("t") !== undefined && template.includes("/")) {
    throw new ToolRefusal(`mktemp: the template "${template}" has a directory`);
  }
  const start = name.length - tail.length - run.length;
  for (let tries = 0; tries < 100; tries++) {
    const random = crypto.getRandomValues(new Uint8Array(run.length));
    const letters = [...random].map((byte) => LETTERS[byte % LETTERS.length]).join("");
    const filled = name.slice(0, start) + letters + name.slice(start + run.length);
    const path = isBelow ? `${directory.replace(/(?<=.)\/$/, "")}/${filled}` : filled;
    const absolute = pathOf(context, path);
    try {
      if (value("u") === undefined) {
        if (value("d") !== undefined) await Deno.mkdir(absolute, { mode: 0o700 });
        else (await Deno.open(absolute, { write: true, createNew: true, mode: 0o600 })).close();
      }
    } catch (error) {
      if (systemCode(error) === "EEXIST") continue;
      const what = value("d") !== undefined ? "directory" : "file";
      if (value("q") === undefined) {
        const shown = isBelow ? `${directory}/${name}` : name;
        context.warn(
          `mktemp: failed to create ${what} via template '${shown}': ${reasonLike(error)}`,
        );
      }
      return 1;
    }
    await context.write(bytesOf(`${path}\n`));
    return 0;
  }
  throw new ToolRefusal(`mktemp: no free name like "${name}"`);
}

const READLINK = [
  { names: ["f", "canonicalize"] },
  { names: ["e", "canonicalize-existing"] },
  { names: ["m", "canonicalize-missing"] },
  { names: ["n", "no-newline"] },
  { names: ["q", "quiet", "s", "silent"] },
] as const;

/** `readlink`. */
export async function readlink(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("readlink", args, READLINK);
  const has = (name: string) => options.some(([each]) => each === name);
  let status = 0;
  for (const word of words) {
    const path = pathOf(context, word);
    const found = has("f") || has("e") || has("m")
      ? await canonical(path, has("e") ? "all" : has("m") ? "none" : "but last")
      : await linkTarget(path);
    if (found === undefined || word === "") status = 1;
    else await context.write(bytesOf(has("n") && words.length === 1 ? found : `${found}\n`));
  }
  return words.length === 0 ? 1 : status;
}

async function linkTarget(path: string): Promise<string | undefined> {
  const info = await lookAt(path);
  if (info === undefined || info === "not a directory" || !info.isSymlink) return undefined;
  return await Deno.readLink(path);
}

/** The path without links; undefined where what has to exist does not. */
async function canonical(
  path: string,
  exists: "all" | "but last" | "none",
): Promise<string | undefined> {
  /** A slash at the end is an empty part: what precedes has to be a directory, if it is there. */
  const partsOf = (text: string) => [
    ...text.split("/").filter((part) => part !== ""),
    ...text.endsWith("/") ? [""] : [],
  ];
  const waiting = partsOf(path);
  let at = "/";
  for (let links = 0; waiting.length > 0;) {
    const part = waiting.shift()!;
    if (part === "." || part === "") continue;
    if (part === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, part);
    const info = await lookAt(next);
    if (info === "not a directory") return exists === "none" ? join(next, ...waiting) : undefined;
    if (
      info === undefined &&
      (exists === "all" || (exists === "but last" && waiting.some((each) => each !== "")))
    ) {
      return undefined;
    }
    if (info?.isSymlink === true) {
      if (++links > 40) return exists === "none" ? join(next, ...waiting) : undefined;
      const target = await Deno.readLink(next);
      if (target.startsWith("/")) at = "/";
      waiting.unshift(...partsOf(target));
      continue;
    }
    if (info?.isFile === true && waiting.length > 0 && exists !== "none") return undefined;
    at = next;
  }
  return at;
}

async function lookAt(path: string): Promise<Deno.FileInfo | "not a directory" | undefined> {
  try {
    return await ifPresent(Deno.lstat(path));
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") return "not a directory";
    throw error;
  }
}

const BASE64 = [
  { names: ["d", "decode", "D"] },
  { names: ["i", "ignore-garbage"] },
  { names: ["w", "wrap"], value: "needed" },
] as const;

/** `base64`. */
export async function base64(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("base64", args, BASE64);
  const has = (name: string) => options.some(([each]) => each === name);
  if (words.length > 1) throw new ToolRefusal("base64: more than one file");
  const wrap = options.findLast(([name]) => name === "w")?.[1] ?? "76";
  if (!/^\d+$/.test(wrap)) throw new ToolRefusal(`base64: invalid wrap size: '${wrap}'`);
  const { found: [input], status } = await readInputs("base64", words, context);
  if (input === undefined) return status;
  if (has("d")) {
    let text = new TextDecoder("latin1").decode(input.bytes).replaceAll("\n", "");
    if (has("i")) text = text.replaceAll(/[^A-Za-z0-9+/=]/g, "");
    const [sound = ""] = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(
      text,
    ) ?? [];
    // What can be decoded of an end that is not whole is.
    const rest = /^[A-Za-z0-9+/]{2,3}/.exec(text.slice(sound.length))?.[0] ?? "";
    const last = rest === "" ? new Uint8Array() : Uint8Array.fromBase64(rest.padEnd(4, "="));
    await context.write(Uint8Array.fromBase64(sound));
    await context.write(last);
    if (sound.length === text.length) return 0;
    context.warn("base64: invalid input");
    return 1;
  }
  const width = Number(wrap);
  const text = input.bytes.toBase64();
  const lines = width === 0 ? [text] : text.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
  await context.write(bytesOf(lines.join("\n") + (width > 0 && text !== "" ? "\n" : "")));
  return 0;
}

const SUMS = [
  { names: ["c", "check"] },
  { names: ["b", "binary"] },
  { names: ["t", "text"] },
  { names: ["ignore-missing"] },
  { names: ["quiet"] },
  { names: ["status"] },
] as const;

/** `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`. */
export function checksumTool(program: string, algorithm: string): Tool {
  const digest = (bytes: Uint8Array) => createHash(algorithm).update(bytes).digest("hex");
  return async (args, context) => {
    const { options, words } = parseOptions(program, args, SUMS);
    const has = (name: string) => options.some(([each]) => each === name);
    const { found, status } = await readInputs(program, words, context);
    if (!has("c")) {
      const mark = options.findLast(([name]) => name === "b" || name === "t")?.[0] === "b"
        ? "*"
        : " ";
      for (const { name, bytes } of found) {
        if (/[\\\n\r]/.test(name)) throw new ToolRefusal(`${program}: the name "${name}"`);
        await context.write(bytesOf(`${digest(bytes)} ${mark}${name}\n`));
      }
      return status;
    }
    const isReversed: Reversed = { now: undefined };
    const length = digest(new Uint8Array()).length;
    // What is not understood is refused before anything is written.
    const lists = found.map((list) => ({
      list,
      entries: linesOf(program, list.bytes).map((each) =>
        entryOf(program, each, length, isReversed)
      ),
    }));
    let [failed, unread, ok, improper, result] = [0, 0, 0, 0, status];
    for (const { list, entries } of lists) {
      let lines = 0;
      const before = ok + failed;
      for (const entry of entries) {
        if (entry === undefined) {
          improper++;
          continue;
        }
        const { wanted, name } = entry;
        lines++;
        const path = pathOf(context, name);
        const isMissing = await ifPresent(Deno.stat(path)) === undefined;
        if (isMissing && has("ignore-missing")) continue;
        const read = await readInputs(program, [name], context);
        const isSame = read.found[0] !== undefined &&
          digest(read.found[0].bytes) === wanted.toLowerCase();
        if (read.status !== 0) unread++;
        else if (isSame) ok++;
        else failed++;
        const word = read.status !== 0 ? "FAILED open or read" : isSame ? "OK" : "FAILED";
        if (!has("status") && !(has("quiet") && isSame)) {
          await context.write(bytesOf(`${name}: ${word}\n`));
        }
      }
      if (lines === 0) {
        const shown = list.name === "-" ? "'standard input'" : list.name;
        context.warn(`${program}: ${shown}: no properly formatted checksum lines found`);
        result = 1;
        continue;
      }
      if (has("ignore-missing") && ok + failed === before) {
        context.warn(`${program}: ${list.name}: no file was verified`);
        result = 1;
      }
    }
    const warn = (count: number, one: string, many: string) => {
      if (count > 0 && !has("status")) {
        context.warn(`${program}: WARNING: ${count} ${count === 1 ? one : many}`);
      }
    };
    warn(improper, "line is improperly formatted", "lines are improperly formatted");
    warn(unread, "listed file could not be read", "listed files could not be read");
    warn(failed, "computed checksum did NOT match", "computed checksums did NOT match");
    return failed + unread > 0 ? 1 : result;
  };
}

/** Whether lines have one blank between sum and name, as `md5 -r` of BSD writes them: the first one decides. */
interface Reversed {
  now: boolean | undefined;
}

function linesOf(program: string, bytes: Uint8Array): readonly string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolRefusal(`kbuild's ${program} does not have lists that are not UTF-8`);
  }
  return text.split("\n").filter((line) => !line.startsWith("#"))
    .map((line) => line.replace(/\r$/, "")).filter((line) => line !== "");
}

/** undefined: not a line of a list. */
function entryOf(
  program: string,
  line: string,
  length: number,
  isReversed: Reversed,
): { wanted: string; name: string } | undefined {
  const text = line.replace(/^[ \t]+/, "");
  if (text.startsWith("\\") || /^[A-Z0-9]+(?:-\d+)? ?\(/.test(text)) {
    throw new ToolRefusal(`kbuild's ${program} does not have the form of "${line}"`);
  }
  const [, wanted = "", rest = ""] =
    new RegExp(`^([0-9a-fA-F]{${length}})[ \\t](.+)$`, "s").exec(text) ?? [];
  if (rest === "") return undefined;
  if (rest.length === 1 || !/^[ *]/.test(rest)) {
    if (isReversed.now === false) return undefined;
    isReversed.now = true;
  } else isReversed.now ??= false;
  return { wanted, name: isReversed.now ? rest : rest.slice(1) };
}
