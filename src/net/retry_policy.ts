/** How long a server is waited for, and how often it is asked again. */
export interface RetryPolicy {
  /** Milliseconds from a request to the head of its answer, connecting included. */
  readonly headersMs: number;
  /** Milliseconds without a byte after which a server counts as gone. */
  readonly stallMs: number;
  /** The window in which at least `slowBytes` must come, in milliseconds. */
  readonly slowMs: number;
  /** Bytes that must come in every window, while the body has not ended. */
  readonly slowBytes: number;
  /** How often one server is asked for the same thing, the first time included. */
  readonly attempts: number;
  /** Milliseconds before the second time; doubled each time. */
  readonly backoffMs: number;
  /** How much of a pause is left to chance: 0 (none) to 1 (all of it). */
  readonly jitter: number;
  /** Milliseconds that all waiting for one server may take, `Retry-After` and silence included. */
  readonly waitMs: number;
}

/** For servers in the internet. A hanging one costs 41 s, a failing one some seconds. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  headersMs: 20_000,
  stallMs: 30_000,
  slowMs: 60_000,
  slowBytes: 64 << 10,
  attempts: 3,
  backoffMs: 1000,
  jitter: 0.5,
  waitMs: 60_000,
});
