import { join } from "@std/path";
import {
  entriesOf,
  ifPossible,
  ifPossibleSync,
  lockFileNow,
  readText,
  removeTree,
} from "../files/mod.ts";
import { KbuildError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import { secretsFile } from "./secrets.ts";

const TEXT = new TextEncoder();

/** What follows a container's name in the name of its lock. */
const SUFFIX = ".lock";

/** Directory of the locks. */
function lockDirectory({ root }: Pick<KubeContext, "root">): string {
  return join(root, "_output", ".kbuild");
}

/** The file that is locked while a container of this name is in use. */
function lockOfName(context: Pick<KubeContext, "root">, name: string): string {
  return join(lockDirectory(context), `${name}${SUFFIX}`);
}

/** How many commands of one checkout run in containers at the same time. */
const MAX_RUNS = 64;

/** A name of a container that no other kbuild uses. */
export interface LockedName extends Disposable {
  /** The name. */
  readonly name: string;
  /** Notes that the command in it works with the copy of the sources, for {@linkcode containersWithCopy}. */
  noteCopy(): void;
}

/** What is in the lock of a container whose command works with the copy of the sources. */
const WITH_COPY = "works with the copy of the sources\n";

/** Takes the name, or if another kbuild uses that the next one: a number is added to it. */
export async function lockName(context: KubeContext, wanted: string): Promise<LockedName> {
  for (let number = 1; number <= MAX_RUNS; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    const lock = await lockFileNow(lockOfName(context, name), {
      ...{ signal: context.signal, temporary: true },
    });
    if (lock !== undefined) {
      try {
        // Those of a kbuild that was killed.
        lock.file.truncateSync(0);
        await removeTree(secretsFile({ name, root: context.root }));
      } catch (error) {
        lock.release();
        throw error;
      }
      return Object.freeze({
        name,
        // On a full disk the command is only not named.
        noteCopy: () => void ifPossibleSync(() => lock.file.writeSync(TEXT.encode(WITH_COPY))),
        [Symbol.dispose]: () => lock.release(),
      });
    }
  }
  throw new KbuildError(`Cannot start another container: ${MAX_RUNS} are running`);
}

/** Whether a kbuild runs a command in the container of this name. */
export async function isLocked(context: Pick<KubeContext, "root">, name: string): Promise<boolean> {
  const lock = await lockFileNow(lockOfName(context, name), { temporary: true });
  lock?.release();
  return lock === undefined;
}

/** Names of the containers in which kbuild runs commands in a checkout now. */
export async function containersInUse(
  context: Pick<KubeContext, "root">,
): Promise<readonly string[]> {
  return await lockedOf(context, await namesWithLock(context));
}

/** Names of those whose commands work with the copy of the sources. Others' locks are not touched. */
export async function containersWithCopy(
  context: Pick<KubeContext, "root">,
): Promise<readonly string[]> {
  const names = await namesWithLock(context);
  const texts = await Promise.all(
    names.map((name) => ifPossible(readText(lockOfName(context, name)))),
  );
  return await lockedOf(context, names.filter((_name, at) => texts[at] === WITH_COPY));
}

async function namesWithLock(context: Pick<KubeContext, "root">): Promise<readonly string[]> {
  const entries = await entriesOf(lockDirectory(context)) ?? [];
  return entries.flatMap(({ name }) =>
    name.startsWith("kube-build-") && name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : []
  ).sort();
}

async function lockedOf(
  context: Pick<KubeContext, "root">,
  names: readonly string[],
): Promise<readonly string[]> {
  const locked: string[] = [];
  for (const name of names) if (await isLocked(context, name)) locked.push(name);
  return Object.freeze(locked);
}
