/**
 * Lists what a Kubernetes checkout would build for its client platforms: one line per platform and
 * target, and where kbuild read it.
 *
 * Usage: list_builds.ts CHECKOUT
 */
import { resolve } from "node:path";
import process from "node:process";
import { checkout, KbuildError, util } from "@k8s/kbuild";

const [directory] = process.argv.slice(2);
if (!directory) {
  console.error("Usage: list_builds.ts CHECKOUT");
  process.exit(2);
}

try {
  const root = await checkout.findRoot(resolve(directory));
  const [, hostArch = "amd64"] = util.hostPlatform().split("/");
  const { era, targets, platforms } = await checkout.readCheckout(root, {
    variables: {},
    hostArch,
  });
  console.log(`# ${era.title}; targets from ${targets.client.source}`);
  for (const platform of platforms.client.value) {
    for (const target of targets.client.value) console.log(`${platform} ${target}`);
  }
} catch (error) {
  if (!(error instanceof KbuildError)) throw error;
  console.error([error.message, ...error.notes].join("\n  "));
  process.exitCode = error.exitCode;
}
