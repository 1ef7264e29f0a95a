/**
 * Runs a checkout's own `kube::release::package_tarballs` in bash over made-up binaries, and kbuild's
 * over the same ones, and compares what is in the tarballs.
 */
import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import {
  packageTarballs,
  planRelease,
  preparePackage,
  readReleaseLayout,
  requiredBinaries,
} from "../../src/release/mod.ts";
import { createShell } from "../../src/shell/mod.ts";

const VERSION = "v1.2.3-4+0123456789abcd";

/** What the scripts see: nothing of the developer's own. */
const ENV: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C.UTF-8",
  GIT_CONFIG_NOSYSTEM: "1",
  FORCE_HOST_GO: "y",
  KUBE_FASTBUILD: "true",
};

/** Images need Docker: in their place a text each, where the scripts put the archives. */
const SCRIPT = `set -o errexit -o nounset -o pipefail
cd "$1"
source build/common.sh
source build/lib/release.sh
kube::util::ensure-docker-buildx() { :; }
kube::release::create_docker_images_for_server() {
  local wrapped name
  [[ -z "\${RELEASE_IMAGES-}" ]] || mkdir -p "\${RELEASE_IMAGES}/$2"
  for wrapped in $(kube::build::get_docker_wrapped_binaries "$2"); do
    name=\${wrapped%%,*}
    echo "an image" > "$1/\${name}.tar"
    echo "\${KUBE_GIT_VERSION/+/_}" > "$1/\${name}.docker_tag"
    [[ -z "\${RELEASE_IMAGES-}" ]] || ln "$1/\${name}.tar" "\${RELEASE_IMAGES}/$2/"
  done
}
kube::build::ensure_tar
KUBE_GIT_VERSION=$2
KUBE_GIT_TREE_STATE=$3
rm -rf "\${LOCAL_OUTPUT_ROOT}/release-stage"
kube::release::package_tarballs
`;

const shell = createShell({ cwd: "/", env: ENV });

/** The script's tarballs and kbuild's hold the same; `root` is a checkout to write `_output` in. */
export async function compareReleases(
  root: string,
  options: {
    /** What decides how the sources are packed. */
    state: "clean" | "dirty";
    variables?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { state, variables = {} } = options;
  const env = { ...ENV, ...variables };
  const log = createLogger({ write: () => {} });
  const context = createContext({ root, shell, log, env, host: "linux/amd64" });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  const platforms = setupPlatforms(checkout, { fastbuild: true, hostArch: "amd64" });
  const binPath = context.releaseBinPath;
  const inputs = { platforms, version: VERSION, only: undefined, variables: env };
  const plans = planRelease(checkout, await readReleaseLayout(checkout), inputs);
  for (const path of requiredBinaries(binPath, plans)) await makeBinary(path);

  // The jobs of the scripts run side by side, and one looks into directories that another removes: on some
  // machines they fail by that now and then.
  for (let left = 5;; left--) {
    const argv = ["bash", "-c", SCRIPT, "bash", root, VERSION, state];
    const failure = await shell.run(argv, { cwd: root, env }).then(() => {}, (error) => error);
    if (failure === undefined) break;
    if (left === 0) throw failure;
  }
  const theirs = await unpackAll(join(context.outputRoot, "release-tars"), join(root, "../theirs"));
  const plan = await preparePackage(context, checkout, {
    vars: {
      gitCommit: "",
      gitMajor: "1",
      gitMinor: "2+",
      gitVersion: VERSION,
      gitTreeState: state,
      dirtyPaths: [],
      problem: undefined,
    },
    epoch: 0,
    platforms,
    binPath,
  });
  const artifacts = await packageTarballs(context, plan);
  const ours = await unpackAll(join(context.outputRoot, "release-tars"), join(root, "../ours"));
  assertEquals(ours, theirs);
  const images = artifacts.filter(({ kind }) => kind === "image").map(({ path }) => path);
  for (const path of images) await Deno.stat(join(root, path));
}

async function makeBinary(path: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, `#!/bin/sh\necho ${path.slice(path.lastIndexOf("/") + 1)}\n`);
  await Deno.chmod(path, 0o755);
}

/** Tarball -> its members, one text each: path, kind, whether it may be run, contents. */
async function unpackAll(
  directory: string,
  to: string,
): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  // kbuild has checksums beside them.
  for (const name of names.filter((name) => name.endsWith(".tar.gz")).sort()) {
    const target = join(to, name);
    await Deno.mkdir(target, { recursive: true });
    await shell.$`tar xzf ${join(directory, name)} -C ${target} --no-same-owner`;
    found[name] = [...describe(target, "")].sort();
  }
  return found;
}

/** Archives inside are named, not compared: they have tests of their own. */
function* describe(root: string, path: string): Generator<string> {
  for (const { name } of Deno.readDirSync(join(root, path))) {
    const inside = path === "" ? name : `${path}/${name}`;
    const full = join(root, inside);
    const info = Deno.lstatSync(full);
    if (info.isSymlink) yield `${inside} -> ${Deno.readLinkSync(full)}`;
    else if (info.isDirectory) {
      yield `${inside}/`;
      yield* describe(root, inside);
    } else if (/\.tar(\.gz)?$/.test(name)) yield `${inside} (archive)`;
    else {
      const digest = createHash("sha256").update(Deno.readFileSync(full)).digest("hex");
      yield `${inside} ${((info.mode ?? 0) & 0o111) === 0 ? "-" : "x"} ${digest}`;
    }
  }
}
