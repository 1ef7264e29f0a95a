import type { Builtin, BuiltinHost } from "../bash/mod.ts";
import { FindError, findFiles } from "./find_files.ts";

/**
 * What Kubernetes' scripts look for packages with: `find`, the directories of what it found, and lines put
 * together.
 *
 * @param root Directory where they run; absolute.
 */
export function searchCommands(root: string): readonly (readonly [string, Builtin])[] {
  return [
    ["find", (host, args) => {
      try {
        return print(host, findFiles(root, args));
      } catch (error) {
        if (error instanceof FindError) return host.unsupported(error.message);
        throw error;
      }
    }],
    ["xargs", (host, args) => {
      const isDirname = /^-(0n1|0 -n ?1) dirname$/.test(args.join(" "));
      if (!isDirname) host.unsupported(`"xargs ${args.join(" ")}" is not understood`);
      const paths = (host.readInput() ?? "").split("\0").filter((path) => path !== "");
      return print(host, paths.map((path) => `${path.slice(0, path.lastIndexOf("/"))}\n`).join(""));
    }],
    ["paste", (host, args) => {
      const isJoining = /^-sd  ?-$/.test(args.join(" "));
      if (!isJoining) host.unsupported(`"paste ${args.join(" ")}" is not understood`);
      return print(host, `${(host.readInput() ?? "").replace(/\n$/, "").replaceAll("\n", " ")}\n`);
    }],
  ];
}

/** Prints a text, and succeeds. */
export function print(host: BuiltinHost, text: string): 0 {
  host.print(text);
  return 0;
}
