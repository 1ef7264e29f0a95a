import { evaluateArithmetic } from "./arithmetic.ts";
import {
  type BashCommands,
  type BuiltinHost,
  BUILTINS,
  compareNumbers,
  testUnary,
} from "./builtins.ts";
import { effectsOf } from "./effects.ts";
import { Expander, type ExpandHost } from "./expand.ts";
import { parseBash } from "./parser.ts";
import { compileGlob, compileRegex, PatternError } from "./pattern.ts";
import { BashState, type Variable } from "./state.ts";
import {
  type Arithmetic,
  type Assign,
  type BashScript,
  DECLARATIONS,
  type Diagnostic,
  type ForNode,
  literalOf,
  type Node,
  type Redirect,
  type SimpleNode,
  type Test,
  type Word,
} from "./syntax.ts";

/** Exit status, or why it is unknown. */
type Status = number | Diagnostic;

// The following classes are thrown often and are not errors of kbuild, so they gather no stack.

/** Ends one command: something in it is not understood or not known. */
class Unsupported {
  constructor(readonly diagnostic: Diagnostic) {}
}

/** Ends a function or loop: whether it goes on is not known. */
class UnknownFlow {
  constructor(readonly diagnostic: Diagnostic) {}
}

/** Ends everything: the script takes too many steps. */
class OutOfSteps {
  constructor(readonly place: { path: string; line: number }) {}
}

/** A `return`, `break` … on its way. */
interface Flow {
  type: "return" | "exit" | "break" | "continue";
  levels: number;
}

/** Where output goes. */
interface Sink {
  text: string;
  unknown?: Diagnostic;
}

/** How a variable is set. */
interface Attributes {
  readonly local?: boolean;
  readonly isReadonly?: boolean;
  /** Undefined: as it was. */
  readonly isExported?: boolean | undefined;
}

/** Options of {@linkcode BashEvaluator}. */
export interface EvaluatorOptions {
  variables: Readonly<Record<string, string>>;
  constants: Readonly<Record<string, string>>;
  readFile: (path: string) => string | undefined;
  maxSteps: number;
  /** Told of a command that is not known; true: it counts as done. */
  onCommand?: ((name: string, args: readonly string[]) => boolean) | undefined;
  /** Commands beside those of bash. */
  commands?: BashCommands | undefined;
  /** Answers `-f`, `-x` and the like; without it they are unsupported. */
  testFile?: ((op: string, path: string) => boolean) | undefined;
  /** Answers whether a file name pattern fits no file, and stays; without it, patterns are unsupported. */
  isUnmatched?: ((pattern: string) => boolean) | undefined;
  /** Names of the files in a directory, for file name patterns; undefined if they are not known. */
  namesIn?: ((directory: string) => readonly string[] | undefined) | undefined;
  /** Whether what is written to files is dropped; else such a command is unsupported. */
  dropsFiles?: boolean | undefined;
  /** `$0`; without it, it is not known. */
  scriptName?: string | undefined;
  /** Receives what is written to files; with it, nothing is dropped. */
  writeFile?: ((path: string, text: string, options: { append: boolean }) => void) | undefined;
  /** Keeps the output of `<(…)`, and names the file that has it. */
  keepOutput?: ((text: string) => string) | undefined;
}

const MAX_CALLS = 100;
const MAX_OUTPUT = 1_000_000;
const MAX_DIAGNOSTICS = 500;

/** Runs parsed bash on values alone: no file system, no processes. */
export class BashEvaluator implements ExpandHost, BuiltinHost {
  readonly state: BashState;
  readonly diagnostics: Diagnostic[] = [];
  readonly #expander: Expander = new Expander(this);
  readonly #options: EvaluatorOptions;
  readonly #commands: BashCommands;
  readonly #sourced = new Set<string>();
  readonly #recorded = new Set<string>();
  #sink: Sink = { text: "" };
  #input: { text: string; pos: number } | undefined;
  #flow: Flow | undefined;
  #status: Status = 0;
  /** Status of the last command substitution: that of an assignment. */
  #substituted: Status = 0;
  #steps = 0;
  #calls = 0;
  #loops = 0;
  #path = "";
  #line = 0;
  #ended = false;
  /** Whether the first thing that is not understood ends everything. */
  #strict = false;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.#commands = options.commands ?? {};
    this.state = new BashState(options.variables, options.constants);
  }

  get status(): number {
    if (typeof this.#status !== "number") throw new Unsupported(this.#status);
    return this.#status;
  }

  /** Position of the command that is being run. */
  get place(): { path: string; line: number } {
    return { path: this.#path, line: this.#line };
  }

  get scriptName(): string | undefined {
    return this.#options.scriptName;
  }

  get ifs(): string {
    return this.#expander.ifs;
  }

  /** Runs a file's top level. */
  runScript(script: BashScript): void {
    if (this.#ended) return;
    this.#sourced.add(script.path);
    const [path, line] = [this.#path, this.#line];
    this.#path = script.path;
    for (const [i, node] of script.body.entries()) {
      try {
        this.#run(node);
      } catch (error) {
        const diagnostic = this.#outOf(error);
        this.#ended = true;
        this.#flow = undefined;
        this.#forget(script.body.slice(i), diagnostic);
      }
      if (this.#flow !== undefined || this.#ended) break;
    }
    if (this.#flow?.type === "exit" && !this.state.inFunction) this.#ended = true;
    this.#flow = undefined;
    [this.#path, this.#line] = [path, line];
  }

  /**
   * Output of a function, final newlines dropped, or why it is not known.
   *
   * @param strict Whether the first thing that is not understood ends the call, even if it may not
   * matter to the output.
   */
  callFunction(name: string, args: readonly string[], strict = false): string | Diagnostic {
    const endSubshell = this.state.subshell();
    this.#strict = strict;
    try {
      const output = this.#collect(() => this.#call(name, args));
      return output.replace(/\n+$/, "");
    } catch (error) {
      if (error instanceof Unsupported || error instanceof UnknownFlow) return error.diagnostic;
      return this.#outOf(error);
    } finally {
      endSubshell();
      this.#strict = false;
      this.#flow = undefined;
      this.#calls = this.#loops = 0;
    }
  }

  // --- what expansion and builtins ask for ---

  unsupported(why: string): never {
    throw new Unsupported({ file: this.#path, line: this.#line, why });
  }

  valueOf(name: string): string | readonly string[] | undefined {
    const variable = this.state.get(name);
    if (variable?.unknown !== undefined) throw new Unsupported(variable.unknown);
    return variable?.value;
  }

  assign(name: string, value: string | readonly string[]): void {
    this.#set(name, value, this.#line);
  }

  capture(body: readonly Node[]): string {
    const endSubshell = this.state.subshell();
    const [flow, line] = [this.#flow, this.#line];
    try {
      return this.#collect(() => this.#runAll(body));
    } finally {
      endSubshell();
      this.#flow = flow;
      this.#line = line;
    }
  }

  fileOf(body: readonly Node[]): string {
    const { keepOutput } = this.#options;
    if (keepOutput === undefined) return this.unsupported('"<(…)" is not understood here');
    return keepOutput(this.capture(body));
  }

  /** Runs text as if it stood here: `eval`. */
  evaluate(text: string): number {
    const script = parseBash(this.#path, text, this.#line);
    const status = this.#runAll(script.body);
    if (typeof status !== "number") throw new Unsupported(status);
    return status;
  }

  arithmetic(text: string): number {
    return evaluateArithmetic(this, text);
  }

  testFile(op: string, path: string): boolean {
    return this.#options.testFile?.(op, path) ??
      this.unsupported(`The test "${op}" is not evaluated`);
  }

  isUnmatched(pattern: string): boolean {
    return this.#options.isUnmatched?.(pattern) === true;
  }

  namesIn(directory: string): readonly string[] | undefined {
    return this.#options.namesIn?.(directory);
  }

  print(text: string): void {
    if (this.#sink.text.length + text.length > MAX_OUTPUT) {
      this.unsupported("The output is too long");
    }
    this.#sink.text += text;
  }

  readInput(): string | undefined {
    const input = this.#input;
    if (input === undefined) return undefined;
    const text = input.text.slice(input.pos);
    input.pos = input.text.length;
    return text;
  }

  readLine(delimiter = "\n"): { line: string; ended: boolean } | undefined {
    const input = this.#input;
    if (input === undefined) return undefined;
    const end = input.text.indexOf(delimiter, input.pos);
    const line = input.text.slice(input.pos, end < 0 ? undefined : end);
    input.pos = end < 0 ? input.text.length : end + 1;
    return { line, ended: end >= 0 };
  }

  readFile(path: string): string | undefined {
    return this.#options.readFile(path);
  }

  // --- running ---

  #runAll(nodes: readonly Node[]): Status {
    let status: Status = 0;
    for (const node of nodes) {
      status = this.#run(node);
      if (this.#flow !== undefined) break;
    }
    return status;
  }

  #run(node: Node): Status {
    if (++this.#steps > this.#options.maxSteps) throw new OutOfSteps(this.place);
    this.#line = node.line;
    let status: Status;
    try {
      status = this.#execute(node);
    } catch (error) {
      if (!(error instanceof Unsupported) || this.#strict) throw error;
      this.#record(error.diagnostic);
      this.#forget([node], error.diagnostic);
      status = error.diagnostic;
    }
    this.#status = status;
    return status;
  }

  #execute(node: Node): Status {
    switch (node.type) {
      case "simple":
        return this.#simple(node);
      case "pipeline":
        return this.#pipeline(node.commands, node.negate);
      case "list": {
        let status = this.#run(node.first);
        for (const { op, node: next } of node.rest) {
          if (this.#flow !== undefined) return status;
          if (typeof status !== "number") {
            this.#forget([next], status);
          } else if ((status === 0) === (op === "&&")) status = this.#run(next);
        }
        return status;
      }
      case "if": {
        for (const { test, body } of node.branches) {
          const status = this.#runAll(test);
          if (this.#flow !== undefined) return status;
          if (typeof status !== "number") throw new Unsupported(status);
          if (status === 0) return this.#runAll(body);
        }
        return this.#runAll(node.otherwise);
      }
      case "for": {
        if (node.arithmetic !== undefined) return this.#countingLoop(node, node.arithmetic);
        const words = node.words === undefined
          ? [...this.state.positional]
          : this.#expander.fields(node.words);
        let status: Status = 0;
        this.#loop(() => {
          for (const word of words) {
            this.#set(node.name, word, node.line);
            status = this.#runAll(node.body);
            if (this.#leavesLoop()) break;
          }
        });
        return status;
      }
      case "while": {
        let status: Status = 0;
        this.#loop(() => {
          for (;;) {
            const test = this.#runAll(node.test);
            if (this.#flow !== undefined) break;
            if (typeof test !== "number") throw new Unsupported(test);
            if ((test === 0) === node.until) break;
            status = this.#runAll(node.body);
            if (this.#leavesLoop()) break;
          }
        });
        return status;
      }
      case "case": {
        const text = this.#expander.text(node.word);
        for (const { patterns, body, end } of node.items) {
          if (!patterns.some((pattern) => this.#matches(text, pattern))) continue;
          if (end !== ";;") this.unsupported(`"${end}" is not evaluated`);
          return this.#runAll(body);
        }
        return 0;
      }
      case "group": {
        return this.#redirected(node.redirects, () => {
          if (!node.subshell) return this.#runAll(node.body);
          const endSubshell = this.state.subshell();
          try {
            return this.#runAll(node.body);
          } finally {
            endSubshell();
            this.#flow = undefined;
          }
        });
      }
      case "function":
        this.state.setFunction(node.name, { body: node.body, path: this.#path });
        return 0;
      case "condition":
        return this.#test(node.test) ? 0 : 1;
      case "arithmetic":
        return this.arithmetic(this.#expander.text(node.expression)) === 0 ? 1 : 0;
      case "opaque":
        return this.unsupported(node.why);
    }
  }

  /** `for ((first; while; after each))`; an expression may be empty. */
  #countingLoop({ body }: ForNode, { expression }: Arithmetic): Status {
    const part = (index: number): number => {
      const parts = this.#expander.text(expression).split(";");
      if (parts.length !== 3) this.unsupported('"for ((…))" needs three expressions');
      const text = parts[index] ?? "";
      return text.trim() === "" ? 1 : this.arithmetic(text);
    };
    let status: Status = 0;
    part(0);
    this.#loop(() => {
      while (part(1) !== 0) {
        if (++this.#steps > this.#options.maxSteps) throw new OutOfSteps(this.place);
        status = this.#runAll(body);
        if (this.#leavesLoop()) break;
        part(2);
      }
    });
    return status;
  }

  #loop(body: () => void): void {
    this.#loops++;
    try {
      body();
    } catch (error) {
      // Where the loop stops is not known: neither is what it assigns.
      if (error instanceof UnknownFlow && this.#calls === 0 && this.#loops === 1) {
        throw new Unsupported(error.diagnostic);
      }
      throw error;
    } finally {
      this.#loops--;
    }
  }

  /** Takes a `break` or `continue` that ends here; whether the loop is left. */
  #leavesLoop(): boolean {
    const flow = this.#flow;
    if (flow === undefined) return false;
    if (flow.type !== "break" && flow.type !== "continue") return true;
    if (flow.levels > 1) {
      flow.levels--;
      return true;
    }
    this.#flow = undefined;
    return flow.type === "break";
  }

  /** Marks everything that `nodes` may have changed as unknown. */
  #forget(nodes: readonly Node[], diagnostic: Diagnostic): void {
    const effects = effectsOf(nodes, this.state.functions, this.#commands);
    for (const name of effects.names) {
      this.state.set(name, {
        value: undefined,
        unknown: diagnostic,
        readonly: false,
        exported: this.state.get(name)?.exported ?? false,
        path: diagnostic.file,
        line: diagnostic.line,
      });
    }
    const body: Node = { type: "group", line: 0, subshell: false, body: [], redirects: [] };
    for (const name of effects.functions) {
      this.state.setFunction(name, { body, path: this.#path, broken: diagnostic });
    }
    if (effects.prints) this.#sink.unknown ??= diagnostic;
    if (effects.jumps && (this.#calls > 0 || this.#loops > 0)) throw new UnknownFlow(diagnostic);
  }

  #record(diagnostic: Diagnostic): void {
    const key = `${diagnostic.file}:${diagnostic.line}: ${diagnostic.why}`;
    if (this.diagnostics.length >= MAX_DIAGNOSTICS || this.#recorded.has(key)) return;
    this.#recorded.add(key);
    this.diagnostics.push(diagnostic);
  }

  /** Turns what stops everything into a diagnostic; other errors are the interpreter's own. */
  #outOf(error: unknown): Diagnostic {
    const { path, line } = error instanceof OutOfSteps ? error.place : this.place;
    const why = error instanceof OutOfSteps
      ? "The script takes too many steps"
      : error instanceof RangeError
      ? "The script nests too deeply"
      : undefined;
    if (error instanceof UnknownFlow) return error.diagnostic;
    if (why === undefined) throw error;
    const diagnostic = { file: path, line, why };
    this.#record(diagnostic);
    return diagnostic;
  }

  /** Runs `body` and returns its output; unsupported if that is unknown. */
  #collect(body: () => Status): string {
    const outer = this.#sink;
    const sink: Sink = { text: "" };
    this.#sink = sink;
    try {
      const status = body();
      this.#substituted = status;
      this.#status = status;
    } finally {
      this.#sink = outer;
    }
    if (sink.unknown !== undefined) throw new Unsupported(sink.unknown);
    return sink.text;
  }

  #pipeline(commands: readonly Node[], negate: boolean): Status {
    let status: Status = 0;
    if (commands.length === 1) status = this.#run(commands[0]!);
    else {
      const outer = this.#input;
      try {
        commands.forEach((command, i) => {
          const last = i === commands.length - 1;
          const output = this.capture([command]);
          if (last) this.print(output);
          else this.#input = { text: output, pos: 0 };
        });
      } finally {
        this.#input = outer;
      }
      status = this.#substituted;
    }
    return !negate || typeof status !== "number" ? status : status === 0 ? 1 : 0;
  }

  #redirected(redirects: readonly Redirect[], body: () => Status): Status {
    if (redirects.length === 0) return body();
    const [input, sink] = [this.#input, this.#sink];
    for (const redirect of redirects) this.#redirect(redirect);
    const inner = this.#sink;
    try {
      const status = body();
      this.#write(redirects, inner);
      return status;
    } finally {
      [this.#input, this.#sink] = [input, sink];
      if (inner.unknown !== undefined && inner !== sink) this.#record(inner.unknown);
    }
  }

  /** Hands on what was written to a file. */
  #write(redirects: readonly Redirect[], { text }: Sink): void {
    const { writeFile } = this.#options;
    const last = redirects.findLast(({ fd, op }) => (fd ?? 1) === 1 && /^>[>|]?$/.test(op));
    if (writeFile === undefined || last === undefined || isOutputProcess(last.target)) return;
    const path = this.#expander.text(last.target);
    if (path !== "/dev/null") writeFile(path, text, { append: last.op === ">>" });
  }

  #redirect({ fd, op, target }: Redirect): void {
    if (op.startsWith("<")) return this.#redirectInput(op, target, fd ?? 0);
    if (this.#options.dropsFiles && isOutputProcess(target)) {
      if ((fd ?? 1) === 1) this.#sink = { text: "" };
      return;
    }
    const name = this.#expander.text(target);
    const toNothing = name === "/dev/null" || (op === ">&" && name === "2") ||
      name === "/dev/stderr";
    if (!toNothing && !(op === ">&" && name === "1") && !this.#options.dropsFiles) {
      this.unsupported(`Nothing is written to "${name}"`);
    }
    const stdout = (fd ?? 1) === 1;
    if (stdout && name !== "1") this.#sink = { text: "" };
  }

  #redirectInput(op: string, target: Word, fd: number): void {
    if (fd !== 0 || op === "<&" || op === "<>") this.unsupported(`"${op}" is not understood`);
    if (op === "<<<") this.#input = { text: `${this.#expander.text(target)}\n`, pos: 0 };
    else if (op === "<<" || op === "<<-") {
      this.#input = { text: this.#expander.text(target), pos: 0 };
    } else {
      const part = target.parts[0];
      if (target.parts.length === 1 && part?.type === "process") {
        this.#input = { text: this.capture(part.body), pos: 0 };
        return;
      }
      const path = this.#expander.text(target);
      const text = this.readFile(path) ?? this.unsupported(`Cannot read the file "${path}"`);
      this.#input = { text, pos: 0 };
    }
  }

  // --- simple commands ---

  #simple(node: SimpleNode): Status {
    const command = literalOf(node.words[0]);
    if (node.words.length === 0) {
      this.#substituted = 0;
      for (const assign of node.assigns) this.#assignment(assign);
      const status = this.#substituted;
      return this.#redirected(node.redirects, () => status);
    }
    if (command !== undefined && DECLARATIONS.has(command)) return this.#declare(command, node);
    if (command !== undefined && this.#isIgnored(command)) return 0;
    const words = this.#expander.fields(node.words.filter((word) => word.type === "word"));
    const [name, ...args] = words;
    if (name === undefined) return 0;
    const restore = this.#temporary(node.assigns);
    try {
      return this.#redirected(node.redirects, () => this.#call(name, args));
    } finally {
      restore();
    }
  }

  /** Sets `X=1 command`'s variables for the command alone. */
  #temporary(assigns: readonly Assign[]): () => void {
    const before = assigns.map(({ name }) => ({ name, variable: this.state.get(name) }));
    for (const assign of assigns) this.#assignment(assign, { isExported: true });
    return () => {
      for (const { name, variable } of before) {
        if (variable === undefined) this.state.unset(name);
        else this.state.set(name, variable);
      }
    };
  }

  #isIgnored(name: string): boolean {
    return this.#commands.isIgnored?.(name) === true && !this.#commands.overrides?.has(name);
  }

  #call(name: string, args: readonly string[]): Status {
    const override = this.#commands.overrides?.get(name);
    if (override !== undefined) return override(this, args, name);
    if (this.#isIgnored(name)) return 0;
    const called = this.state.functions.get(name);
    if (called !== undefined) {
      if (called.broken !== undefined) throw new Unsupported(called.broken);
      return this.#callShellFunction(name, called.body, called.path, args);
    }
    if (name === "return" || name === "exit" || name === "break" || name === "continue") {
      const value = Number(args[0] ?? (name === "return" || name === "exit" ? this.status : 1));
      if (!Number.isInteger(value) || value < 0) {
        this.unsupported(`"${name} ${args[0]}" is not understood`);
      }
      this.#flow = { type: name, levels: value };
      return name === "return" || name === "exit" ? value : 0;
    }
    if (name === "source" || name === ".") return this.#source(args[0] ?? "");
    const builtin = BUILTINS.get(name) ?? this.#commands.defaults?.get(name);
    if (builtin === undefined) {
      if (this.#options.onCommand?.(name, args) === true) return 0;
      this.unsupported(`"${name}" is not run`);
    }
    return builtin(this, args, name);
  }

  #callShellFunction(name: string, body: Node, path: string, args: readonly string[]): Status {
    if (this.#calls >= MAX_CALLS) this.unsupported(`"${name}" calls itself too often`);
    const [outerPath, outerLine, outerLoops] = [this.#path, this.#line, this.#loops];
    const leave = this.state.enter(args);
    this.#calls++;
    this.#loops = 0;
    this.#path = path;
    let unknownFlow: Diagnostic | undefined;
    let status: Status = 0;
    try {
      status = this.#run(body);
      if (this.#flow?.type === "return") {
        status = this.#flow.levels;
        this.#flow = undefined;
      }
    } catch (error) {
      if (!(error instanceof UnknownFlow)) throw error;
      unknownFlow = error.diagnostic;
    } finally {
      leave();
      this.#calls--;
      [this.#path, this.#line, this.#loops] = [outerPath, outerLine, outerLoops];
    }
    if (unknownFlow === undefined) return status;
    // The caller's command is unsupported, which also forgets what the function may have set.
    throw new Unsupported(unknownFlow);
  }

  #source(path: string): Status {
    const text = this.readFile(path);
    if (text === undefined) this.unsupported(`The file "${path}" is not read`);
    if (this.#sourced.has(path)) return 0;
    this.runScript(parseBash(path, text));
    return 0;
  }

  #declare(command: string, node: SimpleNode): Status {
    const flags = new Set<string>();
    const targets: (Assign | string)[] = [];
    for (const word of node.words.slice(1)) {
      if (word.type === "assign") targets.push(word);
      else {
        for (const text of this.#expander.fields([word])) {
          if (/^[-+][a-zA-Z]+$/.test(text)) { for (const flag of text.slice(1)) flags.add(flag); }
          else if (/^[A-Za-z_]\w*$/.test(text)) targets.push(text);
          else if (!flags.has("f")) this.unsupported(`"${command} ${text}" is not understood`);
        }
      }
    }
    if (flags.has("f") || flags.has("p") || flags.has("F")) return 0;
    for (const flag of flags) {
      const known = command === "export" ? "n" : "arxgt";
      if (!known.includes(flag)) this.unsupported(`"${command} -${flag}" is not evaluated`);
    }
    const isReadonly = command === "readonly" || flags.has("r");
    const isExported = flags.has("n")
      ? false
      : command === "export" || flags.has("x")
      ? true
      : undefined;
    const makesLocal = command === "local" ||
      ((command === "declare" || command === "typeset") && !flags.has("g"));
    const local = makesLocal && this.state.inFunction;
    for (const target of targets) {
      if (typeof target !== "string") {
        this.#assignment(target, { local, isReadonly, isExported });
        continue;
      }
      const outer = this.state.get(target);
      const variable = local && !this.state.hasLocal(target) ? undefined : outer;
      const exported = isExported ?? outer?.exported ?? false;
      if (variable !== undefined) {
        const readonly = isReadonly || variable.readonly;
        this.state.set(target, { ...variable, readonly, exported }, local);
        continue;
      }
      const value = flags.has("a") ? [] : undefined;
      if (!local && value === undefined && isExported !== true) continue;
      const [path, line] = [this.#path, node.line];
      this.state.set(target, { value, readonly: isReadonly, exported, path, line }, local);
    }
    return 0;
  }

  #assignment(
    assign: Assign,
    { local = false, isReadonly = false, isExported }: Attributes = {},
  ): void {
    const { name, index, append, value, line } = assign;
    const isLocalNew = local && !this.state.hasLocal(name);
    const old = isLocalNew ? undefined : this.state.get(name);
    let next: string | readonly string[];
    if (isWords(value)) {
      const keyed = value.find((word) => /^\[[^\]]*\]\+?=/.test(leadingText(word)));
      if (keyed !== undefined) this.unsupported("Elements with subscripts are not evaluated");
      const items = this.#expander.fields(value);
      const before = append ? this.#known(old) ?? [] : [];
      next = [...(typeof before === "string" ? [before] : before), ...items];
    } else {
      const text = this.#expander.text(value);
      const before = append || index !== undefined || Array.isArray(old?.value)
        ? this.#known(old)
        : undefined;
      next = this.#scalarInto(before, text, append, index);
    }
    this.#set(name, next, line, { local, isReadonly, isExported });
  }

  #known(variable: Variable | undefined): string | readonly string[] | undefined {
    if (variable?.unknown !== undefined) throw new Unsupported(variable.unknown);
    return variable?.value;
  }

  #scalarInto(
    before: string | readonly string[] | undefined,
    text: string,
    append: boolean,
    index: Word | undefined,
  ): string | readonly string[] {
    if (index === undefined && (before === undefined || typeof before === "string")) {
      return append ? `${before ?? ""}${text}` : text;
    }
    const items = before === undefined ? [] : typeof before === "string" ? [before] : [...before];
    const at = index === undefined ? 0 : this.#expander.subscript(index);
    if (at > items.length) this.unsupported("An array with holes is not evaluated");
    items[at] = append ? `${items[at] ?? ""}${text}` : text;
    return items;
  }

  #set(
    name: string,
    value: string | readonly string[],
    line: number,
    { local = false, isReadonly = false, isExported }: Attributes = {},
  ): void {
    const outer = this.state.get(name);
    const old = local && !this.state.hasLocal(name) ? undefined : outer;
    if (old?.readonly) {
      // A shell keeps the value and ends the script.
      const diagnostic = { file: this.#path, line, why: `"${name}" is readonly` };
      if (this.#strict) throw new Unsupported(diagnostic);
      this.#record(diagnostic);
      return;
    }
    const exported = isExported ?? outer?.exported ?? false;
    const path = this.#path;
    this.state.set(name, { value, readonly: isReadonly, exported, path, line }, local);
  }

  // --- conditions ---

  #test(test: Test): boolean {
    if (++this.#steps > this.#options.maxSteps) throw new OutOfSteps(this.place);
    switch (test.type) {
      case "not":
        return !this.#test(test.test);
      case "and":
        return this.#test(test.left) && this.#test(test.right);
      case "or":
        return this.#test(test.left) || this.#test(test.right);
      case "unary":
        return testUnary(this, test.op, this.#expander.text(test.word));
      case "binary":
        return this.#compare(test.op, test.left, test.right);
    }
  }

  #compare(op: string, left: Word, right: Word): boolean {
    const text = this.#expander.text(left);
    if (op === "==" || op === "=") return this.#matches(text, right);
    if (op === "!=") return !this.#matches(text, right);
    if (op === "<") return text < this.#expander.text(right);
    if (op === ">") return text > this.#expander.text(right);
    if (op === "=~") {
      const pieces = this.#expander.pieces(right);
      const groups = this.#pattern(() => compileRegex(pieces).groups(text));
      this.#set("BASH_REMATCH", groups ?? [], this.#line);
      return groups !== undefined;
    }
    return compareNumbers(this, text, op, this.#expander.text(right));
  }

  #matches(text: string, pattern: Word): boolean {
    const pieces = this.#expander.pieces(pattern);
    return this.#pattern(() => compileGlob(pieces).matches(text));
  }

  #pattern<T>(match: () => T): T {
    try {
      return match();
    } catch (error) {
      if (error instanceof PatternError) this.unsupported(error.message);
      throw error;
    }
  }
}

/** Whether it is `>(…)`. */
function isOutputProcess({ parts }: Word): boolean {
  const [part] = parts;
  return parts.length === 1 && part?.type === "opaque" && part.isOutput === true;
}

function isWords(value: Word | readonly Word[]): value is readonly Word[] {
  return Array.isArray(value);
}

function leadingText(word: Word): string {
  const first = word.parts[0];
  return first?.type === "text" && !first.quoted ? first.text : "";
}
