import { join } from "@std/path";
import { entriesOf, ifPresent, readText } from "../files/mod.ts";

/** Files that hold the license of the code around them; `LICENSE.docs` is about documents. */
const LICENSE_FILE =
  /^(licen[cs]e|copying|unlicense)([-._](apache2?|lgpl\w*|libyaml|mit|bsd|md|txt))*$/i;

/** A license and phrases that only its text has, in lower case and without punctuation. */
interface Rule {
  readonly id: string;
  readonly all: readonly string[];
  /** Phrases of another license with the same words. */
  readonly none?: readonly string[];
}

const BSD = "redistribution and use in source and binary forms with or without";
const NO_ENDORSEMENT = "be used to endorse or promote products";
const RULES: readonly Rule[] = [
  { id: "Apache-2.0", all: ["apache license", "version 2 0"], none: ["mozilla public license"] },
  {
    id: "MIT",
    all: [
      "permission is hereby granted free of charge to any person obtaining a copy",
      "the above copyright notice and this permission notice shall be included",
    ],
  },
  { id: "BSD-3-Clause", all: [BSD, NO_ENDORSEMENT], none: ["all advertising materials"] },
  { id: "BSD-2-Clause", all: [BSD], none: [NO_ENDORSEMENT] },
  { id: "BSD-4-Clause", all: [BSD, NO_ENDORSEMENT, "all advertising materials"] },
  {
    id: "ISC",
    all: ["distribute this software for any purpose with or without fee is hereby granted"],
  },
  { id: "MPL-2.0", all: ["mozilla public license", "version 2 0"] },
  {
    id: "LGPL-3.0-only WITH LGPL-3.0-linking-exception",
    all: ["gnu lesser general public license version 3", "as a special exception"],
  },
  {
    id: "LGPL-3.0-only",
    all: ["gnu lesser general public license version 3"],
    none: ["as a special exception", "mozilla public license"],
  },
  { id: "Unlicense", all: ["free and unencumbered software released into the public domain"] },
  { id: "Zlib", all: ["altered source versions must be plainly marked as such"] },
  { id: "CC0-1.0", all: ["cc0 1 0 universal"] },
];

/**
 * The license that a text is, as an SPDX expression; several that are in one text are joined by AND.
 *
 * @returns Undefined for a text that none of the known licenses is in.
 */
export function licenseOf(text: string): string | undefined {
  const plain = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, " ");
  const found = RULES.filter(({ all, none = [] }) =>
    all.every((phrase) => plain.includes(phrase)) && !none.some((phrase) => plain.includes(phrase))
  );
  return joined(found.map(({ id }) => id));
}

function joined(ids: readonly string[]): string | undefined {
  return ids.length === 0 ? undefined : [...new Set(ids)].sort().join(" AND ");
}

/**
 * The license of the files in a directory, as an SPDX expression.
 *
 * @returns Undefined if the directory has no license file that is known.
 */
export async function licenseIn(directory: string): Promise<string | undefined> {
  const entries = await entriesOf(directory) ?? [];
  const names = entries.filter(({ name }) => LICENSE_FILE.test(name)).map(({ name }) => name);
  const found = await Promise.all(names.map(async (name) => {
    const path = join(directory, name);
    const info = await ifPresent(Deno.stat(path));
    return info?.isFile === true ? licenseOf(await readText(path)) : undefined;
  }));
  return joined(found.flatMap((expression) => expression?.split(" AND ") ?? []));
}
