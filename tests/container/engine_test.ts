import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { describeEngine, engineNamed, findEngine } from "../../src/container/mod.ts";
import { engineError } from "../../src/container/explain.ts";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { createShell } from "../../src/shell/mod.ts";
import { inScratch } from "../e2e/_program.ts";
import { ANSWERS, fakeEngine } from "./_engines.ts";

Deno.test("describeEngine() reads what docker and podman print", () => {
  const docker = {
    ServerVersion: "28.2.2",
    Architecture: "aarch64",
    SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"],
  };
  const about = describeEngine(["docker"], docker, "tcp://build.example:2376");
  assertEquals(about, {
    ...{ kind: "docker", program: ["docker"], version: "28.2.2", arch: "arm64" },
    ...{ rootless: true, remapsUsers: false, selinux: false, losesStatus: false },
    ...{ hasInit: false, endpoint: "tcp://build.example:2376", isRemote: true },
  });
  const local = { ...docker, SecurityOptions: ["name=userns", "name=selinux"] };
  const { remapsUsers, selinux, isRemote } = describeEngine(["docker"], local, "unix:///x")!;
  assertEquals([remapsUsers, selinux, isRemote], [true, true, false]);
  const podman = {
    host: {
      arch: "amd64",
      security: { rootless: true, selinuxEnabled: true },
      serviceIsRemote: false,
      remoteSocket: { path: "/run/podman/podman.sock" },
    },
    version: { Version: "4.3.1" },
  };
  // podman-docker is called docker.
  assertEquals(describeEngine(["docker"], podman), {
    ...{ kind: "podman", program: ["docker"], version: "4.3.1", arch: "amd64" },
    ...{ rootless: true, remapsUsers: false, selinux: true, endpoint: undefined, isRemote: false },
    ...{ losesStatus: false, hasInit: false },
  });
  // Debian's docker-init names no commit; "N/A" is one that docker cannot start.
  const inits = [["docker-init", ""], ["docker-init", "de40ad0"], ["docker-init", "N/A"], ["", ""]];
  assertEquals(
    inits.map(([InitBinary, ID]) =>
      describeEngine(["docker"], { ...docker, InitBinary, InitCommit: { ID } })?.hasInit
    ),
    [true, true, false, false],
  );
  // podman's socket, asked by docker's client.
  const versions = ["1.13.1", "4.3.1", "5.4.0", "20.10.24+dfsg1", "28.2.2"];
  assertEquals(
    versions.map((ServerVersion) =>
      describeEngine(["docker"], { ...docker, ServerVersion })?.losesStatus
    ),
    [false, true, true, false, false],
  );
  const machine = { ...podman, host: { ...podman.host, serviceIsRemote: true } };
  assert(describeEngine(["podman"], machine)!.isRemote);
  assertEquals(describeEngine(["x"], { version: 1 }), undefined);
});

Deno.test("engineNamed() knows docker and podman", () => {
  assertEquals([engineNamed("podman"), engineNamed(""), engineNamed(undefined)], [
    ...["podman" as const, undefined, undefined],
  ]);
  let thrown: unknown;
  try {
    engineNamed("rkt");
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof UsageError && thrown.message === 'Unknown engine "rkt"');
});

Deno.test("engineError() names the commands of the engine", () => {
  const notesOf = (kind: "docker" | "podman", text: string) =>
    engineError("Cannot copy", [text], { kind }).notes.join("\n");
  const full = "tar: write error: No space left on device";
  assertMatch(notesOf("docker", full), /^"docker system df"/);
  assertMatch(notesOf("podman", full), /^"podman system df"/);
  const dead = "Cannot connect to Podman. Please verify your connection to the Linux system";
  assertMatch(notesOf("podman", dead), /^Start it \(podman machine start\).*CONTAINER_HOST/);
  assertEquals(/--engine podman/.test(notesOf("podman", dead)), false);
});

/** What clients print when their engine cannot be used: documented or real words, and what kbuild says. */
const FAILURES:
  readonly (readonly [what: string, script: string, message: RegExp, note: RegExp])[] = [
    [
      "no right to the socket",
      `echo '{"ServerErrors":["permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied"]}'`,
      /^Cannot use docker: you may not use its socket \(permission denied\)$/,
      /usermod -aG docker[^]*--engine podman/,
    ],
    [
      "docker 28 without its engine",
      `echo '{"ID":"","ServerVersion":"","Architecture":"","SecurityOptions":null}'
echo "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" >&2; exit 1`,
      /^Cannot use docker: it does not answer$/,
      /Start it/,
    ],
    [
      "an engine that is not running",
      `echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1`,
      /^Cannot use docker: it does not answer$/,
      /Start it[^]*DOCKER_HOST[^]*engine is at unix:\/\/\/x/,
    ],
    [
      "docker 29 without its engine",
      `echo '{"ServerErrors":["failed to connect to the docker API at unix:///nonexistent; check if the path is correct and if the daemon is running: dial unix /nonexistent: connect: no such file or directory"]}'; exit 1`,
      /^Cannot use docker: it does not answer$/,
      /Start it/,
    ],
    [
      "an engine of another age",
      `echo "Error response from daemon: client version 1.52 is too new. Maximum supported API version is 1.41" >&2; exit 1`,
      /the client's API version 1\.52 is too new, the engine's is 1\.41$/,
      /DOCKER_API_VERSION=1\.41/,
    ],
    [
      "a client of another age",
      `echo "Error response from daemon: client version 1.24 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version" >&2; exit 1`,
      /the client's API version 1\.24 is too old, the engine's is 1\.44$/,
      /Update the docker command/,
    ],
    [
      "a wrong certificate",
      `echo "error: x509: certificate signed by unknown authority" >&2; exit 1`,
      /its certificate or yours is not accepted/,
      /DOCKER_CERT_PATH/,
    ],
    [
      "docker of 2019",
      `case $1 in context) echo "unknown flag: --format" >&2; exit 125 ;; esac\n${ANSWERS}`,
      /^Cannot use docker: the docker command is older than 20\.10$/,
      /Update the docker command/,
    ],
    [
      "docker of 2018 with an engine elsewhere",
      `case $1 in context) echo "docker: 'context' is not a docker command." >&2; exit 1 ;; esac\n${ANSWERS}`,
      /^Cannot use docker: the docker command is older than 20\.10$/,
      /Update the docker command[^]*--engine podman/,
    ],
    ["words that nobody knows", `echo "the moon is full" >&2; exit 1`, /^Cannot use docker$/, /^$/],
  ];

Deno.test("engineError() names the program that an image lacks", () => {
  const said = [
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "chown": executable file not found in $PATH: unknown',
    "Error: crun: executable file `chown` not found in $PATH: No such file or directory",
    ...[
      "sh: 1: chown: not found",
      "sh: line 3: chown: command not found",
      "/bin/sh: chown: not found",
    ],
    "xargs: chown: No such file or directory",
  ];
  for (const line of said) {
    const { message, notes } = engineError("Cannot copy", ["before", line]);
    assertEquals([line, message], [line, 'Cannot copy: the image has no "chown"']);
    assertMatch(notes.join("\n"), /needs sh, cat, env, find/);
  }
});

Deno.test("findEngine() says why an engine cannot be used, and the way out", async (t) => {
  for (const [what, script, message, note] of FAILURES) {
    await t.step(what, () =>
      inScratch(async (dir) => {
        await fakeEngine(
          dir,
          "docker",
          script.includes("context)")
            ? script
            : `case $1 in context) echo '"unix:///x"'; exit ;; esac\n${script}\n`,
        );
        const env = { PATH: `${dir}:/usr/bin:/bin` };
        const shell = createShell({ cwd: dir, env });
        const error = await assertRejects(() => findEngine({ env, shell }, "docker"), KbuildError);
        assert(message.test(error.message), error.message);
        assert(note.test(error.notes.join("\n")), error.notes.join("\n"));
        assertEquals(error.output.filter((line) => line.startsWith("{")), []);
      }));
  }
});

Deno.test("findEngine() takes docker, else podman, and DOCKER_OPTS with docker alone", () =>
  inScratch(async (dir) => {
    const find = async (path: string, wanted?: "docker" | "podman") => {
      const env = { PATH: path, DOCKER_OPTS: "--host  tcp://a:1" };
      return await findEngine({ env, shell: createShell({ cwd: dir, env }) }, wanted);
    };
    const nothing = await assertRejects(() => find(dir), KbuildError);
    assertEquals(
      nothing.message,
      'Cannot use a container: there is no "docker" or "podman" in PATH',
    );
    const podman = `echo '{"host":{"arch":"amd64"},"version":{"Version":"5.0.0"}}'\n`;
    const podmanStarts = await fakeEngine(join(dir, "p"), "podman", podman);
    assertEquals((await find(`${dir}/p`)).program, ["podman"]);
    // The options of the test are not those of the fake's questions.
    const docker = `shift 2\n${ANSWERS}`;
    const starts = await fakeEngine(join(dir, "d"), "docker", docker);
    const path = `${dir}/d:${dir}/p`;
    assertEquals((await find(path)).program, ["docker", "--host", "tcp://a:1"]);
    // Both at once.
    assertEquals((await starts()).map((words) => words.slice(0, 3).join(" ")).sort(), [
      ...["--host tcp://a:1 context", "--host tcp://a:1 info"],
    ]);
    assertEquals((await find(path, "podman")).kind, "podman");
    assertEquals((await podmanStarts()).map(([word]) => word), ["info", "info"]);
  }));
