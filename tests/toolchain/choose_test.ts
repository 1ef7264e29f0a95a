import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import {
  chooseGo,
  type GoChoice,
  type GoNeeds,
  type GoSupply,
  type GoTool,
  requestedGo,
} from "../../src/toolchain/mod.ts";

const PIN = ".go-version:1";
const CROSS = "build/build-image/cross/VERSION:1";
const MINIMUM = "hack/lib/golang.sh:499";

/** 1.28.7: `.go-version`. */
const exact: GoNeeds = {
  minimumGo: { value: "1.20", source: MINIMUM },
  pinnedGo: { value: "1.21.7", source: PIN },
  pinnedGoExact: true,
};
/** 1.19: the build container's Go. */
const loose: GoNeeds = {
  minimumGo: { value: "1.15.0", source: MINIMUM },
  pinnedGo: { value: "1.15.0", source: CROSS },
  pinnedGoExact: false,
};
const unpinned: GoNeeds = { ...loose, pinnedGo: undefined };

function tool(version: string, more: Partial<GoTool> = {}): GoTool {
  return {
    path: "/usr/bin/go",
    description: "",
    version,
    devel: false,
    host: "linux/amd64",
    ...more,
  };
}

function choose(
  needs: GoNeeds | undefined,
  env: Record<string, string>,
  have: GoTool | undefined,
  supply: Partial<GoSupply> = {},
): GoChoice {
  return chooseGo(requestedGo(needs, env), needs, {
    have,
    host: "linux/amd64",
    cache: "/cache",
    cached: false,
    offline: false,
    mirror: "https://mirror/go",
    archivesOnly: false,
    ...supply,
  });
}

const MODULE = "golang.org/toolchain@v0.0.1-go";
const host = { action: "host", path: "/usr/bin/go" };
const proxy = (version: string) => ({
  action: "proxy",
  version,
  path: `/cache/go/go${version}.linux-amd64/go/bin/go`,
  url: `${MODULE}${version}.linux-amd64`,
  archiveUrl: `https://mirror/go/go${version}.linux-amd64.tar.gz`,
});
const archive = (version: string) => ({
  action: "archive",
  version,
  path: `/cache/go/go${version}.linux-amd64/go/bin/go`,
  url: `https://mirror/go/go${version}.linux-amd64.tar.gz`,
});
const cached = (version: string) => ({
  action: "cached",
  version,
  path: `/cache/go/go${version}.linux-amd64/go/bin/go`,
});

/** What, on which checkout, with which variables and which Go in PATH: what is chosen, and why. */
const CHOICES: [
  string,
  GoNeeds | undefined,
  Record<string, string>,
  GoTool | undefined,
  Partial<GoSupply>,
  Readonly<Record<string, unknown>>,
][] = [
  ["the pinned Go is there", exact, {}, tool("1.21.7"), {}, { ...host, why: PIN, want: "1.21.7" }],
  [
    "a vendor's build of it is",
    exact,
    {},
    tool("1.21.7", { description: "go1.21.7-fips" }),
    {},
    host,
  ],
  ["a later one is there", exact, {}, tool("1.26.8"), {}, { ...proxy("1.21.7"), why: PIN }],
  ["an earlier one is there", exact, {}, tool("1.21.0"), {}, proxy("1.21.7")],
  [
    "a candidate of it is there",
    exact,
    { GO_VERSION: "1.26.0" },
    tool("1.26rc1"),
    {},
    proxy("1.26.0"),
  ],
  ["one before GOTOOLCHAIN is there", exact, {}, tool("1.19.8"), {}, proxy("1.21.7")],
  ["a development version is there", exact, {}, tool("1.27", { devel: true }), {}, proxy("1.21.7")],
  ["none is there", exact, {}, undefined, {}, { ...proxy("1.21.7"), have: undefined }],
  ["it is cached", exact, {}, tool("1.26.8"), { cached: true }, cached("1.21.7")],
  [
    "it is cached, offline",
    exact,
    {},
    undefined,
    { cached: true, offline: true },
    cached("1.21.7"),
  ],
  ["it is there, offline", exact, {}, tool("1.21.7"), { offline: true }, host],
  ["a mirror is named", exact, {}, tool("1.26.8"), { archivesOnly: true }, archive("1.21.7")],
  ["what is there must not count", exact, {}, tool("1.21.7"), { cacheOnly: true }, proxy("1.21.7")],

  ["the Go in PATH will do", loose, {}, tool("1.26.8"), {}, {
    ...host,
    why: MINIMUM,
    want: "1.15.0 or later",
  }],
  ["just so", loose, {}, tool("1.15"), {}, host],
  [
    "numbers are compared as numbers",
    { ...loose, minimumGo: { value: "1.6", source: MINIMUM } },
    {},
    tool("1.10"),
    {},
    host,
  ],
  [
    "a candidate of the minimum will do",
    { ...loose, minimumGo: { value: "1.25", source: MINIMUM } },
    {},
    tool("1.25rc1"),
    {},
    host,
  ],
  ["a development version will do", loose, {}, tool("", { devel: true }), {}, host],
  ["too old: the container's, as Go writes it", loose, {}, tool("1.14.2"), {}, {
    ...proxy("1.15"),
    why: CROSS,
  }],
  ["none: the container's", loose, {}, undefined, {}, proxy("1.15")],
  ["nothing is pinned: the minimum", unpinned, {}, undefined, {}, {
    ...proxy("1.15"),
    why: MINIMUM,
  }],

  ["--go VERSION", exact, { KBUILD_GO: "1.24.3" }, tool("1.26.8"), {}, {
    ...proxy("1.24.3"),
    why: "--go (KBUILD_GO)",
  }],
  ["--go goVERSION", loose, { KBUILD_GO: "go1.24.3" }, tool("1.24.3"), {}, host],
  ["--go host", exact, { KBUILD_GO: "host" }, tool("1.26.8"), {}, host],
  ["--go PATH", exact, { KBUILD_GO: "/usr" }, tool("1.26.8"), {}, { ...host, want: "/usr" }],
  [
    "--go beats all",
    exact,
    {
      KBUILD_GO: "host",
      GOTOOLCHAIN: "go1.25.0",
      FORCE_HOST_GO: "",
      GO_VERSION: "1.24.0",
    },
    tool("1.26.8"),
    {},
    host,
  ],

  ["GOTOOLCHAIN=go…", exact, { GOTOOLCHAIN: "go1.25.0" }, tool("1.26.8"), {}, {
    ...proxy("1.25.0"),
    why: "GOTOOLCHAIN=go1.25.0",
  }],
  [
    "GOTOOLCHAIN beats FORCE_HOST_GO",
    exact,
    { GOTOOLCHAIN: "go1.25.0", FORCE_HOST_GO: "y" },
    tool("1.26.8"),
    {},
    proxy("1.25.0"),
  ],
  [
    "GOTOOLCHAIN=go…+auto",
    exact,
    { GOTOOLCHAIN: "go1.25.0+auto" },
    tool("1.26.8"),
    {},
    proxy("1.25.0"),
  ],
  [
    "…+auto where that is too old",
    exact,
    { GOTOOLCHAIN: "go1.19+auto" },
    tool("1.26.8"),
    {},
    proxy("1.21.7"),
  ],
  ["GOTOOLCHAIN=go…+path", exact, { GOTOOLCHAIN: "go1.21.7+path" }, tool("1.21.7"), {}, host],
  ["GOTOOLCHAIN=local", exact, { GOTOOLCHAIN: "local" }, tool("1.26.8"), {}, host],
  ["GOTOOLCHAIN=path", exact, { GOTOOLCHAIN: "path" }, tool("1.26.8"), {}, host],
  ["GOTOOLCHAIN=local+auto", exact, { GOTOOLCHAIN: "local+auto" }, tool("1.26.8"), {}, host],
  ["GOTOOLCHAIN=auto", exact, { GOTOOLCHAIN: "auto" }, tool("1.26.8"), {}, {
    ...proxy("1.21.7"),
    why: PIN,
  }],

  ["FORCE_HOST_GO", exact, { FORCE_HOST_GO: "y" }, tool("1.26.8"), {}, {
    ...host,
    why: "FORCE_HOST_GO",
  }],
  ["FORCE_HOST_GO, any value", exact, { FORCE_HOST_GO: "n" }, tool("1.26.8"), {}, host],
  [
    "FORCE_HOST_GO beats GO_VERSION",
    exact,
    { FORCE_HOST_GO: "y", GO_VERSION: "1.25.0" },
    tool("1.26.8"),
    {},
    host,
  ],
  ["GO_VERSION", exact, { GO_VERSION: "1.25.0" }, tool("1.26.8"), {}, {
    ...proxy("1.25.0"),
    why: "GO_VERSION=1.25.0",
  }],
  [
    "GO_VERSION where nothing is pinned",
    unpinned,
    { GO_VERSION: "1.17.0" },
    tool("1.26.8"),
    {},
    proxy("1.17"),
  ],
  ["GO_VERSION=1.21", exact, { GO_VERSION: "1.21" }, tool("1.26.8"), {}, proxy("1.21.0")],
  ["GO_VERSION=devel", exact, { GO_VERSION: "devel" }, tool("1.27", { devel: true }), {}, host],
  ["GO_VERSION=rc", exact, { GO_VERSION: "1.26rc1" }, tool("1.26rc1"), {}, host],

  ["outside of a checkout", undefined, {}, tool("1.2"), {}, host],
  [
    "a release outside of a checkout",
    undefined,
    { KBUILD_GO: "1.4" },
    tool("1.26.8"),
    {},
    proxy("1.4"),
  ],
  ["darwin/arm64 from 1.16 on", loose, { KBUILD_GO: "1.16" }, undefined, { host: "darwin/arm64" }, {
    action: "proxy",
    archiveUrl: "https://mirror/go/go1.16.darwin-arm64.tar.gz",
  }],
];

Deno.test("chooseGo() takes what the first of its rules says", () => {
  for (const [what, needs, env, have, supply, expected] of CHOICES) {
    const choice = choose(needs, env, have, supply);
    const names = Object.keys(expected) as (keyof GoChoice)[];
    const same = Object.fromEntries(names.map((name) => [name, choice[name]]));
    assertEquals({ ...same, problem: choice.problem }, { ...expected, problem: undefined }, what);
  }
});

Deno.test("chooseGo() names the Go in PATH as a way out, where it would do", () => {
  const notes = ['The Go in PATH would do (1.26.8, "/usr/bin/go"): --go host, or FORCE_HOST_GO=y'];
  assertEquals(choose(exact, {}, tool("1.26.8")).notes, notes);
  for (const have of [undefined, tool("1.14.2")]) {
    assertEquals(choose(exact, {}, have).notes, []);
  }
});

Deno.test("chooseGo() says have, want and the ways out in one message", () => {
  const problem = (...args: Parameters<typeof choose>) => {
    const choice = choose(...args);
    assertEquals(choice.action, "unavailable");
    return [choice.problem, ...choice.notes].join("\n");
  };
  const install = [
    "Install Go: on Debian `apt-get install golang-go`, on macOS `brew install go`",
    "or download it from https://go.dev/dl/, then put its bin directory into PATH",
  ];
  assertEquals(
    problem(exact, { FORCE_HOST_GO: "y" }, undefined),
    [
      'Cannot find "go" in PATH',
      "This checkout needs Go 1.21.7",
      "FORCE_HOST_GO asks for it; without that kbuild fetches Go",
      ...install,
    ].join("\n"),
  );
  assertEquals(
    problem(undefined, {}, undefined),
    ['Cannot find "go" in PATH', ...install].join("\n"),
  );
  assertEquals(
    problem(exact, { KBUILD_GO: "/opt/go" }, undefined),
    [
      'Cannot use the Go at "/opt/go": no such file or directory',
      "Name the program, its directory, or a distribution, in which it is bin/go",
      "This checkout needs Go 1.21.7",
      "--go (KBUILD_GO) asks for it; without that kbuild uses the Go in PATH if it fits, else fetches one",
    ].join("\n"),
  );
  assertEquals(
    problem(exact, { KBUILD_GO: "host" }, tool("1.19.8")),
    [
      'Cannot build with Go 1.19.8 ("/usr/bin/go"): this checkout needs Go 1.20 or later',
      `${MINIMUM} sets the minimum, ${PIN} pins 1.21.7; --go (KBUILD_GO) asks for this Go`,
      "Let kbuild fetch it: --go 1.21.7",
    ].join("\n"),
  );
  assertEquals(
    problem(exact, { GO_VERSION: "1.19.8" }, tool("1.26.8")),
    [
      "Cannot build with Go 1.19.8 (GO_VERSION=1.19.8): this checkout needs Go 1.20 or later",
      `${MINIMUM} sets the minimum`,
      'The Go in PATH would do (1.26.8, "/usr/bin/go"): --go host, or FORCE_HOST_GO=y',
    ].join("\n"),
  );
  assertEquals(
    problem(exact, {}, tool("1.26.8"), { offline: true }),
    [
      'Cannot get Go 1.21.7: it is not in the cache "/cache/go", and --offline forbids downloads',
      `${PIN} wants Go 1.21.7`,
      "Get it in advance: kbuild toolchain install 1.21.7",
      'The Go in PATH would do (1.26.8, "/usr/bin/go"): --go host, or FORCE_HOST_GO=y',
    ].join("\n"),
  );
  assertEquals(
    problem(loose, {}, tool("1.14.2"), { offline: true }),
    [
      'Cannot build with Go 1.14.2 ("/usr/bin/go"), nor get Go 1.15: it is not in the cache ' +
      '"/cache/go", and --offline forbids downloads',
      `${CROSS} wants Go 1.15, ${MINIMUM} takes 1.15.0 or later`,
      "Get it in advance: kbuild toolchain install 1.15",
    ].join("\n"),
  );
  assertStringIncludes(
    problem(exact, { GOTOOLCHAIN: "go1.25.0+path" }, tool("1.26.8")),
    "and GOTOOLCHAIN=go1.25.0+path forbids downloads",
  );
  assertEquals(
    problem(loose, {}, undefined, { host: "darwin/arm64" }),
    [
      "Cannot get Go 1.15: there is no Go for darwin/arm64 before 1.16",
      `${CROSS} wants Go 1.15, ${MINIMUM} takes 1.15.0 or later`,
      "A later Go builds this checkout, too: --go 1.16; the binaries will differ",
    ].join("\n"),
  );
  assertStringIncludes(
    problem(loose, { GO_VERSION: "1.15.5" }, tool("1.22.1", { host: "darwin/arm64" }), {
      host: "darwin/arm64",
    }),
    'The Go in PATH would do (1.22.1, "/usr/bin/go"): --go host, or FORCE_HOST_GO=y',
  );
  assertStringIncludes(
    problem({ ...exact, pinnedGo: { value: "1.21.x", source: PIN } }, {}, undefined),
    `Cannot get Go 1.21.x: that is the name of no release\n${PIN} wants Go 1.21.x`,
  );
  assertStringIncludes(
    problem(exact, {}, undefined, { cache: undefined }),
    "no directory is known to keep it in",
  );
});

Deno.test("requestedGo() refuses values that name no Go", () => {
  const table: [Record<string, string>, string][] = [
    [{ KBUILD_GO: "latest" }, 'Value "latest" of --go is not a Go'],
    [{ KBUILD_GO: "./go" }, 'Value "./go" of --go is not an absolute path'],
    [{ GOTOOLCHAIN: "1.21.7" }, 'Value "1.21.7" of GOTOOLCHAIN names no Go'],
    [{ GOTOOLCHAIN: "go1.21.7+no" }, 'Value "go1.21.7+no" of GOTOOLCHAIN names no Go'],
    [{ GOTOOLCHAIN: "go1.21.7+auto+path" }, "of GOTOOLCHAIN names no Go"],
    [{ GO_VERSION: "1.21.7; rm -rf /" }, "of GO_VERSION names no Go"],
    [{ GO_VERSION: "../../1.2" }, 'Value "../../1.2" of GO_VERSION names no Go'],
  ];
  for (const [env, message] of table) {
    assertThrows(() => requestedGo(exact, env), UsageError, message);
  }
});
