import { join } from "@std/path";
import { UsageError } from "../errors.ts";
import { entriesOf, isDirectory } from "../files/mod.ts";
import { didYouMean, nearest } from "../lib/nearest.ts";
import type { CheckoutConfig, ConfigListKey } from "./config.ts";
import { isGoPlatform } from "./platforms.ts";
import type { Checkout } from "./types.ts";

/** A target that starts with a domain name is a Go package, which only go can find. */
const DOMAIN = /^([A-Za-z0-9-]+\.)+[A-Za-z0-9]+\/./;

/**
 * Checks that targets and platforms of a configuration exist: a name of the checkout's own lists or
 * one of its directories, a platform of Go.
 *
 * @param checkout As it is read, without the configuration.
 * @throws {UsageError} One does not exist; names the nearest.
 */
export async function checkConfig(checkout: Checkout, config: CheckoutConfig): Promise<void> {
  const { all, ...groups } = checkout.targets;
  const targets = [all, ...Object.values(groups)].flatMap(({ value }) => value);
  const platforms = Object.values(checkout.platforms).flatMap(({ value }) => value);
  for (const [key, name] of namesIn(config)) {
    if (key.startsWith("platforms.")) {
      if (platforms.includes(name) || isGoPlatform(name)) continue;
      throw missing(config, key, name, "Go has no such platform", platforms);
    } else if (key.startsWith("targets.")) {
      if (targets.includes(name) || DOMAIN.test(name)) continue;
      if (await hasDirectory(checkout.root, name)) continue;
      const known = [...targets, ...await commandTargets(checkout.root)];
      throw missing(config, key, name, "the checkout has no such directory", known);
    }
  }
}

function namesIn({ lists }: CheckoutConfig): readonly (readonly [ConfigListKey, string])[] {
  return (Object.keys(lists) as ConfigListKey[]).flatMap((key) => {
    const { replace = [], add = [], remove = [] } = lists[key] ?? {};
    return [...replace, ...add, ...remove].map((name) => [key, name] as const);
  });
}

/** `test/e2e/e2e.test` is made of `test/e2e`. */
async function hasDirectory(root: string, target: string): Promise<boolean> {
  const path = /(\.test|\/\.\.\.)$/.test(target)
    ? target.slice(0, target.lastIndexOf("/"))
    : target;
  return target.includes("/") && await isDirectory(join(root, path));
}

async function commandTargets(root: string): Promise<readonly string[]> {
  const entries = await entriesOf(join(root, "cmd")) ?? [];
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => `cmd/${name}`);
}

function missing(
  { path }: CheckoutConfig,
  key: string,
  name: string,
  why: string,
  known: readonly string[],
): UsageError {
  return new UsageError(`Cannot use "${name}" of "${key}" in "${path}": ${why}`, [
    ...didYouMean(nearest(name, known)),
    key.startsWith("targets.")
      ? "Write targets as the checkout does: cmd/kubectl, test/e2e/e2e.test"
      : "Write platforms as Go does: linux/amd64",
  ]);
}
