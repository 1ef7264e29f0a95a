/** Programs that there are stand-ins for. What they do is loaded when one runs. */
export const TOOL_NAMES = Object.freeze([
  ...["base64", "date", "md5sum", "mktemp", "readlink", "sed"] as const,
  ...["sha1sum", "sha256sum", "sha512sum", "xargs"] as const,
]);

/** One of {@linkcode TOOL_NAMES}. */
export type ToolName = typeof TOOL_NAMES[number];
