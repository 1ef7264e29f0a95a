/** Real container engines, and images to build in, made of this machine's programs. */
import { join } from "@std/path";
import { listTree, streamTar } from "../../src/archive/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { addProgram, Docker, importImage, NEEDS_DOCKER } from "./_engine.ts";
import { ENV, inScratch, makeSample, output, processesBelow, which } from "./_program.ts";

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

/** Settings of the images that tests make. */
const CHANGES = ["ENV PATH=/usr/local/go/bin:/usr/bin:/bin"];

/** Docker's engine, or why there is none. */
export async function findDocker(): Promise<TestEngine | string> {
  const docker = await Docker.find();
  if (docker === undefined) return NEEDS_DOCKER;
  return {
    name: "docker",
    env: docker.env,
    import: async (root, reference) =>
      await docker.import(streamTar(await listTree(root, { asOnDisk: true })), reference, CHANGES),
    run: (...args) => docker.run(...args),
  };
}

/**
 * Podman with storage of its own below a directory, or why it starts no containers here. Its settings are
 * those that work inside of virtual machines and containers, too; a user who is not root needs no network of its own there. What it
 * keeps of containers is below its storage (no `static_dir`): the podman that cleans up after a container does not read the
 * configuration, and the one that has started it waits for that for 20 seconds.
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
${Deno.uid() === 0 ? "" : 'netns = "host"'}
[engine]
volume_path = "${dir}/volumes"
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
  const shell = createShell({ cwd: dir, env: { ...ENV, ...env } });
  const engine: TestEngine = {
    name: "podman",
    env,
    import: async (root, reference) => {
      const files = streamTar(await listTree(root, { asOnDisk: true }));
      await importImage(shell, "podman", files, reference, CHANGES);
    },
    run: async (...args) => (await shell.run(["podman", ...args])).stdout,
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
    "sh cat chown cp dirname echo env false find id ln ls md5sum mkdir mktemp mv printf pwd rm sleep stat " +
    "stty tar touch true tty wc xargs";
  const make = `mkdir -p "$1/bin" "$1/etc" && mkdir -m 1777 "$1/tmp" && cp "$2" "$1/bin/busybox" &&
for name in ${names} bash; do ln -s busybox "$1/bin/$name"; done &&
printf 'root:x:0:0:root:/root:/bin/sh\\n' > "$1/etc/passwd"`;
  await output(["sh", "-c", make, "sh", root, which("busybox") ?? "busybox"]);
  // Its libraries, where it is not static.
  await addProgram(root, "busybox");
  return root;
}

/** Programs of an image that Kubernetes' makefiles run in. */
const PROGRAMS =
  "awk bash basename cat chmod cmp comm cp cut date diff dirname du env expr false find " +
  "getconf git grep gzip head hostname id install ln ls make md5sum mkdir mktemp mv nproc printf pwd " +
  "readlink realpath rm rmdir sed seq sh sha256sum sleep sort stat tail tar tee test touch tr true " +
  "uname uniq wc which xargs";

/** The files of an image with programs of this machine, and their libraries. */
export async function makeProgramsRoot(root: string, programs: string): Promise<string> {
  const make = `mkdir -p "$1/usr/bin" "$1/usr/local" "$1/etc" "$1/usr/lib"
mkdir -m 1777 "$1/tmp"
for dir in bin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done
printf 'root:x:0:0:root:/root:/bin/sh\\n' > "$1/etc/passwd"
[ ! -d /usr/lib/git-core ] || cp -a /usr/lib/git-core "$1/usr/lib/git-core"`;
  await output(["sh", "-ec", make, "sh", root]);
  for (const name of programs.split(" ")) await addProgram(root, name);
  return root;
}

/**
 * The files of an image with this machine's Go and what make needs, but no C compiler.
 *
 * @param options.isInPlace Whether Go has its own path there, with what its links lead to; default: `/usr/local/go`.
 */
export async function makeGoRoot(
  root: string,
  goroot: string,
  { isInPlace = false }: { isInPlace?: boolean } = {},
): Promise<string> {
  await makeProgramsRoot(root, PROGRAMS);
  const copy = isInPlace
    ? `for part in "$2" $(find "$2" -maxdepth 2 -type l -exec readlink -f {} +); do
  [ -d "$part" ] || continue
  mkdir -p "$1$(dirname "$part")"
  [ -e "$1$part" ] || cp -a "$part" "$1$part"
done
ln -s "$2/bin/go" "$1/usr/bin/go"`
    : `mkdir -p "$1/usr/local/go"
for part in bin pkg src lib VERSION go.env; do
  [ ! -e "$2/$part" ] || cp -a "$2/$part" "$1/usr/local/go/$part"
done`;
  await output(["sh", "-c", `set -e\n${copy}`, "sh", root, await Deno.realPath(goroot)]);
  return root;
}

/** An image of {@linkcode makeSmallRoot}. */
export const SMALL = "kbuild.test/small:1";

/** A test for an engine, with a checkout; skipped with the reason if there is none. */
export function engineTest(
  found: TestEngine | string,
  name: string,
  what: string,
  fn: (engine: TestEngine, root: string, dir: string) => Promise<void>,
): void {
  const missing = typeof found === "string" ? found : undefined;
  Deno.test({
    name: `${what}: ${name}` + (missing === undefined ? "" : ` (skipped: ${missing})`),
    ignore: missing !== undefined,
    fn: () =>
      inScratch(async (dir) => {
        const engine = found as TestEngine;
        await engine.import(await makeSmallRoot(join(dir, "small")), SMALL);
        const root = await makeSample("1.20", join(dir, "kubernetes"));
        await fn(engine, root, dir);
      }),
  });
}

/** Containers of a checkout that are there, running or not. */
export async function containersOf(engine: TestEngine, root: string): Promise<string> {
  const filter = `label=kbuild.root=${root}`;
  return (await engine.run("ps", "--all", "--filter", filter, "--format", "{{.Names}}")).trim();
}

/** Waits for a minute. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !await isSo(); tries++) {
    if (tries > 600) throw new Error(`It never came about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Why this machine starts no second engine; undefined if it does. */
export const lacksOwnDocker: string | undefined = Deno.uid() !== 0
  ? "needs root, to start another engine"
  : which("unshare") === undefined ||
      which("dockerd", `${Deno.env.get("PATH")}:/usr/sbin`) === undefined
  ? "needs dockerd and unshare"
  : undefined;

/** An engine of a test's own. */
export type OwnEngine = TestEngine & AsyncDisposable;

/** Mounts a disk of a size (`64M`) on a directory; returns what unmounts it. */
async function mountDisk(file: string, dir: string, size: string): Promise<() => Promise<void>> {
  await output(["truncate", "-s", size, file]);
  await output(["/usr/sbin/mkfs.ext4", "-q", "-m", "0", file]);
  await output(["mount", "-o", "loop", file, dir]);
  return async () => void await output(["umount", "-l", dir]);
}

/**
 * Makes a podman with storage of its own, for root.
 *
 * @param place Its directory, which is made.
 * @param options.disk Size of the disk that all its files are on: `64M`; default: as much as there is.
 */
export async function startOwnPodman(
  place: string,
  { disk }: { disk?: string } = {},
): Promise<OwnEngine> {
  const data = join(place, "data");
  await Deno.mkdir(data, { recursive: true });
  const unmount = disk === undefined ? undefined : await mountDisk(`${place}/disk`, data, disk);
  const found = await findPodman(data);
  if (typeof found === "string") throw new Error(found);
  return {
    ...found,
    async [Symbol.asyncDispose]() {
      // It leaves its storage mounted on itself.
      await output(["umount", "-l", join(data, "graph/overlay")]).catch(() => {});
      await unmount?.();
    },
  };
}

/** A Docker engine of a test's own, which it may stop. */
export interface OwnDocker extends OwnEngine {
  /** Its socket. */
  readonly socket: string;
  /** Stops it, containers too, and starts it again. */
  restart(): Promise<void>;
}

/**
 * Starts an engine in namespaces of its own: without a network, since an engine without a bridge removes the one of
 * other engines.
 *
 * @param place Its directory, which is made.
 * @param options.disk Size of the disk that all its files are on: `64M`; default: as much as there is.
 * @param options.hidden A directory that it sees empty.
 */
export async function startOwnDocker(
  place: string,
  { disk, hidden }: { disk?: string; hidden?: string } = {},
): Promise<OwnDocker> {
  const data = join(place, "data");
  await Deno.mkdir(data, { recursive: true });
  const socket = join(place, "socket");
  const unmount = disk === undefined ? undefined : await mountDisk(`${place}/disk`, data, disk);
  const script = '[ -z "$1" ] || mount -t tmpfs none "$1"; exec dockerd --data-root "$2/data" ' +
    '--exec-root "$2/exec" --pidfile "$2/pid" -H "unix://$3" --iptables=false --bridge=none';
  const env = { DOCKER_HOST: `unix://${socket}` };
  const shell = createShell({ cwd: "/", env: { ...ENV, ...env } });
  let child: Deno.ChildProcess | undefined;
  const start = async () => {
    child = new Deno.Command("unshare", {
      args: ["--mount", "--net", "sh", "-c", script, "sh", hidden ?? "", place, socket],
      env: { ...ENV, PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin` },
      ...{ clearEnv: true, stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    const answers = () => shell.run(["docker", "version"]).then(() => true, () => false);
    await until("the engine answers", answers);
  };
  const stop = async () => {
    child?.kill("SIGTERM");
    await child?.status;
  };
  const engine: OwnDocker = {
    ...{ name: "docker", env, socket },
    import: async (root, reference) => {
      const files = streamTar(await listTree(root, { asOnDisk: true }));
      await importImage(shell, "docker", files, reference, CHANGES);
    },
    run: async (...args) => (await shell.run(["docker", ...args])).stdout,
    async restart() {
      await stop();
      await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await unmount?.();
    },
  };
  try {
    await start();
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return engine;
}
