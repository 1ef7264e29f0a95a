import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { changeTime, ifPresentSync } from "../../files/mod.ts";
import type { KubeContext } from "../init.ts";
import { findProgram } from "../util.ts";
import type { PackageFiles } from "./package_files.ts";
import type { BuildStep } from "./plan.ts";

/**
 * What a step was made of, as far as files tell it: as long as all of them are as they were, Go would find
 * nothing to do, and is not started.
 */
export interface StepSources {
  /** Digest of the command, its environment and its overlays. */
  readonly request: string;
  /** Key of the build IDs that Go gave (`BuildRecord.key`). */
  readonly key: string;
  /** Directories whose entries and sources count; absolute. */
  readonly directories: readonly string[];
  /** Single files and directories, which need not exist; absolute. */
  readonly paths: readonly string[];
  /** Digest over size, mode, inode and times of all of them. */
  readonly identity: string;
}

/**
 * Variables that neither Go nor a C compiler reads, and that differ from one terminal to the next. Any other
 * variable counts (`go help environment`; GCC's manual, "Environment Variables Affecting GCC").
 */
const UNREAD =
  /^(_|COLUMNS|DBUS_.*|DISPLAY|KBUILD_.*|KUBE_VERBOSE|LINES|OLDPWD|SHLVL|SSH_.*|TERM.*|TMUX.*|WINDOWID|XDG_(RUNTIME|SESSION|VTNR|SEAT).*)$/;

/** Digest of what a step is asked to do, and of which programs that means in its `PATH`. */
export async function requestOf(step: BuildStep): Promise<string> {
  const { argv, buildIds = [], env, files, image } = step;
  const read = Object.entries(env).filter(([name]) => !UNREAD.test(name))
    .toSorted(([a], [b]) => a < b ? -1 : 1);
  const overlays = files.map(({ path, text }) => [path, text]);
  const request = [argv, buildIds, read, overlays, image ?? await toolsOf(argv[0] ?? "", env)];
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}

/** Files of a module or a GOPATH that decide which packages there are; they need not exist. */
export const MODULE_FILES: readonly string[] = [
  ...["go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt"],
];

/**
 * The directories and files that a step is made of.
 *
 * @param listed What `go list` printed: of each package its directory, and below it the files that it embeds.
 */
export async function sourcesOf(
  { root }: KubeContext,
  { argv, cwd, env, image }: BuildStep,
  listed: readonly PackageFiles[],
): Promise<Pick<StepSources, "directories" | "paths">> {
  const directories = new Set(listed.map(({ directory }) => directory));
  const paths = new Set(MODULE_FILES.flatMap((name) => [join(root, name), join(cwd, name)]));
  const [go = ""] = argv;
  const tools = image === undefined ? await toolsOf(go, env) : [];
  for (const path of tools) paths.add(path);
  const trees = [root, cwd, dirname(dirname(tools[0] ?? go))];
  const seen = new Set(directories);
  for (const { directory, embedded } of listed) {
    for (const file of embedded) {
      paths.add(join(directory, file));
      for (const each of embedDirectories(directory, file)) directories.add(each);
    }
    // A vendor directory that appears above a package changes where its imports come from; a new go.mod
    // takes the package out of its module. Both give the directory above them a new time.
    for (let above = dirname(directory); above.length > 1 && !seen.has(above);) {
      seen.add(above);
      const isInside = trees.some((tree) => above.startsWith(`${tree}/`)) &&
        // The way to a link in the outputs: kbuild itself writes there.
        !cwd.startsWith(`${above}/`);
      if (isInside) paths.add(above);
      else for (const name of ["vendor", "go.mod"]) paths.add(join(above, name));
      above = dirname(above);
    }
  }
  return { directories: [...directories].sort(), paths: [...paths].sort() };
}

/** The directories between a package and a file that it embeds, and all that are below those. */
function embedDirectories(directory: string, file: string): readonly string[] {
  const [top = "", ...rest] = file.split("/");
  if (rest.length === 0) return [];
  const found = [join(directory, top)];
  for (const above of found) {
    const entries = ifPresentSync(() => [...Deno.readDirSync(above)]) ?? [];
    for (const { name, isDirectory } of entries) if (isDirectory) found.push(join(above, name));
  }
  return found;
}

/** `GOROOT` of a step: what its environment says, or where the `go` of this path is. */
export function gorootOf(env: BuildStep["env"], go: string): string {
  const real = ifPresentSync(() => Deno.realPathSync(go)) ?? go;
  return env["GOROOT"] || dirname(dirname(real));
}

/** Go's own programs, and those of the C compiler where cgo counts. */
async function toolsOf(go: string, env: BuildStep["env"]): Promise<readonly string[]> {
  const real = ifPresentSync(() => Deno.realPathSync(go)) ?? go;
  const goroot = gorootOf(env, go);
  const names = env["CGO_ENABLED"] === "0" ? [] : [
    ...[env["CC"] || "gcc", env["CC"] || "clang", env["CXX"] || "g++", env["AR"] || "ar"],
    ...[env["FC"] || "gfortran", env["PKG_CONFIG"] || "pkg-config", "ld"],
  ];
  const found = await Promise.all(
    names.map((name) => findProgram(name.split(/\s/)[0] ?? "", env["PATH"])),
  );
  return [...goTools(real, goroot), ...found.filter((path) => path !== undefined)];
}

/** The programs of a Go that make binaries, and the files with its version and its defaults; absolute. */
export function goTools(go: string, goroot: string): readonly string[] {
  const tools = join(goroot, "pkg", "tool");
  const platforms = ifPresentSync(() => [...Deno.readDirSync(tools)].map(({ name }) => name)) ?? [];
  const own = platforms.sort().flatMap((platform) =>
    ["asm", "cgo", "compile", "link"].map((name) => join(tools, platform, name))
  );
  return [go, join(goroot, "VERSION"), join(goroot, "go.env"), ...own];
}

/** What is seen of the files of a step. */
export interface Seen {
  /** Digest over size, mode, inode and times of all. */
  readonly identity: string;
  /** The newest time of a change to a file or its status, in milliseconds since 1970. */
  readonly newest: number;
}

/** What was seen of directories and of other paths a moment ago, for steps that share them. */
export type Looks = Map<string, { readonly text: string; readonly newest: number }>;

/**
 * Names of files that Go reads in the directory of a package (`go/build`, `matchFile` and `fileListForExt`;
 * `default.pgo` of programs since 1.21):
 * those of other files are in the time of the directory.
 */
const READ =
  /^([^_.].*\.(go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|F|for|f90|s|S|sx|swig|swigcxx|syso)|default\.pgo)$/;

/**
 * Looks at the files of a step. Contents are not read.
 *
 * @param looks What was seen a moment ago, and need not be looked at again; takes what is seen now.
 */
export function lookAt(
  { directories, paths }: Pick<StepSources, "directories" | "paths">,
  looks: Looks = new Map(),
): Seen {
  const hash = createHash("sha256");
  let newest = 0;
  const look = (key: string, files: () => readonly string[]) => {
    const seen = looks.get(key) ?? lookAtFiles(files());
    looks.set(key, seen);
    newest = Math.max(newest, seen.newest);
    hash.update(seen.text);
  };
  for (const directory of directories) {
    look(`${directory}/`, () => [directory, ...sourcesIn(directory)]);
  }
  for (const path of paths) look(path, () => [path]);
  return { identity: hash.digest("hex"), newest };
}

/** The files in a directory whose contents Go may read, in order. */
function sourcesIn(directory: string): readonly string[] {
  const entries = ifPresentSync(() => [...Deno.readDirSync(directory)]) ?? [];
  return entries.filter(({ name, isDirectory }) => !isDirectory && READ.test(name))
    .map(({ name }) => `${directory}/${name}`).sort();
}

function lookAtFiles(paths: readonly string[]): { text: string; newest: number } {
  let text = "";
  let newest = 0;
  for (const path of paths) {
    const info = ifPresentSync(() => Deno.statSync(path));
    if (info === undefined) {
      text += `${path}\0-\n`;
      continue;
    }
    const [modified, changed] = [info.mtime?.getTime() ?? 0, info.ctime?.getTime() ?? 0];
    newest = Math.max(newest, changeTime(info));
    const { dev, ino, mode, size } = info;
    // The number of links of a directory and the like are in its times.
    text += `${path}\0${dev} ${ino} ${mode} ${
      info.isDirectory ? "" : size
    } ${modified} ${changed}\n`;
  }
  return { text, newest };
}
