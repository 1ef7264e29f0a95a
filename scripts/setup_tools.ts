/**
 * Brings git and Go where they are missing: Debian's packages for root on Debian, Homebrew's where
 * `brew` exists, else (for Go) the official archive, checked by SHA-256. Says what it does on stderr;
 * prints the folder to put into PATH, or nothing, on stdout.
 *
 * Variables: `KBUILD_GO_DOWNLOAD` (base URL of the archives), `KBUILD_GO_VERSION`,
 * `KBUILD_GO_SHA256` (the digest to insist on; default: the one published beside the archive).
 */
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { unpackTar } from "../src/archive/mod.ts";
import { KbuildError } from "../src/errors.ts";
import { renderError, writeAllSync } from "../src/cli/mod.ts";
import { findProgram, hostPlatform } from "../src/lib/util.ts";
import { createShell } from "../src/shell/mod.ts";

const DOWNLOAD = "https://dl.google.com/go";
/** Builds every era's sample; a checkout that pins another Go gets that one elsewhere. */
const VERSION = "1.24.3";

const env = Deno.env.toObject();
const shell = createShell({
  cwd: Deno.cwd(),
  env,
  write: (chunk) => writeAllSync(Deno.stderr, chunk),
});
const say = (text: string) => console.error(`kbuild: ${text}`);
const has = async (program: string) => await findProgram(program, env["PATH"]) !== undefined;

async function main(): Promise<void> {
  const missing: string[] = [];
  for (const program of ["git", "go"]) if (!await has(program)) missing.push(program);
  if (missing.length === 0) return;

  if (Deno.uid() === 0 && await has("apt-get")) {
    const packages = missing.map((program) => program === "go" ? "golang-go" : program);
    say(`installing ${packages.join(" and ")} with apt-get`);
    const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, label: "apt-get" };
    await shell.run(["apt-get", "update", "-qq"], quiet);
    const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    await shell.run([...install, ...packages], quiet);
    return;
  }
  if (await has("brew")) {
    say(`installing ${missing.join(" and ")} with brew`);
    await shell.run(["brew", "install", ...missing], { output: "stream", label: "brew install" });
    const { stdout } = await shell.run(["brew", "--prefix"]);
    console.log(join(stdout.trim(), "bin"));
    return;
  }
  if (missing.includes("git")) {
    throw new KbuildError('Cannot find "git" in PATH', {
      notes: ["Install git with your system's packages, then run this again"],
    });
  }
  console.log(await downloadGo());
}

/** Downloads Go once into the user's cache; returns its bin folder. */
async function downloadGo(): Promise<string> {
  const version = env["KBUILD_GO_VERSION"] ?? VERSION;
  const name = `go${version}.${hostPlatform().replace("/", "-")}`;
  const home = env["XDG_CACHE_HOME"] ?? join(env["HOME"] ?? "/tmp", ".cache");
  const folder = join(home, "kbuild", "go", name);
  const bin = join(folder, "go", "bin");
  if (await findProgram(join(bin, "go"), undefined) !== undefined) return bin;

  const url = `${(env["KBUILD_GO_DOWNLOAD"] ?? DOWNLOAD).replace(/\/+$/, "")}/${name}.tar.gz`;
  say(`Go is missing: downloading ${url} into ${folder}`);
  const wanted = env["KBUILD_GO_SHA256"] ?? (await (await get(`${url}.sha256`)).text()).trim();
  await Deno.mkdir(dirname(folder), { recursive: true });
  const work = await Deno.makeTempDir({ dir: dirname(folder), prefix: ".kbuild-tmp-" });
  try {
    const archive = join(work, "go.tar.gz");
    const digest = await save(await get(url), archive);
    if (digest !== wanted.split(/\s/)[0]) {
      throw new KbuildError(`Cannot use "${url}": its SHA-256 is ${digest}, not ${wanted}`, {
        notes: ["Try again; if it stays so, the mirror serves something else than Go"],
      });
    }
    await unpackTar(archive, join(work, "out"));
    await Deno.rename(join(work, "out"), folder);
  } finally {
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
  return bin;
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new KbuildError(
      `Cannot download "${url}": ${error instanceof Error ? error.message : error}`,
      {
        notes: [
          "Install Go yourself (https://go.dev/dl/), or name a mirror: KBUILD_GO_DOWNLOAD=https://…",
        ],
      },
    );
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new KbuildError(`Cannot download "${url}": the server said ${response.status}`, {
      notes: ["Name another mirror: KBUILD_GO_DOWNLOAD=https://…"],
    });
  }
  return response;
}

/** Writes a response to a file; returns its SHA-256. */
async function save(response: Response, path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, createNew: true });
  for await (const chunk of response.body ?? []) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
  return hash.digest("hex");
}

try {
  await main();
} catch (error) {
  await Deno.stderr.write(
    new TextEncoder().encode(renderError(error, { debug: false, color: false })),
  );
  Deno.exit(1);
}
