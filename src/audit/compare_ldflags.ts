/** Linker flags: the variables that `-X` sets, by their whole names, and the other words. */
interface Ldflags {
  readonly variables: ReadonlyMap<string, string>;
  readonly rest: string;
}

/**
 * What differs between two values of `-ldflags`, in words: of the variables that `-X` sets only those
 * that differ, each once where several packages have it, and the other flags. Pure.
 */
export function compareLdflags(a: string, b: string): readonly string[] {
  const [x, y] = [parse(a), parse(b)];
  const found = new Set<string>();
  const say = (what: string, one: string | undefined, other: string | undefined) => {
    if (one !== other) found.add(`${what}: ${one || "none"} in A, ${other || "none"} in B`);
  };
  say("build setting -ldflags", x.rest, y.rest);
  for (const name of new Set([...x.variables.keys(), ...y.variables.keys()])) {
    const variable = name.slice(name.lastIndexOf(".") + 1);
    say(`-X ${variable}`, x.variables.get(name), y.variables.get(name));
  }
  return Object.freeze([...found]);
}

/** Words as Go splits them: separated by white space, or in one kind of quotes. */
function parse(text: string): Ldflags {
  const words = Array.from(text.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g))
    .map(([, single, double, plain]) => single ?? double ?? plain ?? "");
  const variables = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    // Go's record of some releases has quotes around the flag and its value together.
    const [, joined] = /^--?X(?:=|\s+)([^]+)$/.exec(word) ?? [];
    const next = /^--?X$/.test(word) && words[at + 1]?.includes("=") ? words[++at] : undefined;
    const setting = joined ?? next ?? "";
    const equals = setting.indexOf("=");
    if (equals < 0) rest.push(word);
    else variables.set(setting.slice(0, equals), setting.slice(equals + 1));
  }
  return { variables, rest: rest.join(" ") };
}
