/** The little of `awk` and `tr` that build scripts cut texts with. */

/** Thrown for a program that is not understood: capital first letter, no final full stop. */
export class TextToolError extends Error {}

/**
 * Compiles `{print EXPRESSIONS}`: texts, `$1`, `$0`, `toupper` and `tolower`, next to each other or
 * with commas between.
 *
 * @param separator `-F`: one character; undefined is white space.
 */
export function compileAwk(
  program: string,
  separator: string | undefined,
): (line: string) => string {
  if (separator !== undefined && !/^[^\s\\.[|*+?^$(){}t]$/.test(separator)) {
    throw new TextToolError(`The separator "${separator}" of awk is not evaluated`);
  }
  const body = /^\s*\{\s*print\b([^{}]*?);?\s*\}\s*$/.exec(program)?.[1];
  if (body === undefined) throw new TextToolError(`The awk program "${program}" is not understood`);
  const token =
    /\s*(?:"((?:[^"\\])*)"|(?:(toupper|tolower)\(\s*\$([0-9]{1,3})\s*\))|\$([0-9]{1,3})|(,))/y;
  const terms: ((fields: readonly string[]) => string)[] = [];
  let end = 0;
  for (let match = token.exec(body); match !== null; match = token.exec(body)) {
    end = token.lastIndex;
    const [, text, change, changed, field] = match;
    if (text !== undefined) terms.push(() => text);
    else if (field !== undefined) terms.push((fields) => fields[Number(field)] ?? "");
    else if (changed !== undefined) {
      terms.push((fields) => {
        const value = fields[Number(changed)] ?? "";
        if (/\P{ASCII}/u.test(value)) {
          throw new TextToolError("The case of such letters depends on the locale");
        }
        return change === "toupper" ? value.toUpperCase() : value.toLowerCase();
      });
    } else terms.push(() => " ");
  }
  if (body.slice(end).trim() !== "" || /^\s*,|,\s*,|,\s*$/.test(body)) {
    throw new TextToolError(`The awk program "${program}" is not understood`);
  }
  return (line) => {
    const words = separator === undefined
      ? line.split(/[ \t]+/).filter((word) => word !== "")
      : line === ""
      ? []
      : line.split(separator);
    const fields = [line, ...words];
    return terms.length === 0 ? line : terms.map((term) => term(fields)).join("");
  };
}

/**
 * `tr SET1 SET2` and `tr -d SET1`: characters, ranges, `[:lower:]`, `[:upper:]`, `\n`; of ASCII alone.
 *
 * @throws {TextToolError} A set is not understood.
 */
export function translate(text: string, from: string, to: string | undefined): string {
  const classes = `${from} ${to}`;
  if (to?.includes("[:") && !/^\[:(upper:\] \[:lower|lower:\] \[:upper):\]$/.test(classes)) {
    throw new TextToolError(`The set "${to}" of tr is not understood`);
  }
  const [wanted, instead] = [setOf(from), to === undefined ? undefined : setOf(to)];
  if (/\P{ASCII}/u.test(text + from + (to ?? "")) || instead?.length === 0) {
    throw new TextToolError("Only ASCII is translated by tr");
  }
  return [...text].map((char) => {
    const at = wanted.lastIndexOf(char);
    return at < 0 ? char : instead === undefined ? "" : instead[at] ?? instead.at(-1)!;
  }).join("");
}

function setOf(text: string): readonly string[] {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const chars: string[] = [];
  for (const [token] of text.matchAll(/\[:\w+:\]|\\[^]?|[^\\]-[^\\]|[^]/g)) {
    if (token === "[:lower:]") chars.push(...letters);
    else if (token === "[:upper:]") chars.push(...letters.toUpperCase());
    else if (token === "\\n") chars.push("\n");
    else if (token === "\\\\") chars.push("\\");
    else if (token.length === 3 && token[0]! <= token[2]!) {
      for (let code = token.charCodeAt(0); code <= token.charCodeAt(2); code++) {
        chars.push(String.fromCharCode(code));
      }
    } else if (token.length === 1 && token !== "[" && token !== "\\") chars.push(token);
    else throw new TextToolError(`The set "${text}" of tr is not understood`);
  }
  return chars;
}
