/** Characters of one test's output that are kept at its beginning, and as many at its end. */
const KEPT = 16 * 1024;

/** The output of one test: of a long one the beginning and the end, so that memory stays bounded. */
export class Excerpt {
  #head = "";
  #tail = "";
  #dropped = 0;

  /** Adds text. */
  add(text: string): void {
    const room = KEPT - this.#head.length;
    this.#head += text.slice(0, room);
    if (text.length <= room) return;
    this.#tail += text.slice(Math.max(0, room));
    if (this.#tail.length > 2 * KEPT) {
      this.#dropped += this.#tail.length - KEPT;
      this.#tail = this.#tail.slice(-KEPT);
    }
  }

  /** The text, with a line where something is missing. */
  get text(): string {
    if (this.#dropped === 0) return this.#head + this.#tail;
    return `${this.#head}\n[${this.#dropped} characters left out]\n${this.#tail}`;
  }
}
