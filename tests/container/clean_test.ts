import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import {
  disposalStarts,
  disposeOfEngine,
  identityOf,
  ownContainers,
  ownImages,
  planEngineDisposal,
  rootHash,
} from "../../src/container/mod.ts";
import { readCheckout } from "../../src/checkout/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";
import { ENV, inScratch, makeSample } from "../e2e/_program.ts";
import { DOCKER, fakeEngine } from "./_engines.ts";

const HASHES = ["bd493105f5", "7058fe85f0"];
const root = "/src/kubernetes";

const IDENTITY = "0123456789abcdef";
const labelsOf = (identity: string) => ({ "kbuild.root": root, "kbuild.checkout": identity });

/** A container as `inspect` prints it. */
function container(Name: string, more: Record<string, unknown> = {}) {
  const { labels = null, running = false, source = "/elsewhere" } = more;
  return {
    Name,
    State: { Running: running as boolean },
    Config: { Labels: labels as Record<string, string> | null, Image: "image:1" },
    Mounts: [{ Type: "bind", Source: source as string }],
  };
}

Deno.test("ownContainers() are those of the checkout, whoever made them", () => {
  const inspected = [
    container("/kube-build-bd493105f5-5-v1.15.5-1"),
    container("kube-build-data-7058fe85f0-5-v1.15.5-1"),
    container("/kube-rsync-bd493105f5-6", { running: true }),
    container("/kube-build-0123456789-6", { source: root }),
    container("/kube-build-0123456789-6-2", { labels: labelsOf(IDENTITY), running: true }),
    // Of older kbuilds, and of other checkouts at the path.
    container("/kube-build-0123456789-6-3", { labels: { "kbuild.root": root }, running: true }),
    container("/kube-build-0123456789-6-4", { labels: labelsOf("other"), running: true }),
    container("/kube-build-bd493105f5-6", { labels: labelsOf("other") }),
    container("/kube-build-9876543210-7", { labels: labelsOf("other") }),
    // Of another checkout, another user, and of a program that happens to have such a name.
    container("/kube-build-0123456789-6"),
    container("/kube-build-9876543210-6", { labels: { "kbuild.root": "/other" } }),
    container("/kube-apiserver", { source: root }),
    container("/my-kube-build-bd493105f5-6"),
    container("/kube-build-bd493105f5"),
  ];
  const own = { root, identity: IDENTITY, hashes: HASHES };
  const namesOf = (engine: { isRemote: boolean }) =>
    ownContainers(inspected, own, engine)
      .map(({ name, isRunning, maker }) => `${name} ${isRunning ? "runs" : "ended"} ${maker}`);
  const others = [
    "kube-build-0123456789-6-4 runs other",
    "kube-build-bd493105f5-6 ended scripts",
  ];
  const scripts = [
    "kube-build-bd493105f5-5-v1.15.5-1 ended scripts",
    "kube-build-data-7058fe85f0-5-v1.15.5-1 ended scripts",
    "kube-rsync-bd493105f5-6 runs scripts",
    "kube-build-0123456789-6 ended scripts",
    "kube-build-0123456789-6-2 runs kbuild",
  ];
  const older = "kube-build-0123456789-6-3 runs";
  assertEquals(namesOf({ isRemote: false }), [...scripts, `${older} kbuild`, ...others]);
  // The locks of this machine do not tell whether it is in use.
  assertEquals(namesOf({ isRemote: true }), [...scripts, `${older} other`, ...others]);
});

Deno.test("ownImages() are the build images of the scripts, on every branch", () => {
  const names = [
    "kube-build:build-bd493105f5-5-v1.15.5-1",
    "localhost/kube-build:build-7058fe85f0-5-v1.15.5-1",
    "kube-build:build-0123456789-5-v1.15.5-1",
    "mine/kube-build:build-bd493105f5-5-v1.15.5-1",
    "k8s.gcr.io/build-image/kube-cross:v1.15.5-1",
    "<none>:<none>",
  ];
  assertEquals(ownImages(names, { repository: "kube-build", hashes: HASHES }), names.slice(0, 2));
});

Deno.test("disposalStarts() are empty where there is nothing", () => {
  assertEquals(
    disposalStarts(DOCKER, {
      containers: [],
      volumes: [],
      images: [],
      withoutParents: false,
      left: ["x: y"],
      others: [],
    }),
    [],
  );
  assertEquals(
    disposalStarts(DOCKER, {
      containers: ["a", "b"],
      volumes: ["v"],
      images: ["c:d"],
      withoutParents: false,
      left: [],
      others: [],
    }),
    [
      ["docker", "rm", "--force", "--volumes", "a", "b"],
      ["docker", "volume", "rm", "v"],
      ["docker", "rmi", "c:d"],
    ],
  );
  const images = {
    containers: [],
    volumes: [],
    images: ["c:d"],
    withoutParents: true,
    left: [],
    others: [],
  };
  assertEquals(disposalStarts(DOCKER, images), [["docker", "rmi", "--no-prune", "c:d"]]);
});

Deno.test("planEngineDisposal() and disposeOfEngine() leave out what has gone meanwhile", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    const env = { ...ENV, PATH: `${bin}:${ENV["PATH"]}`, HOSTNAME: "myhost" };
    const identity = await identityOf(root);
    const hash = rootHash({ hostname: "myhost", root, branch: "" });
    const name = `kube-build-${hash}-6`;
    const own = { "kbuild.root": root, "kbuild.checkout": identity };
    const answer = JSON.stringify([
      { ...container(name, { labels: own }), State: { Running: false, Status: "exited" } },
    ]);
    // What docker 20.10 to 28 say of what is not there; the container of an API server ends after ps.
    await fakeEngine(
      bin,
      "docker",
      `case "$1 $2" in
  "ps --all") echo one; echo gone ;;
  "container inspect")
    shift 2
    case " $* " in *" one "*) echo '${answer}' ;; *) echo '[]' ;; esac
    case " $* " in *" gone "*) echo "Error: No such container: gone" >&2; exit 1 ;; esac ;;
  "image ls") echo 'kube-build:build-${hash}-6' ;;
  "image inspect") echo '[]'; echo "Error: No such image: $3" >&2; exit 1 ;;
  "rm --force") echo "Error: No such container: ${name}" >&2; exit 1 ;;
  "volume rm") echo "Error: No such volume: $3" >&2; exit 1 ;;
  "rmi "*) echo "Error response from daemon: No such image: $2" >&2; exit 1 ;;
esac
`,
    );
    const shell = createShell({ cwd: root, env });
    const context = createContext({ root, env, shell, log: createLogger({ write: () => {} }) });
    const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
    const disposal = await planEngineDisposal(context, checkout, DOCKER);
    assertEquals(disposal.containers, [name]);
    assertEquals(disposal.images, [`kube-build:build-${hash}-6`]);
    await disposeOfEngine(context, DOCKER, disposal);
    // Another reason is an error.
    await fakeEngine(bin, "docker", 'echo "Error response from daemon: conflict" >&2; exit 1');
    await assertRejects(
      () => disposeOfEngine(context, DOCKER, disposal),
      KbuildError,
      "Cannot remove what docker has",
    );
  }));
