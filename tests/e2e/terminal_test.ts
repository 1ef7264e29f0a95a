/** What a user sees of a run in a real terminal: tmux draws it, screens are compared as text. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  ENV,
  inScratch,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  unless,
  which,
} from "./_program.ts";

const missing = which("tmux") === undefined ? "needs tmux" : missingFor("1.20");
/** A status line: `[12 s] 1 of 3 done, 2 running`. */
const STATUS = /^\[(\d+ min )?\d+ s\] \d+ of \d+ done/m;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A terminal of its own with a shell in it. */
class Terminal {
  readonly #tmux: readonly string[];
  constructor(dir: string) {
    this.#tmux = ["tmux", "-f", "/dev/null", "-S", join(dir, "tmux")];
  }

  async open(cwd: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.tmux("new-session", "-d", "-x", "100", "-y", "30", "-c", cwd, "sh");
    const words = Object.entries({ PS1: "READY> ", ...env }).map(([name, value]) =>
      `${name}='${value}'`
    );
    await this.type(`unset CI NO_COLOR; export ${words.join(" ")}; clear`);
  }

  async tmux(...args: readonly string[]): Promise<string> {
    return await output([...this.#tmux, ...args], { env: { ...ENV, TERM: "xterm" } });
  }

  async type(line: string): Promise<void> {
    await this.tmux("send-keys", "-l", line);
    await this.tmux("send-keys", "Enter");
  }

  async screen(): Promise<string> {
    const text = await this.tmux("capture-pane", "-p", "-S", "-200");
    return text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "").join("\n");
  }

  /** Waits for something on the screen. */
  async until(wanted: RegExp): Promise<string> {
    for (let i = 0; i < 1200; i++) {
      const screen = await this.screen();
      if (wanted.test(screen)) return screen;
      await pause(100);
    }
    throw new Error(`"${wanted}" never came:\n${await this.screen()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tmux("kill-server");
  }
}

/** A shell's words. */
function quoted(argv: readonly string[]): string {
  return argv.map((word) => `'${word}'`).join(" ");
}

async function inTerminal(
  work: (terminal: Terminal, root: string) => Promise<void>,
): Promise<void> {
  await inScratch(async (dir) => {
    const root = await makeSample("1.20", join(dir, "kubernetes"));
    await using terminal = new Terminal(dir);
    await terminal.open(root, { GOCACHE: join(dir, "go-build") });
    await work(terminal, root);
  });
}

/** What takes some seconds: programs from an empty build cache. */
const BUILD = quoted(kbuildArgv("all", "kubectl", "kube-proxy"));

Deno.test({
  ...unless(missing, "a terminal shows what runs, and at the end only what stays"),
  fn: () =>
    inTerminal(async (terminal) => {
      await terminal.type(`clear; ${BUILD}`);
      const running = await terminal.until(STATUS);
      assertMatch(running, /^ {4}building \S.* +\d+ s$/m);
      const compiling = await terminal.until(/\d+ of \d+ packages/);
      assertMatch(compiling, /^ {4}building \S.*: \S+ +\d+ of \d+ packages {2}\d+ s$/m);
      const end = await terminal.until(/^READY>$/m);
      assert(!STATUS.test(end), end);
      assertMatch(end, /^\+\+\+ \[\d{4} [\d:]{8}\] Built \S.* in [\d.]+ s$/m);
      assertMatch(end, /^_output\/local\/bin\/linux\/\w+\/kubectl$/m);
    }),
});

Deno.test({
  ...unless(missing, "a terminal names the program that is waited for before anything is made"),
  fn: () =>
    inTerminal(async (terminal, root) => {
      // git looks at every file of a copied checkout.
      const bin = join(root, "_output/slow");
      await Deno.mkdir(bin, { recursive: true });
      const script = `#!/bin/sh\ncase "$*" in *" status "*) sleep 3 ;; esac\n` +
        `exec '${which("git")}' "$@"\n`;
      await Deno.writeTextFile(join(bin, "git"), script, { mode: 0o755 });
      await terminal.type(`clear; PATH='${bin}':$PATH ${quoted(kbuildArgv("version"))}`);
      const waiting = await terminal.until(/^\[\d s\] git status$/m);
      assert(!/v1\.20/.test(waiting), waiting);
      const end = await terminal.until(/^READY>$/m);
      assertMatch(end, /^v1\.20\.2/m);
      assert(!/git status/.test(end.replace(/^.*clear;.*$/m, "")), end);
    }),
});

Deno.test({
  ...unless(missing, "resizing, Ctrl-Z and Ctrl-C leave a right screen"),
  fn: () =>
    inTerminal(async (terminal) => {
      await terminal.type(`clear; ${BUILD}`);
      await terminal.until(STATUS);
      await terminal.tmux("resize-window", "-x", "40", "-y", "12");
      await pause(500);
      for (const line of (await terminal.until(STATUS)).split("\n")) {
        assert(line.length <= 40, line);
      }
      await terminal.tmux("resize-window", "-x", "100", "-y", "30");
      await terminal.tmux("send-keys", "C-z");
      const stopped = await terminal.until(/Stopped/);
      assert(!STATUS.test(stopped), stopped);
      await terminal.type("echo between; fg");
      await terminal.until(STATUS);
      await terminal.tmux("send-keys", "C-c");
      const end = await terminal.until(/^kbuild: Stopped by Ctrl-C\nREADY>$/m);
      assert(!STATUS.test(end), end);
      assertEquals(end.match(/^between$/gm)?.length, 1, end);
    }),
});

Deno.test({
  ...unless(missing, "a failure ends with the output of what failed, and with what to do"),
  fn: () =>
    inTerminal(async (terminal, root) => {
      const broken = Array.from({ length: 30 }, (_, i) => `func f${i}() { undefined${i}() }`);
      await Deno.writeTextFile(
        join(root, "cmd/kube-proxy/broken.go"),
        `package main\n\n${broken.join("\n")}\n`,
      );
      await terminal.type(`clear; ${BUILD} GOGCFLAGS=-e --platform linux/amd64,linux/arm64`);
      await terminal.until(STATUS);
      const end = await terminal.until(/^READY>$/m);
      assert(!STATUS.test(end), end);
      // The first comes again, as the cause.
      assertEquals(end.match(/undefined: undefined0$/gm)?.length, 2, end);
      assertEquals(end.match(/undefined: undefined29$/gm)?.length, 1, end);
      const seen = (await terminal.tmux("capture-pane", "-p")).split("\n").slice(-25).join("\n");
      assertMatch(seen, /^kbuild: Cannot finish "Building .*kube-proxy/m);
      assertMatch(
        seen,
        /-> First error: cmd\/kube-proxy\/broken\.go:3:\d+: undefined: undefined0$/m,
      );
      assertMatch(seen, /-> Mend what go reports/);
    }),
});

Deno.test({
  ...unless(missing, "a dumb terminal and a CI service get lines that stay"),
  fn: () =>
    inTerminal(async (terminal) => {
      for (const variable of ["TERM=dumb", "CI=true"]) {
        await terminal.type(`clear; env ${variable} ${BUILD} --jobs 1; echo end; echo end`);
        const seen: string[] = [];
        do {
          await pause(50);
          seen.push(await terminal.screen());
        } while (!/^end\nend$/m.test(seen.at(-1) ?? ""));
        assertEquals(seen.filter((screen) => STATUS.test(screen)), [], variable);
      }
    }),
});
