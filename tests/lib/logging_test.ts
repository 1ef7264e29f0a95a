import { assertEquals } from "@std/assert";
import { createLogger, type LoggerOptions, timestamp } from "../../src/lib/logging.ts";

const now = () => new Date(2026, 4, 18, 15, 19, 4);

function logged(
  work: (log: ReturnType<typeof createLogger>) => void,
  options: Partial<LoggerOptions> = {},
): string {
  let text = "";
  work(createLogger({ write: (more) => void (text += more), now, ...options }));
  return text;
}

Deno.test("timestamp() is local time as date +[%m%d %H:%M:%S] prints it", () => {
  assertEquals(timestamp(now()), "[0518 15:19:04]");
});

Deno.test("createLogger() writes the lines of Kubernetes' scripts", () => {
  assertEquals(
    logged((log) => {
      log.status("Building go targets for linux/amd64:", ["cmd/kubectl", "cmd/kubelet"]);
      log.error("go exited with status 2", ["cmd/kubectl"]);
      log.warn("No base image", ["go-runner"]);
      log.info("plain");
      log.usage("one", "two");
    }),
    "+++ [0518 15:19:04] Building go targets for linux/amd64:\n    cmd/kubectl\n    cmd/kubelet\n" +
      "!!! [0518 15:19:04] go exited with status 2\n    cmd/kubectl\n" +
      "+++ [0518 15:19:04] WARNING: No base image\n    go-runner\n" +
      "plain\n\none\ntwo\n\n",
  );
});

Deno.test("createLogger() drops lines above KUBE_VERBOSE, never errors", () => {
  const work = (log: ReturnType<typeof createLogger>) => {
    log.status("always");
    log.status("two", [], { v: 2 });
    log.info("three", { v: 3 });
    log.error("error");
  };
  const count = (verbosity: number) => logged(work, { verbosity }).trim().split("\n").length;
  assertEquals([0, 1, 2, 3].map(count), [2, 2, 3, 4]);
});

Deno.test("createLogger() says how serious each text is", () => {
  const levels: string[] = [];
  const log = createLogger({ write: (_, level) => void levels.push(level), now });
  log.status("status");
  log.info("info");
  log.warn("warning");
  log.error("error");
  assertEquals(levels, ["info", "info", "warning", "error"]);
});

Deno.test("createLogger() has no colours unless asked", () => {
  const work = (log: ReturnType<typeof createLogger>) => log.error("x");
  assertEquals(logged(work).includes("\x1b"), false);
  assertEquals(logged(work, { color: true }).startsWith("\x1b[31m!!!\x1b[0m "), true);
});

Deno.test("log lines move no cursor", () => {
  const said: string[] = [];
  const log = createLogger({ write: (text) => void said.push(text), now: () => new Date(0) });
  log.warn("a \x1b[2J", ["\r b"]);
  log.info("\x07");
  assertEquals(
    said.join("").replace(/\[.*?\] /, ""),
    "+++ WARNING: a \\x1b[2J\n    \\x0d b\n\\x07\n",
  );
});
