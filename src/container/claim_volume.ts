import { KbuildError } from "../errors.ts";
import type { KubeContext } from "../lib/init.ts";
import { userIn } from "./arguments.ts";
import { inspectAll, linesOf } from "./engine.ts";
import { engineError } from "./explain.ts";
import { type CheckoutIdentity, ownerOf } from "./identity.ts";
import { MANIFEST } from "./sync.ts";
import { execute, type VolumeContainer } from "./volume.ts";

/** File of a volume that says which checkout used it last, and whose the files are. */
export const USER_NOTE = "_output/.kbuild-used-by";

/** A volume, and what is known of it. */
export interface FoundVolume {
  /** Its name. */
  readonly volume: string;
  /** What {@linkcode USER_NOTE} says, "" without one. */
  readonly note: string;
  /** The checkout that wants it. */
  readonly own: CheckoutIdentity;
}

/** Gives a volume to a user, and notes that. The note comes last, so that what is ended in the middle is done again. */
const CLAIM = `mkdir -p _output || exit
[ -z "$1" ] || rm -rf -- "$1" ${MANIFEST} || exit
[ -z "$2" ] || chown -hR "$2" . || exit
printf '%s' "$3" >${USER_NOTE}`;

/**
 * Makes sure that nobody else works in a volume, and that all of its files belong to the user of its container. What a command of
 * another user has left, or another checkout, could not be replaced.
 *
 * @param container One that runs already: of two checkouts that come at the same time, at least one sees the other.
 * @throws {KbuildError} A container of another checkout uses the volume.
 */
export async function claimVolume(
  context: KubeContext,
  container: VolumeContainer,
  { volume, note, own }: FoundVolume,
): Promise<void> {
  const { engine } = container;
  const { kind } = engine;
  const others = await containersOfOthers(context, container, { volume, own });
  if (others.length > 0) {
    throw new KbuildError(
      `Cannot use the volume "${volume}": another checkout at this path works with it in ${
        others.join(", ")
      }`,
      {
        notes: [
          "It is on another machine of this name, or in another mount namespace; wait until its command has ended",
          "HOSTNAME=… with another name gives this checkout containers and a volume of its own",
          `If it is of no use: ${kind} rm --force ${others.join(" ")}`,
        ],
      },
    );
  }
  const { uid, gid } = userIn(engine, container.user);
  const wanted = `${own.identity} ${uid}:${gid}`;
  if (note === wanted) return;
  const isOther = isOfAnother({ note, own });
  if (isOther) {
    context.log.warn(
      `The volume ${volume} has the copy of another checkout at this path: its sources are replaced, its programs removed`,
      ["It is on another machine of this name, or was removed here; HOSTNAME=… makes another volume"],
    );
  }
  const programs = context.releaseBinPath.slice(context.root.length + 1);
  // root needs no file of its own.
  const user = uid === 0 ? "" : `${uid}:${gid}`;
  const words = ["sh", "-c", CLAIM, "sh", isOther ? programs : "", user, wanted];
  await execute(context, container, words, { asRoot: true });
}

/** Whether a volume was used last by another checkout. */
export function isOfAnother({ note, own }: Pick<FoundVolume, "note" | "own">): boolean {
  return note !== "" && note.split(" ")[0] !== own.identity;
}

/** Names of containers of other checkouts in which the volume is. */
async function containersOfOthers(
  context: KubeContext,
  { engine, name }: VolumeContainer,
  { volume, own }: Pick<FoundVolume, "own" | "volume">,
): Promise<readonly string[]> {
  const words = ["ps", "--quiet", "--no-trunc", "--filter", `volume=${volume}`];
  const { code, stdout, tail } = await context.shell.run([...engine.program, ...words], {
    allowed: "any",
  });
  if (code !== 0) throw engineError(`Cannot ask who uses the volume "${volume}"`, tail, engine);
  const ids = linesOf(stdout);
  // Most often, the container is the only one.
  if (ids.length < 2) return [];
  const containers = await inspectAll(context, engine, "container", ids);
  return containers.filter((each) => ownerOf(each, own, engine) === "other")
    .map((each) => String(each["Name"]).replace(/^\//, ""))
    .filter((each) => each !== name).sort();
}
