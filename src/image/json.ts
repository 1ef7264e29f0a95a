import { KbuildError } from "../errors.ts";
import { compareNames } from "../archive/mod.ts";
import type { Json, JsonObject } from "./types.ts";

/** JSON with sorted keys and no white space: equal values give equal bytes. */
export function canonicalJson(value: Json): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value).sort(compareNames).flatMap((key) => {
    const field = value[key];
    return field === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(field)}`];
  });
  return `{${fields.join(",")}}`;
}

/**
 * Reads a JSON document.
 *
 * @param where What the user knows it by.
 * @throws {KbuildError} It is not JSON.
 */
export function parseJson(bytes: Uint8Array, where: string): Json {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new KbuildError(`Cannot read ${where}: it is not JSON`, { cause });
  }
}

/** Whether a value is an object, not a list. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The objects of a list; missing or null is an empty list. */
export function objects(value: Json | undefined, where: string): readonly JsonObject[] {
  return list(value, where).map((item) => {
    if (isObject(item)) return item;
    throw new KbuildError(`Cannot use ${where}: it holds ${JSON.stringify(item)}, want an object`);
  });
}

/** The strings of a list; missing or null is an empty list. */
export function strings(value: Json | undefined, where: string): readonly string[] {
  return list(value, where).map((item) => text(item, where));
}

/** A string. */
export function text(value: Json | undefined, where: string): string {
  if (typeof value === "string") return value;
  throw new KbuildError(`Cannot use ${where}: it is ${JSON.stringify(value)}, want a string`);
}

/** An object. */
export function object(value: Json | undefined, where: string): JsonObject {
  if (isObject(value)) return value;
  throw new KbuildError(`Cannot use ${where}: it is ${JSON.stringify(value)}, want an object`);
}

function list(value: Json | undefined, where: string): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (isList(value)) return value;
  throw new KbuildError(`Cannot use ${where}: it is ${JSON.stringify(value)}, want a list`);
}
