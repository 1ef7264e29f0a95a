/**
 * The commands that kind and krel start in a checkout, as their sources have them
 * (`pkg/build/nodeimage/internal/kube/builder_docker.go` of kubernetes-sigs/kind, `pkg/build/make.go` and `ci.go` of
 * kubernetes/release), with GNU make and with kbuild as `make`: the same exit statuses, the same files.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { digestOfFile } from "../../src/archive/mod.ts";
import { quoteCommand } from "../../src/shell/mod.ts";
import { makeIn, versionOf } from "./_make.ts";
import {
  ENV,
  GOARCH,
  inScratch,
  listing,
  makeSample,
  missingFor,
  run,
  script,
  unless,
  which,
} from "./_program.ts";

const PLATFORM = `linux/${GOARCH}`;

/** Answers as docker does for the scripts: its container is this machine, and an image is a file. */
const DOCKER = `printf '%s\\n' "$*" >> "$DOCKER_LOG"
if [ "$1" = run ]; then
  for word; do
    shift
    case $word in
      kube-build:* | */kube-cross:*)
        cd "$CHECKOUT" || exit
        unset MAKEFLAGS MFLAGS MAKELEVEL
        KUBE_OUTPUT_SUBPATH=_output/dockerized exec "$@" ;;
    esac
  done
fi
while [ $# -gt 0 ]; do
  case $1 in
    -o) echo image > "$2"; shift ;;
  esac
  shift
done
`;

/** What the container made is there already. */
const RSYNC = (program: string) =>
  `for word; do case $word in rsync://*) exit 0 ;; esac; done\nexec ${
    quoteCommand([program])
  } "$@"\n`;

/** Why commands cannot be started with both. */
const whyNotBoth = (era: "1.20" | "latest") =>
  missingFor(era) ??
    ["bash", "make", "rsync"].map((name) => which(name) === undefined ? `needs ${name}` : undefined)
      .find((why) => why !== undefined);

/** Why krel's commands are not started with both: on 1.20 they take minutes. */
const whyNotKrel = (era: "1.20" | "latest") =>
  whyNotBoth(era) ??
    (era === "1.20" && Deno.env.get("KBUILD_TEST_RELEASES") !== "all"
      ? "takes minutes: KBUILD_TEST_RELEASES=all"
      : undefined);

/** A checkout with GNU make, and then the same with kbuild as make: what a sequence of commands leaves. */
async function withBoth<T>(
  era: "1.20" | "latest",
  sequence: (side: {
    readonly name: "GNU make" | "kbuild";
    readonly root: string;
    readonly version: string;
    /** Runs a program in the checkout; returns its exit status. */
    start(argv: readonly string[], more?: Record<string, string>): Promise<number>;
    /** Runs a program that must not fail. */
    must(argv: readonly string[], more?: Record<string, string>): Promise<void>;
  }) => Promise<T>,
): Promise<{ theirs: T; ours: T }> {
  const found: T[] = [];
  await inScratch(async (dir) => {
    const bin = join(dir, "docker");
    await Deno.mkdir(bin);
    script(join(bin, "docker"), DOCKER);
    script(join(bin, "rsync"), RSYNC(which("rsync") ?? "rsync"));
    const own = makeIn(dir);
    for (const name of ["GNU make", "kbuild"] as const) {
      // In the same place: up to 1.24 programs have the paths of their sources in them.
      const root = await makeSample(era, join(dir, "kubernetes"));
      const before = name === "kbuild" ? own : ENV;
      const env = {
        ...before,
        PATH: `${bin}:${before["PATH"]}`,
        CHECKOUT: root,
        DOCKER_LOG: join(dir, `${name}.log`),
        SOURCE_DATE_EPOCH: "1600000000",
      };
      const start = async (argv: readonly string[], more: Record<string, string> = {}) =>
        await run(argv, { cwd: root, env: { ...env, ...more } });
      found.push(
        await sequence({
          ...{ name, root, version: await versionOf(root, env) },
          start: async (argv, more) => (await start(argv, more)).code,
          async must(argv, more) {
            const { code, stderr } = await start(argv, more);
            assertEquals(code, 0, `${name}: ${argv.join(" ")}: ${stderr}`);
          },
        }),
      );
      await Deno.remove(root, { recursive: true });
    }
  });
  return { theirs: found[0]!, ours: found[1]! };
}

/** Tarballs with the same members. */
function sameMembers(
  { theirs, ours }: Record<"theirs" | "ours", Record<string, readonly string[]>>,
) {
  assert(Object.keys(theirs).length > 8, JSON.stringify(Object.keys(theirs)));
  assertEquals(Object.keys(ours), Object.keys(theirs));
  for (const [name, members] of Object.entries(theirs)) {
    assertEquals([name, ours[name]], [name, members]);
  }
}

for (const era of ["1.20", "latest"] as const) {
  Deno.test({
    ...unless(whyNotKrel(era), `krel stage leaves the tarballs that GNU make leaves: ${era}`),
    fn: async () => {
      const more = { KUBE_BUILD_PLATFORMS: PLATFORM };
      sameMembers(
        await withBoth(era, async ({ name, root, version, must }) => {
          const tag = `KUBE_DOCKER_IMAGE_TAG=${version}`;
          const output = `_output-${version}`;
          // What cross-in-a-container starts in its container.
          if (name === "kbuild") await must(["make", "cross-in-a-container", tag], more);
          else await must(["make", "cross", "KUBE_OUTPUT_SUBPATH=_output/dockerized"], more);
          await Deno.rename(join(root, "_output"), join(root, output));
          await must(["make", "package-tarballs", tag, `OUT_DIR=${output}`], more);
          return await membersOf(join(root, output));
        }),
      );
    },
  });

  Deno.test({
    ...unless(whyNotKrel(era), `krel ci-build leaves the tarballs that GNU make leaves: ${era}`),
    fn: async () => {
      const more = { KUBE_BUILD_PLATFORMS: PLATFORM, KUBE_RELEASE_RUN_TESTS: "n" };
      sameMembers(
        await withBoth(era, async ({ root, must }) => {
          await Deno.mkdir(join(root, "_output/release-tars"), { recursive: true });
          await Deno.writeTextFile(join(root, "_output/release-tars/old.tar.gz"), "");
          await must(["make", "clean"], more);
          await must(["make", "quick-release"], more);
          return await membersOf(join(root, "_output"));
        }),
      );
    },
  });

  Deno.test({
    ...unless(whyNotBoth(era), `kind's commands leave what they leave with GNU make: ${era}`),
    fn: async () => {
      const what = "WHAT=cmd/kubeadm cmd/kubectl cmd/kubelet";
      const variables = [
        ...["KUBE_VERBOSE=0", "KUBE_BUILD_HYPERKUBE=n", "KUBE_BUILD_CONFORMANCE=n"],
        `KUBE_BUILD_PLATFORMS=${PLATFORM}`,
      ];
      const { theirs, ours } = await withBoth(era, async ({ root, start, must, version }) => {
        const images = ["make", "-C", root, "quick-release-images"];
        const wrong = await start([...images, "KUBE_EXTRA_WHAT=cmd/nothing", ...variables]);
        await must([...images, `KUBE_EXTRA_${what}`, ...variables]);
        if (era === "1.20") await must(["build/run.sh", "make", "all", what, ...variables]);
        const bin = join(root, "_output/dockerized/bin/linux", GOARCH);
        const programs = ["kubeadm", "kubectl", "kubelet"].map(async (name) => [
          name,
          await digestOfFile(join(bin, name), "sha256"),
        ]);
        return {
          // Up to 1.20 the variable means nothing to the scripts.
          ...era === "1.20" ? {} : { wrong: wrong !== 0 },
          version,
          programs: await Promise.all(programs),
          images: listing(join(root, "_output/release-images"), { sizes: false })
            .filter((path) => path.endsWith(".tar")).sort(),
          tarballs: listing(join(root, "_output"), { sizes: false })
            .filter((path) => path.startsWith("release-tars/")),
        };
      });
      assertEquals(ours, theirs);
    },
  });
}

/** What is in the tarballs of a release, sorted, by name; of images that they are there. */
async function membersOf(output: string): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const path of listing(output, { sizes: false }).sort()) {
    if (/^release-images\/.*\.tar$/.test(path)) found[path] = [];
    if (!/^release-tars\/.*\.tar\.gz$/.test(path)) continue;
    const { stdout } = await run(["tar", "-tzf", join(output, path)]);
    found[path] = stdout.trim().split("\n").filter((name) => !name.endsWith("/")).sort();
  }
  return found;
}
