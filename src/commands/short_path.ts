/** A path from a directory if it is below it, else as it is. */
export function shortPath(path: string, directory: string): string {
  const above = directory.endsWith("/") ? directory : `${directory}/`;
  return path.startsWith(above) && path !== above ? path.slice(above.length) : path;
}
