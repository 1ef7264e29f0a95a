import type { Diagnostic, Node } from "./syntax.ts";

/** A variable: its value, or why that is unknown, and where it was assigned. */
export interface Variable {
  /** Undefined: declared but not set, or unknown. */
  readonly value: string | readonly string[] | undefined;
  readonly unknown?: Diagnostic;
  readonly readonly: boolean;
  /** Whether programs that the script starts get it. */
  readonly exported: boolean;
  /** Undefined for variables from the environment. */
  readonly path: string | undefined;
  readonly line: number;
}

/** A function and the file that defines it. */
export interface BashFunction {
  readonly body: Node;
  readonly path: string;
  /** The function could not be parsed. */
  readonly broken?: Diagnostic;
}

/** Variables in dynamic scopes, functions and positional arguments. */
export class BashState {
  readonly #scopes: Map<string, Variable>[];
  readonly #functions = new Map<string, BashFunction>();
  /** What to put back when the innermost subshells end; undefined outside of subshells. */
  #journal: (() => void)[] | undefined;
  positional: readonly string[] = [];
  /** Variables that no script changes. */
  readonly #constants: ReadonlySet<string>;

  constructor(
    variables: Readonly<Record<string, string>>,
    constants: Readonly<Record<string, string>>,
  ) {
    const globals = new Map<string, Variable>();
    for (const [name, value] of [...Object.entries(variables), ...Object.entries(constants)]) {
      if (name === "IFS") continue; // Shells do not take IFS from the environment.
      globals.set(name, { value, readonly: false, exported: true, path: undefined, line: 0 });
    }
    this.#scopes = [globals];
    this.#constants = new Set(Object.keys(constants));
  }

  /** Whether a function is being run. */
  get inFunction(): boolean {
    return this.#scopes.length > 1;
  }

  get(name: string): Variable | undefined {
    return this.#scopeOf(name)?.get(name);
  }

  /** Sets a variable where it is visible, else globally; `local` makes a new one. */
  set(name: string, variable: Variable, local = false): void {
    if (this.#constants.has(name)) return;
    const globals = this.#scopes[0]!;
    const scope = local ? this.#scopes.at(-1)! : this.#scopeOf(name) ?? globals;
    this.#remember(scope, name);
    scope.set(name, variable);
  }

  /** The variables that programs get, as seen from here. */
  exported(): ReadonlyMap<string, Variable> {
    const visible = new Map<string, Variable>();
    for (const scope of this.#scopes) {
      for (const [name, variable] of scope) visible.set(name, variable);
    }
    return new Map([...visible].filter(([, variable]) => variable.exported));
  }

  /** Names of the global variables that scripts have set. */
  assigned(): readonly string[] {
    return [...this.#scopes[0]!].flatMap(([name, { path, value }]) =>
      path === undefined || value === undefined ? [] : [name]
    );
  }

  /** Whether the innermost scope has the variable. */
  hasLocal(name: string): boolean {
    return this.#scopes.at(-1)!.has(name);
  }

  unset(name: string): void {
    const scope = this.#constants.has(name) ? undefined : this.#scopeOf(name);
    if (scope === undefined) return;
    this.#remember(scope, name);
    scope.delete(name);
  }

  get functions(): ReadonlyMap<string, BashFunction> {
    return this.#functions;
  }

  setFunction(name: string, definition: BashFunction): void {
    this.#remember(this.#functions, name);
    this.#functions.set(name, definition);
  }

  unsetFunction(name: string): void {
    this.#remember(this.#functions, name);
    this.#functions.delete(name);
  }

  enter(positional: readonly string[]): () => void {
    const before = this.positional;
    const depth = this.#scopes.length;
    this.positional = positional;
    this.#scopes.push(new Map());
    return () => {
      this.#scopes.length = depth;
      this.positional = before;
    };
  }

  /** Starts a subshell; the result ends it and undoes what it changed. */
  subshell(): () => void {
    const outer = this.#journal;
    const journal: (() => void)[] = [];
    const { positional } = this;
    this.#journal = journal;
    return () => {
      for (const undo of journal.reverse()) undo();
      this.#journal = outer;
      this.positional = positional;
    };
  }

  #remember<T>(map: Map<string, T>, name: string): void {
    if (this.#journal === undefined) return;
    const before = map.get(name);
    this.#journal.push(() => before === undefined ? map.delete(name) : map.set(name, before));
  }

  #scopeOf(name: string): Map<string, Variable> | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      if (this.#scopes[i]!.has(name)) return this.#scopes[i];
    }
    return undefined;
  }
}
