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
import { createEvents, type Events, type LogText } from "../events/mod.ts";

/** Where log lines go and how many of them. */
export interface LoggerOptions {
  /** Takes finished text, newline included, and how serious it is. */
  write: (text: string, level: LogText["level"]) => void;
  /** Where units of work report; default: a stream that nobody listens to. */
  events?: Events;
  /** `KUBE_VERBOSE`: lines with a higher level are dropped. Default 1, as the root Makefile sets. */
  verbosity?: number;
  /** The clock for time stamps; local time, as `date +"[%m%d %H:%M:%S]"`. */
  now?: () => Date;
  /** Colours the `+++` and `!!!` marks; only for terminals. */
  color?: boolean;
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
  /** Where units of work report that they begin, get on and end, instead of `kube::log::progress`. */
  readonly events: Events;
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
  const { write, verbosity = 1, now = () => new Date(), color = false } = options;
  const { events = createEvents() } = options;
  const paint = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;

  function block(
    mark: string,
    message: string,
    lines: readonly string[],
    { level = "info", label = "" }: { level?: LogText["level"]; label?: string } = {},
  ): void {
    const rest = lines.map((line) => `    ${printable(line)}\n`).join("");
    write(`${mark} ${timestamp(now())} ${label}${printable(message)}\n${rest}`, level);
  }

  return Object.freeze({
    verbosity,
    events,
    status(message: string, lines: readonly string[] = [], { v = 0 }: LineOptions = {}): void {
      if (verbosity >= v) block(paint(32, "+++"), message, lines);
    },
    info(message: string, { v = 0 }: LineOptions = {}): void {
      if (verbosity >= v) write(`${printable(message)}\n`, "info");
    },
    warn(message: string, lines: readonly string[] = []): void {
      const label = `${paint(33, "WARNING:")} `;
      block(paint(33, "+++"), message, lines, { level: "warning", label });
    },
    error(message: string, lines: readonly string[] = []): void {
      block(paint(31, "!!!"), message, lines, { level: "error" });
    },
    usage(...lines: string[]): void {
      write(`\n${lines.map((line) => `${line}\n`).join("")}\n`, "info");
    },
  });
}
