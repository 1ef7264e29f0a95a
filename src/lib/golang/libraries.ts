import { join } from "@std/path";
import type { Checkout } from "../../checkout/mod.ts";
import { UsageError } from "../../errors.ts";
import { entriesOf, readText } from "../../files/mod.ts";
import { isPattern } from "./targets.ts";

/** A build constraint that no build meets: generators beside the package that they generate for. */
const IGNORED = /^\/\/(go:build| *\+build) +ignore\b/m;

/**
 * The targets that are packages without a program: `go` compiles them, and nothing comes out.
 * Targets of the checkout's lists are programs, test binaries and patterns are not packages; only the
 * others are looked at.
 *
 * @throws {UsageError} The directory of a target has no Go files.
 */
export async function libraryTargets(
  checkout: Checkout,
  targets: readonly string[],
): Promise<readonly string[]> {
  const known = new Set(checkout.targets.all.value);
  const asked = targets.filter((target) =>
    !known.has(target) && !target.endsWith(".test") && !isPattern(target)
  );
  const found = await Promise.all(
    asked.map(async (target) => await isLibrary(checkout, target) ? [target] : []),
  );
  return Object.freeze(found.flat());
}

async function isLibrary(checkout: Checkout, target: string): Promise<boolean> {
  const own = `${checkout.goPackage.value}/`;
  const path = target.startsWith(own) ? target.slice(own.length) : target.replace(/^\.\//, "");
  for (const directory of [path, join("vendor", path), join("staging/src", path)]) {
    const names = await goFiles(join(checkout.root, directory));
    if (names === undefined) continue;
    if (names.length === 0) throw noGoFiles(target);
    const clauses = await Promise.all(
      names.map((name) => packageClause(join(checkout.root, directory, name))),
    );
    const packages = clauses.filter((name) => name !== undefined);
    return packages.length > 0 && packages.every((name) => name !== "main");
  }
  // Somebody else's package: go finds it, or says why not.
  return false;
}

/** Names of the files that a build may take; undefined where there is no directory. */
async function goFiles(directory: string): Promise<readonly string[] | undefined> {
  const entries = await entriesOf(directory);
  return entries?.map(({ name }) => name)
    .filter((name) => name.endsWith(".go") && !name.endsWith("_test.go") && !/^[._]/.test(name));
}

/** The package that a file belongs to; undefined for a file that no build takes. */
async function packageClause(file: string): Promise<string | undefined> {
  const text = await readText(file);
  const [head = "", name] =
    /^[^]*?^package[ \t]+(\w+)/m.exec(text.replaceAll(/\/\*[^]*?\*\//g, "")) ??
      [];
  return IGNORED.test(head) ? undefined : name;
}

function noGoFiles(target: string): UsageError {
  return new UsageError(`Cannot build "${target}": its directory has no Go files`, [
    `All programs below it: kbuild all ${target}/...`,
    "List the targets: kbuild targets",
  ]);
}
