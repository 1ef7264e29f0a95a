import type { Environment } from "../lib/init.ts";

/** Variables that a command in the container sees if they are set and not empty. */
const PASSED: readonly string[] = Object.freeze([
  "KUBE_BUILD_PLATFORMS",
  "KUBE_BUILD_WITH_COVERAGE",
  "KUBE_CGO_OVERRIDES",
  "KUBE_STATIC_OVERRIDES",
  "KUBE_RACE",
  "GOFLAGS",
  "GOGCFLAGS",
  "GO_VERSION",
  "FORCE_HOST_GO",
  "GOTOOLCHAIN",
  "GOPROXY",
  "SOURCE_DATE_EPOCH",
]);

/** Variables whose empty value means something. */
const PASSED_EMPTY: readonly string[] = Object.freeze(["GOLDFLAGS"]);

/** Proxies of the container, which are not those of this machine (1.8 to 1.20). */
const PROXIES = Object.freeze({
  https_proxy: "KUBERNETES_HTTPS_PROXY",
  http_proxy: "KUBERNETES_HTTP_PROXY",
  no_proxy: "KUBERNETES_NO_PROXY",
});

/** Inputs of {@linkcode containerEnvironment} apart from the environment. */
export interface ContainerSettings {
  /** The checkout in the container: `/go/src/k8s.io/kubernetes`. */
  readonly root: string;
  /** Directory for builds, from `root`: `_output/dockerized`. */
  readonly output: string;
  /** Home directory of the command, from `root`: `_output/dockerized/home`. */
  readonly home: string;
  /** Detail of logs: `KUBE_VERBOSE`. */
  readonly verbosity: number;
  /** System of this machine, as Go writes it. */
  readonly os: string;
  /** The file with the version, from `root`; undefined where there is none. */
  readonly versionFile: string | undefined;
}

/**
 * The variables that a command in the build container gets. The names and defaults are those of
 * `kube::build::run_build_command_ex` of all releases; a variable that is empty here is left out, because
 * the checkouts' scripts treat it as if it were not set.
 */
export function containerEnvironment(
  env: Environment,
  { root, output, home, verbosity, os, versionFile }: ContainerSettings,
): Readonly<Record<string, string>> {
  const given = (names: readonly string[]) =>
    names.flatMap((name) => env[name] ? [[name, env[name]] as const] : []);
  return Object.freeze({
    KUBE_OUTPUT_SUBPATH: output,
    // What keeps caches there finds them again in the next container.
    HOME: `${root}/${home}`,
    ...versionFile === undefined ? {} : { KUBE_GIT_VERSION_FILE: `${root}/${versionFile}` },
    GIT_AUTHOR_EMAIL: "nobody@k8s.io",
    GIT_AUTHOR_NAME: "kube-build-image",
    KUBE_FASTBUILD: env["KUBE_FASTBUILD"] || "false",
    KUBE_BUILDER_OS: env["KUBE_BUILDER_OS"] || env["OSTYPE"] || BASH_SYSTEMS[os] || "notdetected",
    KUBE_VERBOSE: String(verbosity),
    ...Object.fromEntries(given(PASSED)),
    ...Object.fromEntries(
      PASSED_EMPTY.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]] as const]),
    ),
    ...Object.fromEntries(
      Object.entries(PROXIES).flatMap(([name, from]) => env[from] ? [[name, env[from]]] : []),
    ),
  });
}

/** What bash calls systems in `OSTYPE`. */
const BASH_SYSTEMS: Readonly<Record<string, string>> = { linux: "linux-gnu", darwin: "darwin" };
