import { goProxy, MIRRORS, parseMirrors, placesFor } from "../net/mod.ts";
import type { GoChoice } from "./choose.ts";
import type { GoContext } from "./types.ts";

/**
 * The URLs that fetching a Go would ask for; empty where none is fetched. Starts `go env` at most.
 *
 * @returns With the mirror rule that leads to each.
 */
export async function plannedGoUrls(
  context: GoContext,
  choice: GoChoice,
): Promise<readonly { url: string; rule?: string | undefined }[]> {
  const { env } = context;
  const table = parseMirrors(env[MIRRORS] ?? "");
  const { action, url = "", have } = choice;
  if (action === "archive") {
    const digest = env["KBUILD_GO_SHA256"] ? [] : [".sha256"];
    return placesFor(table, url).flatMap((place) =>
      [...digest, ""].map((ending) => ({ url: place.url + ending, rule: place.rule }))
    );
  }
  if (action !== "proxy" || have === undefined) return [];
  const [module = "", version = ""] = url.split("@");
  const mirror = goProxy(table);
  const asked = { cwd: "/", env: { ...env, GOTOOLCHAIN: "local" } };
  const { stdout } = await context.shell.run([have.path, "env", "GOPROXY", "GOSUMDB"], asked);
  const [proxies = "", database = ""] = stdout.trim().split("\n");
  const sums = database.split(" ").at(-1)!.replace(/\+.*$/, "");
  return [
    ...(mirror ?? proxies).split(/[,|]/).map((proxy) => ({
      url: proxy === "direct"
        ? `https://${module}?go-get=1`
        : `${proxy.replace(/\/$/, "")}/${module}/@v/${version}.zip`,
      rule: mirror === undefined ? undefined : "go-modules",
    })),
    ...(/^(off)?$/.test(sums)
      ? []
      : [{ url: `${sums.includes("://") ? "" : "https://"}${sums}/lookup/${url}` }]),
  ];
}
