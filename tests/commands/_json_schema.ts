/** The part of JSON Schema that docs/events.schema.json uses. */
interface Schema {
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: "object" | "string" | "integer" | "number";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Keywords that only describe. */
const DESCRIPTIVE = new Set(["$schema", "title", "description"]);
const KNOWN = new Set([
  ...["oneOf", "const", "enum", "type", "properties", "required", "additionalProperties"],
  ...["minimum", "maximum"],
]);

/** What is wrong with a value, one fault a line; none when it is valid. */
export function faultsOf(value: unknown, schema: Schema, at = "value"): readonly string[] {
  for (const key of Object.keys(schema)) {
    if (!KNOWN.has(key) && !DESCRIPTIVE.has(key)) throw new Error(`"${key}" is not checked`);
  }
  if (schema.oneOf !== undefined) {
    const each = schema.oneOf.map((one) => faultsOf(value, one, at));
    const valid = each.filter((faults) => faults.length === 0).length;
    // The nearest has the fewest faults.
    const nearest = each.toSorted((a, b) => a.length - b.length)[0] ?? [];
    return valid === 1 ? [] : [`${at} fits ${valid} forms`, ...nearest];
  }
  if ("const" in schema && value !== schema.const) return [`${at} is not ${schema.const}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at} is ${value}`];
  if (schema.type === "string") return typeof value === "string" ? [] : [`${at} is no string`];
  if (schema.type === "integer" || schema.type === "number") {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    const isRight = schema.type === "integer" ? Number.isInteger(value) : typeof value === "number";
    const fits = isRight && Number(value) >= minimum && Number(value) <= maximum;
    return fits ? [] : [`${at} is ${value}`];
  }
  if (schema.type !== "object") return [];
  if (typeof value !== "object" || value === null) return [`${at} is no object`];
  const { properties = {}, required = [], additionalProperties = false } = schema;
  const entries = Object.entries(value);
  return [
    ...required.filter((name) => !(name in value)).map((name) => `${at} has no ${name}`),
    ...entries.flatMap(([name, inside]) => {
      const known = properties[name] ?? additionalProperties;
      return known === false ? [`${at} has ${name}`] : faultsOf(inside, known, `${at}.${name}`);
    }),
  ];
}
