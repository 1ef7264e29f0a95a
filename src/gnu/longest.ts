/** A part of a regular expression of JavaScript. */
type Part =
  & Count
  & ({ readonly set: string } | { readonly alternatives: readonly (readonly Part[])[] });

/** How often a part may be there. */
interface Count {
  readonly varies: boolean;
  readonly mayLack: boolean;
  readonly repeats: boolean;
}

/** What can come next: sets of letters, up to the last group whose number varies; whether there is such a group. */
interface Next {
  readonly sets: readonly string[];
  readonly hasGroup: boolean;
}

const ATOM = /^(?:\\[pP]\{\w+\}|\\u\{[0-9a-f]+\}|\\[^]|\[(?:\\[^]|[^\]\\])*\]|[^])/u;
const COUNT = /^(?:[*+?]|\{\d+(?:,\d*)?\})/;

/**
 * Whether what JavaScript finds may be shorter than the longest: POSIX takes that. JavaScript gives each part as much
 * as it can have; that is the longest unless a part leaves letters to a group behind it, which may then be there.
 *
 * @param text A regular expression as `toRegExp` writes it.
 */
export function mayBeShorter(text: string, flags: string): boolean {
  const letters = new Set([...text]);
  for (let code = 1; code < 0x250; code++) letters.add(String.fromCharCode(code));
  const known = new Map<string, RegExp>();
  const fits = (set: string, letter: string) => {
    let regex = known.get(set);
    if (regex === undefined) known.set(set, regex = new RegExp(`^(?:${set})$`, `u${flags}`));
    return regex.test(letter);
  };
  const meets = (one: readonly string[], others: readonly string[]) =>
    [...letters].some((letter) =>
      one.some((set) => fits(set, letter)) && others.some((set) => fits(set, letter))
    );
  const sequence = (parts: readonly Part[], next: Next): Next | undefined => {
    for (const part of parts.toReversed()) {
      const own = firsts([part]);
      if (part.varies && next.hasGroup && meets(own, next.sets)) return undefined;
      if ("set" in part) {
        if (next.hasGroup) next = { ...next, sets: part.mayLack ? [...own, ...next.sets] : own };
        continue;
      }
      const isLong = part.varies &&
        !part.alternatives.every((each) =>
          each.length === 1 && "set" in each[0]! && !each[0].varies
        );
      const inside = isLong && part.repeats
        ? { sets: [...own, ...next.sets], hasGroup: true }
        : next;
      let [sets, hasGroup] = [part.mayLack ? next.sets : [], isLong || next.hasGroup];
      for (const each of part.alternatives) {
        const head = sequence(each, inside);
        if (head === undefined) return undefined;
        sets = [...sets, ...head.sets];
        hasGroup ||= head.hasGroup;
      }
      next = hasGroup ? { sets: [...own, ...sets], hasGroup } : next;
    }
    return next;
  };
  return parse(text).some((each) => sequence(each, { sets: [], hasGroup: false }) === undefined);
}

/** What can be the first letter. */
function firsts(parts: readonly Part[]): readonly string[] {
  const sets: string[] = [];
  for (const part of parts) {
    if ("set" in part) sets.push(part.set);
    else sets.push(...part.alternatives.flatMap(firsts));
    if (!part.mayLack && !("alternatives" in part && part.alternatives.some(isNullable))) break;
  }
  return sets;
}

function isNullable(parts: readonly Part[]): boolean {
  return parts.every((part) =>
    part.mayLack || ("alternatives" in part && part.alternatives.some(isNullable))
  );
}

/** Alternatives; what has no width is left out. */
function parse(text: string): readonly (readonly Part[])[] {
  let at = 0;
  const take = (pattern: RegExp): string => {
    const [found = ""] = pattern.exec(text.slice(at)) ?? [];
    at += found.length;
    return found;
  };
  const alternatives = (): readonly (readonly Part[])[] => {
    const all: Part[][] = [[]];
    while (at < text.length && text[at] !== ")") {
      const top = all.at(-1)!;
      if (text[at] === "|") {
        at++;
        all.push([]);
        continue;
      }
      const opened = take(/^\((?:\?(?:<?[=!]|:))?/);
      const inside = opened === "" ? [] : alternatives();
      const atom = opened === "" ? take(ATOM) : text[at++]!;
      const count = take(COUNT);
      const counted: Count = {
        varies: count !== "" && !/^\{\d+\}$/.test(count),
        mayLack: /^(?:[*?]|\{0)/.test(count),
        repeats: count !== "" && !/^(?:\?|\{0?,?1\}|\{[01],1\})$/.test(count),
      };
      if (opened === "(") top.push({ ...counted, alternatives: inside });
      // A group again: any text.
      else if (opened === "(?:") {
        top.push({ varies: true, mayLack: true, repeats: true, set: "[^]" });
      } else if (opened === "" && atom !== "^" && atom !== "$") {
        top.push({ ...counted, set: atom });
      }
    }
    return all;
  };
  return alternatives();
}
