import { scanFile } from "../audit/mod.ts";
import { publishedProgramFaults } from "../bundle/mod.ts";

/**
 * What is wrong with the programs of a published tarball: `…/crictl-v1.19.0-linux-amd64.tar.gz: "crictl" is empty`.
 *
 * @param path Absolute.
 * @throws {KbuildError} It cannot be read.
 */
export async function tarballFaults(
  path: string,
  platform: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<readonly string[]> {
  const content = await scanFile(path, { signal });
  return publishedProgramFaults(content, platform).map((fault) => `${path}: ${fault}`);
}
