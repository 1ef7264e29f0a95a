import { dirname, join, relative } from "@std/path";
import denoConfig from "../../deno.json" with { type: "json" };
import { readTar } from "../../src/archive/mod.ts";
import type { Shell } from "../../src/shell/mod.ts";
import { lockedConfig } from "./bundle.ts";

/** What {@linkcode writeLibrary} works with. */
export interface LibraryOptions {
  readonly shell: Shell;
  /** The clone; absolute. */
  readonly root: string;
  /** The import map, a path from the clone's root. */
  readonly config: string;
  /** A new or empty directory; absolute. */
  readonly out: string;
}

/** Where `Deno` comes from in the modules of the npm package. */
const DENO_GLOBAL = "npm/package/deno_global.ts";

/** The exported modules: name as in deno.json (`./golang`), path from the root (`src/…/mod.ts`). */
export function libraryModules(): readonly (readonly [name: string, path: string])[] {
  return Object.entries(denoConfig.exports)
    .filter(([name]) => name !== "./cli")
    .map(([name, path]) => [name, path.replace("./", "")] as const);
}

/** `exports` of the npm package, whose modules are in `lib`. */
export function npmExports(): Record<string, { types: string; default: string }> {
  return Object.fromEntries(
    libraryModules().map(([name, path]) => {
      const base = `./lib/${path.replace(/\.ts$/, "")}`;
      return [name, { types: `${base}.d.ts`, default: `${base}.js` }];
    }),
  );
}

/**
 * Writes the exported modules as JavaScript that needs no other package, with declarations beside
 * them. Modules share what they have in common, and load what is needed later when it is needed.
 *
 * @throws {KbuildError} A module has types that Deno cannot tell without inference.
 */
export async function writeLibrary(options: LibraryOptions): Promise<void> {
  const { shell, root, config, out } = options;
  const entries = [...libraryModules().map(([, path]) => path), DENO_GLOBAL];
  const locked = await lockedConfig(root, config);
  await shell.$`${Deno.execPath()} bundle --quiet ${locked} \
    --platform deno --code-splitting --outdir ${out} ${entries}`
    .with({ cwd: root, label: "deno bundle" });
  await bindGlobals(out);
  await lowerSyntax(shell, root, out);
  await writeDeclarations(options);
}

/** What Node.js 20 lacks, and what {@linkcode DENO_GLOBAL} calls its own version of it. */
const LACKING: Readonly<Record<string, string>> = {
  "Array.fromAsync": "arrayFromAsync",
  "Map.groupBy": "mapGroupBy",
};

/** Lets every module that means the global by `Deno` mean {@linkcode DENO_GLOBAL}. */
async function bindGlobals(out: string): Promise<void> {
  const binding = join(out, DENO_GLOBAL.replace(/\.ts$/, ".js"));
  for (const path of await javaScriptBelow(out)) {
    if (path === binding) continue;
    const code = await Deno.readTextFile(path);
    // What the binding loads, and dax, have one of their own.
    const declares = /^(?:var|let|const|import) (?:\{ )?Deno\b|^function nodeDeno\(/m.test(code);
    const names = Object.entries({ ...(declares ? {} : { "Deno.": "Deno" }), ...LACKING })
      .flatMap(([text, name]) => code.includes(text) ? [name] : []);
    if (names.length === 0) continue;
    const specifier = relative(dirname(path), binding);
    const from = JSON.stringify(specifier.startsWith(".") ? specifier : `./${specifier}`);
    await Deno.writeTextFile(path, `import { ${names.join(", ")} } from ${from};\n${code}`);
  }
}

/** Rewrites what Node.js 20 cannot read (`using`), and lets {@linkcode LACKING} be the other. */
async function lowerSyntax(shell: Shell, root: string, out: string): Promise<void> {
  const defines = Object.entries(LACKING).map(([text, name]) => `--define:${text}=${name}`);
  await shell
    .$`node_modules/.bin/esbuild --target=node20 --format=esm --log-level=error ${defines} \
    --allow-overwrite --outdir=${out} --outbase=${out} ${await javaScriptBelow(out)}`
    .with({ cwd: root, label: "esbuild" });
}

async function javaScriptBelow(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) found.push(...await javaScriptBelow(path));
    else if (name.endsWith(".js")) found.push(path);
  }
  return found.sort();
}

/** Takes the declarations from `deno pack`, which makes them from the sources' written types. */
async function writeDeclarations({ shell, root, config, out }: LibraryOptions): Promise<void> {
  const { imports, nodeModulesDir } = JSON.parse(await Deno.readTextFile(join(root, config))) as {
    imports: Record<string, string>;
    nodeModulesDir: string;
  };
  const { name, version, license, exports, compilerOptions } = denoConfig;
  const publish = { include: ["mod.ts", "main.ts", "deno.json", "src", "npm"] };
  // deno pack wants all of these in one file, next to the sources.
  const packed = join(root, `.kbuild-tmp-pack-${Deno.pid}.json`);
  const tarball = join(out, "declarations.tgz");
  try {
    const lock = false;
    const settings = { name, version, license, exports, publish, compilerOptions, lock };
    await Deno.writeTextFile(packed, JSON.stringify({ ...settings, imports, nodeModulesDir }));
    await shell.$`${Deno.execPath()} pack --quiet --allow-dirty --config ${packed} -o ${tarball}`
      .with({ cwd: root, label: "deno pack" });
    for await (const member of readTar(tarball)) {
      const path = member.name.replace(/^package\//, "");
      if (!/^(mod|src\/.*)\.d\.ts$/.test(path)) continue;
      await Deno.mkdir(dirname(join(out, path)), { recursive: true });
      await Deno.writeFile(join(out, path), await member.bytes());
    }
  } finally {
    await Deno.remove(packed).catch(() => {});
    await Deno.remove(tarball).catch(() => {});
  }
}
