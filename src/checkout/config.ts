import { basename, dirname, join } from "@std/path";
import { KbuildError, systemCode, UsageError } from "../errors.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import { ERA_NAMES } from "./era.ts";
import { ofPlatformGroups, PLATFORM_GROUPS, TARGET_GROUPS } from "./groups.ts";
import type {
  Checkout,
  EraName,
  PlatformLists,
  Sourced,
  TargetLists,
  WrappedBinary,
} from "./types.ts";
import { ifPresent, readText, reasonOf } from "../files/mod.ts";

/** A list in a configuration file: a new list, or a change of the one that was found. */
export interface ListChange {
  /** The whole list; undefined: the one that was found is changed. */
  readonly replace: readonly string[] | undefined;
  /** Appended, where they are not in the list. */
  readonly add: readonly string[];
  /** Taken out. */
  readonly remove: readonly string[];
}

/** What `kbuild.toml` (or `kbuild.json`) says of a checkout, for what cannot be read from it. */
export interface CheckoutConfig {
  /** The file, as errors and sources name it. */
  readonly path: string;
  /** `era`: instead of what the files say. */
  readonly era: EraName | undefined;
  /** Plain values: `go`, `minimum-go`, `go-package`, `image-registry`. */
  readonly values: Readonly<Partial<Record<ConfigValueKey, string>>>;
  /** Lists by key: `targets.server`, `static-binaries`. */
  readonly lists: Readonly<Partial<Record<ConfigListKey, ListChange>>>;
  /** `images`: base by binary. */
  readonly images: Readonly<Record<string, string>>;
  /** `mirrors`, in the words of `--mirror`: "registry.k8s.io=mirror.example", "preset:moved". */
  readonly mirrors: readonly string[];
  /** `digests`, in the form of `KBUILD_DIGESTS`: "registry.k8s.io/pause:3.9=sha256:…". */
  readonly digests: readonly string[];
}

/** A value of the configuration, as the file names it. */
export type ConfigValueKey = "go" | "minimum-go" | "go-package" | "image-registry";

const VALUE_KEYS: readonly ConfigValueKey[] = ["go", "minimum-go", "go-package", "image-registry"];

const PLAIN_LISTS = ["static-binaries", "test-portable", "version-packages"] as const;

/** A list of the configuration, as the file names it. */
export type ConfigListKey =
  | `platforms.${keyof PlatformLists}`
  | `targets.${keyof typeof TARGET_GROUPS}`
  | "static-binaries"
  | "test-portable"
  | "version-packages";

const TARGET_NAMES = Object.keys(TARGET_GROUPS) as (keyof typeof TARGET_GROUPS)[];
const LIST_KEYS: readonly ConfigListKey[] = [
  ...TARGET_NAMES.map((group) => `targets.${group}` as const),
  ...PLATFORM_GROUPS.map((group) => `platforms.${group}` as const),
  ...PLAIN_LISTS,
];
const TOP_KEYS = [
  "era",
  ...VALUE_KEYS,
  "targets",
  "platforms",
  ...PLAIN_LISTS,
  "images",
  "mirrors",
  "digests",
];

/** Every key of the configuration, with those of its tables: `era`, `targets.server`. */
export const CONFIG_KEYS: readonly string[] = Object.freeze([
  ...new Set([...TOP_KEYS, ...LIST_KEYS]),
]);

const NAMES = ["kbuild.toml", "kbuild.json"];

/**
 * Finds the configuration of a checkout: the named file, else `kbuild.toml` or `kbuild.json` in its
 * root, else the same beside the checkout's directory.
 *
 * @param root Root of the checkout.
 * @param named `--config`, absolute; undefined: look for one.
 * @returns undefined where there is none.
 * @throws {KbuildError} The named file is missing, or a file cannot be understood.
 */
export async function findConfig(
  root: string,
  named: string | undefined,
): Promise<CheckoutConfig | undefined> {
  const path = await findConfigFile(root, named);
  return path === undefined ? undefined : await readConfig(path);
}

/** The file that {@linkcode findConfig} reads; the named one may be missing. */
export async function findConfigFile(
  root: string,
  named: string | undefined,
): Promise<string | undefined> {
  if (named !== undefined) return named;
  for (const directory of [root, dirname(root)]) {
    for (const name of NAMES) {
      const path = join(directory, name);
      const info = await ifPresent(Deno.stat(path)).catch(cannotRead(path));
      if (info !== undefined) return path;
    }
  }
  return undefined;
}

/**
 * Reads a configuration file; the ending says whether it is TOML or JSON. Every key is checked.
 *
 * @throws {KbuildError} It cannot be read, is not well formed, or has an unknown key or value.
 */
export async function readConfig(path: string): Promise<CheckoutConfig> {
  const text = await readText(path).catch(cannotRead(path));
  return new ConfigReader(path).read(await parse(path, text));
}

function cannotRead(path: string): (cause: unknown) => never {
  return (cause) => {
    const why = systemCode(cause) === "ENOENT" ? "there is no such file" : reasonOf(cause);
    throw new KbuildError(`Cannot read the configuration "${path}": ${why}`, {
      exitCode: 2,
      cause,
    });
  };
}

async function parse(path: string, text: string): Promise<unknown> {
  try {
    if (path.endsWith(".json")) return JSON.parse(text);
    const { parse } = await import("@std/toml");
    return parse(text);
  } catch (cause) {
    // The parser of TOML hands on that its stack is full in an error of its own.
    const said = cause instanceof Error ? cause.message.split("\n")[0] ?? "" : String(cause);
    const why = /call stack/.test(said) ? "it is nested too deeply" : said;
    throw new KbuildError(`Cannot understand the configuration "${path}": ${why}`, {
      exitCode: 2,
      cause,
    });
  }
}

type Table = Readonly<Record<string, unknown>>;

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
}

class ConfigReader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(top: unknown): CheckoutConfig {
    if (!isTable(top)) throw this.#wrong("", top, "a table of settings");
    this.#checkKeys("", top, TOP_KEYS);
    const values: Partial<Record<ConfigValueKey, string>> = {};
    for (const key of VALUE_KEYS) {
      const value = top[key];
      if (value === undefined) continue;
      if (typeof value !== "string" || value === "") throw this.#wrong(key, value, "a text");
      if (key.endsWith("go") && !/^\d+\.\d+/.test(value)) {
        throw this.#wrong(key, value, 'a version of Go such as "1.21.7"');
      }
      values[key] = value;
    }
    return Object.freeze({
      path: this.#path,
      era: this.#era(top["era"]),
      values: Object.freeze(values),
      lists: Object.freeze(this.#lists(top)),
      images: Object.freeze(this.#images(top["images"])),
      mirrors: Object.freeze(this.#mirrors(top["mirrors"])),
      digests: Object.freeze(this.#digests(top["digests"])),
    });
  }

  #era(value: unknown): EraName | undefined {
    if (value === undefined) return undefined;
    const found = ERA_NAMES.find((name) => name === value);
    if (found !== undefined) return found;
    const names = ERA_NAMES.map((name) => `"${name}"`).join(", ");
    throw this.#wrong("era", value, `one of ${names}`);
  }

  #lists(top: Table): Partial<Record<ConfigListKey, ListChange>> {
    const lists: Partial<Record<ConfigListKey, ListChange>> = {};
    for (const group of ["targets", "platforms"]) {
      const table = top[group];
      if (table === undefined) continue;
      if (!isTable(table)) throw this.#wrong(group, table, "a table of lists");
      const known = LIST_KEYS.filter((key) => key.startsWith(`${group}.`));
      this.#checkKeys(`${group}.`, table, known.map((key) => key.slice(group.length + 1)));
    }
    for (const key of LIST_KEYS) {
      const [group = "", name] = key.split(".");
      const value = name === undefined ? top[key] : (top[group] as Table | undefined)?.[name];
      if (value !== undefined) lists[key] = this.#list(key, value);
    }
    return lists;
  }

  #list(key: string, value: unknown): ListChange {
    const change = (replace: readonly string[] | undefined, add = NONE, remove = NONE) =>
      Object.freeze({ replace, add, remove });
    const wanted = "a list of texts, or a table with add and remove";
    if (isList(value)) return change(Object.freeze([...value]));
    if (!isTable(value)) throw this.#wrong(key, value, wanted);
    this.#checkKeys(`${key}.`, value, ["add", "remove"]);
    const { add = NONE, remove = NONE } = value;
    if (!isList(add) || !isList(remove)) throw this.#wrong(key, value, wanted);
    return change(undefined, add, remove);
  }

  #images(value: unknown): Record<string, string> {
    if (value === undefined) return {};
    if (!isTable(value)) throw this.#wrong("images", value, "a table: binary = base image");
    for (const [binary, base] of Object.entries(value)) {
      if (typeof base !== "string" || base === "") {
        throw this.#wrong(`images.${binary}`, base, "the name of a base image");
      }
    }
    return { ...value } as Record<string, string>;
  }

  /** A table: prefix = place, or a list of places; `presets` is a list of names. */
  #mirrors(value: unknown): string[] {
    if (value === undefined) return [];
    if (!isTable(value)) throw this.#wrong("mirrors", value, "a table: prefix = places");
    const { presets = NONE, ...rules } = value;
    const plain = (word: string) => !/[\s,]/.test(word);
    if (!isList(presets) || !presets.every(plain)) {
      throw this.#wrong("mirrors.presets", presets, "a list of names");
    }
    const words = presets.map((name) => `preset:${name}`);
    for (const [prefix, where] of Object.entries(rules)) {
      const places = typeof where === "string" ? [where] : where;
      const sound = isList(places) && places.length > 0 && places.every(plain);
      if (!sound || !plain(prefix) || prefix.includes("=")) {
        throw this.#wrong(`mirrors."${prefix}"`, where, "a place, or a list of places");
      }
      words.push(`${prefix}=${places.join(",")}`);
    }
    return words;
  }

  /** A table: name and tag of an image = digest. */
  #digests(value: unknown): string[] {
    if (value === undefined) return [];
    if (!isTable(value)) throw this.#wrong("digests", value, "a table: image = digest");
    return Object.entries(value).map(([name, digest]) => {
      const sound = typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest);
      if (sound && /^[^\s,=@]+:[^\s,=@/]+$/.test(name)) return `${name}=${digest}`;
      throw this.#wrong(`digests."${name}"`, digest, '"sha256:<64 hex>" of an image with a tag');
    });
  }

  #checkKeys(prefix: string, table: Table, known: readonly string[]): void {
    const unknown = Object.keys(table).find((key) => !known.includes(key));
    if (unknown === undefined) return;
    throw new UsageError(`Unknown setting "${prefix}${unknown}" in "${this.#path}"`, [
      ...didYouMean(nearest(unknown, known).map((key) => `${prefix}${key}`)),
      `Known: ${known.map((key) => `${prefix}${key}`).join(", ")}`,
    ]);
  }

  #wrong(key: string, value: unknown, wanted: string): UsageError {
    const subject = key === "" ? "The configuration" : `Setting "${key}"`;
    return new UsageError(
      `${subject} in "${this.#path}" is ${JSON.stringify(value)}, but must be ${wanted}`,
    );
  }
}

const NONE: readonly string[] = Object.freeze([]);

/**
 * A checkout with what its configuration says in place of what was read. Targets that are added to a
 * group are also built by `all`; targets that no group has any more are not.
 */
export function applyConfig(checkout: Checkout, config: CheckoutConfig): Checkout {
  const file = basename(config.path);
  function list(key: ConfigListKey, found: Sourced<readonly string[]>): Sourced<readonly string[]> {
    const change = config.lists[key];
    if (change === undefined) return found;
    const kept = (change.replace ?? found.value).filter((item) => !change.remove.includes(item));
    const value = Object.freeze([...new Set([...kept, ...change.add])]);
    const source = change.replace === undefined ? `${found.source}, ${file}` : file;
    return Object.freeze({ value, source: `${source}: ${key}` });
  }
  function value(key: ConfigValueKey, found: Sourced<string>): Sourced<string> {
    const given = config.values[key];
    return given === undefined ? found : Object.freeze({ value: given, source: `${file}: ${key}` });
  }
  const pin = config.values["go"];
  return Object.freeze({
    ...checkout,
    goPackage: value("go-package", checkout.goPackage),
    minimumGo: value("minimum-go", checkout.minimumGo),
    ...(pin === undefined ? {} : {
      pinnedGo: Object.freeze({ value: pin, source: `${file}: go` }),
      pinnedGoExact: true,
    }),
    imageRegistry: value("image-registry", checkout.imageRegistry),
    targets: changeTargets(checkout.targets, list),
    platforms: ofPlatformGroups((group) => list(`platforms.${group}`, checkout.platforms[group])),
    staticBinaries: list("static-binaries", checkout.staticBinaries),
    testPortable: list("test-portable", checkout.testPortable),
    versionPackages: list("version-packages", checkout.versionPackages),
    wrappedBinaries: changeImages(checkout.wrappedBinaries, config.images, file),
  });
}

function changeTargets(
  targets: TargetLists,
  list: (key: ConfigListKey, found: Sourced<readonly string[]>) => Sourced<readonly string[]>,
): TargetLists {
  const changed = Object.fromEntries(
    TARGET_NAMES.map((name) => {
      const group = TARGET_GROUPS[name];
      return [group, list(`targets.${name}`, targets[group])];
    }),
  ) as Omit<TargetLists, "all">;
  const before = new Set(TARGET_NAMES.flatMap((name) => targets[TARGET_GROUPS[name]].value));
  const after = Object.values(changed).flatMap(({ value }) => value);
  // Some targets are in no group: 1.7's gke-certificates-controller is only built by "make".
  const kept = targets.all.value.filter((name) => !before.has(name) || after.includes(name));
  const added = after.filter((name) => !before.has(name));
  const all = Object.freeze([...new Set([...kept, ...added])]);
  const same = all.length === targets.all.value.length &&
    all.every((name, i) => name === targets.all.value[i]);
  return Object.freeze({
    ...changed,
    all: same
      ? targets.all
      : Object.freeze({ value: all, source: `${targets.all.source}, changed` }),
  });
}

function changeImages(
  found: Sourced<readonly WrappedBinary[]>,
  images: Readonly<Record<string, string>>,
  file: string,
): Sourced<readonly WrappedBinary[]> {
  if (Object.keys(images).length === 0) return found;
  const bases = new Map(Object.entries(images));
  const changed = found.value.map((image) => {
    const baseImage = bases.get(image.binary);
    bases.delete(image.binary);
    return baseImage === undefined ? image : Object.freeze({ binary: image.binary, baseImage });
  });
  const added = [...bases].map(([binary, baseImage]) => Object.freeze({ binary, baseImage }));
  return Object.freeze({
    value: Object.freeze([...changed, ...added]),
    source: `${found.source}, ${file}: images`,
  });
}
