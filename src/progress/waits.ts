/** What is waited for, and does not write to the terminal: programs, and kbuild's own work between them. */
export class Waits {
  readonly #since = new Map<symbol, { readonly what: string; readonly began: number }>();
  readonly #phases: string[] = [];
  /** Called when one has ended, before anything else can write. */
  onEnd: () => void = () => {};

  /**
   * A program starts.
   *
   * @param what What a user knows it by: "git status".
   * @returns To be called when it has ended.
   */
  add(what: string): () => void {
    const key = Symbol();
    this.#since.set(key, { what, began: performance.now() });
    return () => {
      this.#since.delete(key);
      this.onEnd();
    };
  }

  /**
   * Does work that is named where no program is waited for. Nothing in it may write to the terminal by itself.
   *
   * @param what What a user knows it by: "planning".
   */
  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#phases.push(what);
    try {
      return await work();
    } finally {
      this.#phases.splice(this.#phases.lastIndexOf(what), 1);
      this.onEnd();
    }
  }

  /**
   * The program that has been waited for the longest, if that is `ms` milliseconds or more, else the work that
   * began last; undefined if there is neither.
   */
  longest(ms: number): string | undefined {
    const [first] = this.#since.values();
    if (first !== undefined && performance.now() - first.began >= ms) return first.what;
    return this.#phases.at(-1);
  }
}
