/** What {@linkcode toYaml} writes. */
export type YamlValue =
  | string
  | number
  | boolean
  | readonly YamlValue[]
  | { readonly [name: string]: YamlValue };

/** Texts that YAML takes for a text without quotes, in all of its versions. */
const PLAIN = /^[A-Za-z_][\w./@-]*$/;
const RESERVED = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

/** Writes a value as YAML, in the block style. Texts with anything unusual are in JSON's quotes. */
export function toYaml(value: YamlValue): string {
  return lines(value).map((line) => `${line}\n`).join("");
}

function lines(value: YamlValue): string[] {
  if (Array.isArray(value)) {
    return (value as readonly YamlValue[]).flatMap((item) => {
      const [first = "", ...rest] = isNested(item) ? lines(item) : [scalar(item)];
      return [`- ${first}`, ...rest.map((line) => `  ${line}`)];
    });
  }
  if (typeof value !== "object") return [scalar(value)];
  return Object.entries(value).flatMap(([name, item]) => {
    const key = scalar(name);
    if (!isNested(item)) return [`${key}: ${scalar(item)}`];
    return [`${key}:`, ...lines(item).map((line) => `  ${line}`)];
  });
}

/** Whether a value has lines of its own. */
function isNested(value: YamlValue): value is Exclude<YamlValue, string | number | boolean> {
  return typeof value === "object" && Object.keys(value).length > 0;
}

function scalar(value: YamlValue): string {
  if (typeof value === "object") return Array.isArray(value) ? "[]" : "{}";
  if (typeof value !== "string") return String(value);
  return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value);
}
