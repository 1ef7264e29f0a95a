#!/usr/bin/env node
// The program "kbuild" of the npm package: starts the binary that npm installed for this machine, or
// the same program under Deno where there is none. Plain JavaScript for Node.js 20 and Bun; needs
// nothing but what it comes with.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { name, version, kbuild } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** Where kbuild's program for Deno is, and how Deno is started; written when the package is made. */
const { program, denoFlags, oldestDeno, platforms } = kbuild;

/** Ends with an error as kbuild itself words it: what, and what to do next. */
function fail(message, notes) {
  process.stderr.write(`kbuild: ${message}\n${notes.map((note) => `  -> ${note}\n`).join("")}`);
  process.exit(1);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A file of a package; undefined if it is not installed. Each of kbuild's ways to run is only one of several. */
function resolve(request, from = require) {
  try {
    return from.resolve(request);
  } catch {
    return undefined;
  }
}

/** Musl is not a platform of kbuild: Deno's runtime needs glibc. */
function isMusl() {
  if (process.platform !== "linux") return false;
  try {
    return !process.report.getReport().header.glibcVersionRuntime;
  } catch {
    return false; // Bun
  }
}

/** The binary of the platform's package; fails when it does not fit this package. */
function packagedBinary(host) {
  const manifest = resolve(`${name}-${host}/package.json`);
  if (manifest === undefined) return undefined;
  const found = JSON.parse(readFileSync(manifest, "utf8")).version;
  if (found !== version) {
    fail(`"${name}-${host}" is of version ${found}, but "${name}" of ${version}`, [
      `Install both again: npm install ${name}@${version}`,
    ]);
  }
  const binary = join(dirname(manifest), "bin", "kbuild");
  if (!isExecutable(binary)) {
    fail(`Cannot run "${binary}": it is not there, or not executable`, [
      `Install it again: npm install ${name}@${version}`,
    ]);
  }
  return binary;
}

/** A Deno: of the npm package "deno", or in PATH. */
function findDeno() {
  const manifest = resolve("deno/package.json");
  if (manifest !== undefined) {
    const libc = process.platform === "linux" ? "-glibc" : "";
    const own = createRequire(manifest);
    // Undefined if it was installed without optional packages.
    const part = resolve(`@deno/${process.platform}-${process.arch}${libc}/package.json`, own);
    const found = [manifest, part].filter((file) => file !== undefined)
      .map((file) => join(dirname(file), "deno")).find(isExecutable);
    if (found !== undefined) return found;
  }
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) =>
    directory !== ""
  );
  return directories.map((directory) => join(directory, "deno")).find(isExecutable);
}

/** Fails for a Deno that is too old to run kbuild. */
function checkDeno(deno) {
  const { stdout } = spawnSync(deno, ["--version"], { encoding: "utf8" });
  const found = /deno (\d+)\.(\d+)\.\d+/.exec(stdout ?? "");
  const [major, minor] = oldestDeno.split(".").map(Number);
  if (found !== null && (+found[1] - major || +found[2] - minor) >= 0) return;
  fail(`Cannot run under "${deno}": kbuild needs Deno ${oldestDeno} or later`, [
    `It says: ${(stdout ?? "").split("\n", 1)[0] || "nothing"}`,
    "Install a newer one: npm install deno",
  ]);
}

/** Platform packages next to this one, installed for another machine. */
function otherPackages() {
  const [, bare] = name.split("/");
  try {
    return readdirSync(dirname(root)).filter((entry) => entry.startsWith(`${bare}-`))
      .map((entry) => entry.slice(bare.length + 1)).filter((entry) => platforms.includes(entry));
  } catch {
    return [];
  }
}

/** Nothing to run: says why. */
function explain(host) {
  const orDeno = "Or install Deno, which kbuild runs under as well: npm install deno";
  if (!platforms.includes(host) || isMusl()) {
    const here = isMusl() ? `${host} with musl` : host;
    fail(`There is no kbuild for ${here}`, [
      `Binaries are made for ${platforms.join(", ")} (Linux with glibc)`,
      "Where Deno runs, kbuild does: install it, and put it into PATH",
    ]);
  }
  const others = otherPackages();
  if (others.length > 0) {
    fail(`node_modules holds kbuild for ${others.join(", ")}, but this machine is ${host}`, [
      "It was copied from another machine: remove node_modules, and install again here",
      orDeno,
    ]);
  }
  fail(`The package "${name}-${host}", which holds the program, is not installed`, [
    "Optional packages were left out (--omit=optional, --no-optional, a lockfile of another machine)",
    `Install it: npm install ${name}-${host}@${version}`,
    orDeno,
    "Or name a kbuild that is there: KBUILD_BINARY=/absolute/path",
  ]);
}

/** The words that start kbuild here. */
function commandLine() {
  const given = process.env.KBUILD_BINARY;
  if (given) {
    if (isExecutable(given)) return [given];
    fail(`Cannot run KBUILD_BINARY="${given}": it is not an executable file`, [
      "Name one, or unset the variable",
    ]);
  }
  const host = `${process.platform}-${process.arch}`;
  const binary = isMusl() ? undefined : packagedBinary(host);
  if (binary !== undefined) return [binary];
  const deno = findDeno();
  const file = join(root, program);
  if (deno === undefined || !existsSync(file)) explain(host);
  checkDeno(deno);
  return [deno, ...denoFlags, file];
}

const [file, ...args] = commandLine();
const child = spawn(file, [...args, ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends Ctrl-C to both, "kill" to this process alone: it stays until the other has ended,
// and kbuild takes two signals at once for one.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  fail(`Cannot start "${file}": ${error.message}`, ["Install again, or set KBUILD_BINARY"]);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const each of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(each);
  process.kill(process.pid, signal);
});
