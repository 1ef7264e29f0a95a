/**
 * The container that `kbuild run` starts, beside the one that the checkout's own `build/run.sh` starts with a
 * docker that only writes down how it is called: name, image, user, mounts, variables.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import { prepareRun, startsOf } from "../../src/container/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, inScratch, makeSample, output, script } from "../e2e/_program.ts";
import { findRealTree } from "../real/_tree.ts";
import { ANSWERS, fakeEngine } from "./_engines.ts";

/** A container as a command line of docker starts it. */
interface Started {
  readonly name: string;
  readonly image: string;
  readonly user: string;
  readonly hostname: string;
  readonly workdir: string;
  readonly mounts: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
  readonly command: readonly string[];
}

/** Options of `docker run` that take a value in the next word. */
const WITH_VALUE = [
  "env",
  "name",
  "mount",
  "volume",
  "tmpfs",
  "workdir",
  "cgroup-parent",
  "volumes-from",
  "p",
];

/** Reads `run …`, the words behind `docker`. */
function readRun(words: readonly string[]): Started {
  const options: [name: string, value: string][] = [];
  let at = 1;
  for (; words[at]?.startsWith("-"); at++) {
    const [, name = "", value] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(words[at]!) ?? [];
    const takesNext = value === undefined && (WITH_VALUE.includes(name) || name === "e");
    options.push([name, takesNext ? words[++at]! : value ?? ""]);
  }
  const all = (...names: string[]) =>
    options.filter(([name]) => names.includes(name)).map(([, value]) => value);
  const known = ["name", "user", "hostname", "workdir", "mount", "volume", "tmpfs", "env", "e"];
  return {
    name: all("name")[0] ?? "",
    image: words[at] ?? "",
    user: all("user")[0] ?? "",
    hostname: all("hostname")[0] ?? "",
    workdir: all("workdir")[0] ?? "",
    mounts: [
      ...all("volume").map((text) => text.split(":").slice(0, 2).join(":")),
      ...all("mount").map((text) => {
        const field = (name: string) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(text)?.[1];
        return `${field("source")}:${field("target") ?? field("destination")}`;
      }),
    ],
    env: Object.fromEntries(
      all("env", "e").map((text) => {
        const equals = text.indexOf("=");
        return [text.slice(0, equals), text.slice(equals + 1)];
      }),
    ),
    options: options.filter(([name]) => !known.includes(name)).map(([name, value]) =>
      value === "" ? name : `${name}=${value}`
    ),
    command: words.slice(at + 1),
  };
}

/** What every run is started with. */
const VARIABLES = {
  HOSTNAME: "myhost",
  KUBE_VERBOSE: "3",
  KUBE_BUILD_PLATFORMS: "linux/arm64",
  GOFLAGS: "-v",
  KUBE_RUN_COPY_OUTPUT: "n",
  OSTYPE: "linux-gnu",
};

/** What the checkout's script starts, for a command that ends at once. */
async function startedByScript(root: string, dir: string): Promise<Started> {
  const bin = join(dir, "script-bin");
  // Everything that is asked gets an answer of the right shape.
  const starts = await fakeEngine(
    bin,
    "docker",
    `case "$1" in
  inspect) echo 0 ;;
  port) echo 127.0.0.1:8730 ;;
  info) echo '{"ServerVersion":"28.2.2"}' ;;
esac
`,
  );
  script(join(bin, "rsync"), "exit 0");
  const path = `${bin}:${ENV["PATH"]}`;
  await output(["bash", join(root, "build/run.sh"), "make", "all"], {
    cwd: root,
    env: { ...VARIABLES, PATH: path, DOCKER_HOST: "unix:///nowhere" },
  });
  const runs = (await starts()).filter(([word]) => word === "run").map(readRun);
  const found = runs.find(({ command }) => command[0] === "make");
  assert(found !== undefined, "the script starts no container");
  return found;
}

/** What kbuild plans for the same. */
async function plannedRun(root: string, dir: string): Promise<Started> {
  const bin = join(dir, "kbuild-bin");
  await fakeEngine(bin, "docker", ANSWERS);
  const env = { ...ENV, ...VARIABLES, PATH: `${bin}:${ENV["PATH"]}` };
  const shell = createShell({ cwd: root, env });
  const context = createContext({ root, env, shell, log: createLogger({ write: () => {} }) });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  const prepared = await prepareRun(context, checkout, {
    ...{ command: ["make", "all"], terminal: false, verbosity: 3 },
    ...{ engine: "docker", buildImage: undefined },
  });
  assertEquals(prepared.image.reference, checkout.crossImage?.value);
  assertEquals(prepared.leftover, false);
  const starts = startsOf(context, prepared);
  assertEquals(starts.length, 1);
  return readRun(starts[0]!.argv.slice(1));
}

/** Variables that the scripts hand in and kbuild does not, and why. */
const LEFT_OUT: readonly (readonly [name: RegExp, why: string])[] = [
  [/^$/, "none that has a value"],
];

/** Variables that kbuild hands in and not all scripts do, and why. */
const ADDED: Readonly<Record<string, string>> = {
  KUBE_OUTPUT_SUBPATH: "up to 1.34 in the image that the scripts make",
  HOME: "up to 1.34 in the image that the scripts make",
  KUBE_GIT_VERSION_FILE: "up to 1.34 in the image that the scripts make",
  GIT_AUTHOR_EMAIL: "in the image that the scripts make",
  GIT_AUTHOR_NAME: "in the image that the scripts make",
  FORCE_HOST_GO: "of the tests",
  KUBE_BUILD_PLATFORMS: "the scripts of 1.6 to 1.14 lose it",
  KUBE_FASTBUILD: "the scripts' default",
  KUBE_BUILDER_OS: "the scripts' default",
  KUBE_VERBOSE: "the scripts' default",
  GOFLAGS: "of the test",
};

async function compare(root: string, dir: string, isMounted: boolean): Promise<void> {
  const theirs = await startedByScript(root, dir);
  const ours = await plannedRun(root, dir);
  assertEquals(ours.name, theirs.name);
  assertEquals(ours.command, theirs.command);
  // The samples' scripts are shorter than Kubernetes'.
  if (theirs.user !== "") assertEquals(ours.user, theirs.user);
  if (theirs.hostname !== "") assertEquals(ours.hostname, theirs.hostname);
  for (const [name, value] of Object.entries(theirs.env)) {
    // Unset and empty are the same for the scripts inside.
    if (value === "" || LEFT_OUT.some(([pattern]) => pattern.test(name))) continue;
    assertEquals([name, ours.env[name]], [name, value]);
  }
  const more = Object.keys(ours.env).filter((name) => theirs.env[name] === undefined);
  assertEquals(more.filter((name) => ADDED[name] === undefined), []);
  assert(ours.mounts.includes(`${root}:${ours.workdir}`), "the checkout is not mounted");
  if (isMounted) {
    assertEquals(ours.image, theirs.image);
    assertEquals(ours.workdir, theirs.workdir);
    for (const mount of theirs.mounts) assert(ours.mounts.includes(mount), mount);
  } else {
    // The scripts make an image of kube-cross; kbuild starts kube-cross itself.
    assert(theirs.image.startsWith("kube-build:build-"), theirs.image);
    assertEquals(ours.workdir, "/go/src/k8s.io/kubernetes");
  }
}

const ERAS: readonly EraParameter[] = ["1.7", "1.20", "1.28", "1.35", "latest"];
for (const era of ERAS) {
  Deno.test(`kbuild run starts the container of build/run.sh: the sample of ${era}`, () =>
    inScratch(async (dir) => {
      const root = await makeSample(era, join(dir, "kubernetes"));
      const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
      await compare(root, dir, checkout.container.value === "bind-mount");
    }));
}

const real = findRealTree({ fetch: false });
Deno.test({
  name: "kbuild run starts the container of build/run.sh: the real 1.20.2" +
    (real === undefined ? " (skipped: there is no such checkout here)" : ""),
  ignore: real === undefined,
  fn: () =>
    inScratch(async (dir) => {
      const root = join(dir, "kubernetes");
      await Deno.mkdir(root);
      const copy = `cd "$1" && for name in build hack cluster/common.sh go.mod Makefile \\
  Makefile.generated_files vendor/modules.txt; do
  [ ! -e "$name" ] || { mkdir -p "$2/$(dirname "$name")" && cp -a "$name" "$2/$name"; }; done
cd "$2" && mkdir -p cmd && git init -q -b master && git add -A -f . &&
git -c user.name=a -c user.email=a@example.com commit -q -m "Part of a checkout" && git tag v1.20.2`;
      await output(["sh", "-c", copy, "sh", real!, root]);
      await compare(root, dir, false);
    }),
});
