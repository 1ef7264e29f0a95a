import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readCheckout } from "../../src/checkout/mod.ts";
import {
  execStart,
  KEEPER_COMMAND,
  prepareRun,
  startBuildContainer,
} from "../../src/container/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, inScratch, makeSample, run, script } from "../e2e/_program.ts";
import { DOCKER, EXECUTES, fakeEngine } from "./_engines.ts";

Deno.test("execStart() names what differs from the container's own environment", () => {
  const base = { PATH: "/bin", HOME: "/h", GOARCH: "arm", GOPATH: "/go" };
  const start = {
    argv: ["go", "install", "", "a b"],
    cwd: "/src/a b",
    env: { PATH: "/bin", HOME: "/h", GOPATH: "/x\ny", GOOS: "" },
  };
  const { argv, env } = execStart(DOCKER, { name: "c", base }, start, { DOCKER_HOST: "x" });
  assertEquals(argv, [
    ...["docker", "exec", "--workdir=/src/a b", "--env", "GOPATH=/x\ny", "--env", "GOOS="],
    ...["c", "env", "-u", "GOARCH", "go", "install", "", "a b"],
  ]);
  assertEquals(env, { DOCKER_HOST: "x" });
  const same = execStart(DOCKER, { name: "c", base }, { ...start, argv: ["ls"], env: base });
  assertEquals(same.argv, ["docker", "exec", "--workdir=/src/a b", "c", "ls"]);
  const GOPROXY = "https://me:secret@proxy.example,direct";
  const secret = execStart(DOCKER, { name: "c", base }, { ...start, env: { ...base, GOPROXY } });
  assertEquals(secret.argv.slice(0, -4), [
    ...["docker", "exec", "--workdir=/src/a b", "--env", "GOPROXY", "c"],
  ]);
  assertEquals(secret.env, { GOPROXY });
});

/** A checkout, a docker whose containers are this machine, and a `go` that says what is wanted. */
async function withContainer(
  goVersion: string,
  fn: (
    open: (options: { asking: boolean }) => ReturnType<typeof startBuildContainer>,
    starts: () => Promise<readonly (readonly string[])[]>,
    said: readonly string[],
    context: KubeContext,
  ) => Promise<void>,
  programs: Readonly<Record<string, string>> = {},
  { engine = EXECUTES, variables = {} }: {
    engine?: string;
    variables?: Readonly<Record<string, string>>;
  } = {},
): Promise<void> {
  await inScratch(async (dir) => {
    const root = await makeSample("1.20", join(dir, "kubernetes \u00fc"));
    const bin = join(dir, "bin");
    const starts = await fakeEngine(bin, "docker", engine);
    for (const [name, text] of Object.entries({ go: `echo "${goVersion}"`, ...programs })) {
      script(join(bin, name), text);
    }
    const env = { ...ENV, PATH: `${bin}:/usr/bin:/bin`, GOARCH: "arm", ...variables };
    const said: string[] = [];
    const log = createLogger({ write: (text) => void said.push(text) });
    const context = createContext({ root, env, log, shell: createShell({ cwd: root, env }) });
    const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
    const prepared = await prepareRun(context, checkout, {
      ...{ command: KEEPER_COMMAND, terminal: false, verbosity: 1, inPlace: true },
      ...{ engine: "docker", buildImage: "kbuild.test/go:1" },
    });
    await fn(
      (options) => startBuildContainer(context, checkout, prepared, options),
      starts,
      said,
      context,
    );
  });
}

Deno.test("a build container is asked once for variables and Go, and ends with its standard input", () =>
  withContainer("go version go1.99.3 linux/arm64", async (open, starts, said, { root }) => {
    {
      await using container = await open({ asking: false });
      const { builder, go } = container;
      assertEquals([go.version, go.host, go.bin], ["1.99.3", "linux/arm64", undefined]);
      assertMatch(go.path, /\/bin\/go$/);
      assertEquals([builder.image, builder.env["GOARCH"], builder.env["PWD"]], [
        ...["sha256:1", "arm", undefined],
      ]);
      assertEquals(await builder.findProgram("sh", "/usr/bin:/bin"), "/usr/bin/sh");
      assertEquals(await builder.findProgram("no-such-program", "/usr/bin:/bin"), undefined);
      // Never one of the checkout, where the container's programs run.
      for (const path of [undefined, "", ":", ":/no/where:"]) {
        assertEquals(await builder.findProgram("sh", path), undefined);
      }
      assertEquals(await builder.findProgram("/bin/sh", ""), "/bin/sh");
      assertEquals(await builder.findProgram("sh", "/no/where:/usr/bin"), "/usr/bin/sh");
      await using scratch = await builder.makeDirectory({ path: "src/k8s.io/a b", target: root });
      assertEquals(await Deno.readLink(join(scratch.path, "src/k8s.io/a b")), root);
      const { GOARCH: _removed, ...env } = builder.env;
      const { stdout } = await builder.shell.run(
        ["sh", "-c", 'echo "$PWD|$A|$GOARCH|$1"', "sh", ""],
        { cwd: root, env: { ...env, A: "x\ny" } },
      );
      assertEquals(stdout, `${root}|x\ny||\n`);
      const failed = await assertRejects(
        () => builder.shell.run(["sh", "-c", "exit 3"], { cwd: root, label: "Building kubectl" }),
        KbuildError,
        'Cannot finish "Building kubectl": sh exited with status 3',
      );
      assertStringIncludes(failed.notes.join("\n"), "Command: sh -c 'exit 3'");
      await Deno.remove(scratch.path, { recursive: true });
    }
    const started = await starts();
    assertEquals(started.filter(([word]) => word === "run").length, 1);
    assertEquals(started.filter(([word]) => word === "rm").length, 0);
    assertMatch(
      said.join(""),
      /Building in a container of kbuild.test\/go:1 \(docker\) with Go 1.99.3/,
    );
  }));

Deno.test("a container for a plan cannot change the checkout and has a name of its own", () =>
  withContainer("go version go1.99.3 linux/amd64", async (open, starts, _said, { root }) => {
    await using container = await open({ asking: true });
    const shown = container.builder.startOf({ argv: ["go"], cwd: root, env: {} });
    const words = (await starts()).find(([word]) => word === "run")!;
    assertMatch(words.find((word) => word.startsWith("--name="))!, /-plan-\d+$/);
    assertEquals(shown.argv.some((word) => word.includes("-plan-")), false);
    const mounts = words.filter((word) => word.startsWith("type=bind"));
    assertEquals(mounts.filter((mount) => !mount.endsWith(",readonly")), []);
    assertEquals(await run(["ls", "-A", root]).then(({ stdout }) => /_output/.test(stdout)), false);
  }));

Deno.test("a question in a container hands passwords to what it starts, and shows the starts of a build", () => {
  const GOPROXY = "https://me:secret@proxy.example,direct";
  return withContainer(
    "go version go1.99.3 linux/amd64",
    async (open, starts, _said, { root }) => {
      for (const asking of [true, false]) {
        await using container = await open({ asking });
        const { builder } = container;
        assertEquals([asking, builder.env["GOPROXY"]], [asking, GOPROXY]);
        const { stdout } = await builder.shell.run(["sh", "-c", 'echo "$GOPROXY"'], { cwd: root });
        assertEquals([asking, stdout], [asking, `${GOPROXY}\n`]);
        const shown = builder.startOf({ argv: ["go"], cwd: root, env: builder.env });
        assertEquals([asking, shown.argv.includes("GOPROXY")], [asking, false]);
        assertEquals([asking, shown.env], [asking, {}]);
      }
      assertEquals((await starts()).flat().filter((word) => word.includes("secret")), []);
    },
    {},
    // As in a container, a program sees only what is named.
    {
      variables: { GOPROXY },
      engine: `case "$*" in
  run*--env-file=* | run*"--env GOPROXY "*) touch "$0.own" ;;
  run*) rm -f "$0.own"; unset GOPROXY ;;
  exec*"--env GOPROXY "*) ;;
  exec*) [ -e "$0.own" ] || unset GOPROXY ;;
esac
${EXECUTES}`,
    },
  );
});

Deno.test("an engine elsewhere has proxies from a file, which is gone when the container runs", () => {
  const http = "http://me:secret@proxy.example:3128";
  return withContainer(
    "go version go1.99.3 linux/amd64",
    async (open, starts, _said, { root }) => {
      for (const asking of [true, false]) {
        await using container = await open({ asking });
        const { builder } = container;
        assertEquals([asking, builder.env["http_proxy"]], [asking, asking ? undefined : http]);
        // The client has none of its own.
        const print = ["sh", "-c", 'echo "$http_proxy"'];
        const { stdout } = await builder.shell.run(print, { cwd: root });
        assertEquals([asking, stdout], [asking, "\n"]);
        const left = await run(["ls", "-A", join(root, "_output/.kbuild")]);
        assertEquals([asking, /\.env/.test(left.stdout)], [asking, false]);
      }
      assertEquals((await starts()).flat().filter((word) => word.includes("secret")), []);
    },
    {},
    {
      variables: { KUBERNETES_HTTP_PROXY: http },
      engine: `case "$1 $2" in
  "context inspect") echo '"tcp://build.example:2376"'; exit ;;
esac
case "$1" in
  run) [ -z "$http_proxy" ] || exit 1
    for word; do case "$word" in --env-file=*) set -a; . "\${word#*=}"; set +a ;; esac; done ;;
esac
${EXECUTES}`,
    },
  );
});

for (
  const [version, message] of [
    [
      "go version go1.2 linux/amd64",
      'Cannot build with Go 1.2 of "kbuild.test/go:1": this checkout',
    ],
    ["nonsense", 'Cannot build in a container of "kbuild.test/go:1": it has no Go'],
  ] as const
) {
  Deno.test(`an image whose go says "${version}" is refused`, () =>
    withContainer(version, async (open) => {
      await assertRejects(() => open({ asking: false }), KbuildError, message);
    }));
}

for (const [version, warns] of [["1.15.5", false], ["1.99.1", true]] as const) {
  Deno.test(`Go ${version} of an image ${warns ? "is not" : "is"} the one that the checkout pins`, () =>
    withContainer(`go version go${version} linux/amd64`, async (open, _starts, said) => {
      await (await open({ asking: false }))[Symbol.asyncDispose]();
      const line =
        "The checkout pins Go 1.15.5 (build/build-image/cross/VERSION:1); the build image has 1.99.1";
      assertEquals(said.join("").includes(line), warns, said.join(""));
    }));
}

Deno.test("an image whose env cannot be asked is refused, and nothing waits for it", () =>
  withContainer("go version go1.99.3 linux/amd64", async (open) => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("It still waits")), 20_000);
    try {
      const error = await assertRejects(
        () => Promise.race([open({ asking: false }), late.promise]),
        KbuildError,
        'Cannot start the build container from "kbuild.test/go:1"',
      );
      assertStringIncludes(error.output.join("\n"), "env: no -0 here");
    } finally {
      clearTimeout(timer);
    }
  }, { env: "echo env: no -0 here >&2; exit 1" }));
