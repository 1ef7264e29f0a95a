import { join } from "@std/path";
import { cachedGo, goFileName } from "./cache.ts";
import { compareGoVersions, type GoTool, isGoRelease } from "./go_tool.ts";
import type { GoNeeds, RequestedGo } from "./requested_go.ts";
import { toolchainModule } from "./urls.ts";

/** Go's own distribution for a platform begins with this release, where that is known for sure. */
const FIRST_FOR: Readonly<Record<string, string>> = { "darwin/arm64": "1.16" };

/** What there is to choose from. */
export interface GoSupply {
  /** The Go in `PATH`, or the one that is requested by its path. */
  readonly have: GoTool | undefined;
  /** Why there is none at the requested path. */
  readonly noneThere?: string | undefined;
  /** This machine: "linux/amd64". */
  readonly host: string;
  /** kbuild's cache; undefined where no variable leads to one. */
  readonly cache: string | undefined;
  /** Whether the cache holds the requested release. */
  readonly cached: boolean;
  /** Nothing may be fetched. */
  readonly offline: boolean;
  /** Base URL of Go's archives, without a slash at the end. */
  readonly mirror: string;
  /** The archive alone, not the module: its mirror or digest is given, or `GOPROXY=off`. */
  readonly archivesOnly: boolean;
  /** The release is wanted in the cache, whatever else there is. */
  readonly cacheOnly?: boolean;
}

/** Which Go a checkout is built with. */
export interface GoChoice {
  /** The Go in `PATH`, or that of `--go PATH`. */
  readonly have: GoTool | undefined;
  /** "1.21.7", "1.15.0 or later", "in PATH". */
  readonly want: string;
  /** Who wants it: `.go-version:1`, `GO_VERSION=1.24.3`. */
  readonly why: string;
  /**
   * `host`: the Go that is there. `cached`: provided earlier. `proxy`: it will be fetched as a module
   * through `GOPROXY`, and if that fails as an archive. `archive`: it will be fetched as an archive.
   * `unavailable`: see `problem`.
   */
  readonly action: "host" | "cached" | "proxy" | "archive" | "unavailable";
  /** The release that is or would be provided; undefined for the Go that is there. */
  readonly version?: string;
  /** The `go` program; where it is still to be fetched, its later place. */
  readonly path?: string;
  /** With the action `host`: the image that it is in; undefined: on this machine. */
  readonly image?: string;
  /** What would be fetched: the URL of an archive, or a module and its version. */
  readonly url?: string;
  /** With the action `proxy`: URL of the archive that is fetched if the module cannot be. */
  readonly archiveUrl?: string;
  /** Why there is no Go to build with, as the message of an error. */
  readonly problem?: string;
  /** The ways out, with `problem` or if the release cannot be fetched. */
  readonly notes: readonly string[];
}

/**
 * Decides between the Go in `PATH`, one in kbuild's cache and one to be fetched. Pure: what is
 * there was found out before.
 *
 * @param requested From `requestedGo`.
 * @param needs What the checkout says; undefined outside of one.
 */
export function chooseGo(
  requested: RequestedGo,
  needs: GoNeeds | undefined,
  supply: GoSupply,
): GoChoice {
  return Object.freeze({
    have: supply.have,
    why: requested.why,
    ...decide(requested, needs, supply),
  });
}

type Decision = Omit<GoChoice, "have" | "why"> & { readonly why?: string };

function decide(requested: RequestedGo, needs: GoNeeds | undefined, supply: GoSupply): Decision {
  const { have } = supply;
  if (requested.kind === "host" || requested.kind === "path") {
    return present(requested, needs, supply);
  }
  const want = requested.kind === "exact" ? requested.version : `${requested.least} or later`;
  const fits = requested.kind === "exact"
    ? have?.devel === false && compareGoVersions(have.version, requested.version) === 0
    : serves(have, needs);
  const tooOld = requested.kind === "exact" && needs !== undefined &&
    isGoRelease(requested.version) && !reaches(requested.version, needs.minimumGo.value);
  if (tooOld) {
    const { value, source } = needs.minimumGo;
    return unavailable(
      want,
      `Cannot build with Go ${requested.version} (${requested.why}): this checkout needs Go ${value} or later`,
      [`${source} sets the minimum`, ...hostServes(needs, supply)],
    );
  }
  if (fits && have !== undefined && supply.cacheOnly !== true) {
    const why = requested.kind === "least"
      ? needs?.minimumGo.source ?? requested.why
      : requested.why;
    return { ...found(want, have.path), why };
  }
  return fetched(requested, want, needs, supply);
}

/** The Go that is there, if it is, and if the checkout takes it. */
function present(
  requested: RequestedGo & { kind: "host" | "path" },
  needs: GoNeeds | undefined,
  { have, noneThere = "no such file or directory" }: GoSupply,
): Decision {
  const want = requested.kind === "host" ? "the Go in PATH" : requested.path;
  if (have === undefined) {
    const needed = needs === undefined ? [] : [`This checkout needs Go ${neededGo(needs)}`];
    const otherwise = requested.kind === "path"
      ? "kbuild uses the Go in PATH if it fits, else fetches one"
      : "kbuild fetches Go";
    const named = needs === undefined
      ? []
      : [`${requested.why} asks for it; without that ${otherwise}`];
    if (requested.kind === "path") {
      return unavailable(want, `Cannot use the Go at "${requested.path}": ${noneThere}`, [
        "Name the program, its directory, or a distribution, in which it is bin/go",
        ...needed,
        ...named,
      ]);
    }
    return unavailable(want, 'Cannot find "go" in PATH', [
      ...needed,
      ...named,
      "Install Go: on Debian `apt-get install golang-go`, on macOS `brew install go`",
      "or download it from https://go.dev/dl/, then put its bin directory into PATH",
    ]);
  }
  if (needs === undefined || serves(have, needs)) return found(want, have.path);
  const { minimumGo: { value, source }, pinnedGo: pin } = needs;
  return unavailable(
    want,
    `Cannot build with Go ${have.version} ("${have.path}"): this checkout needs Go ${value} or later`,
    [
      `${source} sets the minimum${
        pin === undefined ? "" : `, ${pin.source} pins ${pin.value}`
      }; ${requested.why} asks for this Go`,
      `Let kbuild fetch it: --go ${pin?.value ?? value}`,
    ],
  );
}

/** The exact Go of a checkout, or its minimum. */
function neededGo({ minimumGo, pinnedGo, pinnedGoExact }: GoNeeds): string {
  return pinnedGoExact && pinnedGo !== undefined ? pinnedGo.value : `${minimumGo.value} or later`;
}

/** A release that is not there: from the cache, from Go's proxy, from an archive. */
function fetched(
  requested: RequestedGo & { kind: "exact" | "least" },
  want: string,
  needs: GoNeeds | undefined,
  supply: GoSupply,
): Decision {
  const { version } = requested;
  const { have, host, cache, cached, offline, mirror, archivesOnly } = supply;
  const intro = have === undefined || requested.kind === "exact"
    ? `Cannot get Go ${version}`
    : `Cannot build with Go ${have.version} ("${have.path}"), nor get Go ${version}`;
  const fail = (why: string, notes: readonly string[]) =>
    unavailable(want, `${intro}: ${why}`, [
      `${requested.why} wants Go ${version}${
        requested.kind === "least" && needs !== undefined
          ? `, ${needs.minimumGo.source} takes ${requested.least} or later`
          : ""
      }`,
      ...notes,
    ]);
  if (!isGoRelease(version)) {
    return fail("that is the name of no release", [...hostServes(needs, supply), CHOOSE_ANOTHER]);
  }
  if (cache === undefined) {
    return fail("no directory is known to keep it in", [
      "Set KBUILD_CACHE to the absolute path of a directory",
      ...hostServes(needs, supply),
    ]);
  }
  const place = cachedGo(cache, version, host);
  const later = {
    want,
    version,
    path: join(place.goroot, "bin", "go"),
    notes: hostServes(needs, supply),
  };
  if (cached) return { ...later, action: "cached" };
  const first = FIRST_FOR[host];
  if (first !== undefined && compareGoVersions(version, first) < 0) {
    return fail(`there is no Go for ${host} before ${first}`, [
      ...hostServes(needs, supply),
      ...(requested.kind === "exact"
        ? [CHOOSE_ANOTHER]
        : [`A later Go builds this checkout, too: --go ${first}; the binaries will differ`]),
    ]);
  }
  if (offline || (requested.kind === "exact" && requested.stay)) {
    const why = offline ? "--offline forbids downloads" : `${requested.why} forbids downloads`;
    return fail(`it is not in the cache "${join(cache, "go")}", and ${why}`, [
      `Get it in advance: kbuild toolchain install ${version}`,
      ...hostServes(needs, supply),
    ]);
  }
  const archiveUrl = `${mirror}/${goFileName(version, host)}.tar.gz`;
  if (archivesOnly) return { ...later, action: "archive", url: archiveUrl };
  const module = toolchainModule(version, host);
  return { ...later, action: "proxy", url: `${module.path}@${module.version}`, archiveUrl };
}

const CHOOSE_ANOTHER = "Choose another: --go VERSION, or --go with the path of a Go";

/** Whether a checkout takes this Go; a development version is taken for the latest. */
function serves(have: GoTool | undefined, needs: GoNeeds | undefined): boolean {
  if (have === undefined || needs === undefined) return false;
  return have.devel || reaches(have.version, needs.minimumGo.value);
}

/** As the scripts compare: a candidate counts as its release. */
function reaches(version: string, minimum: string): boolean {
  return compareGoVersions(version.replace(/(rc|beta)\d+$/, ""), minimum) >= 0;
}

/** The way out that costs nothing, where it is one. */
function hostServes(needs: GoNeeds | undefined, { have }: GoSupply): readonly string[] {
  if (have === undefined || !serves(have, needs)) return [];
  return [
    `The Go in PATH would do (${
      have.version || "devel"
    }, "${have.path}"): --go host, or FORCE_HOST_GO=y`,
  ];
}

function found(want: string, path: string): Decision {
  return { want, action: "host", path, notes: [] };
}

function unavailable(want: string, problem: string, notes: readonly string[]): Decision {
  return { want, action: "unavailable", problem, notes: Object.freeze(notes) };
}
