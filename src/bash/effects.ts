import type { BashCommands } from "./builtins.ts";
import { namesIn } from "./parser.ts";
import { type Assign, DECLARATIONS, literalOf, type Node, type Test, type Word } from "./syntax.ts";
import type { BashFunction } from "./state.ts";

/** What a command may do, found without running it. */
export interface Effects {
  /** Variables that it may assign. */
  readonly names: ReadonlySet<string>;
  /** Functions that it may define. */
  readonly functions: ReadonlySet<string>;
  /** Whether it may print. */
  readonly prints: boolean;
  /** Whether it may `return`, `exit`, `break` or `continue`. */
  readonly jumps: boolean;
}

/** Commands that print nothing on stdout. */
const SILENT = new Set([
  ...DECLARATIONS,
  "[",
  ":",
  "break",
  "continue",
  "exit",
  "false",
  "mapfile",
  "read",
  "readarray",
  "return",
  "set",
  "shift",
  "shopt",
  "test",
  "trap",
  "true",
  "unset",
]);

/** Commands that assign the variables that their arguments name. */
const ASSIGNING = new Set(["getopts", "mapfile", "read", "readarray", "unset"]);

/** Finds the {@linkcode Effects} of commands, those of the functions that they call included. */
export function effectsOf(
  nodes: readonly Node[],
  functions: ReadonlyMap<string, BashFunction>,
  commands: BashCommands = {},
): Effects {
  const found = {
    names: new Set<string>(),
    functions: new Set<string>(),
    prints: false,
    jumps: false,
  };
  const visited = new Set<string>();
  let calls = 0;

  function assigns(command: string): boolean {
    return ASSIGNING.has(command) || commands.assignsArguments?.(command) === true;
  }

  function prints(command: string): boolean {
    return !SILENT.has(command) && commands.isSilent?.(command) !== true &&
      commands.isIgnored?.(command) !== true;
  }

  function words(list: readonly (Word | Assign)[]): string[] {
    return list.map((word) => literalOf(word) ?? "");
  }

  /** What expansions assign: `${X:=word}`, `$((X++))`. */
  function expand(word: Word | undefined): void {
    for (const part of word?.parts ?? []) {
      if (part.type === "arithmetic") { for (const name of part.names) found.names.add(name); }
      if (part.type !== "param") continue;
      if (part.op === "=" || part.op === ":=") found.names.add(part.name);
      expand(part.arg);
      expand(part.replacement);
      if (typeof part.index === "object") expand(part.index);
    }
  }

  function expandAll(list: readonly (Word | Assign)[]): void {
    for (const word of list) {
      if (word.type === "word") expand(word);
      else {
        expand(word.index);
        if ("parts" in word.value) expand(word.value);
        else word.value.forEach(expand);
      }
    }
  }

  function test(condition: Test): void {
    if (condition.type === "not") test(condition.test);
    else if (condition.type === "unary") expand(condition.word);
    else if (condition.type === "binary") {
      if (condition.op === "=~") found.names.add("BASH_REMATCH");
      expandAll([condition.left, condition.right]);
    } else [condition.left, condition.right].forEach(test);
  }

  function call(name: string): void {
    const called = functions.get(name);
    if (called === undefined || visited.has(name)) return;
    visited.add(name);
    calls++;
    visit(called.body);
    calls--;
  }

  function visitAll(list: readonly Node[]): void {
    for (const node of list) visit(node);
  }

  function visit(node: Node): void {
    switch (node.type) {
      case "simple": {
        expandAll([...node.assigns, ...node.words, ...node.redirects.map((r) => r.target)]);
        const [command, ...args] = words(node.words);
        if (command === undefined) {
          for (const assign of node.assigns) found.names.add(assign.name);
          return;
        }
        if (literalOf(node.words[0]) === undefined) {
          // Which command it is is not known: any function, or one that sets what it is given.
          for (const name of functions.keys()) call(name);
          for (const arg of args) if (/^[A-Za-z_]\w*$/.test(arg)) found.names.add(arg);
        } else if (DECLARATIONS.has(command)) {
          for (const word of node.words.slice(1)) {
            const name = word.type === "assign" ? word.name : literalOf(word) ?? "";
            if (/^[A-Za-z_]/.test(name)) found.names.add(name);
          }
        } else if (assigns(command)) {
          for (const arg of args) if (/^[A-Za-z_]/.test(arg)) found.names.add(arg.split("=")[0]!);
        } else if (command === "let") {
          for (const arg of args) {
            for (const [name] of arg.matchAll(/[A-Za-z_]\w*/g)) found.names.add(name);
          }
        } else if (command === "printf" && args[0] === "-v") found.names.add(args[1]!);
        else if (command === "eval") {
          const text = node.words.flatMap((word) =>
            word.type === "word" ? word.parts.map((p) => p.type === "text" ? p.text : "X") : []
          ).join(" ");
          for (const name of namesIn(` ${text}`)) found.names.add(name);
          for (const [word] of text.matchAll(/[^\s;&|()<>"'`$]+/g)) call(word);
        } else if (/^(return|exit|break|continue)$/.test(command) && calls === 0) {
          found.jumps = true;
        }
        if (prints(command)) found.prints = true;
        call(command);
        return;
      }
      case "pipeline":
        return visitAll(node.commands);
      case "list":
        visit(node.first);
        return visitAll(node.rest.map((item) => item.node));
      case "if":
        for (const branch of node.branches) visitAll([...branch.test, ...branch.body]);
        return visitAll(node.otherwise);
      case "for":
        if (node.name !== "") found.names.add(node.name);
        for (const name of node.arithmetic?.names ?? []) found.names.add(name);
        expandAll(node.words ?? []);
        return visitAll(node.body);
      case "while":
        return visitAll([...node.test, ...node.body]);
      case "case":
        expandAll([node.word, ...node.items.flatMap((item) => item.patterns)]);
        return node.items.forEach((item) => visitAll(item.body));
      case "group":
        expandAll(node.redirects.map((redirect) => redirect.target));
        return visitAll(node.body);
      case "function":
        found.functions.add(node.name);
        return;
      case "arithmetic":
        for (const name of node.names) found.names.add(name);
        return;
      case "opaque":
        for (const name of node.names) found.names.add(name);
        for (const name of node.functions) found.functions.add(name);
        if (node.broken) found.prints = true;
        return;
      case "condition":
        return test(node.test);
    }
  }

  visitAll(nodes);
  return found;
}
