import { quote } from "../shell/mod.ts";

/**
 * The command that finds out more about an error; undefined where there is none.
 *
 * @param root `--root` of the command that failed.
 */
export async function doctorHint(
  error: unknown,
  root: string | undefined,
): Promise<string | undefined> {
  // Only a run that fails needs it.
  const { doctorWord } = await import("../doctor/mod.ts");
  const word = doctorWord(error);
  if (word === undefined) return undefined;
  const where = root === undefined ? "" : ` --root ${quote(root)}`;
  return `To find out more: kbuild doctor ${word}${where}`;
}
