/**
 * A bare Debian machine in a directory: the packages of a minimal system, Node.js and npm, nothing
 * else. Made with mmdebstrap from the sources of this machine's apt, entered with chroot.
 */
import { dirname, join } from "@std/path";
import { CLONE, run } from "../e2e/_program.ts";

/** What a program printed, both streams in one, and how it ended. */
export interface Said {
  readonly code: number;
  readonly text: string;
  /** Seconds that it took. */
  readonly seconds: number;
}

/** A machine that programs run in. */
export interface Machine {
  /** Its root directory, on this machine. */
  readonly root: string;
  /** Runs a command line of `sh` as a user, in their home directory. */
  run(user: string, command: string): Promise<Said>;
}

/** The user that is not root. */
export const USER = "dev";

/** Why there can be no such machine here; undefined if there can. */
export async function missing(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "needs root on Linux";
  for (const program of ["mmdebstrap", "unshare", "chroot", "git", "apt-config"]) {
    if (!await works(["sh", "-c", `command -v ${program}`])) return `needs ${program}`;
  }
  if (!await works(["unshare", "--mount", "--pid", "--fork", "true"])) return "needs unshare";
  return (await sources()).length === 0 ? "needs Debian's sources of apt" : undefined;
}

/** Makes a machine: Debian 12, whatever is installed on this one. */
export async function makeMachine(root: string): Promise<Machine> {
  const settings = join(dirname(root), "99host");
  await Deno.writeTextFile(settings, await aptSettings());
  await ok([
    ...["mmdebstrap", "--variant=minbase", "--include=nodejs,npm", `--aptopt=${settings}`],
    ...["bookworm", root, ...await sources()],
  ]);
  await Deno.copyFile(settings, join(root, "etc/apt/apt.conf.d/99host"));
  await ok(["chroot", root, "useradd", "--create-home", USER]);
  for (const path of [...NETWORK, ...certificates()]) await copyIn(path, root, path);
  for (const user of ["root", USER]) {
    const home = homeOf(user);
    const npmrc = join(Deno.env.get("HOME") ?? "/root", ".npmrc");
    await copyIn(npmrc, root, join(home, ".npmrc"));
    // What is committed, and nothing else.
    await ok(["git", "clone", "--quiet", "--no-hardlinks", CLONE, join(root, home, "kbuild")]);
    await ok(["chroot", root, "chown", "-R", `${user}:`, home]);
  }
  return machineIn(root);
}

/** A second machine in the state of the first. */
export async function copyMachine(machine: Machine, root: string): Promise<Machine> {
  await ok(["cp", "--archive", machine.root, root]);
  return machineIn(root);
}

function machineIn(root: string): Machine {
  return {
    root,
    async run(user, command) {
      const started = performance.now();
      const { code, stdout } = await run([
        ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"],
        ...[root, user, homeOf(user), command, ...settingsEnv()],
      ]);
      return { code, text: stdout, seconds: (performance.now() - started) / 1000 };
    },
  };
}

const BARE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Enters a root directory ($1) as a user ($2) with a home ($3), and runs a command there ($4). */
const ENTER = `set -eu
root=$1 user=$2 home=$3 command=$4
shift 4
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
exec chroot "$root" setpriv --reuid "$user" --regid "$user" --init-groups \\
  env -i "$@" HOME="$home" USER="$user" PATH=${BARE_PATH} \\
  sh -c 'cd && exec 2>&1 && eval "$1"' sh "$command"
`;

function homeOf(user: string): string {
  return user === "root" ? "/root" : `/home/${user}`;
}

/** How this machine reaches others. */
const NETWORK = ["/etc/resolv.conf", "/etc/hosts"];

/** Variables of proxies, certificates and registries; everything else is left out. */
const SETTINGS =
  /^((https?|no|all)_proxy|npm_config_.*|node_extra_ca_certs|ssl_cert_(file|dir)|deno_(cert|tls_ca_store)|goproxy|gosumdb|kbuild_(mirrors|ca_file))$/i;

function settingsEnv(): readonly string[] {
  return Object.entries(Deno.env.toObject()).filter(([name]) => SETTINGS.test(name))
    .map(([name, value]) => `${name}=${value}`);
}

/** Files that those variables name. */
function certificates(): readonly string[] {
  const values = settingsEnv().map((setting) => setting.slice(setting.indexOf("=") + 1));
  return [...new Set(values.filter((value) => value.startsWith("/")))];
}

/** Copies a file's content, if there is one; links in the machine would lead to files of this one. */
async function copyIn(path: string, root: string, place: string): Promise<void> {
  if (!await works(["test", "-f", path])) return;
  await ok(["mkdir", "-p", join(root, dirname(place))]);
  await ok(["cp", "--dereference", "--remove-destination", path, root + place]);
}

/** This machine's sources of apt, in either format. */
async function sources(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const dir of ["/etc/apt", "/etc/apt/sources.list.d"]) {
    const names = await Array.fromAsync(Deno.readDir(dir)).catch(() => []);
    for (const { name } of names) {
      if (!/^.*\.(list|sources)$/.test(name)) continue;
      const text = await Deno.readTextFile(join(dir, name));
      if (/^\s*(deb|uris:)\s.*debian/mi.test(text)) found.push(join(dir, name));
    }
  }
  return found.sort();
}

/** How this machine's apt fetches: proxies, checks. */
async function aptSettings(): Promise<string> {
  const { stdout } = await run(["apt-config", "dump", "--no-empty"]);
  return stdout.split("\n").filter((line) => line.startsWith("Acquire::")).join("\n") + "\n";
}

async function works(argv: readonly string[]): Promise<boolean> {
  return (await run([...argv]).catch(() => undefined))?.code === 0;
}

async function ok(argv: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run([...argv]);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${code}\n${stdout}${stderr}`);
}
