/**
 * What kbuild starts, beside what the checkout's own `build/run.sh`, `shell.sh`, `copy-output.sh` and `make-clean.sh`
 * start with a docker that only writes down how it is called: name, image, user, mounts, variables, what is removed.
 */
import { assert, assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import { prepareRun, rootHash, startsOf } from "../../src/container/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import type { EraParameter } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, inScratch, kbuildOk, makeSample, output } from "../e2e/_program.ts";
import { exists, findRealTree } from "../real/_tree.ts";
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

/** What some runs are started with, too: options of docker's client, and variables that only some eras know. */
const MORE_VARIABLES = {
  ...VARIABLES,
  ...{ DOCKER_OPTS: "--log-level error", DOCKER_CGROUP_PARENT: "/builds", KUBE_VERBOSE: "5" },
  ...{ KUBE_CROSS_VERSION: "v9", KUBE_FASTBUILD: "true", GOLDFLAGS: "-w", GOGCFLAGS: "-e" },
  ...{ KUBE_BUILD_PLATFORMS: "linux/arm64 linux/amd64", KUBE_STATIC_OVERRIDES: "kubelet" },
  ...{ GOPROXY: "https://proxy.example", KUBE_BUILD_WITH_COVERAGE: "y" },
};

/** Takes the options of {@linkcode MORE_VARIABLES} away. */
const WITHOUT_OPTIONS = `[ "$1" != --log-level ] || shift 2
`;

/** Answers of the right shape to everything that scripts ask. */
const SCRIPT_ANSWERS = `case "$1" in
  inspect) echo 0 ;;
  port) echo 127.0.0.1:8730 ;;
  info) echo '{"ServerVersion":"28.2.2"}' ;;
esac
`;

/** Arguments of each start of a program. */
type Starts = readonly (readonly string[])[];

/** What one of the checkout's scripts starts, for commands that end at once. */
async function startsOfScript(
  { root, dir }: { root: string; dir: string },
  words: readonly [script: string, ...args: string[]],
  { answers = SCRIPT_ANSWERS, variables = VARIABLES }: {
    answers?: string;
    variables?: Readonly<Record<string, string>>;
  } = {},
): Promise<{ docker: Starts; rsync: Starts }> {
  const bin = await Deno.makeTempDir({ dir, prefix: "script-bin-" });
  const [docker, rsync] = [
    await fakeEngine(bin, "docker", answers),
    await fakeEngine(bin, "rsync", "exit 0"),
  ];
  const [script, ...args] = words;
  await output(["bash", join(root, script), ...args], {
    cwd: root,
    env: { ...variables, PATH: `${bin}:${ENV["PATH"]}`, DOCKER_HOST: "unix:///nowhere" },
  });
  return { docker: await docker(), rsync: await rsync() };
}

/** The container for a command that one of the checkout's scripts starts. */
async function startedByScript(
  place: { root: string; dir: string },
  words: readonly [script: string, ...args: string[]],
  program: string,
  variables: Readonly<Record<string, string>> = VARIABLES,
): Promise<Started> {
  const answers = WITHOUT_OPTIONS + SCRIPT_ANSWERS;
  const { docker } = await startsOfScript(place, words, { answers, variables });
  const runs = docker.map(withoutOptions).filter(([word]) => word === "run").map(readRun);
  const found = runs.find(({ command }) => command[0] === program);
  assert(found !== undefined, "the script starts no container");
  return found;
}

/** The words of a start without the options of docker's client, which are those of `DOCKER_OPTS`. */
function withoutOptions(words: readonly string[]): readonly string[] {
  return words[0] === "--log-level" ? words.slice(2) : words;
}

/** The programs of a docker that kbuild plans to start. */
async function plannedStarts(
  { root, dir }: { root: string; dir: string },
  words: readonly string[],
  answers = ANSWERS,
): Promise<Starts> {
  const bin = await Deno.makeTempDir({ dir, prefix: "kbuild-bin-" });
  const log = await fakeEngine(bin, "docker", answers);
  const env = { ...VARIABLES, KUBE_RUN_COPY_OUTPUT: "y", PATH: `${bin}:${ENV["PATH"]}` };
  const stdout = await kbuildOk(["plan", "--json", ...words], { cwd: root, env });
  // Only questions: none of them changes anything.
  const questions = ["context", "container", "image", "info", "ps", "volume"];
  assertEquals((await log()).filter(([word = ""]) => !questions.includes(word)), []);
  const { processes } = JSON.parse(stdout) as { processes: { argv: string[] }[] };
  return processes.filter(({ argv }) => argv[0] === "docker")
    .map(({ argv }) => argv.slice(1));
}

/** What kbuild plans for the same. */
async function plannedRun(
  root: string,
  dir: string,
  variables: Readonly<Record<string, string>>,
): Promise<Started> {
  const bin = join(dir, "kbuild-bin");
  await fakeEngine(bin, "docker", WITHOUT_OPTIONS + ANSWERS);
  const env = { ...ENV, ...variables, PATH: `${bin}:${ENV["PATH"]}` };
  const shell = createShell({ cwd: root, env });
  const context = createContext({ root, env, shell, log: createLogger({ write: () => {} }) });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  const prepared = await prepareRun(context, checkout, {
    ...{ command: ["make", "all"], terminal: false, verbosity: Number(variables["KUBE_VERBOSE"]) },
    ...{ engine: "docker", buildImage: undefined },
  });
  assertEquals(prepared.image.reference, checkout.crossImage?.value);
  assertEquals(prepared.leftover, false);
  const starts = startsOf(context, prepared);
  assertEquals(starts.length, 1);
  const words = starts[0]!.argv.slice(1);
  assertEquals(words[0] === "--log-level", variables["DOCKER_OPTS"] !== undefined);
  return readRun(withoutOptions(words));
}

/** Variables around whose values the scripts put quotes and spaces, and kbuild does not. */
const QUOTED = ["KUBE_CGO_OVERRIDES", "KUBE_STATIC_OVERRIDES"];

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
  KUBE_BUILD_WITH_COVERAGE: "the scripts of 1.15 and later hand it in",
  KUBE_STATIC_OVERRIDES: "the scripts of 1.35 hand it in",
  GOPROXY: "the scripts of 1.24 and later only in builds of images",
  GOGCFLAGS: "the samples' scripts are shorter",
  GOLDFLAGS: "the samples' scripts are shorter",
};

async function compare(
  { root, dir, isMounted }: { root: string; dir: string; isMounted: boolean },
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const words = ["build/run.sh", "make", "all"] as const;
  const theirs = await startedByScript({ root, dir }, [...words], "make", variables);
  const ours = await plannedRun(root, dir, variables);
  const cgroup = ({ options }: Started) =>
    options.filter((option) => option.startsWith("cgroup-parent"));
  // Those of 1.7 have no DOCKER_CGROUP_PARENT; the samples' scripts are shorter than Kubernetes'.
  if (cgroup(theirs).length > 0) assertEquals(cgroup(ours), cgroup(theirs));
  assertEquals(ours.name, theirs.name);
  assertEquals(ours.command, theirs.command);
  // The samples' scripts are shorter than Kubernetes'.
  if (theirs.user !== "") assertEquals(ours.user, theirs.user);
  if (theirs.hostname !== "") assertEquals(ours.hostname, theirs.hostname);
  for (const [name, value] of Object.entries(theirs.env)) {
    // Unset and empty are the same for the scripts inside.
    const plain = QUOTED.includes(name) ? value.replaceAll(/^[' ]+|[' ]+$/g, "") : value;
    if (plain !== "") assertEquals([name, ours.env[name]], [name, plain]);
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

/** A shell is `build/run.sh bash`; that of 1.7 takes no arguments. */
async function compareShell(root: string, dir: string): Promise<void> {
  const words = ["-c", "echo $HOME"];
  const theirs = await startedByScript({ root, dir }, ["build/shell.sh", ...words], "bash");
  const starts = await plannedStarts({ root, dir }, ["shell", "--", ...words]);
  assertEquals(starts.length, 1);
  const ours = readRun(starts[0]!);
  assertEquals(ours.name, theirs.name);
  const takesWords = theirs.command.length > 1;
  assertEquals(ours.command, takesWords ? theirs.command : [...theirs.command, ...words]);
}

/** The scripts start a daemon and copy; kbuild has nothing to copy, from a volume the same names. */
async function compareCopy(root: string, dir: string): Promise<void> {
  const { docker, rsync } = await startsOfScript({ root, dir }, ["build/copy-output.sh"]);
  const commands = docker.filter(([word]) => word === "run").map((words) => readRun(words).command);
  assertEquals(commands.filter(([program]) => program !== "/rsyncd.sh"), []);
  const names = rsync.flat().flatMap((word) => /^--filter=\+ (.*)$/.exec(word)?.[1] ?? []);
  const bin = await Deno.makeTempDir({ dir, prefix: "copy-bin-" });
  const log = await fakeEngine(bin, "docker", ANSWERS);
  const env = { ...VARIABLES, PATH: `${bin}:${ENV["PATH"]}` };
  await kbuildOk(["copy-output"], { cwd: root, env });
  assertEquals(
    (await log()).filter(([word]) => !["context", "info", "volume"].includes(word!)),
    [],
  );
  if (names.length === 0) return;
  const volume = await plannedStarts({ root, dir }, ["run", "--sync", "volume", "true"]);
  const copied = volume.flat().find((word) => word.includes("-name 'zz_generated.*'")) ?? "";
  // Directories, and Godeps, which builds do not change.
  const apart = ["*/", "/vendor/", "/_output/dockerized/bin/**"];
  for (const name of names.filter((name) => !apart.includes(name) && !name.includes("Godeps"))) {
    assert(copied.includes(`-name '${name}'`) || copied.includes(`-name ${name} `), name);
  }
}

/** What an engine of several checkouts has: answers for both sides. */
function engineWith(root: string, branch: string | undefined, version: string) {
  const hash = rootHash({ hostname: VARIABLES.HOSTNAME, root, branch });
  const ids = [hash, "0123456789"].flatMap((hash) => [
    ...[`kube-build-${hash}-${version}`, `kube-rsync-${hash}-${version}`],
    `kube-build-data-${hash}-${version}`,
  ]);
  const containers = [...ids, "somebody"];
  const tags = [hash, "0123456789"].map((hash) => `build-${hash}-${version}`);
  const inspected = containers.map((name) => ({
    ...{ Name: `/${name}`, State: { Running: false }, Config: { Image: "i", Labels: {} } },
    Mounts: [],
  }));
  const table = (lines: readonly string[]) => ["HEAD", ...lines].join("\n");
  const answers = `case "$1 $2" in
  "ps -a") echo '${table(containers.map((name) => `1 i ${name}`))}' ;;
  "ps --all") echo '${containers.join("\n")}' ;;
  "container inspect") echo '${JSON.stringify(inspected)}' ;;
  "images -q") echo 5f0000000001 ;;
  "images kube-build") echo '${table(tags.map((tag) => `kube-build ${tag} 1`))}' ;;
  "image ls") printf '%s\n' ${tags.map((tag) => `kube-build:${tag}`).join(" ")} '<none>:<none>' ;;
  "info --format") echo '{"ServerVersion":"28.2.2","Architecture":"x86_64"}' ;;
  "context inspect") echo '"unix:///var/run/docker.sock"' ;;
esac
`;
  return { answers, own: ids.filter((name) => name.includes(hash)) };
}

/** Both remove the same of an engine; the scripts also images without a name, whosesoever they are. */
async function compareClean(root: string, dir: string, isReal: boolean): Promise<void> {
  const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
  const { hasBranch, version } = checkout.containerNames.value;
  const { answers, own } = engineWith(root, hasBranch ? "master" : undefined, version);
  const words = ["make-clean", "--engine", "docker"];
  const ours = await plannedStarts({ root, dir }, words, answers);
  const { docker } = await startsOfScript({ root, dir }, ["build/make-clean.sh"], {
    answers,
  });
  const removed = (starts: Starts, command: string) =>
    starts.filter(([word]) => word === command)
      .flatMap((words) => words.slice(1)).filter((word) => !word.startsWith("-")).sort();
  const theirContainers = removed(docker, "rm");
  // The samples' scripts are shorter than Kubernetes', and remove outputs alone.
  if (isReal) assert(theirContainers.length > 0, "the script removes no container");
  assertEquals(
    removed(ours, "rm").filter((name) => theirContainers.includes(name)),
    theirContainers,
  );
  assertEquals(removed(ours, "rm"), own.sort());
  const unnamed = /^5f0/;
  const theirImages = removed(docker, "rmi").filter((name) => !unnamed.test(name));
  assertEquals(removed(ours, "rmi").filter((name) => unnamed.test(name)), []);
  if (theirImages.length > 0) assertEquals(removed(ours, "rmi"), theirImages);
}

const COMPARISONS = [
  ["run.sh", async (root: string, dir: string) => {
    const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
    const place = { root, dir, isMounted: checkout.container.value === "bind-mount" };
    await compare(place, VARIABLES);
    await compare(place, MORE_VARIABLES);
  }],
  ["shell.sh", compareShell],
  ["copy-output.sh", compareCopy],
  ["make-clean.sh", compareClean],
] as const;

/** Holds kbuild against each of the scripts that a checkout has. */
async function compareAll(
  t: Deno.TestContext,
  { root, dir, isReal }: { root: string; dir: string; isReal: boolean },
): Promise<void> {
  for (const [name, compare] of COMPARISONS) {
    if (!exists(join(root, "build", name))) continue;
    await t.step(name, () => compare(root, dir, isReal));
  }
}

const ERAS: readonly EraParameter[] = ["1.7", "1.20", "1.28", "1.35", "latest"];
for (const era of ERAS) {
  Deno.test(`kbuild starts what the scripts of build start: the sample of ${era}`, (t) =>
    inScratch(async (dir) => {
      const root = await makeSample(era, join(dir, "kubernetes"));
      await compareAll(t, { root, dir, isReal: false });
    }));
}

/** Copies what the scripts need of a checkout. */
async function copyScripts(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  const copy =
    `cd "$1" && for name in build hack cluster/common.sh cluster/lib go.mod .go-version Makefile \
  Makefile.generated_files vendor/modules.txt Godeps/Godeps.json; do
  [ ! -e "$name" ] || { mkdir -p "$2/$(dirname "$name")" && cp -a "$name" "$2/$name"; }; done
cd "$2" && mkdir -p cmd && git init -q -b master && git add -A -f . &&
git -c user.name=a -c user.email=a@example.com commit -q -m "Part of a checkout" && git tag "$3"`;
  const tag = await output(["git", "-C", from, "describe", "--tags", "--abbrev=0"])
    .catch(() => "v1.20.2");
  await output(["sh", "-c", copy, "sh", from, to, tag.trim()]);
}

const named = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((path) => path !== "");
const trees = [findRealTree({ fetch: false }) ?? [], ...named].flat();
if (trees.length === 0) {
  Deno.test.ignore(
    "kbuild starts what the scripts of build start: real checkouts " +
      "(skipped: KBUILD_REAL_TREE and KBUILD_TEST_TREES name none)",
    () => {},
  );
}
for (const tree of trees) {
  Deno.test(`kbuild starts what the scripts of build start: ${basename(tree)}`, (t) =>
    inScratch(async (dir) => {
      const root = join(dir, "kubernetes");
      await copyScripts(tree, root);
      await compareAll(t, { root, dir, isReal: true });
    }));
}
