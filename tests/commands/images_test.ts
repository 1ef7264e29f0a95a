/** `kbuild images list` and `load`: what they find, show and start. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytesEntry } from "../../src/archive/mod.ts";
import { encodeCapabilities } from "../../src/dockerfile/mod.ts";
import { copyLayer, openBase, writeImageArchive } from "../../src/image/mod.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import {
  inScratch,
  kbuild,
  kbuildOk,
  makeSample,
  output,
  script,
  unless,
  which,
} from "../e2e/_program.ts";

const ARCH = hostPlatform().split("/")[1]!;
const OTHER = ARCH === "amd64" ? "arm64" : "amd64";

/** An archive of an image with one file. */
async function makeImage(out: string, arch: string, tags: readonly string[], cap = false) {
  await Deno.mkdir(join(out, ".."), { recursive: true });
  await using base = await openBase("scratch", { arch });
  const file = bytesEntry("usr/local/bin/app", new TextEncoder().encode("app"), { mtime: 0 });
  const value = encodeCapabilities("cap_net_bind_service=+ep")!;
  const entry = cap ? { ...file, xattrs: { "security.capability": value } } : file;
  const layers = [{
    entries: copyLayer(base.tree, [entry], { created: 0 }),
    createdBy: "COPY app",
  }];
  return await writeImageArchive({ out, base, arch, created: 0, layers, repoTags: tags });
}

/** An archive of the images of several. */
async function merged(dir: string, archives: readonly string[]): Promise<string> {
  const to = join(dir, "merged");
  const [images, manifests]: [unknown[], unknown[]] = [[], []];
  await Deno.mkdir(to);
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(join(to, name)));
  for (const archive of archives) {
    await output(["tar", "-xf", archive, "-C", to]);
    images.push(...await read("manifest.json"));
    manifests.push(...(await read("index.json")).manifests);
  }
  const index = { ...await read("index.json"), manifests };
  await Deno.writeTextFile(join(to, "manifest.json"), JSON.stringify(images));
  await Deno.writeTextFile(join(to, "index.json"), JSON.stringify(index));
  await output(["tar", "-cf", join(dir, "both.tar"), "-C", to, "."]);
  return join(dir, "both.tar");
}

/** A release with three images, and fake engines that write down how they were started. */
async function setUp(dir: string) {
  const root = await makeSample("1.20", join(dir, "kube rnetes"));
  const directory = join(root, "_output/release-images");
  const tag = (name: string, arch: string) => `k8s.gcr.io/${name}-${arch}:v1`;
  const server = [tag("kube-apiserver", ARCH), `mine.example/kube-apiserver-${ARCH}:v2`];
  const { imageId } = await makeImage(
    join(directory, ARCH, "kube-apiserver.tar"),
    ARCH,
    server,
    true,
  );
  await makeImage(join(directory, ARCH, `conformance-${ARCH}.tar`), ARCH, [
    tag("conformance", ARCH),
  ]);
  await makeImage(join(directory, OTHER, "kube-proxy.tar"), OTHER, [tag("kube-proxy", OTHER)]);
  const bin = join(dir, "bin");
  await Deno.mkdir(bin);
  for (const program of ["podman", "ctr", "kind"]) {
    script(join(bin, program), `echo ${program} "$@" >> '${dir}/started'\n`);
  }
  const git = which("git") ?? "git";
  await Deno.symlink(await Deno.realPath(git), join(bin, "git"));
  const options = { cwd: root, env: { PATH: bin } };
  return { root, directory, bin, imageId, options };
}

const needs = unless(which("git") === undefined && "needs git", "");

Deno.test({
  ...needs,
  name: `kbuild images lists names, platforms, IDs and capabilities${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const { directory, imageId, options } = await setUp(dir);
      const all = await kbuild(["images"], options);
      assertEquals(all.code, 0, all.stderr);
      const lines = all.stdout.trimEnd().split("\n").map((line) => line.replace(/ {2,}/g, "  "));
      assertEquals(lines[0], "IMAGE  PLATFORM  SIZE  ID  ARCHIVE");
      assertEquals(lines.length, 6);
      const own = lines.slice(1).find((line) => line.startsWith("k8s.gcr.io/kube-apiserver"))!;
      assertStringIncludes(own, `linux/${ARCH}`);
      assertStringIncludes(own, imageId.slice(0, 19));
      assertStringIncludes(all.stdout, `\nmine.example/kube-apiserver-${ARCH}:v2\n`);
      assertStringIncludes(all.stdout, "\n  /usr/local/bin/app cap_net_bind_service=ep\n");

      const json = await kbuild(["images", "list", "--json", "kube-apiserver"], options);
      const { images } = JSON.parse(json.stdout);
      assertEquals(images.length, 1);
      assertEquals(images[0].imageId, imageId);
      assertEquals(images[0].capabilities, { "/usr/local/bin/app": "cap_net_bind_service=ep" });
      assertEquals(images[0].path, join(directory, ARCH, "kube-apiserver.tar"));

      const ids = async (...args: string[]) => {
        const { stdout } = await kbuild(["images", "list", "--json", ...args], options);
        return JSON.parse(stdout).images.map(({ name }: { name: string }) => name);
      };
      assertEquals(await ids("--platform", `linux/${OTHER}`), ["kube-proxy"]);
      assertEquals(await ids("conformance"), [`conformance-${ARCH}`]);
      assertEquals(await ids(join(directory, OTHER)), ["kube-proxy"]);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild images names what is not there, or no archive${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const { root, options } = await setUp(dir);
      const fails = async (args: string[], code: number, text: string) => {
        const ended = await kbuild(["images", ...args], options);
        assertEquals([ended.code, ended.stdout], [code, ""]);
        assertStringIncludes(ended.stderr, text);
      };
      await fails(["lod"], 2, 'Did you mean "load"?');
      await fails(["list", "kube-prxy"], 2, 'Did you mean "kube-proxy"?');
      await fails(["list", "./none.tar"], 1, "Cannot find image archives in");
      await Deno.writeTextFile(join(root, "broken.tar"), "x".repeat(600));
      await fails(["list", "broken.tar"], 1, "broken.tar");
      await Deno.writeTextFile(join(dir, "manifest.json"), "null");
      await output(["tar", "-C", dir, "-cf", join(options.cwd, "null.tar"), "manifest.json"]);
      await fails(["list", "null.tar"], 1, "Cannot find an image: there is none in these archives");
      await Deno.remove(join(root, "_output"), { recursive: true });
      await fails([], 1, "Make them first: kbuild quick-release");
    }),
});

Deno.test({
  ...needs,
  name: `kbuild images load starts the engine's own command, for this machine${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const { bin, directory, options } = await setUp(dir);
      const started = async (...args: string[]) => {
        await Deno.remove(join(dir, "started")).catch(() => {});
        const { code, stderr } = await kbuild(["images", "load", ...args], options);
        assertEquals(code, 0, stderr);
        return (await Deno.readTextFile(join(dir, "started"))).trimEnd().split("\n");
      };
      const archives = [`conformance-${ARCH}.tar`, "kube-apiserver.tar"].map((name) =>
        join(directory, ARCH, name)
      );
      assertEquals(
        await started("--into", "podman"),
        archives.map((path) => `podman load -i ${path}`),
      );
      // Nodes of kind run images by the names without an architecture: the archive gets them.
      const renamed = `${directory}/${ARCH}/.kbuild-tmp-kind-[0-9a-f]{12}/kube-apiserver.tar`;
      for (const [into, name] of [["kind", ""], ["kind:dev", " --name dev"]] as const) {
        const [line = ""] = await started("--into", into, "kube-apiserver");
        assertMatch(line, new RegExp(`^kind load image-archive ${renamed}${name}$`));
        const words = ["plan", "images", "load", "--into", into, "kube-apiserver"];
        assertStringIncludes(
          await kbuildOk(words, options),
          line.slice(line.indexOf("/.kbuild-tmp"), line.indexOf(".tar")),
        );
      }
      const { stderr } = await kbuild(
        ["images", "load", "--into", "kind:dev", "kube-apiserver", "conformance"],
        options,
      );
      assertStringIncludes(
        stderr,
        "docker exec dev-control-plane sh -c 'crictl stop $(crictl ps -q --name kube-apiserver)'\n",
      );
      assertEquals(stderr.includes("--name conformance"), false);
      const both = await merged(dir, archives);
      assertEquals(await started("--into", "kind", both), [`kind load image-archive ${both}`]);
      const left = [...Deno.readDirSync(join(directory, ARCH))].map((entry) => entry.name);
      assertEquals(left.filter((entry) => entry.startsWith(".kbuild-tmp")), []);
      const wrong = await kbuild(["images", "load", "--into", "kind:../x"], options);
      assertEquals(wrong.code, 2);
      assertEquals(await started("--into", "containerd", "--platform", `linux/${OTHER}`), [
        `ctr -n k8s.io images import --platform linux/${OTHER} ${directory}/${OTHER}/kube-proxy.tar`,
      ]);

      const without = await kbuild(["images", "load"], options);
      assertEquals(without.code, 1);
      assertMatch(
        without.stderr,
        /there is no "docker" in PATH\n.*--into podman\|containerd\|kind/,
      );
      script(join(bin, "docker"), "echo cannot connect >&2\nexit 5\n");
      const failing = await kbuild(["images", "load"], options);
      assertEquals(failing.code, 1);
      assertStringIncludes(failing.stderr, "cannot connect");
      assertStringIncludes(failing.stderr, "Is the Docker engine running?");
      const none = await kbuild(["images", "load", "--into", "kind", "kube-proxy"], options);
      assertEquals(none.code, 1);
      assertStringIncludes(none.stderr, `Cannot find an image for linux/${ARCH}`);
    }),
});

Deno.test({
  ...needs,
  name: `kbuild images says what it would load or push, and pushes nowhere unasked${needs.name}`,
  fn: () =>
    inScratch(async (dir) => {
      const { directory, options } = await setUp(dir);
      const outside = { ...options, cwd: dir };
      const lines = async (args: readonly string[], from = options) => {
        const { code, stdout, stderr } = await kbuild(["images", ...args], from);
        assertEquals([args, code, stderr], [args, 0, ""]);
        return stdout.trimEnd().split("\n");
      };
      const tar = (name: string, arch = ARCH) => join(directory, arch, `${name}.tar`);
      const quoted = (path: string) => `'${path}'`;

      assertEquals(await lines(["load", "--into", "podman", "--dry-run", "kube-apiserver"]), [
        "# podman",
        `cd ${quoted(options.cwd)} && podman load -i ${quoted(tar("kube-apiserver"))}`,
      ]);
      const to = ["--registry", "registry.example/kubernetes"];
      const name = (image: string) => `registry.example/kubernetes/${image}:v1`;
      const pushes = [
        `push ${tar("kube-apiserver")} as ${name(`kube-apiserver-${ARCH}`)}`,
        `push a list over ${ARCH} as ${name("kube-apiserver")}`,
      ];
      assertEquals(await lines(["push", ...to, "--dry-run", "kube-apiserver"]), [
        "# push",
        ...pushes.map((line) => `# ${line}`),
      ]);
      const path = tar("kube-apiserver");
      assertEquals(await lines(["push", ...to, "--no-manifest", "--dry-run", path], outside), [
        "# push",
        `# ${pushes[0]}`,
      ]);
      assertEquals(await lines(["manifest", ...to, "--dry-run", path], outside), [
        "# push",
        `# push a list over what the registry has as ${name("kube-apiserver")}`,
      ]);
      const plan = await kbuild(["plan", "images", "push", ...to, path], outside);
      assertStringIncludes(plan.stdout, `Pushes     2\n  ${pushes[0]}\n  ${pushes[1]}\n`);
      const json = await kbuild(["images", "push", ...to, path, "--dry-run", "--json"], outside);
      assertEquals(JSON.parse(json.stdout).pushes, [
        { name: name(`kube-apiserver-${ARCH}`), path, archs: [ARCH] },
        { name: name("kube-apiserver"), archs: [ARCH] },
      ]);

      const table: readonly (readonly [args: string, code: number, stderr: string])[] = [
        [
          "images push kube-proxy",
          2,
          `Cannot push without --registry: "k8s.gcr.io/kube-proxy-${OTHER}:v1" and 1 more name would go ` +
          "where the archives are named after\n" +
          "  -> Name your registry: --registry registry.example/kubernetes\n" +
          "  -> If that is what you want: --registry k8s.gcr.io",
        ],
        ["images manifest", 2, "Cannot push without --registry: "],
        ["images push --dry-run", 2, "Cannot push without --registry: "],
        ["images push --registry bad_host!", 2, 'Cannot use "bad_host!" for "--registry": '],
        ["images push --registry x.example --tag a/b", 2, 'Cannot use "a/b" for "--tag": '],
        ["images --platform linux/arm", 1, "Cannot find an image for linux/arm\n"],
        ["images push --registry x.example --platform linux/arm", 1, "Cannot find an image for "],
        ["images list --into podman", 2, 'It belongs to "kbuild images load"'],
        ["images push --into podman", 2, 'Unknown flag "--into" of "kbuild images push"'],
        [
          "images load --force",
          2,
          'It belongs to "kbuild images push" and "kbuild images manifest"',
        ],
        ["images --dry-run", 2, 'Unknown flag "--dry-run" of "kbuild images list"'],
        ["plan images", 2, 'Cannot plan "kbuild images list": it only looks'],
        ["plan demo", 2, 'Cannot plan "kbuild demo": it first makes the checkout'],
        ["plan compare a b", 2, 'Cannot plan "kbuild compare": it only looks'],
        ["toolchain remove 1.21.7 --offline", 2, 'It belongs to "kbuild toolchain list"'],
      ];
      for (const [args, code, words] of table) {
        const ended = await kbuild(args.split(" "), options);
        assertEquals([args, ended.code, ended.stdout], [args, code, ""]);
        assertStringIncludes(ended.stderr, words);
      }
    }),
});
