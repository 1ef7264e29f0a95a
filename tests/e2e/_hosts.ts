/** Hosts on this machine: network namespaces on one bridge. For root on Linux. */
import { type Ended, ended, output, run, start, type StartOptions, which } from "./_program.ts";

/** Why there are none here; undefined where there are. */
export const NO_HOSTS: string | undefined = which("ip") === undefined
  ? "needs ip"
  : Deno.uid() !== 0
  ? "needs root"
  : (await run(["ip", "netns", "add", `kbuild-probe-${Deno.pid}`])).code !== 0
  ? "needs network namespaces"
  : (await run(["ip", "netns", "del", `kbuild-probe-${Deno.pid}`]), undefined);

/** A host. */
export interface Host {
  /** "10.77.0.2". */
  readonly address: string;
  /** Runs a program on it to its end. */
  run(argv: readonly string[], options?: StartOptions): Promise<Ended>;
  /** Starts a program on it, in a process group of its own. */
  start(argv: readonly string[], options?: StartOptions): Deno.ChildProcess;
  /**
   * Passes on what comes to a port to another one, and back, each part so many milliseconds later: not every
   * kernel has netem.
   */
  relay(from: number, to: number, milliseconds: number): void;
  /** Plugs its cable in or out. */
  plug(isIn: boolean): Promise<void>;
}

/** Address, port, the other port, milliseconds. */
const RELAY = `
const [hostname, from, to, milliseconds] = Deno.args;
for await (const client of Deno.listen({ hostname, port: Number(from) })) {
  const server = await Deno.connect({ hostname, port: Number(to) });
  for (const [a, b] of [[client, server], [server, client]]) {
    const late = new TransformStream({
      async transform(chunk, controller) {
        await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
        controller.enqueue(chunk);
      },
    });
    a.readable.pipeThrough(late).pipeTo(b.writable).catch(() => undefined);
  }
}`;

/** Runs `body` with so many hosts that reach each other, and nothing else. */
export async function withHosts<T>(
  count: number,
  body: (hosts: readonly Host[]) => Promise<T>,
): Promise<T> {
  const names = Array.from({ length: count }, (_, at) => `kbuild-${Deno.pid}-${at}`);
  const hub = `kbuild-${Deno.pid}-hub`;
  const ip = (...words: string[]) => output(["ip", ...words]);
  try {
    await ip("netns", "add", hub);
    await ip("-n", hub, "link", "add", "br0", "type", "bridge");
    await ip("-n", hub, "link", "set", "br0", "up");
    const hosts: Host[] = [];
    for (const [at, name] of names.entries()) {
      const address = `10.77.0.${at + 1}`;
      await ip("netns", "add", name);
      await ip(
        "-n",
        hub,
        "link",
        "add",
        `p${at}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        name,
      );
      await ip("-n", hub, "link", "set", `p${at}`, "master", "br0", "up");
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
      await ip("-n", name, "link", "set", "eth0", "up");
      const inside = (argv: readonly string[]) => ["ip", "netns", "exec", name, ...argv];
      hosts.push(Object.freeze<Host>({
        address,
        run: (argv, options) => run(inside(argv), options),
        start: (argv, options) => start(inside(argv), { ...options, detached: true }),
        relay(from, to, milliseconds) {
          const words = [address, from, to, milliseconds].map(String);
          const argv = [Deno.execPath(), "eval", "--no-config", RELAY, ...words];
          // Its end is that of the namespace.
          void ended(start(inside(argv))).catch(() => undefined);
        },
        async plug(isIn) {
          await ip("-n", hub, "link", "set", `p${at}`, isIn ? "up" : "down");
        },
      }));
    }
    return await body(hosts);
  } finally {
    for (const name of [...names, hub]) {
      const { stdout } = await run(["ip", "netns", "pids", name]);
      for (const pid of stdout.split("\n").filter((line) => /^\d+$/.test(line))) {
        await run(["kill", "-9", pid]);
      }
      await run(["ip", "netns", "del", name]);
    }
  }
}

/** Kills a process and all of its group. */
export function killGroup(child: Deno.ChildProcess): Promise<Ended> {
  Deno.kill(-child.pid, "SIGKILL");
  return ended(child);
}
