/**
 * A JSR registry on the loopback interface: kbuild as `deno publish` would send it, and what it
 * imports from JSR. The protocol is a few static files.
 */
import { basename, join } from "@std/path";
import { createHash } from "node:crypto";
import denoConfig from "../../deno.json" with { type: "json" };
import { CERTIFICATES, CLONE, listing, output } from "./_program.ts";

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

/** A checkout of https://github.com/denoland/std, whose packages are served instead of stand-ins. */
export const STD_ORIGINALS: string | undefined = Deno.env.get("KBUILD_STD_ORIGINALS") || undefined;

/**
 * The stand-ins of `npm/` for what is on JSR: specifier, file, its declarations. They are served
 * where no checkout of the originals is given; the contract tests hold both to one behaviour.
 */
const STAND_INS = [
  ["@std/cli", "npm/cli.ts", "npm/types/cli.d.ts"],
  ["@std/assert", "npm/assert.ts", "npm/types/assert.d.ts"],
  ["@std/fmt/bytes", "npm/fmt_bytes.ts", "npm/types/fmt_bytes.d.ts"],
  ["@std/fs", "npm/fs.ts", undefined],
  ["@std/path", "npm/path.ts", undefined],
  ["@std/tar", "npm/tar.ts", undefined],
  ["@std/text", "npm/text.ts", "npm/types/text.d.ts"],
  ["@std/toml", "npm/toml.ts", "npm/types/toml.d.ts"],
] as const;

/** Starts the registry. */
export async function serveJsr(): Promise<JsrRegistry> {
  const std = STD_ORIGINALS === undefined ? await standIns() : await originals(STD_ORIGINALS);
  const packages = [...std, await daxPackage(), await ownPackage()];
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
  return [...made].map(([name, entry]) => ({ name, version: leastVersion(name), ...entry }));
}

/** The lowest version that `deno.json` takes: `1.0.0` for `^1`. */
function leastVersion(name: string): string {
  const range = Object.entries(denoConfig.imports).find(([key]) => key === name)?.[1] ?? "";
  const parts = range.slice(range.lastIndexOf("@") + 1).replace("^", "").split(".");
  return [...parts, "0", "0"].slice(0, 3).join(".");
}

/** dax as npm has it, with its declarations. */
async function daxPackage(): Promise<JsrPackage> {
  const dir = join(CLONE, "node_modules/dax/esm");
  const files: Record<string, string> = {};
  for (const path of listing(dir, { sizes: false })) {
    if (/\.(d\.ts|m?js)$/.test(path)) files[`/${path}`] = await Deno.readTextFile(join(dir, path));
  }
  // Declarations import ".js" files, of which those without code are missing.
  for (const types of Object.keys(files).filter((path) => path.endsWith(".d.ts"))) {
    const code = types.replace(/\.d\.ts$/, ".js");
    files[code] = `/* @ts-self-types="./${basename(types)}" */\n${files[code] ?? "export {};"}`;
  }
  return { name: "@david/dax", version: "0.49.0", exports: { ".": "./mod.js" }, files };
}

/** The packages of a denoland/std checkout that kbuild imports, and those that they import. */
async function originals(root: string): Promise<JsrPackage[]> {
  const wanted = Object.keys(denoConfig.imports).filter((name) => name.startsWith("@std/"));
  const versions = new Map<string, string>();
  const packages: JsrPackage[] = [];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (versions.has(name)) continue;
    const dir = join(root, name.slice("@std/".length).replaceAll("-", "_"));
    const { version, exports } = JSON.parse(await Deno.readTextFile(join(dir, "deno.json"))) as {
      version: string;
      exports: string | Record<string, string>;
    };
    versions.set(name, version);
    const files: Record<string, string> = {};
    for (const path of listing(dir, { sizes: false })) {
      const isPublished = /\.(ts|json)$/.test(path) && !/_test\.ts$|(^|\/)testdata\//.test(path);
      if (isPublished) files[`/${path}`] = await Deno.readTextFile(join(dir, path));
    }
    for (const text of Object.values(files)) {
      for (const [, imported = ""] of text.matchAll(/^[^*]* from "(@std\/[a-z-]+)/gm)) {
        if (!wanted.includes(imported)) wanted.push(imported);
      }
    }
    packages.push({ name, version, files, exports: exportsOf(exports) });
  }
  const targets = new Map(
    [...versions].map(([name, version]) => [name, `jsr:${name}@^${version}`]),
  );
  return packages.map((each) => ({ ...each, files: withJsrImports(each.files, targets) }));
}

function exportsOf(exports: string | Record<string, string>): Record<string, string> {
  return typeof exports === "string" ? { ".": exports } : exports;
}

/** Imports as `deno publish` rewrites them: bare names become `jsr:` ones. */
function withJsrImports(
  files: Readonly<Record<string, string>>,
  targets: ReadonlyMap<string, string>,
): Record<string, string> {
  const rewrite = (text: string) =>
    text.replaceAll(
      /(from |import |import\()"(@?[a-z]+(?:\/[a-z-]+)?)((?:\/[a-z-]+)*)"/g,
      (whole, before: string, name: string, part: string) => {
        const target = targets.get(name);
        return target === undefined ? whole : `${before}"${target}${part}"`;
      },
    );
  return Object.fromEntries(
    Object.entries(files).map((
      [path, text],
    ) => [path, path.endsWith(".ts") ? rewrite(text) : text]),
  );
}

async function bundled(file: string): Promise<string> {
  const config = join(CLONE, "deno.npm.json");
  const argv = [Deno.execPath(), "bundle", "--quiet", "--config", config, file];
  return await output(argv, { env: CERTIFICATES });
}

/** Files of git in the clone, paths from there; all of them, or those below `paths`. */
export async function cloneFiles(...paths: string[]): Promise<readonly string[]> {
  return (await output(["git", "-C", CLONE, "ls-files", ...paths])).trim().split("\n");
}

/** Files of the package, paths from the clone. */
export function publishedFiles(): Promise<readonly string[]> {
  return cloneFiles(...denoConfig.publish.include);
}

/** kbuild's files, as `deno publish` sends them. */
async function ownPackage(): Promise<JsrPackage> {
  const { name, version, exports, imports } = denoConfig;
  const files: Record<string, string> = {};
  for (const path of await publishedFiles()) {
    files[`/${path}`] = await Deno.readTextFile(join(CLONE, path));
  }
  return { name, version, exports, files: withJsrImports(files, new Map(Object.entries(imports))) };
}
