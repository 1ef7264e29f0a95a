/** What `kbuild run` prepares for checkouts, engines and terminals: with programs that answer as docker does. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import {
  executeRun,
  type PreparedRun,
  prepareRun,
  type RunRequest,
  startsOf,
} from "../../src/container/mod.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import {
  ENV,
  inScratch,
  kbuildArgv,
  makeSample,
  output,
  processesBelow,
  run,
} from "../e2e/_program.ts";
import { ANSWERS, fakeEngine } from "./_engines.ts";

const REQUEST: RunRequest = {
  ...{ command: ["true"], terminal: false, verbosity: 1 },
  ...{ engine: undefined, buildImage: undefined },
};

/** Prepares `true` in a checkout, with a docker that runs a script. */
async function prepare(
  root: string,
  dir: string,
  { answers = ANSWERS, request = {}, env = {} }: {
    answers?: string;
    request?: Partial<RunRequest>;
    env?: Record<string, string>;
  } = {},
): Promise<{ context: KubeContext; prepared: PreparedRun; log: string[] }> {
  const bin = join(dir, "bin");
  await fakeEngine(bin, "docker", answers);
  const variables = { ...ENV, ...env, PATH: `${bin}:${ENV["PATH"]}`, HOSTNAME: "myhost" };
  const shell = createShell({ cwd: root, env: variables });
  const log: string[] = [];
  const context = createContext({
    ...{ root, env: variables, shell },
    log: createLogger({ write: (text) => void log.push(text) }),
  });
  const checkout = await readCheckout(root, { variables, hostArch: "amd64" });
  return {
    context,
    log,
    prepared: await prepareRun(context, checkout, { ...REQUEST, ...request }),
  };
}

const argvs = (context: KubeContext, prepared: PreparedRun) =>
  startsOf(context, prepared).map(({ argv }) => argv);

Deno.test("prepareRun() copies where an engine does not see the files, and does not mount there", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const answers = ANSWERS.replace("unix:///var/run/docker.sock", "tcp://build.example:2376");
    const { prepared: { run, sync } } = await prepare(root, dir, { answers });
    assert(sync.kind === "volume");
    assertEquals(
      sync.why,
      "docker at tcp://build.example:2376 does not see the files of this machine",
    );
    const target = "/go/src/k8s.io/kubernetes";
    assertEquals(run.mounts, [{ type: "volume", source: sync.volume, target }]);
    const request = { sync: "bind" } as const;
    const error = await assertRejects(() => prepare(root, dir, { answers, request }), KbuildError);
    assertMatch(error.message, /^Cannot mount the checkout in a container of docker at tcp:/);
    assertMatch(error.notes.join("\n"), /--sync volume/);
    const { prepared: local } = await prepare(root, dir, { request: { sync: "volume" } });
    assertEquals(local.sync, { ...sync, why: "--sync volume", isGiven: true });
  }));

Deno.test("prepareRun() loads an image that the engine lacks, and removes what a killed run left", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const leftover = `{"State":{"Running":true},"Config":{"Labels":{"kbuild.root":"${root}"}}}`;
    const answers = `case "$1 $2" in
  "image inspect") echo "Error: No such image: x" >&2; exit 1 ;;
  "container inspect") echo '${leftover}'; exit ;;
esac
${ANSWERS}`;
    const { context, prepared } = await prepare(root, dir, { answers });
    const { name } = prepared.run;
    assertEquals(argvs(context, prepared).map((argv) => argv.slice(0, 2).join(" ")), [
      ...["docker load", "docker rm", "docker run"],
    ]);
    assertEquals(argvs(context, prepared)[1], ["docker", "rm", "--force", "--volumes", name]);
    assert(prepared.image.fetches.length === 1);
    // One that somebody else has started and that runs is not touched.
    const foreign = answers.replace('"kbuild.root"', '"other"');
    const second = await prepare(root, dir, { answers: foreign });
    const other = `${name}-${prepared.run.identity.slice(0, 6)}`;
    assertEquals([second.prepared.run.name, second.prepared.leftover], [other, false]);
    const stopped = foreign.replace('"Running":true', '"Running":false');
    const third = await prepare(root, dir, { answers: stopped });
    assertEquals([third.prepared.run.name, third.prepared.leftover], [name, true]);
  }));

Deno.test("prepareRun() brings the repository of a worktree along, read-only", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const worktree = join(dir, "worktree");
    await output(["git", "-C", root, "worktree", "add", "-q", "-b", "topic", worktree]);
    const { prepared } = await prepare(worktree, dir);
    const git = join(root, ".git");
    assertEquals(prepared.run.mounts.filter((mount) => mount.target === git), [
      { type: "bind", source: git, target: git, readOnly: true },
    ]);
    assertMatch(prepared.version?.text ?? "", /^KUBE_GIT_VERSION='v\d/m);
    const plain = await prepare(root, dir);
    assertEquals(plain.prepared.run.mounts.filter(({ target }) => target === git), []);
    assert(plain.prepared.run.name !== prepared.run.name, "the names are the same");
  }));

Deno.test("prepareRun() brings the repository that a submodule or a worktree in it is a part of", () =>
  inScratch(async (dir) => {
    const source = await makeSample("latest", join(dir, "kubernetes"));
    const top = join(dir, "top");
    const root = join(top, "sub");
    const nested = join(source, "nested");
    await output(["git", "init", "-q", top]);
    const git = (...words: string[]) =>
      output(["git", "-c", "protocol.file.allow=always", "-C", ...words]);
    await git(top, "submodule", "--quiet", "add", source, "sub");
    await git(source, "worktree", "add", "-q", "-b", "topic", nested);
    for (const [path, repository] of [[root, top], [nested, source]] as const) {
      const inPlace = await prepare(path, dir, { request: { inPlace: true } });
      const mounts = inPlace.prepared.run.mounts.filter(({ type }) => type === "bind").slice(0, 2);
      assertEquals(mounts, [
        { type: "bind", source: repository, target: repository, readOnly: true },
        { type: "bind", source: path, target: path, readOnly: false },
      ]);
    }
    // The path in .git leads to the repository from there alone.
    const { prepared } = await prepare(root, dir);
    assertEquals(prepared.run.mounts.filter(({ target }) => target.startsWith(top)), []);
    assertMatch(prepared.version?.text ?? "", /^KUBE_GIT_VERSION='v\d/m);
  }));

Deno.test("prepareRun() refuses a proxy that a file of variables cannot hold", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const remote = ANSWERS.replace("unix:///var/run/docker.sock", "tcp://build.example:2376");
    const env = { KUBERNETES_HTTPS_PROXY: "http://me:secret@proxy.example:3128\nX=1" };
    const error = await assertRejects(
      () => prepare(root, dir, { answers: remote, env }),
      UsageError,
    );
    assertEquals(
      error.message,
      "Cannot use the value of KUBERNETES_HTTPS_PROXY: it has a line break",
    );
    const { prepared } = await prepare(root, dir, { env });
    assertEquals(prepared.run.env["https_proxy"], env.KUBERNETES_HTTPS_PROXY);
  }));

Deno.test("prepareRun() follows the variables: version, output, image, cgroup, terminal", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const { prepared, context } = await prepare(root, dir, {
      request: { terminal: true },
      env: {
        ...{ OUT_DIR: "_output-x", KUBE_GIT_VERSION: "v9.8.7", DOCKER_CGROUP_PARENT: "/builds" },
        ...{ KUBE_CROSS_IMAGE: "a.example/cross", KUBE_CROSS_VERSION: "v3" },
      },
    });
    const { run, version, image } = prepared;
    assertEquals(image.reference, "a.example/cross:v3");
    assertEquals(run.env["KUBE_OUTPUT_SUBPATH"], "_output-x/dockerized");
    assertEquals(version?.path, join(root, "_output-x/dockerized/.kbuild-version-defs"));
    assertMatch(version?.text ?? "", /^KUBE_GIT_VERSION='v9.8.7'$/m);
    const words = argvs(context, prepared).at(-1) ?? [];
    assert(words.includes("--tty") && words.includes("/builds"));
    const named = await prepare(root, dir, { request: { buildImage: "golang:1.24" } });
    assertEquals(named.prepared.image.reference, "golang:1.24");
  }));

Deno.test("executeRun() gives back the status, and leaves neither lock nor container", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const answers = `${ANSWERS}
[ "$1" != run ] || exit 7
`;
    const { context, prepared } = await prepare(root, dir, { answers });
    assertEquals(await executeRun(context, prepared), 7);
    assertEquals(await executeRun(context, prepared), 7);
    const left = [...Deno.readDirSync(join(root, "_output/.kbuild"))].map(({ name }) => name);
    assertEquals(left, []);
    assertEquals(
      await Deno.readTextFile(prepared.version!.path),
      prepared.version!.text,
    );
    assert((await Deno.stat(join(root, "_output/dockerized/home"))).isDirectory);
    // The tree is still clean: the version of the next build is the same.
    assertEquals(await output(["git", "-C", root, "status", "--porcelain"]), "");
  }));

Deno.test("executeRun() removes a container that its client has left alone", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    // As docker's client whose reader has gone: the container does not notice.
    for (const end of ["exit 1", "kill -PIPE $$"]) {
      const answers = `case "$1" in
run) touch '${dir}/container'; ${end} ;;
rm) rm '${dir}/container' ;;
esac
${ANSWERS}`;
      const { context, prepared } = await prepare(root, dir, { answers });
      assertEquals(exists(prepared.home), false);
      await executeRun(context, prepared).catch(() => {});
      assertEquals(exists(join(dir, "container")), false);
      await Deno.remove(prepared.home);
    }
  }));

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

Deno.test("executeRun() warns where the command will find no version", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    await Deno.remove(join(root, ".git"), { recursive: true });
    const { context, prepared, log } = await prepare(root, dir);
    assertEquals(prepared.version, undefined);
    assertEquals(await executeRun(context, prepared), 0);
    assertMatch(log.join(""), /WARNING: The command will not find a version: /);
  }));

Deno.test("executeRun() hands a password to the client of the engine, and writes no file", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const answers = `${ANSWERS}
[ "$1" != run ] || { printf '%s' "$GOFLAGS|$http_proxy" >'${dir}/seen'; ls -A '${root}/_output/.kbuild' >'${dir}/files'; }
`;
    const GOFLAGS = "-ldflags=-X=a=https://me:secret@a.example\n-v";
    const http = "http://me:secret@proxy.example:3128";
    const env = { GOFLAGS, KUBERNETES_HTTP_PROXY: http };
    const { context, prepared } = await prepare(root, dir, { answers, env });
    const { name } = prepared.run;
    const leftover = join(root, "_output/.kbuild", `${name}.env`);
    await Deno.mkdir(join(leftover, ".."), { recursive: true });
    await Deno.writeTextFile(leftover, "http_proxy=of a killed run");
    assertEquals(await executeRun(context, prepared), 0);
    assertEquals(await Deno.readTextFile(join(dir, "seen")), `${GOFLAGS}|${http}`);
    assertEquals(await Deno.readTextFile(join(dir, "files")), `${name}.lock\n`);
  }));

const needsProc = Deno.build.os === "linux" ? "" : " (skipped: needs /proc)";
Deno.test({
  name: "kbuild run ends its question to the engine when the checkout cannot be read" + needsProc,
  ignore: needsProc !== "",
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("latest", join(dir, "kubernetes"));
      // Looked at last, when the engine is being asked.
      const config = '{"targets": {"server": ["cmd/no-such-target"]}}';
      await Deno.writeTextFile(join(root, "kbuild.json"), config);
      const bin = join(dir, "bin");
      await fakeEngine(bin, "docker", "sleep 60");
      const env = { PATH: `${bin}:${ENV["PATH"]}` };
      const argv = kbuildArgv("run", "--engine", "docker", "true");
      const { code, stderr } = await run(argv, { cwd: root, env });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /no-such-target/);
      const left = processesBelow(dir).map(({ command }) => command);
      assertEquals(left.filter((command) => command.includes("docker")), []);
    }),
});

Deno.test("kbuild run says that docker's client is too old for its flags", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    const old = `case "$1" in
  run) echo "unknown flag: --pull" >&2; exit 125 ;;
  version) echo 19.03.15 ;;
esac
${ANSWERS}`;
    const answers = [[
      old,
      / docker command 19\.03\.15 is older than 20\.10 \(status 125\)\n.*-> Update the/,
    ], [
      old.replace("19.03.15", "28.2.2"),
      / docker could not start the container \(status 125\)$/m,
    ]] as const;
    for (const [answer, said] of answers) {
      await fakeEngine(bin, "docker", answer);
      const env = { PATH: `${bin}:${ENV["PATH"]}` };
      const argv = kbuildArgv("run", "--engine", "docker", "true");
      const { code, stderr } = await run(argv, { cwd: root, env });
      assertEquals(code, 125, stderr);
      assertMatch(stderr, said);
    }
  }));

Deno.test("kbuild run says what it waits for when the engine does not answer", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    // It answers late: one of another machine that has just been started.
    const late = `[ "$1" != info ] || sleep 4\n${ANSWERS}`;
    await fakeEngine(bin, "docker", late);
    const env = { PATH: `${bin}:${ENV["PATH"]}` };
    const argv = kbuildArgv("run", "--engine", "docker", "true");
    const { code, stderr } = await run(argv, { cwd: root, env });
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /^\+\+\+ \[.*\] Waiting for docker at unix:\/\/\/var\/run\/docker\.sock, which does not answer yet\n$/,
    );
  }));
