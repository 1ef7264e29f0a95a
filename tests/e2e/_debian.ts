/** A Debian in a directory, for what only a whole machine shows. */
import { output, which } from "./_program.ts";

/** Why there cannot be one; undefined if there can. */
export const NO_DEBIAN: string | undefined = which("mmdebstrap") === undefined || Deno.uid() !== 0
  ? "needs mmdebstrap, root"
  : undefined;

/** What packages of Kubernetes need of a distribution. */
const NEEDED = "iptables,socat,ebtables,ethtool,conntrack,iproute2,mount,util-linux,systemd";

/** Makes a Debian in a directory that does not exist, with what packages of Kubernetes need. */
export async function makeDebian(directory: string): Promise<void> {
  await output(["mmdebstrap", "--variant=apt", `--include=${NEEDED}`, "bookworm", directory]);
}

/**
 * Runs a script of sh in a Debian, without a network.
 *
 * @returns What it prints.
 */
export function inDebian(directory: string, script: string): Promise<string> {
  const enter = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && ' +
    'exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "$2"';
  return output([
    ...["unshare", "-n", "--mount", "--pid", "--fork", "--kill-child"],
    ...["sh", "-c", enter, "sh", directory, script],
  ]);
}
