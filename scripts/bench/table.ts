/** One table of figures from one run, in Markdown: that of docs/parity.md. */
import { type Cost, median } from "./measure.ts";
import { type Packaging, total } from "./packaging.ts";

/** One line of the table. */
export interface Row {
  readonly what: string;
  /** Runs of the scripts; none where they have no such thing. */
  readonly scripts: readonly Cost[];
  readonly kbuild: readonly Cost[];
}

/** Where and when the figures were measured. */
export interface Circumstances {
  /** What was measured: "v1.20.2, go1.19.8 linux/amd64". */
  readonly title: string;
  /** "2026-11-29". */
  readonly date: string;
  readonly machine: string;
  /** Runs of each side. */
  readonly runs: number;
}

/** The lines of packaging. */
export function packagingRows(packaging: Packaging): readonly Row[] {
  const { scripts, cold, fast, unchanged, changed } = packaging;
  const larger = total(packaging.fastSizes) / total(packaging.ourSizes) - 1;
  return [
    { what: "`package-tarballs` without images, from nothing", scripts, kbuild: cold },
    {
      what: `the same with \`--compression-level fast\`, ${(larger * 100).toFixed(1)} % larger`,
      scripts,
      kbuild: fast,
    },
    { what: "`package-tarballs`, kube-proxy changed", scripts, kbuild: changed },
    { what: "`package-tarballs`, nothing changed", scripts, kbuild: unchanged },
  ];
}

/** "1.24 s", "83 ms". */
function time(ms: number): string {
  return ms < 995 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toPrecision(ms < 9950 ? 2 : 3)} s`;
}

/** The table, and a sentence that says what its figures are. Times are medians of processor time. */
export function markdownTable(
  { title, date, machine, runs }: Circumstances,
  rows: readonly Row[],
): string {
  const processor = (costs: readonly Cost[]) => median(costs.map(({ processorMs }) => processorMs));
  const lines = rows.map(({ what, scripts, kbuild }) => {
    const ours = processor(kbuild);
    if (scripts.length === 0) return `| ${what} | | ${time(ours)} | |`;
    const theirs = processor(scripts);
    return `| ${what} | ${time(theirs)} | ${time(ours)} | ${(ours / theirs).toPrecision(2)} |`;
  });
  const each = runs === 1 ? "one run" : `medians of ${runs} runs`;
  return [
    `Kubernetes ${title}; ${machine}, ${date}. Processor time (user and system), ${each} of each side:`,
    "",
    "| | scripts | kbuild | ratio |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}

/** "2 processors (AMD EPYC 7B13)". */
export function thisMachine(): string {
  let model: string | undefined;
  try {
    model = /^model name\s*: (.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
  } catch {
    // Not Linux.
  }
  const count = `${navigator.hardwareConcurrency} processors`;
  return model === undefined ? count : `${count} (${model})`;
}
