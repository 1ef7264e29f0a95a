import { goProxy, MIRRORS, parseMirrors } from "../net/mod.ts";
import { settingsEnv } from "./ask_go.ts";
import type { GoTool } from "./go_tool.ts";
import type { GoContext } from "./types.ts";

/** Where modules come from, and what they are checked against, as Go itself would decide it. */
export interface GoSettings {
  /** `GOPROXY`. */
  readonly proxy: string;
  /** `GOSUMDB`. */
  readonly sumdb: string;
  /** Whether `proxy` is a mirror of the table (`--mirror go-modules=…`). */
  readonly mirrored: boolean;
}

/**
 * The user's `GOPROXY` and `GOSUMDB`: those of the Go that is there, which knows `go env -w`, else the
 * environment's, else Go's defaults. A mirror of the table replaces `GOPROXY`.
 *
 * @param have The Go that is there; undefined without one.
 */
export async function goSettings(
  context: GoContext,
  have: GoTool | undefined,
): Promise<GoSettings> {
  const { env, shell } = context;
  const [proxy = "", sumdb = ""] = have === undefined ? [env["GOPROXY"], env["GOSUMDB"]] : (
    await shell.run([have.path, "env", "GOPROXY", "GOSUMDB"], {
      cwd: "/",
      env: settingsEnv(context, have),
      label: "Asking Go for its settings",
    })
  ).stdout.split("\n").map((line) => line.trim());
  const mirror = goProxy(parseMirrors(env[MIRRORS] ?? ""));
  return Object.freeze({
    proxy: mirror ?? (proxy || "https://proxy.golang.org,direct"),
    sumdb: sumdb || "sum.golang.org",
    mirrored: mirror !== undefined,
  });
}
