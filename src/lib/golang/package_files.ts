/** A package as `go list` tells it. */
export interface PackageFiles {
  /** Absolute. */
  readonly directory: string;
  /** Paths below it. */
  readonly embedded: readonly string[];
}

/** What marks the lines of {@linkcode listTemplate}. */
const MARKS = Object.freeze({ buildId: "I", directory: "D", embedded: "E" });

/** The template for `go list -f`: build IDs, directories and, as far as this Go knows them, embedded files. */
export function listTemplate({ embeds }: { embeds: boolean }): string {
  const fields = embeds ? ["EmbedFiles", "TestEmbedFiles", "XTestEmbedFiles"] : [];
  const embedded = fields.map((name) => `{{range .${name}}}\n${MARKS.embedded}{{.}}{{end}}`);
  return [`${MARKS.buildId}{{.BuildID}}\n${MARKS.directory}{{.Dir}}`, ...embedded].join("");
}

/** Takes apart what `go list` printed with {@linkcode listTemplate}. */
export function readListed(text: string): readonly PackageFiles[] {
  const found: { directory: string; embedded: string[] }[] = [];
  for (const line of text.split("\n")) {
    const rest = line.slice(1);
    if (line.startsWith(MARKS.directory)) found.push({ directory: rest, embedded: [] });
    if (line.startsWith(MARKS.embedded)) found.at(-1)?.embedded.push(rest);
  }
  // What is not a directory of the file system (package unsafe of some releases) has no files.
  return found.filter(({ directory }) => directory.startsWith("/"));
}
