import { readTextSync } from "../files/mod.ts";

const PREFIX = "version https://git-lfs.github.com/spec/";
/** Pointers have three short lines; more is a real file that happens to start like one. */
const LONGEST_POINTER = 1024;

/** Whether a file's text is what Git LFS leaves where the file was not fetched. */
export function isLfsPointer(text: string): boolean {
  return text.length <= LONGEST_POINTER && text.startsWith(PREFIX);
}

/** Whether a file is a pointer of Git LFS; anything but a small regular file is not. */
export function isLfsPointerFile(path: string): boolean {
  // A release asks of a thousand files: each takes as long as three turns of the event loop.
  const info = Deno.lstatSync(path);
  if (!info.isFile || info.size < PREFIX.length || info.size > LONGEST_POINTER) return false;
  return isLfsPointer(readTextSync(path));
}
