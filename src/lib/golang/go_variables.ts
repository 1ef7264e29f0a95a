import type { KubeContext } from "../init.ts";

/** Kubernetes' scripts hand these on to go, which then builds something else. */
const HANDED_ON: readonly string[] = Object.freeze([
  ...[
    "GO386",
    "GOAMD64",
    "GOARM",
    "GOARM64",
    "GOMIPS",
    "GOMIPS64",
    "GOPPC64",
    "GORISCV64",
    "GOWASM",
  ],
  ...["GODEBUG", "GOEXPERIMENT", "GOFIPS140", "GOROOT_FINAL", "GO_EXTLINK_ENABLED"],
  ...["AR", "CC", "CXX", "FC", "GCCGO", "PKG_CONFIG"],
  ...["CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS"],
]);

/** What no go of a build gets: kbuild decides it. */
const DECIDED: readonly string[] = Object.freeze([
  ...["GO111MODULE", "GOARCH", "GOBIN", "GOHOSTARCH", "GOHOSTOS", "GOOS", "GOTOOLDIR", "GOWORK"],
]);

/** Variables of the environment that a plan shows, because they change what go builds. */
export function handedOn(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    HANDED_ON.flatMap((name) => env[name] ? [[name, env[name]] as [string, string]] : []),
  );
}

/** The environment without what kbuild decides. */
export function withoutDecided(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !DECIDED.includes(name)));
}

/** What a user should know of the variables and settings of Go, a line each. */
export function goVariableNotes({ env, goNotes }: KubeContext): readonly string[] {
  const words = Object.entries(handedOn(env)).map(([name, value]) => `${name}=${value}`);
  const platform = ["GOOS", "GOARCH"].filter((name) => env[name]);
  return [
    ...(words.length === 0 ? [] : [`Handed on to go: ${words.join(" ")}`]),
    ...(platform.length === 0 ? [] : [
      `${platform.join(" and ")} of the environment do not choose the platform: --platform does`,
    ]),
    ...goNotes,
  ];
}
