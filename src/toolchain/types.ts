import type { KubeContext } from "../lib/init.ts";

/**
 * What is needed to find and fetch a Go; a {@linkcode KubeContext} has it all. Outside of a checkout
 * `root` is missing.
 */
export type GoContext =
  & Pick<KubeContext, "env" | "host" | "log" | "shell" | "signal">
  & { readonly root?: string };
