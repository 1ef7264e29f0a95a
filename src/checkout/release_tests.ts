import { readCheckoutFile } from "./files.ts";
import { readMakefile } from "./makefile.ts";
import type { Checkout } from "./types.ts";

const NAME = "KUBE_RELEASE_RUN_TESTS";

/**
 * Whether `make release` of a checkout runs tests where `KUBE_RELEASE_RUN_TESTS` is not set. Its `build/release.sh`
 * says yes; up to 1.27 the Makefile hands on an empty variable, which means no (v1.20.2 build/root/Makefile:60).
 */
export async function runsReleaseTests({ root }: Pick<Checkout, "root">): Promise<boolean> {
  const { text: script = "" } = await readCheckoutFile(root, "build/release.sh");
  const { text: makefile = "" } = await readCheckoutFile(root, "Makefile");
  return new RegExp(`\\$\\{${NAME}:?-[yY]\\}`).test(script) &&
    !readMakefile(makefile).variables.has(NAME);
}
