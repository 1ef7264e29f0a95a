/** Machines that build shards: checkouts on hosts, and the registry that they share. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { CountedGo } from "./_counted_go.ts";
import type { Host } from "./_hosts.ts";
import { ended, kbuildArgv } from "./_program.ts";
import { writeRegistryConfig } from "./_registry.ts";

/** A checkout on a host. */
export class Worker {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(
    readonly host: Host,
    readonly name: string,
    dir: string,
    readonly go: CountedGo,
    env: Readonly<Record<string, string>>,
    readonly before: readonly string[] = [],
  ) {
    this.root = join(dir, name, `kubernetes of ${name}`);
    const HOME = join(dir, name);
    this.env = {
      ...env,
      ...go.env(name),
      HOME,
      KBUILD_CACHE: join(HOME, "cache"),
      KUBE_RELEASE_RUN_TESTS: "n",
    };
  }

  start(...words: string[]): Deno.ChildProcess {
    return this.host.start([...this.before, ...kbuildArgv(...words)], {
      cwd: this.root,
      env: this.env,
    });
  }

  async ok(...words: string[]): Promise<string> {
    const { code, stderr } = await ended(this.start(...words));
    assertEquals(code, 0, `${this.name}: ${words.join(" ")}\n${stderr}`);
    return stderr;
  }

  sums(): Promise<string> {
    return Deno.readTextFile(join(this.root, "_output/release-tars/SHA256SUMS"));
  }

  /** Starts of `go` that make programs. */
  async made(): Promise<number> {
    return (await this.compiles()).filter((line) => /^(install|test|build) /.test(line)).length;
  }

  compiles(): Promise<readonly string[]> {
    return this.go.compiles(this.name);
  }
}

/** Starts a registry on a host; returns the address of a store in it. */
export async function startRegistry(host: Host, dir: string): Promise<string> {
  const config = await writeRegistryConfig(dir, `${host.address}:5000`);
  const child = host.start(["docker-registry", "serve", config]);
  void child.output().catch(() => undefined);
  for (let tries = 0; tries < 100; tries++) {
    const { code } = await host.run([
      ...[Deno.execPath(), "eval", "--no-config"],
      `await Deno.connect({ hostname: "${host.address}", port: 5000 })`,
    ]);
    if (code === 0) return `oci://${host.address}:5000/kbuild/results?insecure`;
  }
  throw new Error("docker-registry does not answer");
}
