import { date } from "./date.ts";
import { sed } from "./sed.ts";
import { base64, checksumTool, mktemp, readlink } from "./small_tools.ts";
import type { Tool } from "./types.ts";
import type { ToolName } from "./names.ts";
import { xargs } from "./xargs.ts";

/** The stand-ins, by the name of the program. */
export const TOOLS: Readonly<Record<ToolName, Tool>> = Object.freeze({
  base64,
  date,
  md5sum: checksumTool("md5sum", "md5"),
  mktemp,
  readlink,
  sed,
  sha1sum: checksumTool("sha1sum", "sha1"),
  sha256sum: checksumTool("sha256sum", "sha256"),
  sha512sum: checksumTool("sha512sum", "sha512"),
  xargs,
});
