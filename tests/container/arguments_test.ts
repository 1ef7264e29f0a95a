import { assertEquals } from "@std/assert";
import { loadArguments, removeArguments, runArguments } from "../../src/container/mod.ts";
import { DOCKER, PODMAN, RUN } from "./_engines.ts";

Deno.test("runArguments() is the whole command line", () => {
  assertEquals(runArguments(DOCKER, RUN), [
    ...["docker", "run", "--rm", "--pull=never", "--name=kube-build-bd493105f5-6"],
    ...["--hostname=myhost", "--label=kbuild.root=/src/kubernetes"],
    ...["--label=kbuild.checkout=0123456789abcdef", "--user=1000:100"],
    ...["--mount", "type=bind,source=/src/kubernetes,target=/go/src/k8s.io/kubernetes"],
    ...["--tmpfs", "/var/run/kubernetes", "--workdir=/go/src/k8s.io/kubernetes"],
    ...["--env", "KUBE_VERBOSE=1", "--sig-proxy=false", "--interactive"],
    "registry.example/kube-cross:v1",
    ...["make", "all"],
  ]);
  assertEquals(runArguments({ ...DOCKER, losesStatus: true }, RUN).includes("--rm"), false);
  assertEquals(removeArguments(DOCKER, "a", "b").slice(1), [
    ...["rm", "--force", "--volumes", "a", "b"],
  ]);
  assertEquals(removeArguments(PODMAN, "a").slice(1), [
    ...["rm", "--force", "--time=0", "--volumes", "a"],
  ]);
  assertEquals(loadArguments({ ...DOCKER, program: ["docker", "-H", "x"] }), [
    ...["docker", "-H", "x", "load"],
  ]);
});

Deno.test("runArguments() shows no password", () => {
  const env = {
    ...{
      https_proxy: "http://me:secret@proxy.example:3128",
      http_proxy: "me:secret@proxy.example",
    },
    ...{ no_proxy: "a.example,b.example", GOPROXY: "https://token:secret@proxy.example,direct" },
    ...{ GIT_AUTHOR_EMAIL: "nobody@k8s.io", GOFLAGS: "-ldflags=-X=a=b@c" },
  };
  const shown = [
    ...["no_proxy=a.example,b.example", "GIT_AUTHOR_EMAIL=nobody@k8s.io"],
    "GOFLAGS=-ldflags=-X=a=b@c",
  ];
  const named = (engine: typeof DOCKER) => {
    const words = runArguments(engine, { ...RUN, env });
    assertEquals(words.some((word) => word.includes("secret")), false);
    return words.filter((word, at) => words[at - 1] === "--env" || word.startsWith("--env-"));
  };
  for (const engine of [DOCKER, PODMAN]) {
    assertEquals(named(engine), [...shown, "https_proxy", "http_proxy", "GOPROXY"]);
    // podman hands on those of its client otherwise.
    const words = runArguments(engine, { ...RUN, env });
    assertEquals(words.includes("--http-proxy=false"), engine === PODMAN);
  }
  // Its client would take the proxies for its own connection.
  const remote = { ...DOCKER, endpoint: "tcp://build.example:2376", isRemote: true };
  const file = `--env-file=/src/kubernetes/_output/.kbuild/${RUN.name}.env`;
  assertEquals(named(remote), [...shown, "GOPROXY", file]);
});

Deno.test("runArguments() says who the user is, as each engine needs it", () => {
  const who = (engine: typeof DOCKER) =>
    runArguments(engine, RUN).filter((word) => /^--user|^--security/.test(word));
  const user = "--user=1000:100";
  assertEquals(who(DOCKER), [user]);
  assertEquals(who({ ...DOCKER, rootless: true }), []);
  assertEquals(who({ ...DOCKER, remapsUsers: true }), ["--userns=host", user]);
  assertEquals(who(PODMAN), [user]);
  assertEquals(who({ ...PODMAN, rootless: true }), ["--userns=keep-id", user]);
  assertEquals(who({ ...PODMAN, selinux: true }), [user, "--security-opt=label=disable"]);
});

Deno.test("runArguments() keeps empty arguments, and whatever is in a path", () => {
  const root = '/a,b/"c":d é';
  const run = {
    ...RUN,
    root,
    terminal: true,
    cgroupParent: "/builds",
    mounts: [{ type: "bind", source: root, target: "/x", readOnly: true }],
    command: ["make", "", "x y"],
  } as const;
  const words = runArguments(DOCKER, run);
  const keys = "ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^";
  assertEquals(words.slice(words.indexOf("--cgroup-parent")), [
    ...["--cgroup-parent", "/builds", "--init", "--interactive", "--tty", `--detach-keys=${keys}`],
    ...["registry.example/kube-cross:v1", "make", "", "x y"],
  ]);
  assertEquals(
    words[words.indexOf("--mount") + 1],
    'type=bind,"source=/a,b/""c"":d é",target=/x,readonly',
  );
});

Deno.test("runArguments() has a first program and no keys that leave the command on terminals alone", () => {
  const words = (engine: typeof DOCKER, terminal: boolean) =>
    runArguments(engine, { ...RUN, terminal })
      .filter((word) => /^--(init|tty|interactive|detach)/.test(word));
  for (const engine of [DOCKER, PODMAN]) assertEquals(words(engine, false), ["--interactive"]);
  const podman = ["--interactive", "--tty", "--detach-keys="];
  assertEquals(words(PODMAN, true), ["--init", ...podman]);
  assertEquals(words({ ...PODMAN, hasInit: false }, true), podman);
});
