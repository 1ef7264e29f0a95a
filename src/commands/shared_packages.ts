import { basename, join } from "@std/path";
import type { Unit, UnitSpec } from "../events/mod.ts";
import type { KubeContext } from "../lib/init.ts";
import {
  type PackageKey,
  type PackageKeys,
  packageNote,
  type PlannedPackage,
  readPackage,
  writePackage,
  type WritePlannedOptions,
  type WrittenPackage,
} from "../packages/mod.ts";
import type { Store } from "../store/mod.ts";

/** The unit of a package. */
export function packageUnit({ path }: Pick<PlannedPackage, "path">): UnitSpec {
  return { kind: "package", name: basename(path) };
}

/** Options of {@linkcode sharePackage}. */
export interface SharePackageOptions extends WritePlannedOptions {
  /** Results that machines share; undefined: none. */
  readonly store: Store | undefined;
  readonly keys: PackageKeys;
  readonly unit: Unit;
}

/**
 * Takes a package from the store, or writes it and saves it there.
 *
 * @throws {KbuildError} A program cannot be read or changes meanwhile; the file cannot be written.
 */
export async function sharePackage(
  { log }: Pick<KubeContext, "log">,
  planned: PlannedPackage,
  { store, keys, unit, ...options }: SharePackageOptions,
): Promise<WrittenPackage> {
  if (store === undefined) return await writePackage(planned, options);
  const { name } = packageUnit(planned);
  const key = await keys.keyOf(planned);
  if (key.key === undefined) {
    log.status(`Without a key: ${name}: ${key.why}`, [], { v: 2 });
    return await writePackage(planned, options);
  }
  const taken = await takePackage(store, key, planned, options);
  if (taken !== undefined) {
    unit.reuse("the store has it");
    return taken;
  }
  const started = performance.now();
  const written = await writePackage(planned, options);
  const seconds = (performance.now() - started) / 1000;
  if (!store.isWritable) return written;
  if (!await key.isCurrent()) {
    log.status(`Not saved: ${name}: a program was changed while it was made`);
    return written;
  }
  const { path, sha256, size } = written.archive;
  const file = { path: name, digest: `sha256:${sha256}`, size, mode: MODE };
  const note = packageNote(written.archive);
  await store.save({ key: key.key, files: [file], seconds, note }, () => path);
  return written;
}

/** The mode that results have of files that nobody executes. */
const MODE = 0o644;

/** @returns undefined: the store lacks it, or what it has is not such a package. */
async function takePackage(
  store: Store,
  { key, isCurrent }: Extract<PackageKey, { key: string }>,
  planned: PlannedPackage,
  options: WritePlannedOptions,
): Promise<WrittenPackage | undefined> {
  const { files: [file, ...others] = [], note } = await store.result(key) ?? {};
  const { name } = packageUnit(planned);
  if (file?.path !== name || file.mode !== MODE || others.length > 0) return undefined;
  const isThere = await store.fetch(file, join(options.directory, planned.path));
  // An index also has the sizes of the programs that are here.
  return isThere && await isCurrent() ? await readPackage(planned, note, options) : undefined;
}
