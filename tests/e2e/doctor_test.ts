/**
 * Set-ups that are broken on purpose: `kbuild doctor` finds each and names it, the command that it names is
 * run, and then it finds nothing there any more.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Finding, State } from "../../src/doctor/mod.ts";
import {
  type Ended,
  inScratch,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  run,
  script,
  unless,
  which,
} from "./_program.ts";
import { NO_REGISTRY, skopeo, withRealRegistry } from "./_registry.ts";
import { noMount, withTmpfs } from "./_tmpfs.ts";

/** What a broken set-up is made of. */
interface World {
  /** A sample of 1.20 of its own, and what only this case needs. */
  readonly root: string;
  readonly dir: string;
  /** The repository that `root` was cloned from. */
  readonly origin: string;
}

/** How doctor is started. */
interface Start {
  readonly env?: Readonly<Record<string, string>>;
  /** Words of doctor; the first says what is checked. */
  readonly args: readonly string[];
  /** Default: the sample. */
  readonly cwd?: string;
  /** Starts doctor in place of the shell: `strace …`. */
  readonly prefix?: readonly string[];
  /** Lines of the shell that starts doctor, before the command that mends. */
  readonly before?: string;
}

/** A broken set-up. */
interface Case {
  readonly name: string;
  /** Why it cannot be made here. */
  readonly skip?: string | false | undefined;
  /** Breaks it. */
  arrange(world: World): Promise<Start> | Start;
  /** The name of the finding. */
  readonly finding: string;
  /** Default: failure. */
  readonly state?: State;
  readonly says: RegExp;
  /** Finds the command in a fix, or a value for the environment: its first group. */
  readonly fix: RegExp;
  /** What a person has to fill in of the command, or does before it. */
  adapt?(command: string, world: World): string | Promise<string>;
  /** What else is done so that the command can help: a server with its new certificate. */
  mended?(world: World): Promise<Start> | Start;
}

const needs = missingFor("1.20");
const IDENTITY = Object.freeze({
  ...{ GIT_AUTHOR_NAME: "a", GIT_COMMITTER_NAME: "a" },
  ...{ GIT_AUTHOR_EMAIL: "a@localhost", GIT_COMMITTER_EMAIL: "a@localhost" },
});
const needsRoot = Deno.uid() !== 0 && "needs root";
const MEMORY_CGROUP = "/sys/fs/cgroup/memory";
const noCgroup = needsRoot || !exists(`${MEMORY_CGROUP}/memory.limit_in_bytes`) &&
    !exists("/sys/fs/cgroup/cgroup.procs") && "needs the memory controller of cgroups";
const quoted = (path: string) => `'${path}'`;
const git = (args: readonly string[], cwd: string) =>
  output(["git", ...args], { cwd, env: IDENTITY });
/** `unset NAME`, or `NAME=value` as it is. */
const UNSET = (name: string) => new RegExp(`(unset ${name})$`);

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A directory with links to programs, for `PATH`. */
async function pathWith(dir: string, ...programs: readonly string[]): Promise<string> {
  const bin = await Deno.makeTempDir({ dir });
  for (const program of programs) await Deno.symlink(which(program)!, join(bin, program));
  return bin;
}

/** A fresh clone in place of the sample. */
async function clone({ origin, root }: World, ...args: string[]): Promise<void> {
  await Deno.remove(root, { recursive: true });
  await output(["git", "clone", "--quiet", ...args, `file://${origin}`, root]);
}

const GIT_CASES: readonly Case[] = [
  {
    name: "a new file",
    async arrange({ root }) {
      await Deno.writeTextFile(join(root, "new"), "");
      return { args: ["git"], env: IDENTITY };
    },
    ...{ finding: "version", state: "warning", says: /-dirty: uncommitted changes \(new\)$/ },
    fix: /(git stash --include-untracked)$/,
  },
  {
    name: "a changed file",
    async arrange({ root }) {
      await Deno.writeTextFile(join(root, "README.md"), "changed");
      return { args: ["git"], env: IDENTITY };
    },
    ...{ finding: "version", state: "warning", says: /uncommitted changes \(README\.md\)$/ },
    fix: /(git stash --include-untracked)$/,
  },
  {
    name: "a shallow clone without the tag",
    async arrange(world) {
      await git(["commit", "--allow-empty", "-qm", "later"], world.origin);
      await clone(world, "--depth=1");
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /the clone is shallow, and no tag can be reached/ },
    fix: /(git fetch --unshallow --tags)$/,
  },
  {
    name: "a shallow clone with the tag",
    async arrange(world) {
      await clone(world, "--depth=1");
      return { args: ["git"] };
    },
    ...{ finding: "history", state: "warning", says: /The clone is shallow/ },
    fix: /^(git fetch --unshallow --tags)$/,
  },
  {
    name: "no tags",
    async arrange(world) {
      await clone(world, "--no-tags");
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /the repository has no tag that begins with "v"/ },
    fix: /(git fetch --tags)$/,
  },
  {
    name: "tags of another history alone",
    async arrange(world) {
      await clone(world, "--no-tags");
      await git(["checkout", "-q", "--orphan", "other"], world.root);
      await git(["commit", "-q", "--allow-empty", "-m", "other"], world.root);
      await git(["tag", "v9.9.9"], world.root);
      await git(["checkout", "-qf", "-"], world.root).catch(() =>
        git(["checkout", "-qf", "origin/HEAD"], world.root)
      );
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /the only tag is not in the history of this commit/ },
    fix: /(git fetch --tags)$/,
  },
  {
    name: "a repository of another user",
    skip: needsRoot,
    async arrange({ root, dir }) {
      await output(["chown", "12345:12345", root, join(root, ".git")]);
      return { args: ["git"], env: { HOME: dir } };
    },
    ...{ finding: "version", says: /which belongs to another user/ },
    fix: /(git config --global --add safe\.directory .*)/,
  },
  {
    name: "no repository",
    async arrange({ root }) {
      await Deno.remove(join(root, ".git"), { recursive: true });
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /neither a git clone nor made by git archive/ },
    fix: /(KUBE_GIT_VERSION=v1\.2\.3)/,
  },
  {
    name: "an empty repository",
    async arrange({ root }) {
      await Deno.remove(join(root, ".git"), { recursive: true });
      await git(["init", "-q"], root);
      return { args: ["git"], env: IDENTITY };
    },
    ...{ finding: "version", says: /the repository has no commit yet/ },
    fix: /Commit, then tag: (git tag v1\.2\.3)$/,
    adapt: (command) => `git add -A && git commit -qm first && ${command}`,
  },
  {
    name: "a version without v",
    arrange: () => ({ args: ["git"], env: { KUBE_GIT_VERSION: "1.20.2" } }),
    ...{ finding: "version", says: /Cannot use KUBE_GIT_VERSION="1\.20\.2"/ },
    fix: /(KUBE_GIT_VERSION=v1\.20\.2)$/,
  },
  {
    name: "a tag that is not a version",
    async arrange({ root }) {
      await git(["tag", "-f", "vnext"], root);
      const tags = (await git(["tag"], root)).trim().split("\n").filter((tag) => tag !== "vnext");
      await git(["tag", "-d", ...tags], root);
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /Cannot use the tag "vnext" as the version/ },
    fix: /(git tag v1\.2\.3)$/,
    adapt: (command) => `git tag -d vnext && ${command}`,
  },
  {
    name: "an archive of a commit without a tag",
    async arrange({ root, origin, dir }) {
      await git(["commit", "--allow-empty", "-qm", "later"], origin);
      await Deno.remove(root, { recursive: true });
      await Deno.mkdir(root);
      const tar = join(dir, "archive.tar");
      await git(["archive", "-o", tar, "HEAD"], origin);
      await output(["tar", "xf", tar, "-C", root]);
      return { args: ["git"] };
    },
    ...{ finding: "version", says: /was written by git archive of the commit/ },
    fix: /(KUBE_GIT_VERSION=v1\.2\.3)/,
  },
  {
    name: "no git",
    async arrange({ dir }) {
      return { args: ["git"], env: { PATH: await pathWith(dir, "go", "sh") } };
    },
    ...{ finding: "program", says: /Cannot start "git": it is not in PATH/ },
    fix: /(apt-get install git)$/,
    // The package is there, only PATH does not lead to it.
    adapt: () => `PATH="$PATH":${quoted(which("git")!.replace(/\/git$/, ""))}`,
  },
];

const SETTINGS_CASES: readonly Case[] = [
  {
    name: "kbuild.toml that is not TOML",
    async arrange({ root }) {
      await Deno.writeTextFile(join(root, "kbuild.toml"), "era = [\n");
      return { args: ["settings"] };
    },
    ...{ finding: "configuration", says: /Cannot understand the configuration ".*kbuild\.toml"/ },
    fix: /(mv .*kbuild\.toml .*)$/,
  },
  {
    name: "an unknown setting in kbuild.toml",
    async arrange({ root }) {
      await Deno.writeTextFile(join(root, "kbuild.toml"), 'erra = "1.20"\n');
      return { args: ["settings"] };
    },
    ...{ finding: "configuration", says: /Unknown setting "erra"/ },
    fix: /Did you mean "(era)"/,
    adapt: (name, { root }) => `sed -i 's/erra/${name}/;s/1\\.20/gopath/' ${root}/kbuild.toml`,
  },
  {
    name: "a wrong mirror in kbuild.toml",
    async arrange({ root }) {
      await Deno.writeTextFile(
        join(root, "kbuild.toml"),
        '[mirrors]\n"k8s.gcr.io" = "no address"\n',
      );
      return { args: ["settings"] };
    },
    ...{ finding: "configuration", says: /mirror/i },
    fix: /(mv .*kbuild\.toml .*)$/,
  },
  {
    name: "a configuration that does not exist",
    arrange: ({ dir }) => ({ args: ["settings"], env: { KBUILD_CONFIG: join(dir, "none.toml") } }),
    ...{ finding: "configuration", says: /there is no such file$/ },
    fix: UNSET("KBUILD_CONFIG"),
  },
  {
    name: "a wrong mirror",
    arrange: () => ({ args: ["settings"], env: { KBUILD_MIRRORS: "k8s.gcr.io" } }),
    ...{ finding: "KBUILD_MIRRORS", says: /Cannot use the mirror "k8s\.gcr\.io"/ },
    fix: UNSET("KBUILD_MIRRORS"),
  },
  {
    name: "a wrong digest",
    arrange: () => ({ args: ["settings"], env: { KBUILD_DIGESTS: "a:b=sha256:12" } }),
    ...{ finding: "KBUILD_DIGESTS", says: /Cannot use the digest/ },
    fix: UNSET("KBUILD_DIGESTS"),
  },
  {
    name: "a file of certificates that does not exist",
    arrange: ({ dir }) => ({ args: ["settings"], env: { KBUILD_CA_FILE: join(dir, "none.pem") } }),
    ...{ finding: "KBUILD_CA_FILE", says: /Cannot read the certificates in .*no such file/ },
    fix: UNSET("KBUILD_CA_FILE"),
  },
  {
    name: "a file of certificates without any",
    async arrange({ dir }) {
      await Deno.writeTextFile(join(dir, "ca.pem"), "no certificate\n");
      return { args: ["settings"], env: { KBUILD_CA_FILE: join(dir, "ca.pem") } };
    },
    ...{ finding: "KBUILD_CA_FILE", says: /Cannot find a certificate in/ },
    fix: UNSET("KBUILD_CA_FILE"),
  },
  {
    name: "a cache at a relative path",
    arrange: () => ({ args: ["settings"], env: { KBUILD_CACHE: "cache" } }),
    ...{ finding: "KBUILD_CACHE", says: /it must be an absolute path/ },
    fix: UNSET("KBUILD_CACHE"),
  },
  {
    name: "a proxy that has no address",
    arrange: () => ({ args: ["settings"], env: { HTTPS_PROXY: "ftp://x" } }),
    ...{ finding: "HTTPS_PROXY", says: /its value is not the address of a proxy/ },
    fix: UNSET("HTTPS_PROXY"),
  },
  {
    name: "a file of the version that does not exist",
    arrange: ({ dir }) => ({ args: ["settings"], env: { KUBE_GIT_VERSION_FILE: join(dir, "v") } }),
    ...{ finding: "KUBE_GIT_VERSION_FILE", says: /Cannot read ".*\/v"/ },
    fix: UNSET("KUBE_GIT_VERSION_FILE"),
  },
];

const GO_CASES: readonly Case[] = [
  {
    name: "no Go",
    async arrange({ dir }) {
      const env = { PATH: await pathWith(dir, "git", "sh"), KBUILD_CACHE: join(dir, "cache") };
      return { args: ["go", "--offline"], env };
    },
    ...{ finding: "toolchain", says: /Cannot find "go" in PATH/ },
    fix: /then (put its bin directory into PATH)$/,
    adapt: () => `PATH="$PATH":${quoted(which("go")!.replace(/\/go$/, ""))}`,
  },
  {
    name: "a release of Go that is not in the cache, offline",
    arrange: ({ dir }) => ({
      args: ["go", "--offline"],
      env: { KBUILD_GO: "1.24.3", KBUILD_CACHE: join(dir, "cache") },
    }),
    ...{ finding: "toolchain", says: /Cannot get Go 1\.24\.3: .*--offline forbids downloads/ },
    fix: /The Go in PATH would do .*: (--go host)/,
    adapt: () => "KBUILD_GO=host; export KBUILD_GO",
  },
  {
    name: "a release of Go that does not exist",
    arrange: ({ dir }) => ({
      args: ["go", "--offline"],
      env: { KBUILD_GO: "1.99.0", KBUILD_CACHE: join(dir, "cache") },
    }),
    ...{ finding: "toolchain", says: /Cannot get Go 1\.99\.0/ },
    fix: /(FORCE_HOST_GO=y)/,
    adapt: (command) => `unset KBUILD_GO; export ${command}`,
  },
  {
    name: "a path without a Go",
    arrange: ({ dir }) => ({ args: ["go", "--offline"], env: { KBUILD_GO: join(dir, "no-go") } }),
    ...{ finding: "toolchain", says: /Cannot use the Go at ".*no-go": no such file/ },
    fix: /(Name the program, its directory, or a distribution)/,
    adapt: () => `export KBUILD_GO=${quoted(which("go")!)}`,
  },
  {
    name: "a Go that is too old",
    async arrange({ dir }) {
      const bin = await pathWith(dir, "git", "sh");
      script(join(bin, "go"), 'echo "go version go1.4.2 linux/amd64"\n');
      return { args: ["go", "--offline"], env: { PATH: bin } };
    },
    ...{ finding: "toolchain", says: /Cannot build with Go 1\.4\.2 .*this checkout needs Go/ },
    fix: /Let kbuild fetch it: (--go \S+)$/,
    // What is fetched here is the machine's own.
    adapt: () => `export KBUILD_GO=${quoted(which("go")!)}`,
  },
  {
    name: "no C compiler for another platform",
    async arrange({ root }) {
      await Deno.writeTextFile(
        join(root, "cmd/kubelet/user.go"),
        'package main\n\nimport _ "os/user"\n',
      );
      return {
        args: ["go", "--offline", "--platform", "linux/s390x"],
        env: { KUBE_LINUX_S390X_CC: "/gone/s390x-gcc" },
      };
    },
    ...{ finding: "C compilers", says: /the C compiler "\/gone\/s390x-gcc" is missing/ },
    fix: /(KUBE_STATIC_OVERRIDES="kubelet")$/,
  },
];

const CHECKOUT_CASES: readonly Case[] = [
  {
    name: "a time after the year 9999",
    arrange: () => ({
      args: ["checkout", "--offline"],
      env: { SOURCE_DATE_EPOCH: "999999999999" },
    }),
    ...{ finding: "quick-release", says: /Cannot use SOURCE_DATE_EPOCH="999999999999"/ },
    fix: /(SOURCE_DATE_EPOCH=1700000000)$/,
  },
  {
    name: "a platform that does not exist",
    arrange: () => ({
      args: ["checkout", "--offline"],
      env: { KUBE_BUILD_PLATFORMS: "linux/amd46" },
    }),
    ...{ finding: "quick-release", says: /linux\/amd46/ },
    fix: /Did you mean "(linux\/amd64)"/,
    adapt: (value) => `export KUBE_BUILD_PLATFORMS=${value}`,
  },
  {
    name: "a file that the release packs is missing",
    async arrange({ root }) {
      await Deno.remove(join(root, "LICENSES"), { recursive: true });
      return { args: ["checkout", "--offline"] };
    },
    ...{ finding: "quick-release", says: /LICENSES/ },
    fix: /(git restore \S+)$/,
  },
  {
    name: "outputs outside of the checkout",
    arrange: () => ({ args: ["checkout", "--offline"], env: { KUBE_OUTPUT_SUBPATH: "../../out" } }),
    ...{ finding: "files", says: /KUBE_OUTPUT_SUBPATH/ },
    fix: UNSET("KUBE_OUTPUT_SUBPATH"),
  },
];

const MACHINE_CASES: readonly Case[] = [
  {
    name: "300 MB of memory in a cgroup",
    skip: noCgroup,
    arrange: () => ({ args: ["machine"], before: enterCgroup(300e6) }),
    ...{ finding: "memory", says: /^0\.[12]\d? GiB \(cgroup limit\): too little to link/ },
    fix: /Or as root: (echo 8G >\S+)$/,
  },
  {
    name: "2 GB of memory in a cgroup",
    skip: noCgroup,
    arrange: () => ({ args: ["machine"], before: enterCgroup(2e9) }),
    ...{
      finding: "memory",
      state: "warning",
      says: /\(cgroup limit\): the system may end a linker/,
    },
    fix: /Or as root: (echo 8G >\S+)$/,
  },
  {
    name: "few open files",
    arrange: () => ({ args: ["machine"], before: "ulimit -n 256 2>/dev/null || :" }),
    ...{ finding: "open files", state: "warning", says: /At most 256 files/ },
    fix: /(ulimit -n 1024)$/,
    // In another shell: who has lowered the limit may not raise it again.
    mended: () => ({ args: ["machine"] }),
  },
  {
    name: "a disk that is too small for a first release",
    skip: noMount,
    async arrange({ root, dir }) {
      await Deno.remove(join(root, "_output"), { recursive: true }).catch(() => {});
      await Deno.symlink(join(dir, "small"), join(root, "_output"));
      return { args: ["machine"] };
    },
    ...{ finding: "disk", state: "warning", says: /a first release takes about/ },
    fix: /(mkdir \/LARGER\/_output && ln -s \/LARGER\/_output .*)$/,
    adapt: (command, { dir, root }) => `rm ${root}/_output; ${command.replaceAll("/LARGER", dir)}`,
  },
  {
    name: "a disk that is too small for the last release",
    skip: noMount,
    async arrange({ root }) {
      // Nothing of it is written.
      await Deno.writeTextFile(join(root, "_output", ".kbuild"), "").catch(() => {});
      const tars = join(root, "_output", "release-tars");
      await Deno.mkdir(tars, { recursive: true });
      await output(["truncate", "-s", "30G", join(tars, "kubernetes.tar.gz")]);
      return { args: ["machine"] };
    },
    ...{ finding: "disk", says: /the last release took 3\d\.?\d* GB/ },
    fix: /(kbuild clean)$/,
    adapt: (command, { root }) =>
      `${
        kbuildArgv(...command.split(" ").slice(1)).map(quoted).join(" ")
      } --root ${root} >/dev/null`,
  },
  {
    name: "a read-only disk",
    skip: noMount,
    arrange: () => ({ args: ["machine"] }),
    ...{ finding: "mount", says: /which is mounted read-only$/ },
    fix: /As root: (mount -o remount,rw .*)$/,
  },
  {
    name: "a disk where nothing can be started",
    skip: noMount,
    arrange: () => ({ args: ["machine"] }),
    ...{ finding: "mount", says: /where no program can be started \(noexec\)/ },
    fix: /As root: (mount -o remount,exec .*)$/,
  },
  {
    name: "a file system without locks",
    skip: which("strace") === undefined && "needs strace",
    arrange: () => ({
      args: ["machine"],
      prefix: [
        ...["strace", "-f", "-qqq", "-o", "/dev/null"],
        ...["-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"],
      ],
    }),
    ...{ finding: "file system", says: /Files cannot be locked here/ },
    fix: /(Put the checkout on a local disk)/,
    // The disk is a local one without the fault.
    adapt: () => ":",
    mended: () => ({ args: ["machine"] }),
  },
];

const PROGRAM_CASES: readonly Case[] = [
  ...(["docker", "buildx", "podman", "etcd", "protoc"] as const).map((name): Case => ({
    name: `no ${name}`,
    async arrange({ dir }) {
      const PATH = await pathWith(dir, "go", "git", "sh");
      return { args: [name], env: { PATH } };
    },
    finding: name,
    says: /There is no ".*" in PATH/,
    fix: /(apt-get install \S+|hack\/install-\S+\.sh)/,
    // What installs it is not run; a program of that name answers afterwards.
    adapt(_command, { dir }) {
      const bin = join(dir, "installed");
      Deno.mkdirSync(bin);
      script(join(bin, name === "buildx" ? "docker" : name), "echo 1.2.3\n");
      return `PATH="$PATH":${quoted(bin)}`;
    },
  })),
  {
    name: "a Docker engine that is elsewhere",
    skip: which("docker") === undefined && "needs docker in PATH",
    async arrange({ dir }) {
      // The engine of the one who runs the tests may not run.
      const engine = await pathWith(dir, "sh");
      script(
        join(engine, "docker"),
        `if [ -n "$DOCKER_HOST" ]; then exec ${which("docker")} "$@"; fi\necho 20.10.24\n`,
      );
      return {
        args: ["docker"],
        env: { PATH: `${engine}:/usr/bin:/bin`, DOCKER_HOST: `unix://${dir}/no.sock` },
      };
    },
    ...{ finding: "docker", says: /does not answer: .*no\.sock/ },
    fix: UNSET("DOCKER_HOST"),
  },
];

/** A file system of which two names that differ in case alone are one file; undefined if none can be made. */
async function mountFolding(image: string, place: string): Promise<string | undefined> {
  const ways = [
    ["mkfs.vfat", "-C", image, "65536"],
    ["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8,root_owner=0:0", image, "64M"],
    ["mkfs.xfs", "-q", "-f", "-n", "version=ci", "-d", `file,name=${image},size=512m`],
  ];
  for (const [program = "", ...args] of ways) {
    if (which(program) === undefined) continue;
    await Deno.remove(image).catch(() => {});
    if ((await run([program, ...args])).code !== 0) continue;
    if ((await run(["mount", "-o", "loop", image, place])).code !== 0) continue;
    if (program === "mkfs.ext4") await run(["chattr", "+F", place]);
    return program;
  }
  return undefined;
}

/** Why no such file system can be made here. */
const noFolding: string | undefined = noMount ?? await (async () => {
  const dir = await Deno.makeTempDir();
  try {
    const place = join(dir, "place");
    await Deno.mkdir(place);
    if (await mountFolding(join(dir, "image"), place) === undefined) {
      return "needs vfat, or ext4 or xfs that fold case";
    }
    await output(["umount", "-l", place]);
    return undefined;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
})();

Deno.test({
  ...unless(needs || noFolding, "kbuild doctor finds a file system that folds case"),
  fn: () =>
    inScratch(async (dir) => {
      const place = join(dir, "place");
      await Deno.mkdir(place);
      const program = await mountFolding(join(dir, "image"), place);
      try {
        const root = join(place, "kubernetes");
        await Deno.mkdir(root);
        const sample = await makeSample("1.20", join(dir, "sample"));
        // vfat has no links.
        await run(["cp", "-r", `${sample}/.`, root]);
        const world = { dir, root, origin: sample };
        const { find } = await doctor(world, { args: ["machine"] }, "");
        assertEquals(find("file system")?.state, "warning", program);
        assertMatch(
          find("file system")?.says ?? "",
          /Names that differ in case alone are one file/,
        );
        const after = await doctor(world, { args: ["machine"], cwd: sample }, "");
        assertEquals(after.find("file system")?.state, "ok");
      } finally {
        await output(["umount", "-l", place]);
      }
    }),
});

/** A line that puts the shell into a cgroup of its own with so much memory. */
function enterCgroup(bytes: number): string {
  const isOld = exists(`${MEMORY_CGROUP}/memory.limit_in_bytes`);
  const place = `${isOld ? MEMORY_CGROUP : "/sys/fs/cgroup"}/kbuild-doctor-${Deno.pid}-${bytes}`;
  cgroups.push(place);
  const limit = isOld ? "memory.limit_in_bytes" : "memory.max";
  // It stays for the second run.
  return `if mkdir ${place} 2>/dev/null; then echo ${bytes} >${place}/${limit}; fi; ` +
    `echo $$ >${place}/cgroup.procs`;
}

const cgroups: string[] = [];

/** Runs doctor in a shell, after the lines of the case and the command that mends it. */
async function doctor(
  world: World,
  { env = {}, args, cwd = world.root, prefix = [], before = "" }: Start,
  mend: string,
): Promise<{ find(name: string): Finding | undefined; ended: Ended }> {
  const lines = ["set -a", before, mend, 'exec "$@"'].filter((line) => line !== "").join("\n");
  const argv = [...prefix, ...kbuildArgv("doctor", "--json", ...args)];
  const ended = await run(["/bin/sh", "-c", lines, "sh", ...argv], { cwd, env });
  const start = ended.stdout.indexOf("{");
  const { findings } = JSON.parse(ended.stdout.slice(Math.max(0, start)) || "{}") as {
    findings?: readonly Finding[];
  };
  assert(findings !== undefined, `${lines}\n${ended.stdout}${ended.stderr}`);
  return { ended, find: (name) => findings.find((finding) => finding.name === name) };
}

/** Breaks a set-up, sees it found, mends it as doctor says, and sees it mended. */
async function check(each: Case, world: World): Promise<void> {
  const start = await each.arrange(world);
  const { ended, find } = await doctor(world, start, "");
  const found = find(each.finding);
  const { state = "failure" } = each;
  assertEquals(found?.state, state, ended.stdout + ended.stderr);
  assertMatch(found?.says ?? "", each.says);
  assertEquals(ended.code, ended.stdout.includes('"failure"') ? 1 : 0);
  const command = found?.fixes.map((fix) => each.fix.exec(fix)?.[1]).find((fix) =>
    fix !== undefined
  );
  assert(command !== undefined, `no fix ${each.fix}: ${found?.fixes.join("\n")}`);
  const mend = await each.adapt?.(command, world) ?? command;
  const after = await doctor(world, await each.mended?.(world) ?? start, mend);
  const left = after.find(each.finding);
  assert(
    left === undefined || left.state === "ok",
    `"${mend}" did not help: ${left?.says}\n${after.ended.stderr}`,
  );
}

/** Each case gets a sample of its own. */
async function checkAll(
  t: Deno.TestContext,
  cases: readonly Case[],
  around: (each: Case, world: World, body: () => Promise<void>) => Promise<void> = (_e, _w, body) =>
    body(),
): Promise<void> {
  await inScratch(async (dir) => {
    const sample = await makeSample("1.20", join(dir, "sample"));
    for (const each of cases) {
      await t.step({
        ...unless(each.skip, each.name),
        fn: () =>
          inScratch(async (dir) => {
            const [root, origin] = [join(dir, "kubernetes"), join(dir, "origin")];
            await output(["cp", "-a", sample, root]);
            await output(["cp", "-a", sample, origin]);
            const world = { dir, root, origin };
            await around(each, world, () => check(each, world));
          }),
      });
    }
  });
}

const table = (name: string, cases: readonly Case[]) =>
  Deno.test({
    ...unless(needs, `kbuild doctor finds ${name}, and names what mends it`),
    fn: (t) => checkAll(t, cases),
  });

table("what is wrong with git", GIT_CASES);
table("what is wrong with settings", SETTINGS_CASES);
table("what is wrong with Go", GO_CASES);
table("what is wrong with the checkout", CHECKOUT_CASES);
table("what is wrong with programs", PROGRAM_CASES);

Deno.test({
  ...unless(needs, "kbuild doctor finds what is wrong with the machine, and names what mends it"),
  fn: async (t) => {
    try {
      await checkAll(t, MACHINE_CASES, async ({ name }, { dir, root }, body) => {
        if (!name.includes("disk")) return await body();
        const isSmall = name.includes("first");
        const place = isSmall ? join(dir, "small") : join(root, "_output");
        await withTmpfs(isSmall ? "512k" : "20g", place, async () => {
          const option = name.includes("read-only")
            ? ["remount,ro"]
            : name.includes("started")
            ? ["remount,noexec"]
            : [];
          for (const each of option) await output(["mount", "-o", each, place]);
          await body();
        });
      });
    } finally {
      for (const place of cgroups) await Deno.remove(place).catch(() => {});
    }
  },
});

const noOpenssl = which("openssl") === undefined && "needs openssl";
const GO_RUNNER = "k8s.gcr.io/build-image/go-runner:buster-v2.2.2";
const HERE = "subjectAltName=IP:127.0.0.1";

/** A registry that has every image, with one certificate after the other at one port. */
class Mirror implements AsyncDisposable {
  #server: Deno.HttpServer | undefined;
  #port = 0;
  /** Words in the answers instead of images. */
  status = 200;

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Serves, with the files of a certificate in a directory where they are named. */
  async serve(dir?: string, cert = "cert.pem", key = "key.pem"): Promise<void> {
    await this.#server?.shutdown();
    const files = dir === undefined ? {} : {
      cert: await Deno.readTextFile(join(dir, cert)),
      key: await Deno.readTextFile(join(dir, key)),
    };
    const options = { hostname: "127.0.0.1", port: this.#port, onListen: () => {}, ...files };
    const server = Deno.serve(options, () => {
      if (this.status !== 200) {
        const headers = { "www-authenticate": 'Basic realm="mirror"' };
        return new Response("", { status: this.status, headers });
      }
      const digest = `sha256:${"0".repeat(64)}`;
      return new Response(null, { headers: { "docker-content-digest": digest } });
    });
    this.#server = server;
    this.#port = server.addr.port;
  }

  /** How doctor is started for it. */
  start(scheme: "http" | "https", env: Readonly<Record<string, string>> = {}): Start {
    const where = `${scheme}://${this.host}`;
    return {
      args: ["network"],
      env: {
        KBUILD_BASES: "registry",
        KBUILD_MIRRORS: `k8s.gcr.io=${where}/a docker.io=${where}/b`,
        ...env,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
  }
}

/** `openssl req -x509` in a directory. */
async function selfSigned(dir: string, ...more: string[]): Promise<void> {
  await output([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1", ...more],
  ], { cwd: dir });
}

/** A certificate of an authority of its own, which the server sends, too; valid in the past if asked for. */
async function ofAuthority(dir: string, dates: readonly string[] = ["-days", "2"]): Promise<void> {
  await selfSigned(dir);
  await Deno.rename(join(dir, "cert.pem"), join(dir, "ca.pem"));
  await Deno.rename(join(dir, "key.pem"), join(dir, "ca.key"));
  await output([
    ...["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server"],
    ...["-keyout", "key.pem", "-out", "server.csr"],
  ], { cwd: dir });
  await Deno.writeTextFile(join(dir, "index.txt"), "");
  await Deno.writeTextFile(
    join(dir, "ca.cnf"),
    `[ca]\ndefault_ca = own\n[own]\ndatabase = ${dir}/index.txt\nnew_certs_dir = ${dir}\n` +
      "rand_serial = yes\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n" +
      `[ext]\nbasicConstraints=critical,CA:FALSE\n${HERE}\n`,
  );
  await output([
    ...["openssl", "ca", "-batch", "-notext", "-config", "ca.cnf", "-in", "server.csr"],
    ...[
      "-out",
      "server.pem",
      "-extensions",
      "ext",
      ...dates,
      "-cert",
      "ca.pem",
      "-keyfile",
      "ca.key",
    ],
  ], { cwd: dir });
  const parts = ["server.pem", "ca.pem"].map((name) => Deno.readTextFileSync(join(dir, name)));
  await Deno.writeTextFile(join(dir, "cert.pem"), parts.join(""));
}

/** The server gets what the command has made, and whoever asks trusts that. */
const renewed = (mirror: Mirror) => async ({ dir }: World): Promise<Start> => {
  await output(["sh", "-c", newCertificate], { cwd: dir });
  await mirror.serve(dir);
  return mirror.start("https", { HOME: dir, KBUILD_CA_FILE: join(dir, "cert.pem") });
};
let newCertificate = "";
const remember = (command: string) => {
  newCertificate = command;
  return ":";
};
const SAVE = /(openssl s_client .*; export KBUILD_CA_FILE=.*)$/;
const MAKE = /^(openssl req -x509 .*)$/;

function networkCases(mirror: Mirror): readonly Case[] {
  const https = async ({ dir }: World, ca?: string) => {
    await mirror.serve(dir);
    return mirror.start("https", {
      HOME: dir,
      ...ca === undefined ? {} : { KBUILD_CA_FILE: join(dir, ca) },
    });
  };
  return [
    {
      name: "a self-signed certificate of a mirror",
      skip: noOpenssl,
      async arrange(world) {
        await selfSigned(world.dir, "-addext", HERE);
        return await https(world);
      },
      ...{
        finding: GO_RUNNER,
        says: /its certificate is not trusted: it is self-signed/,
        fix: SAVE,
      },
    },
    {
      name: "a certificate of a company's own authority",
      skip: noOpenssl,
      async arrange(world) {
        await ofAuthority(world.dir);
        return await https(world);
      },
      ...{ finding: GO_RUNNER, says: /its issuer is not known/, fix: SAVE },
    },
    {
      name: "an expired certificate",
      skip: noOpenssl,
      async arrange(world) {
        const past = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
        await ofAuthority(world.dir, past);
        return await https(world, "ca.pem");
      },
      ...{ finding: GO_RUNNER, says: /its certificate has expired/, fix: MAKE },
      adapt: remember,
      mended: renewed(mirror),
    },
    {
      name: "a certificate for another host",
      skip: noOpenssl,
      async arrange(world) {
        await selfSigned(
          world.dir,
          ...["-addext", "subjectAltName=DNS:other.example"],
          ...["-addext", "basicConstraints=critical,CA:FALSE"],
        );
        return await https(world, "cert.pem");
      },
      ...{ finding: GO_RUNNER, says: /its certificate is for another host/, fix: MAKE },
      adapt: remember,
      mended: renewed(mirror),
    },
    {
      name: "a mirror without TLS",
      async arrange() {
        await mirror.serve();
        return mirror.start("https");
      },
      ...{ finding: GO_RUNNER, says: /it does not speak TLS/ },
      fix: /written with "(http:\/\/)" in front/,
      adapt: (scheme) =>
        `export KBUILD_MIRRORS="$(echo "$KBUILD_MIRRORS" | sed 's#https://#${scheme}#g')"`,
    },
    {
      name: "a mirror with TLS alone",
      skip: noOpenssl,
      async arrange({ dir }) {
        await selfSigned(dir, "-addext", HERE);
        await mirror.serve(dir);
        return mirror.start("http", { KBUILD_CA_FILE: join(dir, "cert.pem") });
      },
      ...{ finding: GO_RUNNER, says: /Cannot get/ },
      fix: /write it with "(https:\/\/)" in front/,
      adapt: (scheme) =>
        `export KBUILD_MIRRORS="$(echo "$KBUILD_MIRRORS" | sed 's#http://#${scheme}#g')"`,
    },
    {
      name: "a mirror that is gone",
      arrange() {
        const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = closed.addr;
        closed.close();
        const env = { KBUILD_BASES: "registry", KBUILD_MIRRORS: `k8s.gcr.io=127.0.0.1:${port}` };
        return { args: ["network"], env };
      },
      ...{ finding: GO_RUNNER, says: /connection refused/i },
      fix: /kbuild quick-release --bases (scratch)$/,
      adapt: (bases) => `export KBUILD_BASES=${bases}`,
    },
    {
      name: "a mirror that wants a log-in",
      async arrange({ dir }) {
        await mirror.serve();
        mirror.status = 401;
        return mirror.start("http", { HOME: dir });
      },
      ...{ finding: GO_RUNNER, says: /401/ },
      fix: /kbuild quick-release --bases (scratch)$/,
      adapt: (bases) => {
        mirror.status = 200;
        return `export KBUILD_BASES=${bases}`;
      },
    },
    ...(["HTTPS_PROXY", "HTTP_PROXY"] as const).map((name): Case => ({
      name: `a dead proxy in ${name}`,
      arrange() {
        const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = closed.addr;
        closed.close();
        return { args: ["network", "--offline"], env: { [name]: `http://127.0.0.1:${port}` } };
      },
      finding: name === "HTTPS_PROXY" ? "https proxy" : "http proxy",
      says: /cannot be reached: .*refused/i,
      fix: UNSET(name),
    })),
  ];
}

Deno.test({
  ...unless(needs, "kbuild doctor finds what is wrong with the network, and names what mends it"),
  async fn(t) {
    await using mirror = new Mirror();
    await checkAll(t, networkCases(mirror));
  },
});

Deno.test({
  ...unless(
    needs || NO_REGISTRY,
    "kbuild doctor asks a real registry for the tags that a release needs",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      await withRealRegistry(dir, async ({ host }) => {
        const where = `http://${host}`;
        const world = { dir, root, origin: root };
        const start = {
          args: ["network"],
          env: {
            KBUILD_BASES: "registry",
            KBUILD_MIRRORS: `k8s.gcr.io=${where}/a docker.io=${where}/b`,
          },
        };
        const { find, ended } = await doctor(world, start, "");
        assertEquals(ended.code, 1);
        assertMatch(find(GO_RUNNER)?.says ?? "", /does not have this tag/);
        assertMatch(find(GO_RUNNER)?.fixes.join("\n") ?? "", /--mirror PREFIX=WHERE/);
        // The tag comes.
        const layout = join(dir, "layout");
        await emptyImage(layout);
        if (which("skopeo") === undefined) return;
        await skopeo(
          ...["copy", "--dest-tls-verify=false", `oci:${layout}`],
          `docker://${host}/a/build-image/go-runner:buster-v2.2.2`,
        );
        const after = await doctor(world, start, "");
        assertEquals(after.find(GO_RUNNER)?.state, "ok");
      });
    }),
});

/** An image without a layer, as an OCI layout. */
async function emptyImage(dir: string): Promise<void> {
  await Deno.mkdir(join(dir, "blobs/sha256"), { recursive: true });
  const write = async (value: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    await Deno.writeFile(join(dir, "blobs/sha256", hash), bytes);
    return { digest: `sha256:${hash}`, size: bytes.length };
  };
  const config = await write({
    ...{ architecture: "amd64", os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: [] },
  });
  const oci = "application/vnd.oci.image";
  const manifest = await write({
    ...{ schemaVersion: 2, mediaType: `${oci}.manifest.v1+json`, layers: [] },
    config: { mediaType: `${oci}.config.v1+json`, ...config },
  });
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: `${oci}.manifest.v1+json`, ...manifest }],
  };
  await Deno.writeTextFile(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await Deno.writeTextFile(join(dir, "index.json"), JSON.stringify(index));
}
