import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BakeEvent,
  type BakeInputs,
  buildxNamed,
  cacheTag,
  planBake,
  readBake,
  readNodes,
} from "../../src/container/mod.ts";
import { workOf } from "../../src/container/bake_run.ts";
import { KbuildError } from "../../src/errors.ts";
import { createEvents } from "../../src/events/mod.ts";
import type { BuildStep } from "../../src/lib/golang/mod.ts";

const ROOT = "/src/a b";
const GOPATH = `${ROOT}/_output/local/go`;

function step(platform: string, changes: Partial<BuildStep> = {}): BuildStep {
  return {
    ...{ platform, kind: "static", cwd: ROOT, packages: ["cmd/kubectl"], source: "golang.sh:1" },
    argv: ["/usr/bin/go", "install", "-ldflags", "-X 'a=$b'", "./cmd/kubectl"],
    env: {
      ...{ CGO_ENABLED: "0", GOOS: platform.split("/")[0]!, GOFLAGS: '-tags="a\\b$c"' },
      ...{ PWD: ROOT, HOME: "/root", GOPROXY: "https://user:secret@proxy", AWS_SECRET: "secret" },
      // Those of others may begin like Go's own.
      ...{ GOOGLE_API_KEY: "secret", GODADDY_SECRET: "secret", CGO_SECRET: "secret" },
      ...{ GOOGLE_CREDENTIALS: '{\n"private_key": "secret"\n}', GOARM: "7" },
    },
    shownEnv: {},
    outputs: [{ name: "kubectl", built: `${GOPATH}/bin/kubectl`, placed: `${ROOT}/x` }],
    files: [{ path: `${ROOT}/_output/local/.kbuild/overlay/x.json`, text: "{}" }],
    buildIds: undefined,
    ...changes,
  };
}

function inputs(steps: readonly BuildStep[], changes: Partial<BakeInputs> = {}): BakeInputs {
  return {
    ...{ root: ROOT, gopath: GOPATH, directory: `${ROOT}/_output/local/.kbuild/buildx` },
    plan: {
      gopathLink: undefined,
      platforms: [{ platform: "linux/amd64", targets: [], steps }],
    },
    entries: [{ name: "cmd" }, { name: "go.mod" }, { name: "\u00fc" }, {
      name: "Makefile",
      target: "build/Makefile",
    }],
    ...{ goroot: "/go 1", host: "linux/amd64", image: "kube-cross:1", asksGit: false },
    go: { amd64: [{ source: "/go 1", target: "/go 1" }] },
    nodes: [
      { route: "linux/amd64", native: "linux/amd64", platforms: ["linux/amd64", "linux/386"] },
      { route: "linux/arm64", native: "linux/amd64", platforms: ["linux/arm64"] },
    ],
    cache: { from: [], to: undefined },
    ...changes,
  };
}

Deno.test("planBake() makes a target of each step, on the node for its platform", () => {
  const platforms = ["linux/amd64", "linux/arm64", "linux/386", "windows/amd64", "darwin/arm64"];
  const { targets, files, file, links } = planBake(inputs(platforms.map((each) => step(each))));
  assertEquals(targets.map(({ name, route }) => [name, route]), [
    ["step-1", "linux/amd64"],
    ["step-2", "linux/arm64"],
    ["step-3", "linux/amd64"],
    ["step-4", "linux/arm64"],
    ["step-5", "linux/amd64"],
  ]);
  const text = (name: string) => files.find(({ path }) => path.endsWith(name))!.text;
  const dockerfile = text("/Dockerfile");
  assertStringIncludes(dockerfile, "FROM --platform=$BUILDPLATFORM scratch AS step-1\n");
  assertStringIncludes(dockerfile, 'ENV GOFLAGS="-tags=\\"a\\\\b\\$c\\""\n');
  assertStringIncludes(
    dockerfile,
    `["/go 1/bin/go","install","-ldflags","-X 'a=$b'","./cmd/kubectl"]`,
  );
  assertStringIncludes(dockerfile, "--mount=type=bind,source=cmd,target=${KBUILD_ROOT}/cmd");
  assertStringIncludes(dockerfile, 'ENV KBUILD_ROOT="/src/a b"\n');
  assertStringIncludes(dockerfile, "source=${KBUILD_PATH_1},target=${KBUILD_PATH_2} ");
  assertStringIncludes(dockerfile, 'ENV KBUILD_PATH_2="/src/a b/\u00fc"\n');
  // Links are made in the stage; mounted, they would lead elsewhere.
  assertEquals(dockerfile.includes("source=Makefile"), false);
  assertEquals(links.map(({ path, target }) => [path.split("/extra")[1], target]), [
    ["/src/a b/Makefile", "build/Makefile"],
  ]);
  // What leaves this machine.
  assertStringIncludes(dockerfile, 'ENV GOARM="7"\n');
  assertEquals(/secret|GOOGLE|HOME="\/root"/i.test(files.map(({ text }) => text).join("")), false);
  assertEquals(text(".dockerignore"), "*\n!cmd\n!go.mod\n!\u00fc\n!Makefile\n");
  const [, ignored] = planBake(inputs([], { excluded: ["cmd/[out]"] })).files;
  assertEquals(ignored?.text.endsWith("!Makefile\ncmd/\\[out\\]\n"), true);
  const { target } = JSON.parse(files.find(({ path }) => path === file)!.text);
  assertEquals(Object.keys(target), ["node-1", "node-2"]);
  assertEquals(target["node-2"].platforms, ["linux/arm64"]);
  assertEquals(target["node-2"].target, "node-2");
  assertEquals(target["node-2"]["cache-to"], undefined);
  assertStringIncludes(
    dockerfile,
    `FROM scratch AS node-2\nCOPY --from=step-2 ["${GOPATH}/bin","/step-2/"]\nCOPY --from=step-4 `,
  );
});

Deno.test("planBake() of some steps names no others, and leaves each its name and its node", () => {
  const steps = ["linux/amd64", "linux/arm64", "windows/amd64", "linux/386"].map((platform) => {
    const path = `${ROOT}/_output/${platform.replace("/", "-")}.json`;
    return step(platform, { files: [{ path, text: "{}" }] });
  });
  const all = planBake(inputs(steps)).targets;
  const only = new Set([steps[1]!, steps[3]!]);
  const { targets, files, file } = planBake(
    inputs(steps, { only, cache: { from: ["r.example/c"], to: undefined } }),
  );
  assertEquals(targets, [all[1]!, all[3]!]);
  const stages = files[0]!.text.match(/ AS \S+|--from=step-\d/g);
  assertEquals(stages, [
    ...[" AS step-2", " AS step-4", " AS node-2", "--from=step-2", " AS node-1", "--from=step-4"],
  ]);
  assertEquals(files.flatMap(({ path }) => /[^/]+-\w+\.json$/.exec(path) ?? []), [
    ...["linux-arm64.json", "linux-386.json"],
  ]);
  const { target } = JSON.parse(files.find(({ path }) => path === file)!.text);
  assertEquals(Object.keys(target), ["node-2", "node-1"]);
  assertEquals(target["node-1"]["cache-from"].length, 1);
});

Deno.test("planBake() starts steps with cgo from the build image, on a node of the plan's platform", () => {
  const cgo = step("linux/arm64", { env: { CGO_ENABLED: "1", CC: "aarch64-linux-gnu-gcc" } });
  const arm = { route: "linux/arm64", native: "linux/arm64", platforms: ["linux/arm64"] };
  const amd = { route: "linux/amd64", native: "linux/amd64", platforms: ["linux/amd64"] };
  const { targets, files } = planBake(inputs([cgo], { nodes: [arm, amd] }));
  assertEquals(targets[0]!.route, "linux/amd64");
  assertMatch(files[0]!.text, /FROM --platform=\$BUILDPLATFORM kube-cross:1 AS step-1\n/);
  assertStringIncludes(files[0]!.text, 'ENV CC="aarch64-linux-gnu-gcc"');
  assertThrows(
    () => planBake(inputs([cgo], { nodes: [arm] })),
    KbuildError,
    "Cannot build with cgo for linux/arm64: the builder has no node whose programs are linux/amd64",
  );
});

Deno.test("planBake() has Go ask for the commit, and names a cache for each step", () => {
  const { files } = planBake(inputs([step("linux/amd64"), step("linux/386")], {
    asksGit: true,
    cache: { from: ["r.example/c"], to: "r.example/c,registry.insecure=true" },
  }));
  assertStringIncludes(files[0]!.text, "COPY --from=git-amd64 /kbuild/bin /kbuild/bin\n");
  assertStringIncludes(files[0]!.text, "WORKDIR /src/a b/.git\n");
  const { target } = JSON.parse(files.find(({ path }) => path.endsWith("bake.json"))!.text);
  const tags = ["linux/amd64", "linux/386"].map((platform) => cacheTag(step(platform)));
  assertMatch(tags[0]!, /^linux-amd64-static-[0-9a-f]{8}$/);
  assertEquals(
    target["node-1"]["cache-from"],
    tags.map((tag) => `type=registry,ref=r.example/c:${tag}`),
  );
  assertEquals(
    target["node-1"]["cache-to"],
    tags.map((tag) =>
      `type=registry,ref=r.example/c:${tag},registry.insecure=true,mode=max,ignore-error=true`
    ),
  );
});

for (
  const [what, changes] of [
    ["a path with a quote", { root: "/src/it's" }],
    ["a path with a dollar sign", { goroot: "/go$1" }],
    ["a path that is a pattern", { root: "/src/k8s[1]", gopath: "/src/k8s[1]/_output/go" }],
    ["outputs whose path is a pattern", { gopath: `${ROOT}/_out*/go` }],
    ["outputs among the sources", { gopath: `${ROOT}/cmd/out/go` }],
  ] as const
) {
  Deno.test(`planBake() refuses ${what}`, () => {
    assertThrows(() => planBake(inputs([step("linux/amd64")], changes)), KbuildError);
  });
}

Deno.test("a step that is reused stays over when another one fails", async () => {
  const events = createEvents({ now: () => 0 });
  const seen: string[] = [];
  events.listen((event) => void seen.push(event.event));
  const { targets: [target] } = planBake(inputs([step("linux/amd64")]));
  const unit = events.unit({ kind: "build", name: "kubectl" });
  const { signal } = new AbortController();
  const work = workOf({ signal }, { step: target!.step, unit }, target!);
  work.end({ cached: true });
  work.end({ error: new Error("another step failed") });
  work.end({ cached: true });
  await work.ended;
  assertEquals(seen, ["unit.queued", "unit.end"]);
});

Deno.test("readNodes() reads what buildx inspect prints", () => {
  const text = `Name:          two
Driver:        remote

Nodes:
Name:             two0
Endpoint:         tcp://one:1234
Status:           running
BuildKit version: v0.34.2
Platforms:        linux/amd64*, linux/amd64/v2, linux/386
Labels:
 org.mobyproject.buildkit.worker.executor: oci

Name:     two1
Endpoint: tcp://other:1234
Error:    connection refused
`;
  assertEquals(readNodes(text), [
    {
      ...{ name: "two0", status: "running", error: undefined },
      platforms: ["linux/amd64", "linux/amd64/v2", "linux/386"],
    },
    { name: "two1", status: "", error: "connection refused", platforms: [] },
  ]);
});

Deno.test("readBake() tells steps from other work, however its input is divided", () => {
  const vertex = (value: object) =>
    JSON.stringify({ vertexes: [{ digest: "sha256:1", ...value }] });
  const name = "[step-2 step-2 4/4] RUN --mount=type=bind go";
  const text = [
    "#0 building",
    vertex({ name, digest: "sha256:1" }),
    vertex({ name, started: "now" }),
    JSON.stringify({ logs: [{ vertex: "sha256:1", stream: 2, data: btoa("# x\n") }] }),
    vertex({ name, started: "now", completed: "then", error: "exit code: 1" }),
    vertex({
      name: "[step-10 5/5] RUN go",
      digest: "sha256:2",
      started: "n",
      completed: "n",
      cached: true,
    }),
    vertex({ name: "[internal] load build context", digest: "sha256:3", started: "now" }),
    "ERROR: failed to solve",
    "",
  ].join("\n");
  for (const size of [1, 7, text.length]) {
    const events: BakeEvent[] = [];
    const reader = readBake((event) => void events.push(event));
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    assertEquals(events, [
      { kind: "start", step: "step-2" },
      { kind: "output", step: "step-2", chunk: new TextEncoder().encode("# x\n") },
      { kind: "end", step: "step-2", cached: false, error: "exit code: 1" },
      { kind: "end", step: "step-10", cached: true, error: undefined },
      { kind: "other", text: "[internal] load build context" },
    ]);
    assertEquals(reader.rest, ["#0 building", "ERROR: failed to solve"]);
  }
});

Deno.test("buildxNamed() reads --engine", () => {
  assertEquals(buildxNamed("buildx"), { builder: undefined });
  assertEquals(buildxNamed("buildx:ci"), { builder: "ci" });
  assertEquals(buildxNamed("docker"), undefined);
  assertEquals(buildxNamed(undefined), undefined);
});
