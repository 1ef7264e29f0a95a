/** `kbuild run` and `kbuild shell` with real engines: docker's, and podman where it starts containers. */
import { NO_REGISTRY, skopeo, withRealRegistry } from "./_registry.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { executeRun, prepareRun, rootHash } from "../../src/container/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  containersOf,
  engineTest,
  findDocker,
  findPodman,
  lacksOwnDocker,
  makeGoRoot,
  makeSmallRoot,
  SMALL,
  startOwnDocker,
  type TestEngine,
  until,
} from "./_containers.ts";
import {
  digestsOf,
  ended,
  ENV,
  kbuildArgv,
  makeSample,
  missingFor,
  output,
  processesBelow,
  run,
  start as startProgram,
  which,
} from "./_program.ts";

const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-engines-" }));
const docker = await findDocker();
const podman = await findPodman(scratch);
globalThis.addEventListener("unload", () => {
  new Deno.Command("rm", { args: ["-rf", scratch] }).outputSync();
});

function both(
  what: string,
  fn: (engine: TestEngine, root: string, dir: string) => Promise<void>,
): void {
  engineTest(docker, "docker", what, fn);
  engineTest(podman, "podman", what, fn);
}

/** The command line of `kbuild run` in the small image. */
function runArgv({ name }: TestEngine, ...command: string[]): string[] {
  return kbuildArgv("run", "--engine", name, "--build-image", SMALL, ...command);
}

both(
  "kbuild run hands on arguments, stdin, output, status and the version",
  async (engine, root) => {
    const start = (...command: string[]) =>
      run(runArgv(engine, ...command), { cwd: root, env: engine.env });
    const failed = await start("sh", "-c", "echo out; echo err >&2; exit 42");
    assertEquals([failed.code, failed.stdout], [42, "out\n"]);
    assertMatch(
      failed.stderr,
      /^err\nkbuild: Command sh -c .* failed in the container: status 42\n$/m,
    );
    assertEquals((await start("printf", "%s|", "", "a b", "$x")).stdout, "|a b|$x|");
    const missing = await start("no-such-program");
    assertEquals(missing.code, 127);
    assertMatch(
      missing.stderr,
      /failed in the container: the image does not have it \(status 127\)/,
    );

    await Deno.writeTextFile(join(root, "input"), "one\ntwo\n");
    const words = runArgv(engine, "cat").map((word) => `'${word}'`).join(" ");
    const piped = await run(["sh", "-c", `${words} <input`], { cwd: root, env: engine.env });
    assertEquals([piped.code, piped.stdout, piped.stderr], [0, "one\ntwo\n", ""]);
    await Deno.remove(join(root, "input"));

    const told = await start(
      "sh",
      "-c",
      'pwd; cat "$KUBE_GIT_VERSION_FILE"; echo "$KUBE_OUTPUT_SUBPATH"',
    );
    const [cwd, ...lines] = told.stdout.trimEnd().split("\n");
    assertEquals(cwd, "/go/src/k8s.io/kubernetes");
    assert(lines.includes("KUBE_GIT_VERSION='v1.20.2'"), told.stdout);
    assert(lines.includes("KUBE_GIT_TREE_STATE='clean'"), told.stdout);
    assertEquals(lines.at(-1), "_output/dockerized");
    assertEquals(await output(["git", "-C", root, "status", "--porcelain"]), "");
    assertEquals(await containersOf(engine, root), "");
  },
);

both("what a command writes belongs to the user", async (engine, root) => {
  const command = ["sh", "-c", "mkdir -p _output/dockerized/x && touch _output/dockerized/x/file"];
  const { code, stderr } = await run(runArgv(engine, ...command), { cwd: root, env: engine.env });
  assertEquals([code, stderr], [0, ""]);
  for (const path of ["_output/dockerized/x", "_output/dockerized/x/file"]) {
    const { uid, gid } = await Deno.stat(join(root, path));
    assertEquals([path, uid, gid], [path, Deno.uid(), Deno.gid()]);
  }
});

engineTest(
  Deno.uid() === 0 ? docker : "needs root, to be somebody else in the container",
  "docker",
  "somebody who is not root can write where the scripts' build image lets everybody",
  async (engine, root) => {
    const user = { uid: 12345, gid: 23456 };
    await Deno.mkdir(join(root, "_output/dockerized/home"), { recursive: true });
    await output(["chown", "-R", `${user.uid}:${user.gid}`, root]);
    const env = { ...ENV, ...engine.env };
    const shell = createShell({ cwd: root, env });
    const context = createContext({ root, env, shell, log: createLogger({ write: () => {} }) });
    const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
    const writes = 'mkdir -p "$HOME" && touch "$HOME/x" _output/dockerized/x /tmp/x ' +
      "/var/run/kubernetes/x /usr/local/go/pkg/linux_amd64_cgo/x";
    const prepared = await prepareRun(context, checkout, {
      ...{ command: ["sh", "-c", writes], terminal: false, verbosity: 1 },
      ...{ engine: "docker", buildImage: SMALL },
    });
    const run = { ...prepared.run, user };
    assertEquals(await executeRun(context, { ...prepared, run }), 0);
    for (const path of ["_output/dockerized/home/x", "_output/dockerized/x"]) {
      const { uid, gid } = await Deno.stat(join(root, path));
      assertEquals([path, uid, gid], [path, user.uid, user.gid]);
    }
  },
);

both(
  "a container is gone after Ctrl-C, SIGTERM, and after the next run if kbuild was killed",
  async (engine, root) => {
    for (
      const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGKILL", undefined]] as const
    ) {
      const argv = runArgv(engine, "sleep", "1000");
      const child = new Deno.Command(argv[0]!, {
        ...{ args: argv.slice(1), cwd: root, env: { ...ENV, ...engine.env }, clearEnv: true },
        ...{ detached: true, stdin: "null", stdout: "piped", stderr: "piped" },
      }).spawn();
      const running = () =>
        engine.run("ps", "--filter", `label=kbuild.root=${root}`, "--format", "{{.Names}}");
      await until("the container runs", async () => (await running()).trim() !== "");
      child.kill(signal);
      if (status === undefined) {
        // The client still holds the output.
        await child.status;
        await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
        assert((await running()).trim() !== "");
        const next = await run(runArgv(engine, "echo", "next"), { cwd: root, env: engine.env });
        assertEquals([next.code, next.stdout], [0, "next\n"], next.stderr);
      } else {
        const { code, stderr } = await ended(child);
        assertEquals([signal, code], [signal, status], stderr);
      }
      assertEquals([signal, await containersOf(engine, root)], [signal, ""]);
    }
  },
);

both("two commands run at the same time in one checkout", async (engine, root) => {
  const both = await Promise.all(["a", "b"].map((name) => {
    const other = name === "a" ? "b" : "a";
    const wait =
      `touch _output/${name}; while [ ! -e _output/${other} ]; do sleep 0.1; done; echo ${name}`;
    return run(runArgv(engine, "sh", "-c", wait), { cwd: root, env: engine.env });
  }));
  assertEquals(both.map(({ code, stdout }) => [code, stdout]), [[0, "a\n"], [0, "b\n"]]);
  assertEquals(await containersOf(engine, root), "");
});

both(
  "make-clean removes what is the checkout's, on every branch, and nothing else",
  async (engine, root, dir) => {
    const options = { cwd: root, env: { ...engine.env, HOSTNAME: "myhost" } };
    const hashOf = (place: string, branch?: string) =>
      rootHash({ hostname: "myhost", root: place, branch });
    const git = (...words: string[]) => output(["git", "-C", root, ...words]);
    const first = (await git("symbolic-ref", "--short", "HEAD")).trim();
    // One branch that is there, and one that is gone.
    await git("checkout", "-q", "-b", "gone");
    await git("checkout", "-q", first);
    await git("branch", "-q", "-D", "gone");
    await git("branch", "other");
    const tag = "5-v1.15.5-1";
    const ours = [
      `kube-build-data-${hashOf(root, "other")}-${tag}`,
      `kube-build-${hashOf(root, "gone")}-${tag}`,
      `kube-rsync-${hashOf(root)}-${tag}`,
    ];
    const theirs = [`kube-build-${hashOf(dir, first)}-${tag}`, `kube-build-${"0".repeat(10)}`];
    for (const name of [...ours, ...theirs]) {
      await engine.run("create", "--name", name, "--volume", "/data", SMALL, "true");
    }
    const images = [hashOf(root, first), hashOf(dir, first)].map((hash) =>
      `kube-build:build-${hash}-${tag}`
    );
    for (const image of images) await engine.run("tag", SMALL, image);
    const volumes = async () =>
      (await engine.run("volume", "ls", "--quiet")).trim().split("\n").length;
    const before = await volumes();
    const shell = new Deno.Command(runArgv(engine)[0]!, {
      args: runArgv(engine, "sh", "-c", "touch _output/ready; sleep 1000").slice(1),
      ...{ cwd: root, env: { ...ENV, ...options.env }, clearEnv: true },
      ...{ stdin: "null", stdout: "null", stderr: "null", detached: true },
    }).spawn();
    try {
      await until("a command runs", () => exists(join(root, "_output/ready")));
      const clean = kbuildArgv("make-clean", "--engine", engine.name, "--json");
      const planned = await run([...clean, "--dry-run"], options);
      const { code, stdout, stderr } = await run(clean, options);
      assertEquals(code, 0, stderr);
      const removed = JSON.parse(stdout);
      assertEquals(removed.containers, [...ours].sort());
      assertEquals(removed.images.map((name: string) => name.replace("localhost/", "")), [
        images[0],
      ]);
      assertMatch(
        removed.left.join("\n"),
        /^kube-build-\w+-5-v1.15.5-1: another kbuild runs a command in it$/,
      );
      assertEquals(
        JSON.parse(planned.stdout).processes.map(({ argv }: { argv: string[] }) => argv[1]),
        ["rm", "rmi"],
      );
      const left = (await engine.run("ps", "--all", "--format", "{{.Names}}")).split("\n");
      assertEquals(ours.filter((name) => left.includes(name)), []);
      assertEquals(theirs.filter((name) => !left.includes(name)), []);
      assertEquals(await volumes(), before - ours.length);
      const names = await engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}");
      assert(names.includes(images[1]!) && names.includes(SMALL), names);
      assert(!names.includes(images[0]!), names);
      assertEquals(removed.removed, []);
      const refused = await run(kbuildArgv("clean"), options);
      assertMatch(
        refused.stderr,
        /^kbuild: Cannot remove the outputs: a command runs in the container kube-/m,
      );
    } finally {
      shell.kill("SIGTERM");
      await shell.status;
      await engine.run("rm", "--force", "--volumes", ...theirs);
      await engine.run("rmi", images[1]!);
    }
    assertEquals(await containersOf(engine, root), "");
    const again = await run(kbuildArgv("make-clean", "--engine", engine.name), options);
    assertEquals([again.code, exists(join(root, "_output/dockerized"))], [0, false], again.stderr);
  },
);

engineTest(
  NO_REGISTRY ?? docker,
  "docker",
  "an image that the engine lacks comes through a mirror",
  async (engine, root, dir) => {
    const archive = join(dir, "small.tar");
    await engine.run("save", "-o", archive, SMALL);
    const id = (await engine.run("image", "inspect", "--format", "{{.Id}}", SMALL)).trim();
    // Not the checkout's own: whoever has that keeps it.
    const image = "k8s.gcr.io/build-image/kbuild-test:v1";
    const engines = typeof podman === "string" ? [engine] : [engine, podman];
    await withRealRegistry(dir, async ({ host }) => {
      const there = `docker://${host}/mine/build-image/kbuild-test:v1`;
      await skopeo("copy", "--dest-tls-verify=false", `docker-archive:${archive}`, there);
      for (const { name, env, run: client } of engines) {
        const given = ["--build-image", image];
        const mirror = ["--mirror", `k8s.gcr.io=http://${host}/mine`];
        const options = { cwd: root, env: { ...env, KBUILD_CACHE: join(dir, "cache") } };
        const plan = await run(
          kbuildArgv("plan", "run", "--engine", name, ...given, ...mirror, "true"),
          options,
        );
        assertMatch(plan.stdout, new RegExp(`^ +${name} load$`, "m"));
        try {
          const argv = kbuildArgv("run", "--engine", name, ...given, ...mirror, "cat", "Makefile");
          const first = await run(argv, options);
          assertEquals(first.code, 0, first.stderr);
          assertEquals(first.stdout, await Deno.readTextFile(join(root, "Makefile")));
          assertMatch(first.stderr, /Getting the build image k8s.gcr.io/);
          const loaded = await client("image", "inspect", "--format", "{{.Id}}", image);
          assertEquals(loaded.trim().replace("sha256:", ""), id.replace("sha256:", ""));
          // Without the mirror: the engine has it now.
          const second = await run(kbuildArgv("run", "--engine", name, ...given, "true"), options);
          assertEquals([second.code, second.stderr], [0, ""]);
        } finally {
          await client("rmi", "--force", image);
        }
      }
    });
  },
);

both(
  "make-clean leaves images without a name, those below the scripts' own, too",
  async (engine, root, dir) => {
    const idOf = async (name: string) =>
      (await engine.run("image", "inspect", "--format", "{{.Id}}", name)).trim();
    const branch = (await output(["git", "-C", root, "symbolic-ref", "--short", "HEAD"])).trim();
    const hash = rootHash({ hostname: "myhost", root, branch });
    const tag = "kbuild.test/unnamed:1";
    const ids: string[] = [];
    for (const name of ["base", "other"]) {
      const place = await makeSmallRoot(join(dir, name));
      await Deno.writeTextFile(join(place, "name"), dir + name);
      await engine.import(place, tag);
      ids.push(await idOf(tag));
    }
    // One of the host's, and one that the scripts' build image starts from.
    await engine.import(join(dir, "small"), tag);
    const [base = ""] = ids;
    const build = `kube-build:build-${hash}-5-v1.15.5-1`;
    await engine.run("create", "--name", `from-${hash}`, base, "true");
    await engine.run("commit", `from-${hash}`, build);
    await engine.run("rm", `from-${hash}`);
    try {
      const env = { ...engine.env, HOSTNAME: "myhost" };
      const argv = kbuildArgv("make-clean", "--engine", engine.name, "--json");
      const { code, stdout, stderr } = await run(argv, { cwd: root, env });
      assertEquals(code, 0, stderr);
      assertEquals(
        JSON.parse(stdout).images.map((name: string) => name.replace("localhost/", "")),
        [
          build,
        ],
      );
      for (const id of ids) assertEquals(await idOf(id), id);
    } finally {
      await engine.run("rmi", "--force", ...ids, tag);
    }
  },
);

both("the container of a command whose reader has gone is removed", async (engine, root) => {
  const argv = runArgv(engine, "sh", "-c", "while :; do echo y; done");
  const words = argv.map((word) => `'${word}'`).join(" ");
  const { stdout } = await run(["sh", "-c", `${words} | head -1`], { cwd: root, env: engine.env });
  assertEquals([stdout, await containersOf(engine, root)], ["y\n", ""]);
});

const lacksScript = which("script") === undefined ? "needs script (util-linux)" : undefined;

/** Runs a command on a terminal, and types keys when it has made `_output/ready`. */
async function typeTo(
  { engine, root, dir }: { engine: TestEngine; root: string; dir: string },
  argv: readonly string[],
  given: Uint8Array,
): Promise<{ code: number; shown: string }> {
  const words = argv.map((word) => `'${word}'`).join(" ");
  const log = join(dir, "typescript");
  const fifo = join(dir, "keys");
  await output(["sh", "-c", 'rm -f "$1" "$2" && mkfifo "$1"', "sh", fifo, `${root}/_output/ready`]);
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `exec script --quiet --return --command "$1" "$2" <"$3"`,
      "sh",
      words,
      log,
      fifo,
    ],
    ...{ cwd: root, env: { ...ENV, ...engine.env }, clearEnv: true },
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const keys = await Deno.open(fifo, { write: true });
  await until("the command has started", () => exists(join(root, "_output/ready")));
  await keys.write(given);
  const { code } = await child.status;
  keys.close();
  return { code, shown: await Deno.readTextFile(log) };
}

engineTest(
  lacksScript ?? docker,
  "docker",
  "a terminal reaches the command, Ctrl-C too, and no key leaves it alone",
  async (engine, root, dir) => {
    const place = { engine, root, dir };
    const command =
      'tty; trap "echo caught; exit 3" INT; touch _output/ready; while :; do sleep 0.1; done';
    const { code, shown } = await typeTo(
      place,
      runArgv(engine, "sh", "-c", command),
      new Uint8Array([3]),
    );
    assertEquals(code, 3, shown);
    assertMatch(shown, /\/dev\/(pts\/\d+|console)/);
    assertMatch(shown, /caught/);
    assertEquals(await containersOf(engine, root), "");

    // Ctrl-P Ctrl-Q are docker's own; a command that handles no signal is ended by Ctrl-C.
    const waits = ["sh", "-c", "touch _output/ready; exec sleep 1000"];
    const ended = await typeTo(place, runArgv(engine, ...waits), new Uint8Array([16, 17, 3]));
    assertEquals(ended.code, 130, ended.shown);
    assertMatch(ended.shown, /Ctrl-C ended it \(status 130\)/);
    assertEquals(await containersOf(engine, root), "");
  },
);

both(
  "the container of a build is gone after Ctrl-C, SIGTERM and kill -9",
  async (engine, root, dir) => {
    const image = "kbuild.test/slow:1";
    const place = await makeSmallRoot(join(dir, "slow"));
    await Deno.mkdir(join(place, "usr/local/go/bin"), { recursive: true });
    const go = '[ "$1" != version ] || exec echo go version go1.99.1 linux/amd64\n' +
      "echo asked >&2; sleep 1000";
    await Deno.writeTextFile(join(place, "usr/local/go/bin/go"), `#!/bin/sh\n${go}\n`, {
      mode: 0o755,
    });
    await engine.import(place, image);
    const argv = kbuildArgv(
      ...["all", "cmd/kubectl", "--container", "--engine", engine.name, "--build-image", image],
    );
    for (
      const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGKILL", undefined]] as const
    ) {
      const child = new Deno.Command(argv[0]!, {
        ...{ args: argv.slice(1), cwd: root, env: { ...ENV, ...engine.env }, clearEnv: true },
        ...{ detached: true, stdin: "null", stdout: "piped", stderr: "piped" },
      }).spawn();
      await until("go runs in the container", async () => {
        const name = await containersOf(engine, root);
        const top = name === "" ? "" : await engine.run("top", name).catch(() => "");
        return top.includes("sleep 1000");
      });
      child.kill(signal);
      if (status === undefined) {
        await child.status;
        await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
      } else {
        const { code, stderr } = await ended(child);
        assertEquals([signal, code], [signal, status], stderr);
        assertEquals([signal, await containersOf(engine, root)], [signal, ""]);
      }
      await until("the container is gone", async () => await containersOf(engine, root) === "");
    }
  },
);

both(
  "a password of a proxy reaches the command, and no list of processes",
  async (engine, root) => {
    const password = `p"${crypto.randomUUID()}`;
    const proxy = `http://me:${password}@proxy.example:3128`;
    const env = { ...engine.env, KUBERNETES_HTTPS_PROXY: proxy };
    const argumentsOfAll = () =>
      [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => {
        try {
          return Deno.readTextFileSync(`/proc/${name}/cmdline`);
        } catch {
          return "";
        }
      });
    for (const sync of ["bind", "volume"]) {
      const words = ["sh", "-c", 'touch /tmp/runs; echo "$https_proxy"; sleep 3'];
      const given = ["--engine", engine.name, "--build-image", SMALL, "--sync", sync];
      const child = startProgram(kbuildArgv("run", ...given, ...words), { cwd: root, env });
      await until("the command runs", async () => {
        const name = await containersOf(engine, root);
        return name !== "" &&
          await engine.run("exec", name, "ls", "/tmp/runs").then(() => true, () => false);
      });
      const seen = argumentsOfAll();
      assert(seen.some((line) => line.includes("sleep 3")));
      assertEquals(seen.filter((line) => line.includes(password)), []);
      // The command would see a file in a checkout that is mounted, and a killed kbuild would leave it.
      const left = [...Deno.readDirSync(join(root, "_output/.kbuild"))].map(({ name }) => name);
      assert(left.some((name) => name.endsWith(".lock")), left.join());
      assertEquals(left.filter((name) => name.endsWith(".env")), []);
      const { code, stdout, stderr } = await ended(child);
      assertEquals([code, stdout], [0, `${proxy}\n`], stderr);
      const plan = await run(kbuildArgv("plan", "run", ...given, "true"), { cwd: root, env });
      assertMatch(plan.stdout, /--env https_proxy /);
      assertEquals(plan.stdout.includes(password), false);
    }
    await run(kbuildArgv("make-clean", "--engine", engine.name, "--yes"), { cwd: root, env });
  },
);

engineTest(
  docker,
  "docker",
  "commands share a copy of the sources, and one that has to change it waits for the others",
  async (engine, root) => {
    const options = { cwd: root, env: engine.env };
    const volume = (...command: string[]) =>
      kbuildArgv(
        ...["run", "--engine", engine.name, "--build-image", SMALL, "--sync", "volume"],
        ...command,
      );
    const first = await run(volume("true"), options);
    assertEquals(first.code, 0, first.stderr);
    // Each of two waits for a file of the other: they run at the same time.
    const wait = (one: string, other: string) =>
      `touch _output/${one}; while [ ! -e _output/${other} ]; do sleep 0.1; done; echo ${one}`;
    const both = await Promise.all([
      run(volume("sh", "-c", wait("a", "b")), options),
      run(volume("sh", "-c", wait("b", "a")), options),
    ]);
    assertEquals(both.map(({ code, stdout }) => [code, stdout]), [[0, "a\n"], [0, "b\n"]]);

    const makefile = join(root, "Makefile");
    const before = await Deno.readTextFile(makefile);
    const reads = "cat Makefile >_output/before; touch _output/reads; " +
      'while [ ! -e _output/go-on ]; do sleep 0.1; done; [ "$(cat Makefile)" = "$(cat _output/before)" ] || exit 9; cat Makefile';
    const reading = startProgram(volume("sh", "-c", reads), options);
    await until("the first command reads", async () => {
      const name = await containersOf(engine, root);
      const seen = await engine.run("exec", name, "ls", "_output").catch(() => "");
      return seen.includes("reads");
    });
    const [name] = (await containersOf(engine, root)).split("\n");
    await Deno.writeTextFile(makefile, `${before}# changed\n`);
    const changing = startProgram(volume("sh", "-c", "cat Makefile"), options);
    const said = readUntil(changing.stderr, `Waiting for the command in ${name}: it works with`);
    await said.found;
    await engine.run("exec", name!, "touch", "_output/go-on");
    const [one, other] = [await ended(reading), await changing.status];
    assertEquals([one.code, one.stdout], [0, before], one.stderr);
    const stdout = await new Response(changing.stdout).text();
    assertEquals([other.code, stdout], [0, `${before}# changed\n`], await said.text);
    await run(kbuildArgv("make-clean", "--engine", engine.name, "--yes"), options);
  },
);

/** Reads a stream to its end; tells when a text has come. */
function readUntil(
  stream: ReadableStream<Uint8Array>,
  wanted: string,
): { found: Promise<void>; text: Promise<string> } {
  const { promise: found, resolve, reject } = Promise.withResolvers<void>();
  const read = async () => {
    let text = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes(wanted)) resolve();
    }
    reject(new Error(`It did not say "${wanted}": ${text}`));
    return text;
  };
  return { found, text: read() };
}

/** A copy of a checkout: what is sent, what comes back, what a killed run leaves. */
async function tryVolume(engine: TestEngine, root: string, more: string[]): Promise<void> {
  const options = { cwd: root, env: engine.env };
  const start = (script: string) =>
    run(
      kbuildArgv(
        ...["run", "--engine", engine.name, "--build-image", SMALL, ...more, "sh", "-c", script],
      ),
      options,
    );
  const list = "find . \\( -path ./_output -o -path ./.git \\) -prune -o -type f -print";
  const here = async () =>
    (await output(["sh", "-c", `cd '${root}' && ${list}`])).split("\n").sort();
  const there = async () => {
    const { code, stdout, stderr } = await start(list);
    assertEquals(code, 0, stderr);
    return { names: stdout.split("\n").sort(), said: stderr };
  };
  const given = ["--engine", engine.name, "--build-image", SMALL, ...more];
  const early = await run(kbuildArgv("copy-output", ...given), options);
  assertEquals(early.code, 1);
  assertMatch(early.stderr, /^kbuild: There is nothing to copy: no build has run in the volume/m);
  const odd = join(root, "a b $(x)");
  await Deno.mkdir(odd);
  await Deno.writeTextFile(join(odd, "ü"), "1");
  const first = await there();
  assertEquals(first.names, await here());
  assertMatch(first.said, /Copied \d+ files and directories/);

  await Deno.remove(join(root, "cmd/kubectl"), { recursive: true });
  await Deno.writeTextFile(join(odd, "ü"), "2");
  const second = await there();
  assertEquals(second.names, await here());
  assertMatch(second.said, /Copied 1 file or directory \(1 B\), removed 1\n/);

  // What a command changes in the copy is there no longer in the next run; outputs come back.
  const made = await start(
    "rm -r pkg; echo x >new; echo x >ignored.test; cat 'a b $(x)/ü'; mkdir -p _output/dockerized/bin/linux api &&" +
      "echo x >_output/dockerized/bin/linux/x && echo y >api/zz_generated.y && exit 0",
  );
  assertEquals([made.code, made.stdout], [0, "2"], made.stderr);
  assertEquals(await Deno.readTextFile(join(root, "_output/dockerized/bin/linux/x")), "x\n");
  assertEquals(await Deno.readTextFile(join(root, "api/zz_generated.y")), "y\n");
  assertEquals((await Deno.stat(join(root, "api/zz_generated.y"))).uid, Deno.uid());
  const third = await there();
  assertEquals(third.names, await here());
  assertMatch(third.said, /as in the checkout again:\n(?: +".*"\n)* +"new"\n/);
  assertMatch(third.said, /^ +"pkg\//m);
  assertEquals(/ignored\.test|zz_generated\.y/.test(third.said), false, third.said);
  const failed = await start("sleep 2; echo y >_output/dockerized/bin/linux/y; exit 7");
  assertMatch(failed.stderr, /Programs stay in the volume: kbuild copy-output.*\n.*status 7/);
  await start("rm _output/dockerized/bin/linux/y");
  assertEquals((await start("exit 126")).code, 126);
  for (const [program, code] of [["missing", 127], ["/etc", 126]] as const) {
    const argv = kbuildArgv("run", ...["--engine", engine.name, "--build-image", SMALL], ...more);
    const failed = await run([...argv, program], options);
    assertEquals(failed.code, code, failed.stderr);
  }

  // A program of the same size and time, one that is missing here, one with an old time; a name that is not UTF-8.
  const bin = join(root, "_output/dockerized/bin/linux");
  const write = (text: string) =>
    start(
      `cd _output/dockerized/bin/linux && echo ${text} >same && touch -d '2030-01-01 00:00:00' same && ` +
        `cp -p ../../../../Makefile . && printf x >"../../../../cmd/$(printf '\\377')"`,
    );
  assertMatch((await write("aaaa")).stderr, /Copied 2 files out of the container/);
  await Deno.remove(join(bin, "x"));
  assertMatch((await write("bbbb")).stderr, /Copied 2 files out of the container/);
  assertEquals(await Deno.readTextFile(join(bin, "same")), "bbbb\n");
  assertEquals(await Deno.readTextFile(join(bin, "x")), "x\n");
  assertEquals((await there()).names, await here());
  assertMatch(
    (await start("true")).stderr,
    /Nothing has changed since the last time\n(?!.*Copied)/s,
  );

  // One that was changed here meanwhile stays until it is moved away.
  const generated = join(root, "api/zz_generated.y");
  const changing = startProgram(
    kbuildArgv(...[
      "run",
      ...given,
      "sh",
      "-c",
      "touch _output/y; sleep 3; echo there >api/zz_generated.y",
    ]),
    options,
  );
  await until("the command runs", async () => {
    const name = await containersOf(engine, root);
    return (await engine.run("exec", name, "ls", "_output").catch(() => "")).includes("y\n");
  });
  await Deno.writeTextFile(generated, "mine");
  const kept = await ended(changing);
  assertEquals(kept.code, 0, kept.stderr);
  assertMatch(
    kept.stderr,
    /changed here meanwhile: "api\/zz_generated.y"\n.*run kbuild copy-output/,
  );
  assertEquals(await Deno.readTextFile(generated), "mine");
  await Deno.remove(generated);
  await run(kbuildArgv("copy-output", ...given), options);
  assertEquals(await Deno.readTextFile(generated), "there\n");

  await Deno.remove(join(root, "_output/dockerized/bin"), { recursive: true });
  const copied = await run(kbuildArgv("copy-output", ...given), options);
  assertEquals([copied.code, copied.stdout], [0, "_output/dockerized/bin\n"], copied.stderr);
  assertEquals(await Deno.readTextFile(join(root, "_output/dockerized/bin/linux/x")), "x\n");

  const clean = await run(kbuildArgv("make-clean", "--engine", engine.name, "--json"), options);
  assertEquals(clean.code, 0, clean.stderr);
  const [volume = "none"] = JSON.parse(clean.stdout).volumes;
  assertMatch(volume, /^kube-build-data-[0-9a-f]{10}-kbuild$/);
  assertEquals((await engine.run("volume", "ls", "--quiet")).includes(volume), false);
}

const [volumeEngine, volumeName] = typeof podman === "string"
  ? [docker, "docker"] as const
  : [podman, "podman"] as const;
engineTest(
  volumeEngine,
  volumeName,
  "a volume gets what has changed, and outputs come back",
  (engine, root) => tryVolume(engine, root, ["--sync", "volume"]),
);

engineTest(
  lacksOwnDocker ?? docker,
  "docker",
  "an engine that does not see the checkout gets a copy by itself, later what has changed",
  async (engine, root, dir) => {
    await using remote = await startOwnDocker(join(dir, "remote"), { hidden: root });
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let sent = 0;
    const serving = forward(listener, remote.socket, (bytes) => sent += bytes);
    try {
      const env = { ...engine.env, DOCKER_HOST: `tcp://127.0.0.1:${listener.addr.port}` };
      await engine.run("save", "-o", join(dir, "small.tar"), SMALL);
      await remote.run("load", "-i", join(dir, "small.tar"));
      await tryVolume({ ...remote, env }, root, []);

      /** Bytes that a run sends to the engine. */
      const bytesOf = async () => {
        sent = 0;
        const argv = kbuildArgv("run", "--build-image", SMALL, "sh", "-c", "ls cmd; wc -c <new");
        const { code, stdout, stderr } = await run(argv, { cwd: root, env });
        assertEquals(code, 0, stderr);
        return { bytes: sent, stdout };
      };
      const file = join(root, "new");
      const size = 200_000;
      await Deno.writeFile(file, crypto.getRandomValues(new Uint8Array(size / 4)));
      const all = await output(["git", "-C", root, "ls-files", "-z"]);
      const paths = all.split("\0").filter((path) => exists(join(root, path)));
      const total = paths.reduce((sum, path) => sum + Deno.lstatSync(join(root, path)).size, 0);
      const first = await bytesOf();
      assert(first.bytes > total, `${first.bytes} of ${total}`);
      const nothing = await bytesOf();
      assert(nothing.bytes < 30_000, `${nothing.bytes} without changes`);
      await output(["sh", "-c", 'head -c "$1" /dev/urandom >"$2"', "sh", String(size), file]);
      await Deno.remove(join(root, "cmd/kube-proxy"), { recursive: true });
      const changed = await bytesOf();
      // The list of files goes along twice, 100 bytes for each at most.
      const most = size + 2 * 100 * (paths.length + 200) + 30_000;
      assert(changed.bytes > size && changed.bytes < most, `${changed.bytes}, at most ${most}`);
      assertMatch(first.stdout, /^kube-proxy$/m);
      assertEquals(changed.stdout.includes("kube-proxy\n"), false);
      assertMatch(changed.stdout, new RegExp(`\\b${size}\\n$`));
    } finally {
      listener.close();
      await serving;
    }
  },
);

/** Serves a Unix socket on a port until the listener is closed, and counts what comes in. */
async function forward(
  listener: Deno.TcpListener,
  path: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  // Its streams would close a connection at the end of one direction.
  const copy = async (from: Deno.Conn, to: Deno.Conn, count?: (bytes: number) => void) => {
    const buffer = new Uint8Array(65536);
    for (let size; (size = await from.read(buffer)) !== null;) {
      count?.(size);
      for (let at = 0; at < size;) at += await to.write(buffer.subarray(at, size));
    }
    await to.closeWrite();
  };
  const serve = async (client: Deno.TcpConn) => {
    const server = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
    if (server !== undefined) {
      await Promise.allSettled([copy(client, server, onBytes), copy(server, client)]);
      server.close();
    }
    client.close();
  };
  const connections: Promise<void>[] = [];
  for await (const client of listener) connections.push(serve(client));
  await Promise.all(connections);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).size >= 0;
  } catch {
    return false;
  }
}

const goroot = await run(["go", "env", "GOROOT"]).then(({ stdout }) => stdout.trim(), () => "");
const lacksGo = goroot === "" ? "needs Go" : undefined;
engineTest(
  lacksGo ?? docker,
  "docker",
  "the checkout's make builds kubectl in a container as outside",
  async (engine, root, dir) => {
    const image = "kbuild.test/go:1";
    await engine.import(await makeGoRoot(join(dir, "go"), goroot), image);
    const make = ["make", "all", "WHAT=cmd/kubectl"];
    const argv = kbuildArgv("run", "--engine", engine.name, "--build-image", image, ...make);
    const { code, stderr } = await run(argv, { cwd: root, env: engine.env });
    assertEquals(code, 0, stderr);
    const built = join(root, "_output/dockerized/bin/linux/amd64/kubectl");
    assertMatch(await output([built, "version"]), /v1\.20\.2/);
    assertEquals((await Deno.stat(built)).uid, Deno.uid());
    assertEquals(await output(["git", "-C", root, "status", "--porcelain"]), "");

    // kbuild's own plan, in the container and here: the same Go at the same path, the same directories.
    const digestOf = async (argv: string[], env: Record<string, string>) => {
      for (const part of ["bin", "go/bin", ".kbuild"]) {
        await Deno.remove(join(root, "_output/dockerized", part), { recursive: true })
          .catch(() => {});
      }
      const made = await run(argv, { cwd: root, env: { ...engine.env, ...env } });
      assertEquals(made.code, 0, made.stderr);
      return (await output(["sha256sum", built])).split(" ")[0];
    };
    const all = ["all", "cmd/kubectl"];
    const given = ["--container", "--engine", engine.name, "--build-image", image];
    const inside = await digestOf(kbuildArgv(...all, ...given), {});
    const again = await run(kbuildArgv(...all, ...given, "-v"), { cwd: root, env: engine.env });
    assertMatch(again.stderr, /Up to date: kubectl/);
    const subpath = { KUBE_OUTPUT_SUBPATH: "_output/dockerized" };
    assertEquals(await digestOf(kbuildArgv(...all), subpath), inside);
    assertEquals(await containersOf(engine, root), "");
  },
);

/** What `all` and `quick-release` leave: digests of the programs, and of the artifacts. */
interface MadeRelease {
  readonly programs: readonly string[];
  readonly artifacts: Readonly<Record<string, string>>;
}

/** Makes both from nothing. */
async function makeRelease(
  root: string,
  env: Readonly<Record<string, string>>,
  ...given: string[]
): Promise<MadeRelease> {
  await Deno.remove(join(root, "_output"), { recursive: true }).catch(() => {});
  // The image has this machine's Go, whatever the checkout pins.
  const all = { ...env, FORCE_HOST_GO: "y", KUBE_OUTPUT_SUBPATH: "_output/dockerized" };
  const start = async (...words: string[]) => {
    const made = await run(kbuildArgv(...words, ...given), { cwd: root, env: all });
    assertEquals(made.code, 0, made.stderr);
    return made.stdout;
  };
  await start("all");
  const sums = await output(["sh", "-c", "find . -type f -exec sha256sum {} + | sort"], {
    cwd: join(root, "_output/dockerized/bin"),
  });
  const programs = sums.trim().split("\n");
  const artifacts = digestsOf(await start("quick-release", "--bases", "scratch", "--json"));
  assert(programs.length > 10, sums);
  assert(Object.keys(artifacts).length > 5);
  return { programs, artifacts };
}

type Era = Parameters<typeof makeSample>[0];

/** A checkout of each era, and what is built in it outside of containers; made once. */
const outside = new Map<Era, Promise<{ root: string; made: MadeRelease }>>();
async function makeOutside(era: Era): Promise<{ root: string; made: MadeRelease }> {
  const root = await makeSample(era, join(scratch, `release ${era}`));
  return { root, made: await makeRelease(root, {}) };
}

// A release takes minutes; KBUILD_TEST_RELEASES=all does those of all eras, with both engines and in both ways.
const isAll = Deno.env.get("KBUILD_TEST_RELEASES") === "all";
const eras = isAll ? (["1.7", "1.20", "1.28", "1.35", "latest"] as const) : (["1.20"] as const);
for (const era of eras) {
  for (const [engine, name] of [[docker, "docker"], [podman, "podman"]] as const) {
    if (name === "podman" && !isAll) continue;
    for (const sync of ["bind", "volume"]) {
      engineTest(
        lacksGo ?? missingFor(era) ?? engine,
        name,
        `all and quick-release in containers have the digests of those outside, ${era}, ${sync}`,
        async (engine, _root, dir) => {
          const making = outside.get(era) ?? makeOutside(era);
          outside.set(era, making);
          const { root, made } = await making;
          const image = "kbuild.test/go:1";
          await engine.import(await makeGoRoot(join(dir, "go"), goroot), image);
          const given = ["--container", "--engine", name, "--build-image", image, "--sync", sync];
          assertEquals(await makeRelease(root, engine.env, ...given), made);
          assertEquals(await containersOf(engine, root), "");
          const argv = kbuildArgv("make-clean", "--engine", name, "--yes");
          assertEquals((await run(argv, { cwd: root, env: engine.env })).code, 0);
        },
      );
    }
  }
}

Deno.test("no container of the tests and no client is left", () => {
  assertEquals(processesBelow(scratch), []);
});
