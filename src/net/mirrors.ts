import { UsageError } from "../errors.ts";
import { HOST } from "../lib/image_name.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { PRESETS } from "./mirror_presets.ts";

/** One rule: what begins with `prefix` comes from these places, in this order. */
export interface MirrorRule {
  /** A registry or site, maybe with a path: "registry.k8s.io", "dl.google.com/go". */
  readonly prefix: string;
  /** "mirror.example/k8s", "http://10.0.0.1:5000", or "direct" for the original. */
  readonly where: readonly string[];
}

/** The rules of one run; each prefix is in it once. */
export type MirrorTable = readonly MirrorRule[];

/** An address to fetch something from. */
export interface Candidate {
  /** Address with scheme, without a slash at its end: "https://mirror.example/k8s/pause". */
  readonly url: string;
  /** The rule that led here, as it was written; undefined for the original. */
  readonly rule: string | undefined;
}

/** The variable behind `--mirror`. */
export const MIRRORS = "KBUILD_MIRRORS";
/** In place of a prefix: where Go looks for modules, instead of `GOPROXY`. */
export const GO_MODULES = "go-modules";

const DIRECT = "direct";
const ADDRESS = new RegExp(`^(?:https?://)?${HOST}(?:/[A-Za-z0-9._~%@+-]+)*/?$`);
const PREFIX = new RegExp(`^${HOST}(?:/[A-Za-z0-9._~-]+)*$`);

/**
 * Reads mirrors as `--mirror` and `KBUILD_MIRRORS` have them: words separated by white space or
 * commas. `PREFIX=WHERE` begins a rule, a word without "=" is a further place of the rule before it,
 * `preset:NAME` stands for that preset's rules. Of several rules for one prefix the last counts.
 *
 * @throws {UsageError} A word is not one of these.
 */
export function parseMirrors(text: string): MirrorTable {
  const rules = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const word of text.split(/[\s,]+/)) {
    if (word === "") continue;
    if (word.startsWith("preset:")) {
      for (const { prefix, where } of preset(word.slice("preset:".length))) {
        rules.set(prefix, [...where]);
      }
      last = undefined;
      continue;
    }
    const equals = word.indexOf("=");
    if (equals < 0) {
      if (last === undefined) throw wrong(word, "it must be PREFIX=WHERE");
      last.push(checkEndpoint(word, word));
      continue;
    }
    const prefix = canonicalPrefix(word.slice(0, equals));
    if (prefix !== GO_MODULES && !PREFIX.test(prefix)) {
      throw wrong(word, `"${prefix}" is not a registry or site`);
    }
    last = [checkEndpoint(word, word.slice(equals + 1))];
    rules.set(prefix, last);
  }
  return Object.freeze([...rules].map(([prefix, where]) => Object.freeze({ prefix, where })));
}

function preset(name: string): MirrorTable {
  const rules = PRESETS[name];
  if (rules !== undefined) return parseMirrors(rules.join(" "));
  const names = Object.keys(PRESETS);
  throw new UsageError(`Unknown preset of mirrors "${name}"`, [
    ...didYouMean(nearest(name, names)),
    `The presets: ${names.join(", ")}`,
  ]);
}

function checkEndpoint(word: string, where: string): string {
  if (where === DIRECT) return where;
  if (ADDRESS.test(where)) return where.replace(/\/$/, "");
  throw wrong(word, `"${where}" is not an address`);
}

function wrong(word: string, why: string): UsageError {
  return new UsageError(`Cannot use the mirror "${word}": ${why}`, [
    'Write it so: "registry.k8s.io=mirror.example/k8s"; further places follow after commas',
    '"direct" stands for the original, "preset:NAME" for the rules of a public mirror: ' +
    Object.keys(PRESETS).join(", "),
  ]);
}

/** Docker Hub has several names; ours is docker.io. */
function canonicalPrefix(text: string): string {
  return text.replace(/^https?:\/\//, "").replace(/\/+$/, "")
    .replace(/^(index|registry-1)\.docker\.io(?=\/|$)/, "docker.io");
}

/** The rule with the longest prefix of a name; a prefix ends where a part of the name does. */
export function ruleFor(table: MirrorTable, name: string): MirrorRule | undefined {
  const fitting = table.filter(({ prefix }) => name === prefix || name.startsWith(`${prefix}/`));
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/**
 * Where to get something, in order: the places of the rule with the longest prefix, else the
 * original alone. A rule keeps the original out unless "direct" is in it.
 *
 * @param name As it is known: "registry.k8s.io/pause", or a URL.
 */
export function candidatesFor(table: MirrorTable, name: string): readonly Candidate[] {
  const plain = name.replace(/^https?:\/\//, "");
  const original = { url: withScheme(name), rule: undefined };
  const rule = ruleFor(table, plain);
  if (rule === undefined) return [Object.freeze(original)];
  const rest = plain.slice(rule.prefix.length);
  return Object.freeze(rule.where.map((where) =>
    Object.freeze({
      url: where === DIRECT ? original.url : withScheme(where) + rest,
      rule: `${rule.prefix}=${where}`,
    })
  ));
}

/** Nothing written, `https`; but plain `http` on this machine, as docker has it. */
function withScheme(address: string): string {
  if (/^https?:\/\//.test(address)) return address;
  return `${isLoopback(address) ? "http" : "https"}://${address}`;
}

/** Whether an address is on this machine: "localhost:5000/x", "127.0.0.1", "[::1]:80". */
export function isLoopback(address: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/.test(address);
}

/**
 * `GOPROXY` with the mirrors of {@linkcode GO_MODULES}, tried in order whatever the failure ("|").
 *
 * @returns undefined where no rule says anything.
 */
export function goProxy(table: MirrorTable): string | undefined {
  const rule = table.find(({ prefix }) => prefix === GO_MODULES);
  return rule?.where.map((where) => where === DIRECT ? where : withScheme(where)).join("|");
}
