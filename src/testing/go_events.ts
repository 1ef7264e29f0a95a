/** An event of `go test -json`: the documented form of `go doc test2json`, as far as it is used. */
export interface GoEvent {
  /** ISO 8601; missing in events about builds. */
  readonly Time?: string;
  /** What happened: `run`, `output`, `pass`, `fail`, `skip` … */
  readonly Action: string;
  /** Import path of the package. */
  readonly Package?: string;
  /** Package that was compiled, in `build-output` and `build-fail` (Go 1.24): `a/b [a/b.test]`. */
  readonly ImportPath?: string;
  /** `TestA/a_case`; missing in events about a whole package. */
  readonly Test?: string;
  /** Seconds. */
  readonly Elapsed?: number;
  /** Text, line end included. */
  readonly Output?: string;
}

/** Reads the lines of `go test -json` from chunks of its output. */
export class GoEventReader {
  readonly #decoder = new TextDecoder();
  readonly #take: (event: GoEvent) => void;
  #rest = "";

  /**
   * Makes a reader.
   *
   * @param take Receives every event.
   */
  constructor(take: (event: GoEvent) => void) {
    this.#take = take;
  }

  /** Reads a chunk. */
  add(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  /** The output has ended. */
  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
  }

  #line(line: string): void {
    const event = line.startsWith("{") ? parsed(line) : undefined;
    if (event !== undefined) return this.#take(event);
    // Go up to 1.23 prints lines of packages that do not compile as plain text.
    const [, word, name] = /^(FAIL|ok|\?|---)\s+(\S+)/.exec(line) ?? [];
    const about = word === "FAIL" && name !== undefined ? { Package: name } : {};
    this.#take({ Action: "output", Output: `${line}\n`, ...about });
    if (word === "FAIL" && name !== undefined) this.#take({ Action: "fail", Package: name });
  }
}

function parsed(line: string): GoEvent | undefined {
  try {
    const event = JSON.parse(line) as GoEvent;
    return typeof event.Action === "string" ? event : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
