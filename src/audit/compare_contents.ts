import { hex } from "../files/mod.ts";
import { rfc3339 } from "../image/mod.ts";
import { compareJson } from "./compare_json.ts";
import { type ArchivedImage, jsonOf, readArchivedImages } from "./image_archive.ts";
import { compareLdflags } from "./compare_ldflags.ts";
import { firstDifference } from "./first_difference.ts";
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
  const minor = (text: string): Finding => ({ path, text, minor: true });
  const [x, y] = [a.form, b.form];
  if (x.kind === "gzip" && y.kind === "gzip") {
    if (x.inner.sha256 !== y.inner.sha256) return compareContents(x.inner, y.inner, options, path);
    const what = x.inner.form.kind === "tar" ? "tar" : "content";
    return [minor(`same ${what}, other compression (${a.size} bytes in A, ${b.size} in B)`)];
  }
  if (x.kind === "tar" && y.kind === "tar") {
    const images = compareImages(x.members, y.members, options, path);
    if (images !== undefined && images.length > 0) return images;
    const found = compareMembers(x.members, y.members, options, path);
    if (found.length > 0) return found;
    const order = (members: readonly Member[]) => members.map(({ name }) => name).join("\0");
    if (order(x.members) !== order(y.members)) return [minor("same members in another order")];
    const times = (members: readonly Member[]) => members.map(({ mtime }) => mtime).join();
    if (times(x.members) !== times(y.members)) return [];
    return [minor("same members, other tar headers")];
  }
  const words = x.kind === "program" && y.kind === "program"
    ? comparePrograms(x.program, y.program)
    : [];
  for (const [side, form] of [["A", x], ["B", y]] as const) {
    if (form.kind === "damaged") words.push(`damaged in ${side}: ${form.reason}`);
  }
  const [before, after] = [jsonOf(a), jsonOf(b)];
  if (before !== undefined && after !== undefined) words.push(...compareJson(before, after));
  return [...words.map(say), { path, ...firstDifference(a, b) }];
}

/**
 * Images by what they are: names, configuration field by field, layers by their place, whatever
 * digests their files are named after.
 *
 * @returns Undefined unless both archives hold images.
 */
function compareImages(
  a: readonly Member[],
  b: readonly Member[],
  options: CompareOptions,
  path: readonly string[],
): Finding[] | undefined {
  const [left, right] = [readArchivedImages(a), readArchivedImages(b)];
  if (left === undefined || right === undefined) return undefined;
  const found: Finding[] = [];
  for (const [side, { problems }] of [["A", left], ["B", right]] as const) {
    for (const problem of problems) {
      found.push({ path: [...path, ...problem.path], text: `in ${side}: ${problem.text}` });
    }
  }
  for (let at = 0; at < Math.max(left.images.length, right.images.length); at++) {
    const [x, y] = [left.images[at], right.images[at]];
    const several = left.images.length > 1 || right.images.length > 1;
    const here = several ? [...path, `image ${at + 1}`] : path;
    if (x !== undefined && y !== undefined) found.push(...compareImage(x, y, options, here));
    else found.push({ path: here, text: `only in ${x === undefined ? "B" : "A"}` });
  }
  return found;
}

function compareImage(
  a: ArchivedImage,
  b: ArchivedImage,
  options: CompareOptions,
  path: readonly string[],
): Finding[] {
  const found: Finding[] = [];
  const say = (text: string) => void found.push({ path, text });
  const [before, after] = [a.repoTags.join(" "), b.repoTags.join(" ")];
  if (before !== after) say(`image name: ${before || "none"} in A, ${after || "none"} in B`);
  // Digests of layers say no more than the layers themselves.
  const [x, y] = [{ ...a.config, rootfs: null }, { ...b.config, rootfs: null }];
  for (const words of compareJson(x, y)) say(`image configuration: ${words}`);
  for (let at = 0; at < Math.max(a.layers.length, b.layers.length); at++) {
    const [one, other] = [a.layers[at], b.layers[at]];
    const here = [...path, `layer ${at + 1}`];
    if (one !== undefined && other !== undefined) {
      found.push(...compareContents(one, other, options, here));
    } else found.push({ path: here, text: `only in ${one === undefined ? "B" : "A"}` });
  }
  return found;
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
    const [one = "", other = ""] = [before[key], after[key]];
    if (key !== "-ldflags") check(`build setting ${key}`, one, other);
    else words.push(...compareLdflags(one, other));
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
    if (options.times === true) check("time", rfc3339(x.mtime), rfc3339(y.mtime));
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

function hexOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "none" : hex(bytes);
}
