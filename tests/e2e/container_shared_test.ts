/** One engine and one volume for several: checkouts at the same path on different machines, different users, closed pipes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import { executeInVolume, prepareRun } from "../../src/container/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell, quoteCommand } from "../../src/shell/mod.ts";
import {
  engineTest,
  findDocker,
  findPodman,
  SMALL,
  type TestEngine,
  until,
} from "./_containers.ts";
import { ended, ENV, kbuildArgv, output, run, start, which } from "./_program.ts";

const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-engines-" }));
const docker = await findDocker();
const podman = await findPodman(scratch);
globalThis.addEventListener("unload", () => {
  new Deno.Command("rm", { args: ["-rf", scratch] }).outputSync();
});

/** The command line of `kbuild run` in the small image. */
function runArgv({ name }: TestEngine, ...words: string[]): string[] {
  return kbuildArgv("run", "--engine", name, "--build-image", SMALL, ...words);
}

/** Shows a copy of a checkout at another path, to a program alone: as if it were on another machine. */
const AT_PATH = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"';

const lacksMounts = Deno.uid() !== 0
  ? "needs root, to mount"
  : which("unshare") === undefined
  ? "needs unshare"
  : undefined;
engineTest(
  lacksMounts ?? docker,
  "docker",
  "checkouts with one path on two machines do not touch each other's containers, nor work in one volume",
  async (engine, root, dir) => {
    const other = join(dir, "other");
    const path = join(dir, "path");
    await output(["cp", "-a", root, other]);
    await Deno.mkdir(path);
    await Deno.writeTextFile(join(other, "of-other"), "");
    const at = (copy: string, host: string, argv: string[]) =>
      [
        ["unshare", "--mount", "sh", "-c", AT_PATH, "sh", copy, path, ...argv],
        { cwd: dir, env: { ...engine.env, HOSTNAME: host } },
      ] as const;
    const clean = kbuildArgv("make-clean", "--engine", engine.name, "--yes", "--json");
    const volume = (...words: string[]) => runArgv(engine, "--sync", "volume", ...words);
    const work = "mkdir -p _output/dockerized/bin/linux; echo 1 >_output/dockerized/bin/linux/x; " +
      "while [ ! -e _output/end ]; do sleep 0.1; done; ls of-other";
    const working = start(...at(root, "hosta", volume("sh", "-c", work)));
    const filter = ["--filter", `label=kbuild.root=${path}`, "--format", "{{.Names}}"];
    const names = async () => (await engine.run("ps", "--all", ...filter)).trim();
    let name = "";
    await until("the command runs", async () => {
      name = await names();
      return name !== "" && (await engine.run("top", name).catch(() => "")).includes("of-other");
    });
    for (const host of ["hostb", "hosta"]) {
      const cleaned = await run(...at(other, host, clean));
      assertEquals(cleaned.code, 0, cleaned.stderr);
      const { containers, left, others, volumes } = JSON.parse(cleaned.stdout);
      assertEquals([containers, left, volumes], [[], [], []]);
      assertEquals(others, [
        `${name}: another checkout at this path runs a command in it (docker rm --force ${name} ends it)`,
      ]);
      assert(cleaned.stderr.includes(others[0]), cleaned.stderr);
    }
    const mounted = await run(...at(other, "hosta", runArgv(engine, "echo", "beside")));
    assertEquals([mounted.code, mounted.stdout], [0, "beside\n"], mounted.stderr);
    const refused = await run(...at(other, "hosta", volume("true")));
    assertEquals(refused.code, 1, refused.stderr);
    assertMatch(
      refused.stderr,
      /^kbuild: Cannot use the volume "kube-build-data-.*": another checkout at this path works with it in kube-/m,
    );
    assertEquals(await names(), name);
    await engine.run("exec", name, "touch", "_output/end");
    const { code, stderr } = await ended(working);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /status 1$/m);

    // Now it is free, and says whose it was.
    const copy = kbuildArgv(
      ...["copy-output", "--engine", engine.name, "--build-image", SMALL, "--sync", "volume"],
    );
    const foreign = await run(...at(other, "hosta", copy));
    assertEquals(foreign.code, 1, foreign.stderr);
    assertMatch(foreign.stderr, /another checkout at this path was the last to use the volume$/m);
    const ls = "ls of-other; ls _output/dockerized/bin 2>/dev/null";
    const taken = await run(...at(other, "hosta", volume("sh", "-c", `${ls}; true`)));
    assertEquals([taken.code, taken.stdout], [0, "of-other\n"], taken.stderr);
    assertMatch(
      taken.stderr,
      /WARNING: The volume .* has the copy of another checkout at this path/,
    );
    const again = await run(...at(other, "hosta", volume("true")));
    assertEquals([again.code, /WARNING/.test(again.stderr)], [0, false], again.stderr);
    const last = await run(...at(other, "hosta", clean));
    assertEquals(JSON.parse(last.stdout).volumes.length, 1, last.stderr);
    assertEquals(await names(), "");
  },
);

engineTest(
  Deno.uid() === 0 ? docker : "needs root, to be somebody else in the container",
  "docker",
  "a volume that root has filled is the next user's",
  async (engine, root) => {
    const env = { ...ENV, ...engine.env };
    const shell = createShell({ cwd: root, env });
    const context = createContext({ root, env, shell, log: createLogger({ write: () => {} }) });
    const runAs = async (uid: number, script: string) => {
      const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
      const prepared = await prepareRun(context, checkout, {
        ...{ command: ["sh", "-c", script], terminal: false, verbosity: 1 },
        ...{ engine: "docker", buildImage: SMALL, sync: "volume" },
      });
      const run = { ...prepared.run, user: { uid, gid: uid } };
      return await executeInVolume(context, checkout, { ...prepared, run }, { copy: false });
    };
    const edit = (line: string) =>
      Deno.writeTextFile(join(root, "build/root/Makefile"), `# ${line}\n`, { append: true });
    const makes =
      "mkdir -p _output/dockerized/bin && echo x >_output/dockerized/bin/x && ln -s /no dead";
    assertEquals(await runAs(0, makes), 0);
    for (const uid of [1234, 0, 1234, 1235]) {
      await edit(`of ${uid}`);
      const writes = `echo ${uid} >_output/dockerized/bin/x && touch new && ` +
        `case $(cat Makefile) in *"of ${uid}") ;; *) exit 9 ;; esac`;
      assertEquals([uid, await runAs(uid, writes)], [uid, 0]);
    }
    const clean = kbuildArgv("make-clean", "--engine", engine.name, "--yes");
    assertEquals((await run(clean, { cwd: root, env: engine.env })).code, 0);
  },
);

for (const [engine, name] of [[docker, "docker"], [podman, "podman"]] as const) {
  engineTest(
    engine,
    name,
    "a command in a container ends without a word when nobody reads its output",
    async (engine, root) => {
      const options = { cwd: root, env: engine.env };
      for (const sync of ["bind", "volume"]) {
        const given = ["--sync", sync];
        const lines = runArgv(engine, ...given, "sh", "-c", "while :; do echo line; done");
        const script = `{ ${quoteCommand(lines)}; echo "code $?" >&2; } | head -1`;
        const { stdout, stderr } = await run(["sh", "-c", script], options);
        assertEquals(stdout, "line\n");
        const said = stderr.split("\n").filter((line) => !line.startsWith("+++ "));
        assertEquals(said, ["code 141", ""]);
        const filter = `label=kbuild.root=${root}`;
        assertEquals(await engine.run("ps", "--all", "--quiet", "--filter", filter), "");
        const missing = await run(runArgv(engine, ...given, "no-such-program"), options);
        assertEquals(missing.code, 127, missing.stderr);
      }
      const clean = kbuildArgv("make-clean", "--engine", engine.name, "--yes");
      assertEquals((await run(clean, options)).code, 0);
    },
  );
}
