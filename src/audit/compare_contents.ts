import { BLOCK } from "./survey.ts";
import type { Content, Finding, Member, Program } from "./types.ts";

/** Options of {@linkcode compareContents}. */
export interface CompareOptions {
  /** Whether times of members count; default false. */
  times?: boolean;
}

/** What differs between two contents, archives member by member. Pure; empty when equal. */
export function compareContents(
  a: Content,
  b: Content,
  options: CompareOptions = {},
  path: readonly string[] = [],
): readonly Finding[] {
  if (a.sha256 === b.sha256) return [];
  const say = (text: string): Finding => ({ path, text });
  const [x, y] = [a.form, b.form];
  if (x.kind === "gzip" && y.kind === "gzip") {
    if (x.inner.sha256 !== y.inner.sha256) return compareContents(x.inner, y.inner, options, path);
    const what = x.inner.form.kind === "tar" ? "tar" : "content";
    return [say(`same ${what}, other compression (${a.size} bytes in A, ${b.size} in B)`)];
  }
  if (x.kind === "tar" && y.kind === "tar") {
    const found = compareMembers(x.members, y.members, options, path);
    if (found.length > 0) return found;
    const order = (members: readonly Member[]) => members.map(({ name }) => name).join("\0");
    if (order(x.members) !== order(y.members)) return [say("same members in another order")];
    const times = (members: readonly Member[]) => members.map(({ mtime }) => mtime).join();
    if (times(x.members) !== times(y.members)) return [];
    return [say("same members, other tar headers")];
  }
  const words = x.kind === "program" && y.kind === "program"
    ? comparePrograms(x.program, y.program)
    : [];
  for (const [side, form] of [["A", x], ["B", y]] as const) {
    if (form.kind === "damaged") words.push(`damaged in ${side}: ${form.reason}`);
  }
  return [...words.map(say), say(firstDifference(a, b))];
}

/** Where two contents part, to a block of 64 KiB. */
function firstDifference(a: Content, b: Content): string {
  const at = a.blocks.findIndex((sum, i) => sum !== b.blocks[i]);
  const block = at < 0 ? Math.min(a.blocks.length, b.blocks.length) : at;
  const sizes = a.size === b.size ? `${a.size} bytes` : `${a.size} bytes in A, ${b.size} in B`;
  return `content differs (${sizes}), first between bytes ${block * BLOCK} and ${
    Math.min((block + 1) * BLOCK, Math.max(a.size, b.size)) - 1
  }`;
}

function comparePrograms(a: Program, b: Program): string[] {
  const words: string[] = [];
  const check = (what: string, x: string, y: string) => {
    if (x !== y) words.push(`${what}: ${x || "none"} in A, ${y || "none"} in B`);
  };
  check("platform", a.platform, b.platform);
  check("Kubernetes version", a.versions.join(" "), b.versions.join(" "));
  check("Go", a.go?.version ?? "unknown", b.go?.version ?? "unknown");
  check("package", a.go?.path ?? "", b.go?.path ?? "");
  check("module", a.go?.module ?? "", b.go?.module ?? "");
  const [before, after] = [a.go?.settings ?? {}, b.go?.settings ?? {}];
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    check(`build setting ${key}`, before[key] ?? "", after[key] ?? "");
  }
  return words;
}

/** "./a/" and "a" are one name; a name that comes again is a member of its own. */
function byName(members: readonly Member[]): ReadonlyMap<string, Member> {
  const found = new Map<string, Member>();
  for (const member of members) {
    const name = member.name.replace(/^\.\//, "").replace(/\/$/, "");
    let key = name;
    for (let n = 2; found.has(key); n++) key = `${name} (no. ${n})`;
    found.set(key, member);
  }
  return found;
}

function compareMembers(
  a: readonly Member[],
  b: readonly Member[],
  options: CompareOptions,
  path: readonly string[],
): Finding[] {
  const [left, right] = [byName(a), byName(b)];
  const found: Finding[] = [];
  for (const name of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [x, y] = [left.get(name), right.get(name)];
    const here = [...path, name];
    if (x === undefined || y === undefined) {
      found.push({ path: here, text: `only in ${x === undefined ? "B" : "A"}` });
      continue;
    }
    const check = (what: string, one: string, other: string) => {
      if (one !== other) found.push({ path: here, text: `${what}: ${one} in A, ${other} in B` });
    };
    check("type", x.type, y.type);
    check("mode", x.mode.toString(8).padStart(4, "0"), y.mode.toString(8).padStart(4, "0"));
    check("owner", ownerOf(x), ownerOf(y));
    check("link target", x.linkName ?? "none", y.linkName ?? "none");
    if (options.times === true) check("time", timeOf(x), timeOf(y));
    const attributes = { ...x.xattrs, ...y.xattrs };
    for (const key of Object.keys(attributes)) {
      check(`attribute ${key}`, hexOf(x.xattrs?.[key]), hexOf(y.xattrs?.[key]));
    }
    if (x.content === undefined || y.content === undefined) continue;
    found.push(...compareContents(x.content, y.content, options, here));
  }
  return found;
}

function ownerOf({ uid = 0, gid = 0, uname = "", gname = "" }: Member): string {
  return `${uid}/${gid} (${uname}/${gname})`;
}

function timeOf({ mtime }: Member): string {
  return new Date(mtime * 1000).toISOString().replace(".000Z", "Z");
}

function hexOf(bytes: Uint8Array | undefined): string {
  return bytes?.toHex() ?? "none";
}
