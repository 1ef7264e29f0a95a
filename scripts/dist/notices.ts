import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";

/** What is inside an artifact and not kbuild's own. */
export interface Component {
  /** What readers know it as. */
  readonly title: string;
  /** Packages of npm and JSR, as their module specifiers name them. */
  readonly packages: readonly string[];
  /** Which artifacts hold it. */
  readonly where: string;
  /** SPDX identifier, or the name of the license. */
  readonly license: string;
  /** File in `packaging/licenses`. */
  readonly file: string;
  readonly copyright: readonly string[];
}

const EVERYWHERE = "programs and npm package";
const BINARIES = "standalone programs";

/** In the order of the file. */
export const COMPONENTS: readonly Component[] = Object.freeze<Component[]>([
  {
    title: "The Deno standard library",
    packages: [
      ...["@std/cli", "@std/collections", "@std/fmt", "@std/fs", "@std/internal", "@std/io"],
      ...[
        "@std/path",
        "@std/streams",
        "@std/tar",
        "@std/text",
        "@std/toml",
        "@std/bytes",
        "deno-std",
      ],
    ],
    where: EVERYWHERE,
    license: "MIT",
    file: "MIT.txt",
    copyright: ["Copyright 2018-2026 the Deno authors", "Copyright the Browserify authors"],
  },
  {
    title: "dax",
    packages: [
      ...["dax", "@david/dax", "@david/console-static-text", "@david/path", "@david/shell"],
      ...["@david/which", "@david/which-runtime"],
    ],
    where: EVERYWHERE,
    license: "MIT",
    file: "MIT.txt",
    copyright: ["Copyright (c) 2022 David Sherret"],
  },
  {
    title: "shim-deno",
    packages: ["@deno/shim-deno", "@deno/shim-deno-test"],
    where: "npm package",
    license: "MIT",
    file: "MIT.txt",
    copyright: ["Copyright 2021-2022 the Deno authors"],
  },
  {
    title: "which",
    packages: ["which"],
    where: "npm package",
    license: "ISC",
    file: "ISC.txt",
    copyright: ["Copyright (c) Isaac Z. Schlueter and Contributors"],
  },
  {
    title: "isexe",
    packages: ["isexe"],
    where: "npm package",
    license: "BlueOak-1.0.0",
    file: "BlueOak-1.0.0.txt",
    copyright: [],
  },
  {
    title: "Deno",
    packages: [],
    where: BINARIES,
    license: "MIT",
    file: "MIT.txt",
    copyright: ["Copyright 2018-2026 the Deno authors"],
  },
  {
    title: "V8",
    packages: [],
    where: BINARIES,
    license: "BSD-3-Clause",
    file: "V8.txt",
    copyright: [],
  },
  {
    title: "ICU",
    packages: [],
    where: BINARIES,
    license: "Unicode-3.0",
    file: "Unicode-3.0.txt",
    copyright: [],
  },
]);

const HEAD = `Third-party notices of kbuild

kbuild is licensed under the Apache License 2.0 (LICENSE). Its programs and packages hold the software
below. Deno's runtime is made of further libraries, which its own source names (https://deno.com).
Made by scripts/task notices.
`;

/** The text of `THIRD_PARTY_NOTICES`, the same in every artifact. */
export async function noticesText(root: string): Promise<string> {
  const parts = [HEAD];
  for (const { title, packages, where, license, file, copyright } of COMPONENTS) {
    const text = await Deno.readTextFile(join(root, "packaging/licenses", file));
    parts.push(
      [
        `${title} (${license}); in the ${where}`,
        ...(packages.length === 0 ? [] : [`Packages: ${packages.join(", ")}`]),
        "",
        ...copyright,
        ...(copyright.length === 0 ? [] : [""]),
        text.trim(),
        "",
      ].join("\n"),
    );
  }
  return parts.join(`\n${"-".repeat(72)}\n\n`);
}

/**
 * The packages of a module graph, as `deno info --json` prints it: of npm by their directory, of JSR by
 * their address, and those that dax carries inside.
 */
export function packagesOf(specifiers: Iterable<string>): ReadonlySet<string> {
  const packages = new Set<string>();
  for (const specifier of specifiers) {
    const [, npm] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(specifier) ??
      /^npm:\/?((?:@[^/@]+\/)?[^/@]+)@/.exec(specifier) ?? [];
    const [, jsr] = /\/(@(?:std|david)\/[^/@]+)\/\d[^/]*\//.exec(specifier) ?? [];
    for (const name of [npm, jsr]) if (name !== undefined) packages.add(name);
  }
  return packages;
}

/**
 * Checks that each package of a graph has its notice.
 *
 * @throws {KbuildError} Names those without.
 */
export function checkNotices(packages: Iterable<string>): void {
  const known = new Set(COMPONENTS.flatMap((component) => component.packages));
  const missing = [...packages].filter((name) => !known.has(name));
  if (missing.length === 0) return;
  throw new KbuildError(`Cannot release without the notices of ${missing.join(", ")}`, {
    notes: ["Add them to scripts/dist/notices.ts, then: scripts/task notices"],
  });
}
