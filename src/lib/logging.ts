/**
 * Port of `hack/lib/logging.sh`: the lines that Kubernetes' scripts print, on stderr.
 *
 * ```text
 * +++ [0518 15:19:14] Building go targets for linux/amd64:
 *     cmd/kubectl
 * !!! [0518 15:19:20] go exited with status 2
 * ```
 *
 * @module
 */
import { printable } from "../errors.ts";

/** Where log lines go and how many of them. */
export interface LoggerOptions {
  /** Takes finished text, newline included. */
  write: (text: string) => void;
  /** `KUBE_VERBOSE`: lines with a higher level are dropped. Default 1, as the root Makefile sets. */
  verbosity?: number;
  /** The clock for time stamps; local time, as `date +"[%m%d %H:%M:%S]"`. */
  now?: () => Date;
  /** Colours the `+++` and `!!!` marks; only for terminals. */
  color?: boolean;
  /** Whether {@linkcode Logger.progress} may redraw a line. */
  terminal?: boolean;
}

/** Options of one line. */
export interface LineOptions {
  /** `V` of the scripts: the lowest `KUBE_VERBOSE` that shows the line. Default 0. */
  v?: number;
}

/** The log of one run. Results never go here: they belong on stdout. */
export interface Logger {
  /** `KUBE_VERBOSE`. */
  readonly verbosity: number;
  /** Port of `kube::log::status`: `+++ [time] message`, further lines indented. */
  status(message: string, lines?: readonly string[], options?: LineOptions): void;
  /** Port of `kube::log::info`: the lines as they are. */
  info(message: string, options?: LineOptions): void;
  /** A warning: `WARNING: message` under the same rules as a status line. */
  warn(message: string, lines?: readonly string[]): void;
  /** Port of `kube::log::error`: `!!! [time] message`, further lines indented. */
  error(message: string, lines?: readonly string[]): void;
  /** Port of `kube::log::usage`: the lines with an empty line before and after. */
  usage(...lines: string[]): void;
  /** Port of `kube::log::progress`: on a terminal one line that is redrawn; "" clears it. */
  progress(text: string): void;
}

/** `[0518 15:19:14]`: local month, day and time, as `date +"[%m%d %H:%M:%S]"` prints them. */
export function timestamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = two(date.getMonth() + 1) + two(date.getDate());
  return `[${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}]`;
}

/**
 * Makes a {@linkcode Logger} that writes through `options.write`.
 *
 * @example
 * ```ts
 * import { logging } from "@k8s/kbuild";
 *
 * const log = logging.createLogger({ write: (text) => console.error(text.trimEnd()) });
 * log.status("Building go targets for linux/amd64:", ["cmd/kubectl"]);
 * ```
 */
export function createLogger(options: LoggerOptions): Logger {
  const { write, verbosity = 1, now = () => new Date(), color = false, terminal = false } = options;
  const paint = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  let progressShown = false;

  function clearProgress(): string {
    if (!progressShown) return "";
    progressShown = false;
    return "\r\x1b[K";
  }
  function block(mark: string, message: string, lines: readonly string[], label = ""): void {
    const rest = lines.map((line) => `    ${printable(line)}\n`).join("");
    write(`${clearProgress()}${mark} ${timestamp(now())} ${label}${printable(message)}\n${rest}`);
  }

  return Object.freeze({
    verbosity,
    status(message: string, lines: readonly string[] = [], { v = 0 }: LineOptions = {}): void {
      if (verbosity >= v) block(paint(32, "+++"), message, lines);
    },
    info(message: string, { v = 0 }: LineOptions = {}): void {
      if (verbosity >= v) write(`${clearProgress()}${printable(message)}\n`);
    },
    warn(message: string, lines: readonly string[] = []): void {
      block(paint(33, "+++"), message, lines, `${paint(33, "WARNING:")} `);
    },
    error(message: string, lines: readonly string[] = []): void {
      block(paint(31, "!!!"), message, lines);
    },
    usage(...lines: string[]): void {
      write(`${clearProgress()}\n${lines.map((line) => `${line}\n`).join("")}\n`);
    },
    progress(text: string): void {
      if (!terminal || verbosity < 1) return;
      const clear = clearProgress();
      if (text !== "") progressShown = true;
      write(`${clear}${text}`);
    },
  });
}
