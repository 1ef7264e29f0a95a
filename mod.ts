/**
 * kbuild as a library: the modules of Kubernetes' `hack/lib` and `build/lib` as typed functions.
 *
 * A {@linkcode init.KubeContext} has the paths and the environment, a {@linkcode checkout.Checkout} the
 * values of the checkout's own files. Functions take both and return frozen values.
 *
 * @example Which version would a build stamp, and what would it start?
 * ```ts
 * import { checkout, golang, init, logging, sample, shell, version } from "@k8s/kbuild";
 *
 * // A checkout to look at: here the embedded sample. Yours is found by checkout.findRoot(directory).
 * const env = Deno.env.toObject();
 * const dir = await Deno.makeTempDir();
 * const git = shell.createShell({ cwd: dir, env });
 * await sample.createSample({ dir: `${dir}/kubernetes`, era: "1.20", git, env });
 * const root = await checkout.findRoot(`${dir}/kubernetes`);
 *
 * const context = init.createContext({
 *   root,
 *   env,
 *   log: logging.createLogger({ write: (text) => console.error(text.trimEnd()) }),
 *   shell: git,
 * });
 * const tree = await checkout.readCheckout(root, { variables: env, hostArch: "amd64" });
 * const vars = await version.getVersionVars(context);
 * console.log(vars.gitVersion, tree.targets.client.value); // v1.20.2 [ "cmd/kubectl" ]
 *
 * const { plan } = await golang.prepareBuild(context, tree, {
 *   matrix: [{ platform: "linux/amd64", targets: ["cmd/kubectl"] }],
 *   vars,
 *   epoch: await version.sourceDateEpoch(context, vars),
 * });
 * console.log(plan.platforms[0]?.steps[0]?.argv.join(" ")); // …/go install -installsuffix static …
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @module
 */
export * as archive from "./src/archive/mod.ts";
export * as audit from "./src/audit/mod.ts";
export * as bundle from "./src/bundle/mod.ts";
export * as checkout from "./src/checkout/mod.ts";
export * as checks from "./src/checks/mod.ts";
export * as container from "./src/container/mod.ts";
export * as dockerfile from "./src/dockerfile/mod.ts";
export * as download from "./src/download/mod.ts";
export * as events from "./src/events/mod.ts";
export * as files from "./src/files/mod.ts";
export * as generate from "./src/generate/mod.ts";
export * as golang from "./src/lib/golang/mod.ts";
export * as image from "./src/image/mod.ts";
export * as init from "./src/lib/init.ts";
export * as logging from "./src/lib/logging.ts";
export * as net from "./src/net/mod.ts";
export * as packages from "./src/packages/mod.ts";
export * as registry from "./src/registry/mod.ts";
export * as release from "./src/release/mod.ts";
export * as sample from "./src/sample/mod.ts";
export * as sbom from "./src/sbom/mod.ts";
export * as shell from "./src/shell/mod.ts";
export * as store from "./src/store/mod.ts";
export * as testing from "./src/testing/mod.ts";
export * as toolchain from "./src/toolchain/mod.ts";
export * as util from "./src/lib/util.ts";
export * as version from "./src/lib/version/mod.ts";
export { KbuildError, UsageError } from "./src/errors.ts";

// `deno run -A jsr:@k8s/kbuild quick-release`
if (import.meta.main) await import("./main.ts");
