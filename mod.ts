/**
 * kbuild as a library: the modules of Kubernetes' `hack/lib` and `build/lib` as typed functions.
 *
 * A {@linkcode init.KubeContext} says where things are, a {@linkcode checkout.Checkout} what the
 * checkout says of itself; functions take both and return frozen values.
 *
 * @example Which version would a build stamp?
 * ```ts ignore
 * import { checkout, init, logging, shell, version } from "@k8s/kbuild";
 *
 * const env = Deno.env.toObject();
 * const root = await checkout.findRoot(Deno.cwd());
 * const context = init.createContext({
 *   root,
 *   env,
 *   log: logging.createLogger({ write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)) }),
 *   shell: shell.createShell({ cwd: root, env }),
 * });
 * const { gitVersion } = await version.getVersionVars(context);
 * console.log(gitVersion);
 * ```
 *
 * @module
 */
export * as archive from "./src/archive/mod.ts";
export * as checkout from "./src/checkout/mod.ts";
export * as generate from "./src/generate/mod.ts";
export * as golang from "./src/lib/golang/mod.ts";
export * as image from "./src/image/mod.ts";
export * as init from "./src/lib/init.ts";
export * as logging from "./src/lib/logging.ts";
export * as release from "./src/release/mod.ts";
export * as shell from "./src/shell/mod.ts";
export * as util from "./src/lib/util.ts";
export * as version from "./src/lib/version.ts";
export { KbuildError, UsageError } from "./src/errors.ts";
