/**
 * The shapes that {@linkcode parseBash} makes of a bash script: words, commands, and the places
 * that it could not understand.
 *
 * @module
 */

/** Something that was not understood, and where. */
export interface Diagnostic {
  /** Path of the script as it was given. */
  readonly file: string;
  /** Line, counted from 1. */
  readonly line: number;
  /** What was not understood: capital first letter, no final full stop. */
  readonly why: string;
}

/** Text of a word; unquoted text is subject to splitting, patterns and braces. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
  readonly quoted: boolean;
}

/** `$X`, `${X…}`. */
export interface ParamPart {
  readonly type: "param";
  readonly name: string;
  readonly quoted: boolean;
  /** `@`, `*` or the subscript's word. */
  readonly index?: Word | "@" | "*";
  /** `${#X}`. */
  readonly length?: boolean;
  /** `${!X}`. */
  readonly indirect?: boolean;
  /** `:-`, `##`, `/%` … */
  readonly op?: string;
  readonly arg?: Word;
  /** The text put in by `/`. */
  readonly replacement?: Word;
}

/** `$(…)`, backquotes, and `<(…)`, which counts as the name of a file with that output. */
export interface CommandPart {
  readonly type: "command" | "process";
  readonly body: readonly Node[];
  readonly quoted: boolean;
}

/** The inside of `((…))` and `$((…))`. */
export interface Arithmetic {
  readonly type: "arithmetic";
  /** Expanded first. */
  readonly expression: Word;
  /** Variables that it may assign. */
  readonly names: readonly string[];
}

/** `$((…))`. */
export interface ArithmeticPart extends Arithmetic {
  readonly quoted: boolean;
}

/** An expansion that is not evaluated: `>(…)`. */
export interface OpaquePart {
  readonly type: "opaque";
  readonly why: string;
  readonly quoted: boolean;
  /** Whether it is a process that something is written to: `>(…)`. */
  readonly isOutput?: true;
}

/** A piece of a word. */
export type Part = TextPart | ParamPart | CommandPart | ArithmeticPart | OpaquePart;

/** A word; double quotes are flattened into their parts. */
export interface Word {
  readonly type: "word";
  readonly parts: readonly Part[];
  readonly line: number;
}

/** `X=word`, `X+=word`, `X[i]=word`, `X=(words)`. */
export interface Assign {
  readonly type: "assign";
  readonly name: string;
  readonly index?: Word;
  readonly append: boolean;
  readonly value: Word | readonly Word[];
  readonly line: number;
}

/** `< file`, `<<< word`, `2>/dev/null`, a here-document. */
export interface Redirect {
  /** File descriptor; undefined is the operator's own. */
  readonly fd?: number;
  readonly op: string;
  /** File name, here-string, or body of the here-document. */
  target: Word;
}

/** Fields of every command. */
interface BaseNode {
  /** Line of its beginning, counted from 1. */
  readonly line: number;
}

/** Assignments, then a command with its arguments. */
export interface SimpleNode extends BaseNode {
  readonly type: "simple";
  readonly assigns: readonly Assign[];
  /** Arguments of `declare` and its kin may be assignments. */
  readonly words: readonly (Word | Assign)[];
  readonly redirects: readonly Redirect[];
}

/** `! a | b`. */
export interface PipelineNode extends BaseNode {
  readonly type: "pipeline";
  readonly negate: boolean;
  readonly commands: readonly Node[];
}

/** `a && b || c`, from left to right. */
export interface ListNode extends BaseNode {
  readonly type: "list";
  readonly first: Node;
  readonly rest: readonly { readonly op: "&&" | "||"; readonly node: Node }[];
}

/** `if … elif … else … fi`. */
export interface IfNode extends BaseNode {
  readonly type: "if";
  readonly branches: readonly { readonly test: readonly Node[]; readonly body: readonly Node[] }[];
  readonly otherwise: readonly Node[];
}

/** `for x in words`, `for x` (positional arguments), `for ((first; while; after each))`. */
export interface ForNode extends BaseNode {
  readonly type: "for";
  readonly name: string;
  readonly words: readonly Word[] | undefined;
  /** The three expressions with their semicolons; undefined for the other forms. */
  readonly arithmetic: Arithmetic | undefined;
  readonly body: readonly Node[];
}

/** `while` and `until`. */
export interface WhileNode extends BaseNode {
  readonly type: "while";
  readonly until: boolean;
  readonly test: readonly Node[];
  readonly body: readonly Node[];
}

/** `case word in a|b) …;; esac`. */
export interface CaseNode extends BaseNode {
  readonly type: "case";
  readonly word: Word;
  readonly items: readonly {
    readonly patterns: readonly Word[];
    readonly body: readonly Node[];
    /** `;;`, `;&` or `;;&`. */
    readonly end: string;
  }[];
}

/** `{ …; }`, `( … )`, and either with redirections, as any compound command may have. */
export interface GroupNode extends BaseNode {
  readonly type: "group";
  readonly subshell: boolean;
  readonly body: readonly Node[];
  readonly redirects: readonly Redirect[];
}

/** `name() { … }`. */
export interface FunctionNode extends BaseNode {
  readonly type: "function";
  readonly name: string;
  readonly body: Node;
}

/** `[[ … ]]`. */
export interface ConditionNode extends BaseNode {
  readonly type: "condition";
  readonly test: Test;
}

/** `((…))`. */
export interface ArithmeticNode extends BaseNode, Arithmetic {}

/** What was parsed, or skipped, but cannot be evaluated. */
export interface OpaqueNode extends BaseNode {
  readonly type: "opaque";
  readonly why: string;
  /** Variables that it may assign. */
  readonly names: readonly string[];
  /** Functions that it would define. */
  readonly functions: readonly string[];
  /** Whether the parser failed here; otherwise it is a construct that is left alone. */
  readonly broken: boolean;
}

/** The inside of `[[ … ]]`. */
export type Test =
  | { readonly type: "not"; readonly test: Test }
  | { readonly type: "and" | "or"; readonly left: Test; readonly right: Test }
  | { readonly type: "unary"; readonly op: string; readonly word: Word }
  | { readonly type: "binary"; readonly op: string; readonly left: Word; readonly right: Word };

/** A command. */
export type Node =
  | SimpleNode
  | PipelineNode
  | ListNode
  | IfNode
  | ForNode
  | WhileNode
  | CaseNode
  | GroupNode
  | FunctionNode
  | ConditionNode
  | ArithmeticNode
  | OpaqueNode;

/** A parsed file; parse once, evaluate as often as needed. */
export interface BashScript {
  readonly path: string;
  readonly body: readonly Node[];
}

/** Builtins whose arguments may be assignments. */
export const DECLARATIONS: ReadonlySet<string> = new Set([
  "declare",
  "export",
  "local",
  "readonly",
  "typeset",
]);

/** The word's text if nothing in it is expanded. */
export function literalOf(word: Word | Assign | undefined): string | undefined {
  if (word === undefined || word.type !== "word") return undefined;
  let text = "";
  for (const part of word.parts) {
    if (part.type !== "text") return undefined;
    text += part.text;
  }
  return text;
}
