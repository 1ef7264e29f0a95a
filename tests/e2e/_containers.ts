/** Real container engines, and images to build in, made of this machine's programs. */
import { join } from "@std/path";
import { listTree, streamTar } from "../../src/archive/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { Docker, NEEDS_DOCKER } from "./_engine.ts";
import { ENV, output, processesBelow, which } from "./_program.ts";

/** An engine that starts containers here. */
export interface TestEngine {
  /** What `--engine` names. */
  readonly name: "docker" | "podman";
  /** What its client needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes an image of a directory's files. */
  import(root: string, reference: string): Promise<void>;
  /** Runs its client; returns its stdout. */
  run(...args: string[]): Promise<string>;
}

/** Docker's engine, or why there is none. */
export async function findDocker(): Promise<TestEngine | string> {
  const docker = await Docker.find();
  if (docker === undefined) return NEEDS_DOCKER;
  return {
    name: "docker",
    env: docker.env,
    import: async (root, reference) =>
      await docker.import(streamTar(await listTree(root, { asOnDisk: true })), reference, [
        "ENV PATH=/usr/local/go/bin:/usr/bin:/bin",
      ]),
    run: (...args) => docker.run(...args),
  };
}

/**
 * Podman with storage of its own below a directory, or why it starts no containers here. Its settings are
 * those that work inside of virtual machines and containers, too.
 */
export async function findPodman(dir: string): Promise<TestEngine | string> {
  if (which("podman") === undefined) return "needs podman";
  const configuration = join(dir, "containers.conf");
  const runtime = ["runc", "crun"].find((name) =>
    which(name) !== undefined || which(name, "/usr/sbin:/sbin") !== undefined
  );
  await Deno.writeTextFile(
    configuration,
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
${runtime === undefined ? "" : `runtime = "${runtime}"`}
`,
  );
  const storage = join(dir, "storage.conf");
  await Deno.writeTextFile(
    storage,
    `[storage]
driver = "overlay"
graphroot = "${dir}/graph"
runroot = "${dir}/run"
`,
  );
  const env = {
    CONTAINERS_CONF: configuration,
    CONTAINERS_STORAGE_CONF: storage,
    TMPDIR: dir,
    PATH: `${ENV["PATH"]}:/usr/sbin:/sbin`,
  };
  const { $, run } = createShell({ cwd: dir, env: { ...ENV, ...env } });
  const engine: TestEngine = {
    name: "podman",
    env,
    import: async (root, reference) => {
      const stdin = streamTar(await listTree(root, { asOnDisk: true }));
      await $`podman import --change ${"ENV PATH=/usr/local/go/bin:/usr/bin:/bin"} - ${reference}`
        .with({ stdin });
    },
    run: async (...args) => (await run(["podman", ...args])).stdout,
  };
  const root = await makeSmallRoot(join(dir, "probe"));
  const reference = "localhost/kbuild-probe:1";
  const started = await engine.import(root, reference)
    .then(() => engine.run("run", "--rm", reference, "true"))
    .then(() => undefined, (error) => String(error.tail?.at(-1) ?? error));
  if (started === undefined) return engine;
  // For a user who is not root, podman leaves a process that holds its namespaces.
  for (const { pid } of processesBelow(dir)) Deno.kill(pid, "SIGKILL");
  return `podman starts no containers here: ${started}`;
}

/** The files of a small image: busybox. */
export async function makeSmallRoot(root: string): Promise<string> {
  const names =
    "sh cat chown cp dirname echo env false find id ln ls mkdir mktemp mv printf pwd rm sleep stat " +
    "stty tar touch true tty wc xargs";
  const make = `mkdir -p "$1/bin" "$1/etc" && mkdir -m 1777 "$1/tmp" && cp "$2" "$1/bin/busybox" &&
for name in ${names} bash; do ln -s busybox "$1/bin/$name"; done &&
printf 'root:x:0:0:root:/root:/bin/sh\\n' > "$1/etc/passwd"`;
  await output(["sh", "-c", make, "sh", root, which("busybox") ?? "busybox"]);
  return root;
}

/** Programs of an image that Kubernetes' makefiles run in. */
const PROGRAMS =
  "awk bash basename cat chmod cmp comm cp cut date diff dirname du env expr false find " +
  "getconf git grep gzip head hostname id install ln ls make md5sum mkdir mktemp mv nproc printf pwd " +
  "readlink realpath rm rmdir sed seq sh sha256sum sleep sort stat tail tar tee test touch tr true " +
  "uname uniq wc which xargs";

/** The files of an image with this machine's Go and what make needs, but no C compiler. */
export async function makeGoRoot(root: string, goroot: string): Promise<string> {
  const make = `set -e
mkdir -p "$1/usr/bin" "$1/usr/local" "$1/etc" "$1/usr/lib"
mkdir -m 1777 "$1/tmp"
for dir in bin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done
printf 'root:x:0:0:root:/root:/bin/sh\\n' > "$1/etc/passwd"
add() { mkdir -p "$1$(dirname "$2")" && cp -L "$2" "$1$2"; }
for name in $3; do
  file=/usr/bin/$name
  [ -x "$file" ] || continue
  cp -L "$file" "$1/usr/bin/$name"
  for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do add "$1" "$library"; done
done
[ ! -d /usr/lib/git-core ] || cp -a /usr/lib/git-core "$1/usr/lib/git-core"
mkdir -p "$1/usr/local/go"
for part in bin pkg src lib VERSION go.env; do
  [ ! -e "$2/$part" ] || cp -a "$2/$part" "$1/usr/local/go/$part"
done`;
  await output(["sh", "-c", make, "sh", root, goroot, PROGRAMS]);
  return root;
}
