/** What the evaluation of `$((…))` asks of the script's state. */
export interface ArithmeticHost {
  /** Stops the command. */
  unsupported(why: string): never;
  /** The value of a variable; unsupported if it is unknown. */
  valueOf(name: string): string | readonly string[] | undefined;
  /** Sets a variable: `x += 1`. */
  assign(name: string, value: string): void;
}

const TOKEN = /\s*(?:([0-9]+)|([A-Za-z_]\w*)|(\+\+|--|[-+*/%]=|[<>=!]=|&&|\|\||[-+*/%<>=!()]))/y;
const MAX_DEPTH = 50;

/** Binary operators by how strongly they bind, the weakest first. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

/**
 * Evaluates the inside of `((…))`, expansions done: whole numbers, variables, `+ - * / %`, comparisons,
 * `! && ||`, assignments and `++`. Anything else that a shell knows is unsupported, as is what does
 * not fit into 53 bits.
 */
export function evaluateArithmetic(host: ArithmeticHost, text: string): number {
  return new Arithmetic(host, text).evaluate();
}

class Arithmetic {
  readonly #host: ArithmeticHost;
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;
  #depth = 0;
  /** Whether assignments are left out: the right side of a decided `&&` or `||`. */
  #skipping = false;

  constructor(host: ArithmeticHost, text: string) {
    this.#host = host;
    this.#text = text.trim();
    TOKEN.lastIndex = 0;
    let end = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
      this.#tokens.push(match[1] ?? match[2] ?? match[3]!);
      end = TOKEN.lastIndex;
    }
    if (text.slice(end).trim() !== "") this.#fail();
  }

  evaluate(): number {
    if (this.#tokens.length === 0) return 0;
    const value = this.#expression();
    if (this.#at < this.#tokens.length) this.#fail();
    return value;
  }

  #fail(): never {
    return this.#host.unsupported(`The arithmetic "${this.#text}" is not evaluated`);
  }

  #take(...wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    this.#at++;
    return token;
  }

  #expression(): number {
    if (++this.#depth > MAX_DEPTH) this.#fail();
    const [name = "", op = ""] = this.#tokens.slice(this.#at, this.#at + 2);
    let value: number;
    if (/^[A-Za-z_]/.test(name) && /^[-+*/%]?=$/.test(op)) {
      this.#at += 2;
      const right = this.#expression();
      value = op === "=" ? right : this.#apply(op[0]!, this.#variable(name), right);
      this.#assign(name, value);
    } else value = this.#binary(0);
    this.#depth--;
    return value;
  }

  #binary(level: number): number {
    const ops = LEVELS[level];
    if (ops === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let op = this.#take(...ops); op !== undefined; op = this.#take(...ops)) {
      const skipped = this.#skipping;
      this.#skipping ||= (op === "&&" && left === 0) || (op === "||" && left !== 0);
      const right = this.#binary(level + 1);
      left = this.#apply(op, left, right);
      this.#skipping = skipped;
    }
    return left;
  }

  #apply(op: string, left: number, right: number): number {
    switch (op) {
      case "||":
        return left !== 0 || right !== 0 ? 1 : 0;
      case "&&":
        return left !== 0 && right !== 0 ? 1 : 0;
      case "==":
        return left === right ? 1 : 0;
      case "!=":
        return left !== right ? 1 : 0;
      case "<":
        return left < right ? 1 : 0;
      case "<=":
        return left <= right ? 1 : 0;
      case ">":
        return left > right ? 1 : 0;
      case ">=":
        return left >= right ? 1 : 0;
      case "+":
        return this.#checked(left + right);
      case "-":
        return this.#checked(left - right);
      case "*":
        return this.#checked(left * right);
    }
    if (this.#skipping) return 0;
    if (right === 0) this.#fail();
    return op === "/" ? Math.trunc(left / right) : left % right;
  }

  #checked(value: number): number {
    if (!Number.isSafeInteger(value)) this.#fail();
    return value;
  }

  #unary(): number {
    if (++this.#depth > MAX_DEPTH) this.#fail();
    const op = this.#take("!", "-", "+", "++", "--");
    const value = op === undefined
      ? this.#operand()
      : op === "!"
      ? (this.#unary() === 0 ? 1 : 0)
      : op === "-"
      ? 0 - this.#unary()
      : op === "+"
      ? this.#unary()
      : this.#step(this.#tokens[this.#at++], op).after;
    this.#depth--;
    return value;
  }

  #operand(): number {
    if (this.#take("(") !== undefined) {
      const value = this.#expression();
      if (this.#take(")") === undefined) this.#fail();
      return value;
    }
    const token = this.#tokens[this.#at++] ?? this.#fail();
    if (/^[0-9]/.test(token)) return this.#number(token);
    if (!/^[A-Za-z_]/.test(token)) this.#fail();
    const op = this.#take("++", "--");
    return op === undefined ? this.#variable(token) : this.#step(token, op).before;
  }

  #step(name: string | undefined, op: string): { before: number; after: number } {
    if (name === undefined || !/^[A-Za-z_]/.test(name)) this.#fail();
    const before = this.#variable(name);
    const after = this.#checked(op === "++" ? before + 1 : before - 1);
    this.#assign(name, after);
    return { before, after };
  }

  #assign(name: string, value: number): void {
    if (!this.#skipping) this.#host.assign(name, String(value));
  }

  #variable(name: string): number {
    const value = this.#host.valueOf(name);
    const text = typeof value === "string" ? value : value?.[0];
    if (text === undefined) {
      if (this.#skipping) return 0;
      this.#host.unsupported(`"${name}" is not set`);
    }
    if (text.trim() === "") return 0;
    return this.#number(text.trim());
  }

  #number(text: string): number {
    if (/^-?(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
    return this.#skipping ? 0 : this.#host.unsupported(`"${text}" is not a plain number`);
  }
}
