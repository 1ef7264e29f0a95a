import { bytesOf, parseOptions, type ToolContext, ToolRefusal } from "./types.ts";

const SPECS = [
  { names: ["u", "utc", "universal"] },
  { names: ["d", "date"], value: "needed" },
  { names: ["I", "iso-8601"], value: "optional" },
  { names: ["R", "rfc-email"] },
] as const;
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September"],
  ...["October", "November", "December"],
];

/** A moment: whole seconds since 1970, and nanoseconds. */
interface Moment {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Milliseconds of a unit of `-d "3 minutes ago"`. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ sec: 1, second: 1, min: 60, minute: 60, hour: 3600, day: 86400, week: 604800 },
};

/** `date`, in the forms of Kubernetes' scripts. */
export async function date(args: readonly string[], context: ToolContext): Promise<number> {
  const { options, words } = parseOptions("date", args, SPECS);
  const isUtc = options.some(([name]) => name === "u") ||
    /^(UTC0?|GMT0?)$/.test(context.env["TZ"] ?? "");
  const given = options.findLast(([name]) => name === "d")?.[1];
  const now = Date.now();
  const moment = given === undefined
    ? { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1e6 }
    : parseDate(given, now, isUtc);
  const iso = options.findLast(([name]) => name === "I")?.[1];
  const isMail = options.some(([name]) => name === "R");
  const [word, ...more] = words;
  if (more.length > 0 || (word !== undefined && !word.startsWith("+"))) {
    throw new ToolRefusal(`kbuild's date does not have "${words.join(" ")}": it sets no clock`);
  }
  const format = word !== undefined
    ? word.slice(1)
    : iso !== undefined
    ? isoFormat(iso)
    : isMail
    ? "%a, %d %b %Y %T %z"
    : "%a %b %e %T %Z %Y";
  await context.write(bytesOf(`${formatDate(format, moment, isUtc)}\n`));
  return 0;
}

function isoFormat(precision: string): string {
  const known: Readonly<Record<string, string>> = {
    "": "%Y-%m-%d",
    date: "%Y-%m-%d",
    hours: "%Y-%m-%dT%H%:z",
    minutes: "%Y-%m-%dT%H:%M%:z",
    seconds: "%Y-%m-%dT%H:%M:%S%:z",
    s: "%Y-%m-%dT%H:%M:%S%:z",
    ns: "%Y-%m-%dT%H:%M:%S,%N%:z",
  };
  const format = known[precision];
  if (format === undefined) throw new ToolRefusal(`kbuild's date does not have -I${precision}`);
  return format;
}

/** Local times beside UTC are the runtime's: it follows TZ. */
function parseDate(text: string, now: number, isUtc: boolean): Moment {
  const refuse = (): never => {
    throw new ToolRefusal(`kbuild's date does not have -d "${text}"`);
  };
  const at = /^@(-?\d+)(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (at !== null) {
    const nanoseconds = Number((at[2] ?? "").padEnd(9, "0"));
    return at[1]!.startsWith("-") && nanoseconds > 0
      ? { seconds: Number(at[1]) - 1, nanoseconds: 1e9 - nanoseconds }
      : { seconds: Number(at[1]), nanoseconds };
  }
  const whole = (ms: number, nanoseconds = 0) => ({ seconds: Math.floor(ms / 1000), nanoseconds });
  const since = { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1e6 };
  if (/^(now|today)?$/.test(text.trim())) {
    return text.trim() === "" ? refuse() : since;
  }
  const named: Readonly<Record<string, number>> = { yesterday: -86400, tomorrow: 86400 };
  const shift = named[text.trim()];
  if (shift !== undefined && isUtc) return { ...since, seconds: since.seconds + shift };
  const relative = /^([+-]?\d+) *(sec|second|min|minute|hour|day|week)s?( ago)?$/.exec(text.trim());
  if (relative !== null) {
    const [, count = "", unit = "", ago] = relative;
    // A day is not always of 24 hours where clocks change.
    if (!isUtc && UNITS[unit]! >= 86400) refuse();
    const seconds = Number(count) * UNITS[unit]! * (ago === undefined ? 1 : -1);
    return { ...since, seconds: since.seconds + seconds };
  }
  const stamp =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|UTC|[+-]\d\d:?\d\d)?$/
      .exec(text.trim());
  if (stamp === null) return refuse();
  const [, year, month, day, hour = "0", minute = "0", second = "0", part = "", zone] = stamp;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    ...[number, number, number, number, number, number],
  ];
  if (parts[3] > 23 || parts[4] > 59 || parts[5] > 59) refuse();
  parts[1]--;
  const utc = Date.UTC(...parts);
  const check = new Date(utc);
  if (check.getUTCMonth() !== parts[1] || check.getUTCDate() !== parts[2]) refuse();
  const nanoseconds = Number(part.padEnd(9, "0"));
  if (zone !== undefined && /^[+-]/.test(zone)) {
    const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone)!;
    if (Number(hours) > 23 || Number(minutes) > 59) refuse();
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "+" ? 1 : -1);
    return whole(utc - offset * 60_000, nanoseconds);
  }
  if (zone !== undefined || isUtc) return whole(utc, nanoseconds);
  return whole(new Date(...parts).getTime(), nanoseconds);
}

function formatDate(format: string, { seconds, nanoseconds }: Moment, isUtc: boolean): string {
  const local = new Date(seconds * 1000);
  const offset = isUtc ? 0 : -local.getTimezoneOffset();
  const at = new Date(seconds * 1000 + offset * 60_000);
  const pad = (value: number, width = 2, fill = "0") => String(value).padStart(width, fill);
  const zone = (mark: string) =>
    `${offset < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}${mark}${
      pad(Math.abs(offset) % 60)
    }`;
  const hour12 = at.getUTCHours() % 12 || 12;
  const yearDay = Math.floor(
    (Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()) -
      Date.UTC(at.getUTCFullYear(), 0, 1)) / 86_400_000,
  ) + 1;
  const fields: Readonly<Record<string, () => string>> = {
    Y: () => pad(at.getUTCFullYear(), 4),
    y: () => pad(at.getUTCFullYear() % 100),
    m: () => pad(at.getUTCMonth() + 1),
    d: () => pad(at.getUTCDate()),
    e: () => pad(at.getUTCDate(), 2, " "),
    H: () => pad(at.getUTCHours()),
    k: () => pad(at.getUTCHours(), 2, " "),
    I: () => pad(hour12),
    l: () => pad(hour12, 2, " "),
    p: () => at.getUTCHours() < 12 ? "AM" : "PM",
    M: () => pad(at.getUTCMinutes()),
    S: () => pad(at.getUTCSeconds()),
    N: () => pad(nanoseconds, 9),
    "3N": () => pad(Math.floor(nanoseconds / 1e6), 3),
    "6N": () => pad(Math.floor(nanoseconds / 1e3), 6),
    s: () => String(seconds),
    j: () => pad(yearDay, 3),
    u: () => String(at.getUTCDay() || 7),
    w: () => String(at.getUTCDay()),
    a: () => DAYS[at.getUTCDay()]!.slice(0, 3),
    A: () => DAYS[at.getUTCDay()]!,
    b: () => MONTHS[at.getUTCMonth()]!.slice(0, 3),
    h: () => MONTHS[at.getUTCMonth()]!.slice(0, 3),
    B: () => MONTHS[at.getUTCMonth()]!,
    z: () => zone(""),
    ":z": () => zone(":"),
    n: () => "\n",
    t: () => "\t",
    "%": () => "%",
  };
  const longer = format.replaceAll("%%", "\0").replaceAll("%F", "%Y-%m-%d")
    .replaceAll("%T", "%H:%M:%S").replaceAll("%R", "%H:%M").replaceAll("%D", "%m/%d/%y");
  return longer.replaceAll(/%(:z|[36]N|[-_0^]*\w|.?)/g, (whole, name: string) => {
    // Names of zones come from a table that the runtime does not show.
    if (name === "Z" && isUtc) return "UTC";
    const field = fields[name];
    if (field === undefined) throw new ToolRefusal(`kbuild's date does not have ${whole}`);
    return field();
  }).replaceAll("\0", "%");
}
