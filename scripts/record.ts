/**
 * Records what kbuild shows on a terminal, as asciicast v2 files: https://docs.asciinema.org/manual/asciicast/v2/
 *
 * Usage: scripts/task record [FILE DIRECTORY COMMAND…]
 *
 * Without arguments renews those of docs/recordings, on the sample. Needs Linux's `script`.
 */
import { basename, join } from "@std/path";
import { createShell, quoteCommand, type Shell } from "../src/shell/mod.ts";

const SIZE = { width: 100, height: 30 };
const root = join(import.meta.dirname ?? ".", "..");
const launcher = join(root, "scripts", "kbuild");
const { CI: _ci, NO_COLOR: _noColor, ...environment } = Deno.env.toObject();

/** What is recorded, in this order, in one checkout. */
const RECORDINGS: readonly {
  readonly name: string;
  readonly args: readonly string[];
  /** Done to the checkout before. */
  readonly prepare?: (checkout: string) => Promise<void>;
}[] = [
  { name: "demo", args: ["demo"] },
  {
    name: "quick-release",
    args: ["quick-release", "--bases", "scratch", "KUBE_BUILD_PLATFORMS=linux/arm64"],
  },
  { name: "test", args: ["test"] },
  {
    name: "failure",
    args: ["all", "cmd/kubectl", "cmd/kubelet"],
    prepare: async (checkout) => {
      const source = join(checkout, "cmd", "kubectl", "kubectl.go");
      const text = await Deno.readTextFile(source);
      await Deno.writeTextFile(source, text.replace("func main() {", "func main() {\n\tunknown()"));
    },
  },
];

/** Records a command line with `argv` and writes it to a file. `shown` is how a user would type it. */
async function record(
  shell: Shell,
  file: string,
  argv: readonly string[],
  shown: string,
): Promise<void> {
  const events: (readonly [number, "o", string])[] = [[0, "o", `$ ${shown}\r\n`]];
  const from = performance.now();
  const decoder = new TextDecoder();
  const inTerminal = `stty cols ${SIZE.width} rows ${SIZE.height}; exec ${quoteCommand(argv)}`;
  await shell.run(["script", "-q", "-f", "-c", inTerminal, "/dev/null"], {
    allowed: [0, 1],
    onStdout: (chunk) => {
      const seconds = Math.round(performance.now() - from) / 1000;
      events.push([seconds, "o", decoder.decode(chunk, { stream: true })]);
    },
  });
  const header = { version: 2, ...SIZE, title: shown, env: { TERM: "xterm-256color" } };
  const lines = [header, ...events].map((line) => JSON.stringify(line));
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  const pauses = events.slice(1).map(([at], i) => at - (events[i]?.[0] ?? 0));
  const longest = Math.max(0, ...pauses).toFixed(1);
  console.log(`${basename(file)}: ${events.at(-1)?.[0]} s, longest pause ${longest} s`);
}

async function recordSample(): Promise<void> {
  const top = await Deno.makeTempDir();
  try {
    const checkout = join(top, "kubernetes");
    const env = {
      ...environment,
      TERM: "xterm-256color",
      GOENV: "off",
      GOCACHE: join(top, "go-build"),
    };
    for (const { name, args, prepare } of RECORDINGS) {
      await prepare?.(checkout);
      const isDemo = name === "demo";
      const shell = createShell({ cwd: isDemo ? top : checkout, env });
      const argv = [launcher, ...args, ...(isDemo ? ["--dir", checkout] : [])];
      const file = join(root, "docs", "recordings", `${name}.cast`);
      await record(shell, file, argv, quoteCommand(["kbuild", ...args]));
    }
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

const [file, directory, ...argv] = Deno.args;
if (file === undefined) await recordSample();
else {
  const shell = createShell({
    cwd: directory ?? ".",
    env: { ...environment, TERM: "xterm-256color" },
  });
  await record(shell, file, argv, quoteCommand(argv));
}
