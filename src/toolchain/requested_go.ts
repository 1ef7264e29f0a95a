import { isAbsolute } from "@std/path";
import type { Checkout } from "../checkout/mod.ts";
import { UsageError } from "../errors.ts";
import type { Environment } from "../lib/init.ts";
import { compareGoVersions, isGoRelease } from "./go_tool.ts";

/** The part of a checkout that decides over Go. */
export type GoNeeds = Pick<Checkout, "minimumGo" | "pinnedGo" | "pinnedGoExact">;

/** Which Go is wanted, before anybody has looked which ones there are. */
export type RequestedGo =
  /** The first in `PATH`, whatever it is. */
  | { readonly kind: "host"; readonly why: string }
  /** That program, or the Go in that directory. */
  | { readonly kind: "path"; readonly path: string; readonly why: string }
  /** That release and no other; `stay` forbids to fetch it. */
  | {
    readonly kind: "exact";
    readonly version: string;
    readonly why: string;
    readonly stay: boolean;
  }
  /** The one in `PATH` where it is `least` or later, else `version`. */
  | {
    readonly kind: "least";
    readonly least: string;
    readonly version: string;
    readonly why: string;
  };

/** The variable behind `--go`. */
export const GO_CHOICE = "KBUILD_GO";

/**
 * Which Go a build wants, the first of these that says something: `--go` (`KBUILD_GO`),
 * `GOTOOLCHAIN` but for `auto`, `FORCE_HOST_GO`, `GO_VERSION`, `.go-version`, and at last the Go of
 * the build container (`build/build-image/cross/VERSION`), which need not be met exactly: there the
 * Go in `PATH` will do where the checkout takes it.
 *
 * Port of the decisions of `kube::golang::internal::verify_go_version` (1.28.7,
 * hack/lib/golang.sh:467-486) and of older trees, which take what is in `PATH`. Pure.
 *
 * @param needs What the checkout says; undefined outside of one.
 * @throws {UsageError} A variable has a value that names no Go.
 */
export function requestedGo(needs: GoNeeds | undefined, env: Environment): RequestedGo {
  return Object.freeze(
    byFlag(env) ?? byToolchain(needs, env) ?? byVariables(env) ?? byCheckout(needs),
  );
}

function byFlag(env: Environment): RequestedGo | undefined {
  const value = env[GO_CHOICE] ?? "";
  const why = `--go (${GO_CHOICE})`;
  if (value === "") return undefined;
  if (value === "host") return { kind: "host", why };
  const version = releaseIn(value);
  if (version !== undefined) return exact(version, why);
  if (value.includes("/")) {
    if (isAbsolute(value)) return { kind: "path", path: value, why };
    throw new UsageError(`Value "${value}" of --go is not an absolute path`, [
      'Begin it with "/"',
    ]);
  }
  throw new UsageError(`Value "${value}" of --go is not a Go`, [
    'Give a release ("1.21.7"), the absolute path of a Go, or "host" for the one in PATH',
  ]);
}

/** `go1.21.7`, `go1.21.7+auto`, `go1.21.7+path`, `local`, `path`; see Go's documentation. */
function byToolchain(needs: GoNeeds | undefined, env: Environment): RequestedGo | undefined {
  const name = "GOTOOLCHAIN";
  const value = env[name] ?? "";
  if (value === "" || value === "auto") return undefined;
  const why = `${name}=${value}`;
  const [first = "", more, ...rest] = value.split("+");
  const version = first.startsWith("go") ? releaseIn(first) : undefined;
  const understood = rest.length === 0 &&
    (more === undefined || more === "auto" || more === "path");
  if (value === "path" || (first === "local" && understood)) return { kind: "host", why };
  if (version === undefined || !understood) {
    throw new UsageError(`Value "${value}" of ${name} names no Go`, [
      'Use "go1.21.7", "local" or "auto"',
    ]);
  }
  // With "+auto" Go would take a later release where the checkout asks for one.
  const pin = needs?.pinnedGo;
  const tooOld = needs !== undefined && compareGoVersions(version, needs.minimumGo.value) < 0;
  if (more === "auto" && tooOld && pin !== undefined) return exact(pin.value, pin.source);
  return exact(version, why, more === "path");
}

function byVariables(env: Environment): RequestedGo | undefined {
  if (env["FORCE_HOST_GO"]) return { kind: "host", why: "FORCE_HOST_GO" };
  const value = env["GO_VERSION"] ?? "";
  if (value === "") return undefined;
  const why = `GO_VERSION=${value}`;
  if (value === "devel") return { kind: "host", why };
  const version = releaseIn(value);
  if (version !== undefined) return exact(version, why);
  throw new UsageError(`Value "${value}" of GO_VERSION names no Go`, [
    'Use a release ("1.21.7"), or "devel" for the Go in PATH',
  ]);
}

function byCheckout(needs: GoNeeds | undefined): RequestedGo {
  if (needs === undefined) return { kind: "host", why: "PATH" };
  const { minimumGo: { value: least, source }, pinnedGo: pin } = needs;
  if (pin !== undefined && needs.pinnedGoExact) return exact(pin.value, pin.source);
  const { value, source: why } = pin ?? { value: least, source };
  return { kind: "least", least, version: archiveVersion(value), why };
}

function exact(version: string, why: string, stay = false): RequestedGo {
  return { kind: "exact", version: archiveVersion(version), why, stay };
}

/** The release that a text names, with or without "go". */
function releaseIn(text: string): string | undefined {
  const version = text.replace(/^go/, "");
  return isGoRelease(version) ? version : undefined;
}

/**
 * The name of a release as Go has it: up to 1.20 the first of a line is `1.20`, from 1.21 on
 * `1.21.0`. Kubernetes 1.19 pins `1.15.0`.
 */
export function archiveVersion(version: string): string {
  const plain = /^(\d+\.\d+)(?:\.0)?$/.exec(version)?.[1];
  if (plain === undefined) return version;
  return compareGoVersions(plain, "1.21") < 0 ? plain : `${plain}.0`;
}
