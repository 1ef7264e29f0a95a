import { basename, dirname, fromFileUrl, join } from "@std/path";
import { assert, assertEquals } from "@std/assert";
import { CONFIG_KEYS, readConfig } from "../../src/checkout/mod.ts";
import { findCommand, parseInput, variablesOf } from "../../src/cli/mod.ts";
import { PHRASES } from "../../scripts/lint_rules.ts";
import { type Command, COMMANDS } from "../../src/commands/mod.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const DOCUMENTS = [
  ...Deno.readDirSync(ROOT),
  ...[...Deno.readDirSync(join(ROOT, "docs"))].map(({ name }) => ({ name: `docs/${name}` })),
].map(({ name }) => name).filter((name) => name.endsWith(".md")).sort();

const read = (name: string) => Deno.readTextFileSync(join(ROOT, name));

/** Contents of a document's fenced blocks in one language. */
function blocks(name: string, language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  return [...read(name).matchAll(fenced)].map(([, content]) => content ?? "");
}

/** The document without its fenced blocks. */
const prose = (name: string) => read(name).replaceAll(/^```\w+\n.*?^```$/gms, "");

/** Anchors of a document's headings, as GitHub makes them. */
function anchors(name: string): string[] {
  return [...prose(name).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

Deno.test("README.md has at most 200 lines and names every document", () => {
  const readme = read("README.md");
  assert(readme.split("\n").length <= 201, `${readme.split("\n").length - 1} lines`);
  const missing = DOCUMENTS.filter((name) => name !== "README.md" && !readme.includes(`(${name})`));
  assertEquals(missing, []);
});

Deno.test("links in documents lead to files and headings", async () => {
  const broken: string[] = [];
  for (const name of DOCUMENTS) {
    for (const [, link = ""] of prose(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? name : join(dirname(name), path);
      const isThere = await Deno.stat(join(ROOT, file)).then(() => true, () => false);
      const isFound = isThere && (anchor === undefined || anchors(file).includes(anchor));
      if (!isFound) broken.push(`${name}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("documents have none of the phrases that the lint rule finds in code", () => {
  const found = DOCUMENTS.flatMap((name) =>
    prose(name).split(/\n\n+/).flatMap((paragraph) =>
      PHRASES.flatMap(([phrase]) => {
        const text = phrase.exec(paragraph.replaceAll(/\s+/g, " "))?.[0];
        return text === undefined ? [] : [`${name}: ${text}`];
      })
    )
  );
  assertEquals(found, []);
});

/** Whether a path from the root exists; one `*` in its last part stands for any letters. */
function exists(path: string): boolean {
  const [start = "", end] = basename(path).split("*");
  try {
    return [...Deno.readDirSync(join(ROOT, dirname(path)))].some(({ name }) =>
      end === undefined ? name === start : name.startsWith(start) && name.endsWith(end)
    );
  } catch {
    return false;
  }
}

Deno.test("paths that documents name exist", () => {
  const missing: string[] = [];
  const own = /`((?:src|tests|scripts|docs|npm|examples|packaging)\/[^`\s<]*)[^`]*`/g;
  // The changelog also tells what was there before; docs/commands.md is about checkouts.
  const names = DOCUMENTS.filter((name) => !/CHANGELOG|commands/.test(name));
  for (const name of names) {
    for (const [, path = ""] of prose(name).matchAll(own)) {
      if (!exists(path.replace(/\/$/, ""))) missing.push(`${name}: ${path}`);
    }
  }
  assertEquals(missing, []);
});

/** The `kbuild` commands of a shell block, as lists of arguments. */
function commandLines(block: string): string[][] {
  const lines = block.split("\n").map((line) => line.replace(/(^|\s)#.*$/, "").trim());
  return lines.flatMap((line) => line.split(" && ")).flatMap((line) => {
    const words = [...line.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) =>
      word.replaceAll('"', "")
    );
    return /(^|\/)kbuild$/.test(words[0] ?? "") ? [words.slice(1)] : [];
  });
}

async function parse([name = "", ...words]: readonly string[]): Promise<void> {
  // A directory of cmd/ in a checkout.
  const fallback = () => COMMANDS.find(({ name }) => name === "all");
  const command: Command = await findCommand(
    name,
    COMMANDS,
    name === "kubectl" ? fallback : undefined,
  );
  const input = parseInput(words, command, { otherVariables: COMMANDS.flatMap(variablesOf) });
  if (name === "plan") await parse(input.args);
}

Deno.test("every kbuild command in documents has the flags and arguments that kbuild takes", async () => {
  let count = 0;
  for (const name of DOCUMENTS) {
    for (const words of blocks(name, "sh").flatMap(commandLines)) {
      if (words[0] === "help") continue;
      await parse(words).catch((error) => {
        throw new Error(`${name}: kbuild ${words.join(" ")}: ${error.message}`);
      });
      count++;
    }
  }
  assert(count > 50, `only ${count} commands found`);
});

Deno.test("every toml block in documents is a valid configuration", async () => {
  const dir = await Deno.makeTempDir();
  let count = 0;
  for (const text of DOCUMENTS.flatMap((name) => blocks(name, "toml"))) {
    const path = join(dir, `${count++}.toml`);
    await Deno.writeTextFile(path, text.replace("<64 hexadecimal digits>", "a".repeat(64)));
    await readConfig(path);
  }
  await Deno.remove(dir, { recursive: true });
  assert(count >= 2);
});

Deno.test("docs/forks.md explains every key of the configuration", () => {
  const text = read("docs/forks.md");
  for (const key of CONFIG_KEYS) {
    for (const word of key.split(".")) assert(text.includes(`\`${word}\``), key);
  }
});
