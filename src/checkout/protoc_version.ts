import { readCheckoutFile } from "./files.ts";

/** Functions around protoc. */
const SCRIPT = "hack/lib/protoc.sh";

/**
 * The release of protoc that a checkout pins in `hack/lib/protoc.sh` (1.28 and later): `23.4`.
 *
 * @returns undefined where any protoc 3 will do (up to 1.27).
 */
export async function readProtocVersion(root: string): Promise<string | undefined> {
  const { text = "" } = await readCheckoutFile(root, SCRIPT);
  return /^(?:readonly )?PROTOC_VERSION=["']?(\d[\w.]*)/m.exec(text)?.[1];
}
