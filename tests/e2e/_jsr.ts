/**
 * A JSR registry on the loopback interface: kbuild as `deno publish` would send it, and what it
 * imports from JSR. The protocol is a few static files.
 */
import { join } from "@std/path";
import { createHash } from "node:crypto";
import denoConfig from "../../deno.json" with { type: "json" };
import { CLONE, output } from "./_program.ts";

/** A package as the registry serves it. */
interface JsrPackage {
  /** `@std/path`. */
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  /** Path with a leading slash -> text. */
  readonly files: Readonly<Record<string, string>>;
}

/** The registry; stops at the end of the scope. */
export interface JsrRegistry extends AsyncDisposable {
  /** For `JSR_URL`. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/**
 * The stand-ins of `npm/` for what is on JSR: specifier, file, its declarations. (The originals
 * cannot be had on a machine that reaches npm alone; the contract tests hold both to one behaviour.)
 */
const STAND_INS = [
  ["@std/cli", "npm/cli.ts", "npm/types/cli.d.ts"],
  ["@std/assert", "npm/assert.ts", "npm/types/assert.d.ts"],
  ["@std/fmt/bytes", "npm/fmt_bytes.ts", "npm/types/fmt_bytes.d.ts"],
  ["@std/fmt/colors", "npm/fmt_colors.ts", "npm/types/fmt_colors.d.ts"],
  ["@std/fs", "npm/fs.ts", undefined],
  ["@std/path", "npm/path.ts", undefined],
  ["@std/text", "npm/text.ts", "npm/types/text.d.ts"],
  ["@std/toml", "npm/toml.ts", "npm/types/toml.d.ts"],
] as const;

/** The part of dax that `src/shell` uses. */
const DAX_TYPES = `
export declare class CommandBuilder {
  clearEnv(): this;
  env(values: Record<string, string | undefined>): this;
  cwd(path: string): this;
  noThrow(): this;
  text(): Promise<string>;
  registerCommand(name: string, run: (context: CommandContext) => Promise<{ code: number }>): this;
}
export interface CommandContext {
  readonly args: string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly signal: { addListener(run: () => void): void; removeListener(run: () => void): void };
  readonly stdout: CommandPipe;
  readonly stderr: CommandPipe;
  error(code: number, message: string): { code: number };
}
export interface CommandPipe {
  writeAll(bytes: Uint8Array): Promise<void>;
}
export declare function build$(options: { commandBuilder: CommandBuilder }): (
  strings: TemplateStringsArray,
  ...values: unknown[]
) => CommandBuilder;
`;

/** Starts the registry. */
export async function serveJsr(): Promise<JsrRegistry> {
  const packages = [...await standIns(), await ownPackage()];
  const files = new Map<string, string>();
  for (const { name, version, exports, files: contents } of packages) {
    const manifest = Object.fromEntries(
      Object.entries(contents).map(([path, text]) => [path, {
        size: new TextEncoder().encode(text).length,
        checksum: `sha256-${createHash("sha256").update(text).digest("hex")}`,
      }]),
    );
    const [scope = "", bare = ""] = name.slice(1).split("/");
    const meta = { scope, name: bare, latest: version, versions: { [version]: {} } };
    files.set(`/${name}/meta.json`, JSON.stringify(meta));
    files.set(`/${name}/${version}_meta.json`, JSON.stringify({ manifest, exports }));
    for (const [path, text] of Object.entries(contents)) {
      files.set(`/${name}/${version}${path}`, text);
    }
  }
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const text = files.get(decodeURIComponent(pathname));
    if (text === undefined) return new Response("not found", { status: 404 });
    const type = /\.ts$/.test(pathname)
      ? "text/typescript"
      : /\.js$/.test(pathname)
      ? "text/javascript"
      : "application/json";
    return new Response(text, { headers: { "content-type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function standIns(): Promise<JsrPackage[]> {
  const made = new Map<
    string,
    { exports: Record<string, string>; files: Record<string, string> }
  >();
  for (const [specifier, file, types] of STAND_INS) {
    const [scope = "", bare = "", part] = specifier.split("/");
    const entry = made.get(`${scope}/${bare}`) ?? { exports: {}, files: {} };
    made.set(`${scope}/${bare}`, entry);
    const base = part ?? "mod";
    if (types === undefined) {
      entry.files[`/${base}.ts`] = await Deno.readTextFile(join(CLONE, file));
      entry.exports[part === undefined ? "." : `./${part}`] = `./${base}.ts`;
    } else {
      const code = await bundled(join(CLONE, file));
      entry.files[`/${base}.js`] = `/* @ts-self-types="./${base}.d.ts" */\n${code}`;
      entry.files[`/${base}.d.ts`] = await Deno.readTextFile(join(CLONE, types));
      entry.exports[part === undefined ? "." : `./${part}`] = `./${base}.js`;
    }
  }
  const dax = await bundled(join(CLONE, "node_modules/dax/esm/mod.js"));
  const daxPackage: JsrPackage = {
    name: "@david/dax",
    version: "0.49.0",
    exports: { ".": "./mod.js" },
    files: { "/mod.js": `/* @ts-self-types="./mod.d.ts" */\n${dax}`, "/mod.d.ts": DAX_TYPES },
  };
  return [
    ...[...made].map(([name, entry]) => ({ name, version: "1.99.0", ...entry })),
    daxPackage,
  ];
}

async function bundled(file: string): Promise<string> {
  const config = join(CLONE, "deno.npm.json");
  return await output([Deno.execPath(), "bundle", "--quiet", "--config", config, file]);
}

/** Files of the package, paths from the clone. */
export async function publishedFiles(): Promise<readonly string[]> {
  const { include } = denoConfig.publish;
  return (await output(["git", "-C", CLONE, "ls-files", ...include])).trim().split("\n");
}

/** kbuild's files, imports as `deno publish` rewrites them: bare names become `jsr:` ones. */
async function ownPackage(): Promise<JsrPackage> {
  const { name, version, exports, imports } = denoConfig;
  const files: Record<string, string> = {};
  for (const path of await publishedFiles()) {
    files[`/${path}`] = await Deno.readTextFile(join(CLONE, path));
    if (!path.endsWith(".ts")) continue;
    for (const [bare, target] of Object.entries(imports)) {
      files[`/${path}`] = files[`/${path}`]!
        .replaceAll(
          new RegExp(`(from |import\\()"${bare}(/[a-z]+)?"`, "g"),
          (_, before: string, part = "") => `${before}"${target}${part}"`,
        );
    }
  }
  return { name, version, exports, files };
}
