/** Programs that are waited for, and whose output is not shown. */
export class Waits {
  readonly #since = new Map<symbol, { readonly what: string; readonly began: number }>();
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

  /** The one that has been waited for the longest; undefined if none took `ms` milliseconds yet. */
  longest(ms: number): string | undefined {
    const [first] = this.#since.values();
    return first !== undefined && performance.now() - first.began >= ms ? first.what : undefined;
  }
}
