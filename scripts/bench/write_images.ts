/**
 * Writes the server images of a checkout, as a release does, and nothing else: a process to measure.
 *
 * Usage: write_images.ts ROOT OUT [NAME=BASE…] [-- IMAGE…]
 */
import { join } from "@std/path";
import { createHasher } from "../../src/archive/mod.ts";
import { readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { mapConcurrently } from "../../src/lib/util.ts";
import { OpenBases, preparePackage, writeImage } from "../../src/release/mod.ts";
import { createShell } from "../../src/shell/mod.ts";

/** As many as a release has under way. */
const CONCURRENCY = 2;

const [root = ".", out = ".", ...rest] = Deno.args;
const split = rest.includes("--") ? rest.indexOf("--") : rest.length;
const env = Deno.env.toObject();
const shell = createShell({ cwd: root, env });
const log = createLogger({ write: () => {} });
const context = createContext({ root, shell, log, env, host: "linux/amd64" });
const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
const plan = await preparePackage(context, checkout, {
  vars: {
    ...{ gitCommit: "", gitMajor: "1", gitMinor: "20", gitVersion: "v1.20.2" },
    ...{ gitTreeState: "clean", dirtyPaths: [], problem: undefined },
  },
  epoch: 1600000000,
  platforms: setupPlatforms(checkout, { fastbuild: true, hostArch: "amd64" }),
  binPath: context.releaseBinPath,
  baseImages: rest.slice(0, split),
});
const wanted = rest.slice(split + 1);
const images = plan.images.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const hasher = createHasher(CONCURRENCY);
await using bases = new OpenBases(plan.bases);
await mapConcurrently(images, CONCURRENCY, async (image) => {
  await Deno.mkdir(join(out, image.arch), { recursive: true });
  await writeImage(image, { directory: out, bases, created: 1600000000, hasher });
});
hasher.close();
