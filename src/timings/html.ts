import { format as formatBytes } from "@std/fmt/bytes";
import { escapeMarkup } from "../lib/markup.ts";
import { duration } from "../progress/mod.ts";
import type { Figures, UnitFigures } from "./figures.ts";

const STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --text: #1a1a1a; --weak: #595959; --line: #d0d0d0;
  --build: #1f6fb2; --generate: #7a52b3; --image: #26734d; --tarball: #8a5a00; --network: #a3366b;
  --reused: #8c8c8c; --failed: #c1121f; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181c; --text: #ececec; --weak: #b4b4b4;
  --line: #44484f; --build: #6cb2ee; --generate: #bfa0ee; --image: #74c69d; --tarball: #e0b057;
  --network: #ee8fbb; --reused: #9a9a9a; --failed: #ff7b84; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 70rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p, figcaption { color: var(--weak); }
figure { margin: 0; overflow-x: auto; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .weak { fill: var(--weak); } svg .grid { stroke: var(--line); }
svg .build { fill: var(--build); } svg .generate { fill: var(--generate); } svg .image { fill: var(--image); }
svg .tarball, svg .package { fill: var(--tarball); } svg .network { fill: var(--network); }
svg .failed { fill: var(--failed); } svg .critical { stroke: var(--text); stroke-width: 1.5; }
svg .curve { fill: none; stroke: var(--build); stroke-width: 2; }
svg .budget { stroke: var(--failed); stroke-dasharray: 4 3; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--weak); }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
`;

/** Width of the charts in their own units, and of the names in front of the first one. */
const WIDTH = 1000;
const NAMES = 300;
const ROW = 22;

/**
 * A run as one page of HTML that needs nothing else: no script, no other file, no network.
 *
 * @param figures Those that `kbuild timings --json` prints.
 */
export function pageOf(figures: Figures): string {
  const { command, at, ms, code, counts } = figures;
  const state = code === undefined
    ? "did not end"
    : code === 0
    ? "succeeded"
    : `failed with status ${code}`;
  const counted = Object.entries(counts).filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`).join(", ") || "no units";
  const title = `kbuild ${command}: ${duration(ms)}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeMarkup(title)}</h1>
<p>It began at ${escapeMarkup(at)} and ${state}: ${counted}.</p>
${summaryTable(figures)}
<h2>Units over time</h2>
<p>Outlined units are the chain that made the run as long as it was.</p>
${unitChart(figures)}
<h2>Units at work</h2>
${concurrencyChart(figures)}
${machineCharts(figures)}
<h2>All units, the longest first</h2>
${unitTable(figures)}
</main>
</body>
</html>
`;
}

/** The units' time by kind. */
function summaryTable({ units }: Figures): string {
  const kinds = Map.groupBy(units, ({ kind }) => kind);
  const rows = [...kinds].map(([kind, of]) => {
    const sum = of.reduce((ms, unit) => ms + unit.ms, 0);
    const reused = of.filter(({ result }) => result === "reused");
    const saved = reused.reduce(
      (ms, { before = 0, ms: took }) => ms + Math.max(0, before - took),
      0,
    );
    return `<tr><th scope="row">${kind}</th><td class="number">${of.length}</td>` +
      `<td class="number">${reused.length}</td><td class="number">${duration(sum)}</td>` +
      `<td class="number">${saved === 0 ? "" : duration(saved)}</td></tr>`;
  });
  return `<table><caption>Time of units by kind; units run side by side, so the sum may be longer than ` +
    `the run. Saved: what reused units took in the run before.</caption>
<thead><tr><th scope="col">Kind</th><th scope="col" class="number">Units</th>` +
    `<th scope="col" class="number">Reused</th><th scope="col" class="number">Time</th>` +
    `<th scope="col" class="number">Saved</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}

const NETWORK: ReadonlySet<string> = new Set(["fetch", "unpack", "compress", "push", "load"]);

function classOf({ kind, result, critical }: UnitFigures): string {
  const color = result === "failed" ? "failed" : NETWORK.has(kind) ? "network" : kind;
  return critical ? `${color} critical` : color;
}

/** Seconds at which a chart has lines: 5 to 10 of them. */
function ticks(ms: number): readonly number[] {
  const least = Math.max(1, ms) / 1000 / 10;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least) ?? least;
  return Array.from({ length: Math.floor(ms / 1000 / step) + 1 }, (_, i) => i * step);
}

function grid(ms: number, height: number, x: (ms: number) => number): string {
  return ticks(ms).map((seconds) => {
    const at = x(seconds * 1000).toFixed(1);
    return `<line class="grid" x1="${at}" x2="${at}" y1="0" y2="${height}"/>` +
      `<text class="weak" x="${at}" y="${height + 14}" text-anchor="middle">` +
      `${Number(seconds.toPrecision(3))} s</text>`;
  }).join("");
}

function figure(label: string, height: number, content: string): string {
  return `<figure><svg viewBox="0 0 ${WIDTH + 20} ${height + 20}" role="img" ` +
    `aria-label="${escapeMarkup(label)}">${content}</svg></figure>`;
}

function unitChart({ units, ms }: Figures): string {
  const ran = units.filter(({ started }) => started !== undefined);
  const x = (at: number) => NAMES + at / Math.max(1, ms) * (WIDTH - NAMES);
  const height = ran.length * ROW;
  const rows = ran.map((unit, i) => {
    const left = x(unit.started ?? 0);
    const width = Math.max(1.5, x((unit.started ?? 0) + unit.ms) - left);
    const name = unit.name.length > 44 ? `${unit.name.slice(0, 43)}…` : unit.name;
    return `<text x="0" y="${i * ROW + 15}">${escapeMarkup(name)}</text>` +
      `<rect class="${classOf(unit)}" x="${left.toFixed(1)}" y="${i * ROW + 3}" ` +
      `width="${width.toFixed(1)}" height="${ROW - 6}">` +
      `<title>${escapeMarkup(unit.id)}: ${duration(unit.ms)}</title></rect>`;
  });
  return figure(
    "Units over time; the table below has the same figures",
    height,
    grid(ms, height, x) + rows.join(""),
  );
}

/** Height of the charts of curves. */
const CURVE = 120;

function curve(
  points: readonly (readonly [ms: number, value: number])[],
  { ms, most, budget, label }: { ms: number; most: number; budget?: number; label: string },
): string {
  const x = (at: number) => 60 + at / Math.max(1, ms) * (WIDTH - 60);
  const y = (value: number) => CURVE - value / Math.max(1e-9, most) * (CURVE - 10);
  const path = points.map(([at, value], i) =>
    `${i === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`
  ).join(" ");
  const line = budget === undefined
    ? ""
    : `<line class="budget" x1="60" x2="${WIDTH}" y1="${y(budget).toFixed(1)}" y2="${
      y(budget).toFixed(1)
    }"/>`;
  return figure(label, CURVE, `${grid(ms, CURVE, x)}${line}<path class="curve" d="${path}"/>`);
}

function concurrencyChart({ units, ms }: Figures): string {
  const changes = units.flatMap((unit) =>
    unit.started === undefined ? [] : [[unit.started, 1], [unit.started + unit.ms, -1]] as const
  ).toSorted((a, b) => a[0] - b[0] || b[1] - a[1]);
  let count = 0;
  let most = 0;
  const points: [number, number][] = [[0, 0]];
  for (const [at, change] of changes) {
    points.push([at, count]);
    count += change;
    most = Math.max(most, count);
    points.push([at, count]);
  }
  return `<p>At most ${most} at once.</p>` +
    curve(points, { ms, most: most + 0.5, label: `Units at work over time, at most ${most}` });
}

function machineCharts({ samples, ms }: Figures): string {
  const [first] = samples;
  if (first === undefined) return "<p>The run was too short to measure processors and memory.</p>";
  const mean = samples.reduce((sum, { processors }) => sum + processors, 0) / samples.length;
  const peak = samples.reduce((most, { memory }) => Math.max(most, memory), 0);
  const cpu = `On average ${mean.toFixed(1)} of ${first.ofProcessors} processors worked.`;
  const memory = `At most ${formatBytes(peak)} of ${formatBytes(first.ofMemory)} were in use.`;
  return `<h2>Processors</h2>
<p>${cpu} All programs of the machine count.</p>
${
    curve(samples.map(({ ms, processors }) => [ms, processors]), {
      ...{ ms, most: first.ofProcessors, budget: first.ofProcessors, label: cpu },
    })
  }
<h2>Memory</h2>
<p>${memory} All programs of the machine count.</p>
${
    curve(samples.map(({ ms, memory }) => [ms, memory]), {
      ...{ ms, most: first.ofMemory, budget: first.ofMemory, label: memory },
    })
  }`;
}

function unitTable({ units }: Figures): string {
  const rows = units.toSorted((a, b) => b.ms - a.ms).map((unit) => {
    const { kind, name, result = "unfinished", reason, started, ms, before } = unit;
    const why = reason === undefined ? "" : `: ${escapeMarkup(reason)}`;
    return `<tr><th scope="row">${
      escapeMarkup(name)
    }</th><td>${kind}</td><td>${result}${why}</td>` +
      `<td class="number">${started === undefined ? "" : duration(started)}</td>` +
      `<td class="number">${started === undefined ? "" : duration(ms)}</td>` +
      `<td class="number">${before === undefined ? "" : duration(before)}</td></tr>`;
  });
  return `<table><caption>Before: what the unit took in the run before.</caption>
<thead><tr><th scope="col">Unit</th><th scope="col">Kind</th><th scope="col">Result</th>` +
    `<th scope="col" class="number">Began at</th><th scope="col" class="number">Time</th>` +
    `<th scope="col" class="number">Before</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}
