import { KbuildError } from "../errors.ts";
import type { Owner } from "./base_tree.ts";

/**
 * The numbers that `--chown` means: `65532`, `65532:65532`, or names, looked up as BuildKit does. A
 * number without a group means the group of the same number, a name that user's own.
 *
 * @param read The text of `/etc/passwd` or `/etc/group` in the image; undefined where there is none.
 * @throws {KbuildError} The image does not know the name.
 */
export async function ownerOf(
  text: string,
  read: (path: string) => Promise<string | undefined>,
): Promise<Owner> {
  const [user = "", group] = text.split(":");
  const find = async (name: string, path: string): Promise<readonly string[]> => {
    const lines = (await read(path))?.split("\n").map((line) => line.split(":")) ?? [];
    const found = lines.find(([known]) => known === name);
    if (found !== undefined) return found;
    throw new KbuildError(
      `Cannot give files to "${name}": "${path}" of the image does not have it`,
      {
        notes: ["Write the number in the Dockerfile: --chown=65532:65532"],
      },
    );
  };
  const isNumber = (word: string) => /^\d{1,10}$/.test(word);
  const fields = isNumber(user) ? undefined : await find(user, "/etc/passwd");
  const uid = Number(fields?.[2] ?? user);
  if (group === undefined) return { uid, gid: Number(fields?.[3] ?? user) };
  const gid = Number(isNumber(group) ? group : (await find(group, "/etc/group"))[2]);
  return { uid, gid };
}
