import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { walk } from "@std/fs";
import { join } from "@std/path";
import { concat, readTar } from "../../src/archive/mod.ts";
import { readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import {
  type Artifact,
  type PackageOptions,
  packageTarballs,
  planRelease,
  preparePackage,
  readReleaseLayout,
  requiredBinaries,
} from "../../src/release/mod.ts";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { noise } from "../archive/helpers.ts";
import { have } from "../sample/_sample.ts";

const because = have("git") ? "" : " (skipped: needs git)";
const VERSION = "v1.20.2";

/** A sample with made-up programs, packaged again and again. */
interface Release {
  readonly root: string;
  readonly output: string;
  /** What was logged so far. */
  log(): string;
  package(options?: Partial<PackageOptions> & { strictParity?: boolean }): Promise<
    readonly Artifact[]
  >;
  change(program: string, bytes: Uint8Array): Promise<void>;
}

/** What is written in the same tick of the clock as it was looked at is indistinguishable. */
const aTick = () => new Promise((resolve) => setTimeout(resolve, 100));

async function withRelease(
  body: (release: Release) => Promise<void>,
  era: "1.7" | "1.20" = "1.20",
  prepare: (root: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-package-" }));
  try {
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: dir, GIT_CONFIG_NOSYSTEM: "1" };
    const shell = createShell({ cwd: dir, env });
    const root = join(dir, "a b");
    await createSample({ dir: root, era, git: shell, env });
    await prepare(root);
    let logged = "";
    const log = createLogger({ write: (text) => void (logged += text) });
    const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
    const platforms = setupPlatforms(checkout, { fastbuild: true, hostArch: "amd64" });
    const context = (strictParity: boolean) =>
      createContext({ root, shell, log, env, host: "linux/amd64", strictParity });
    const { releaseBinPath: binPath, outputRoot } = context(false);
    const inputs = { platforms, version: VERSION, only: undefined };
    const plans = planRelease(checkout, await readReleaseLayout(checkout), inputs);
    for (const [index, path] of requiredBinaries(binPath, plans).entries()) {
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(path, noise((index % 4 === 0 ? 1 << 20 : 9000) + index, index), {
        mode: 0o755,
      });
    }
    await aTick();
    const vars = {
      gitCommit: "",
      gitMajor: "1",
      gitMinor: "20",
      gitVersion: VERSION,
      gitTreeState: "clean" as const,
      dirtyPaths: [],
      problem: undefined,
    };
    await body({
      root,
      output: outputRoot,
      log: () => logged,
      package: async ({ strictParity = false, ...options } = {}) => {
        const packing = { vars, epoch: 1600000000, platforms, binPath, ...options };
        const inContext = context(strictParity);
        const plan = await preparePackage(inContext, checkout, packing);
        return await packageTarballs(inContext, plan);
      },
      change: async (program, bytes) => {
        await Deno.writeFile(join(binPath, "linux/amd64", program), bytes, { mode: 0o755 });
        await aTick();
      },
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const digests = (artifacts: readonly Artifact[]) =>
  Object.fromEntries(artifacts.map(({ path, sha256 }) => [path, sha256]));
const madeAnew = (artifacts: readonly Artifact[]) =>
  artifacts.filter(({ reused }) => !reused).map(({ path }) => path.split("/").at(-1)).sort();

Deno.test({
  name: `packageTarballs() makes nothing again when nothing changed${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const first = await release.package();
      assertEquals(madeAnew(first).length, first.length);
      const stage = Deno.lstatSync(join(release.output, "release-stage"));
      const second = await release.package();
      assertEquals(madeAnew(second), []);
      assertEquals(digests(second), digests(first));
      assertEquals(Deno.lstatSync(join(release.output, "release-stage")).ino, stage.ino);
    }),
});

Deno.test({
  name: `packageTarballs() tags images of 1.6 with the MD5 of their program${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(
      async (release) => {
        const tags = async () => {
          const artifacts = await release.package();
          const proxy = artifacts.find(({ path }) => path.endsWith("/kube-proxy.tar"));
          const server = join(release.output, "release-tars/kubernetes-server-linux-amd64.tar.gz");
          const members = new Map<string, string>();
          for await (const { name, chunks } of readTar(server)) {
            if (!/\/kube-proxy(\.docker_tag)?$/.test(name)) continue;
            const content = await Array.fromAsync(chunks());
            members.set(
              name.split("/").at(-1)!,
              name.endsWith("_tag")
                ? new TextDecoder().decode(concat(content))
                : createHash("md5").update(concat(content)).digest("hex"),
            );
          }
          return { names: proxy?.repoTags, tag: members.get("kube-proxy.docker_tag"), members };
        };
        const expected = (md5?: string) => ({
          names: [`gcr.io/google_containers/kube-proxy:${md5}`],
          tag: `${md5}\n`,
        });
        const first = await tags();
        const { members, ...named } = first;
        assertEquals(named, expected(members.get("kube-proxy")));
        await release.change("kube-proxy", noise(9000, 99));
        const { members: changed, ...renamed } = await tags();
        assertEquals(renamed, expected(changed.get("kube-proxy")));
        assertNotEquals(changed.get("kube-proxy"), members.get("kube-proxy"));
      },
      "1.7",
      async (root) => {
        const path = join(root, "build/lib/release.sh");
        const script = await Deno.readTextFile(path);
        await Deno.writeTextFile(path, script.replaceAll("${docker_tag}", "${md5_sum}"));
      },
    ),
});

Deno.test({
  name: `packageTarballs() packs the portable tests before those of platforms join them${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      // 1.14 to 1.16 make a test tarball for all platforms from the stage of the portable one.
      const script = join(release.root, "build/lib/release.sh");
      const line = "KUBE_BUILD_MONDO_TEST_TARBALL=${KUBE_BUILD_MONDO_TEST_TARBALL:-y}\n";
      await Deno.writeTextFile(script, line, { append: true });
      await release.package();
      const platformFiles = async (name: string) => {
        const names: string[] = [];
        for await (const member of readTar(join(release.output, "release-tars", name))) {
          names.push(member.name);
        }
        return names.filter((name) => name.startsWith("kubernetes/platforms/")).length;
      };
      assertEquals(await platformFiles("kubernetes-test-portable.tar.gz"), 0);
      assert(await platformFiles("kubernetes-test.tar.gz") > 0);
    }),
});

Deno.test({
  name:
    `packageTarballs() writes down where version and time are from, and what is not as expected${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const list = async () =>
        JSON.parse(await Deno.readTextFile(join(release.output, "release-tars/artifacts.json")));
      await release.package();
      const first = await list();
      assertEquals([first.versionFrom, first.epochFrom], ["git", "commit"]);
      const scratch = first.notes as string[];
      assert(
        scratch.length > 0 && scratch.every((note) => note.startsWith("Images are made from")),
      );

      assertStringIncludes(
        release.log(),
        "WARNING: Images are made from scratch, without their base images:\n",
      );
      assertStringIncludes(release.log(), "--base-image");

      // Nothing is made again for it, but the list says it.
      const note = "The version is that of KUBE_GIT_VERSION";
      const provenance = { version: "KUBE_GIT_VERSION", time: "SOURCE_DATE_EPOCH", notes: [note] };
      const second = await release.package({ provenance });
      assertEquals(madeAnew(second), []);
      const { versionFrom, epochFrom, notes, artifacts } = await list();
      assertEquals([versionFrom, epochFrom], ["KUBE_GIT_VERSION", "SOURCE_DATE_EPOCH"]);
      assertEquals(notes, [note, ...scratch]);
      assertEquals(artifacts, first.artifacts);

      // A tree that claims to be clean, and no git that could archive it.
      await Deno.remove(join(release.root, ".git"), { recursive: true });
      await release.package();
      const said = (await list()).notes as string[];
      assert(
        said.some((line) => line.startsWith("kubernetes-src.tar.gz holds the files")),
        `${said}`,
      );
    }),
});

Deno.test({
  name: `packageTarballs() does not warn about images from scratch that are expected${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      await release.package({ scratchExpected: true });
      const log = release.log();
      assertStringIncludes(log, "Making images from scratch, without base images\n");
      assertEquals([log.includes("WARNING"), log.includes("--base")], [false, false]);
    }),
});

Deno.test({
  name: `packageTarballs() makes again only what holds a changed program${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const first = await release.package();
      await release.change("kube-proxy", noise((1 << 20) + 7, 99));
      const second = await release.package();
      const expected = [
        "kube-proxy.tar",
        "kubernetes-node-linux-amd64.tar.gz",
        "kubernetes-server-linux-amd64.tar.gz",
      ];
      assertEquals(madeAnew(second), expected);
      for (const { path, sha256, reused } of second) {
        const bytes = await Deno.readFile(join(release.root, path));
        assertEquals(createHash("sha256").update(bytes).digest("hex"), sha256, path);
        assertEquals(digests(first)[path] === sha256, reused, path);
      }
    }),
});

Deno.test({
  name: `packageTarballs() sees a change that keeps size and time${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      await release.package();
      // Deno gives whole seconds of the time of a status change.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      const path = join(release.output, "dockerized/bin/linux/amd64/kubectl");
      const { mtime, size } = await Deno.stat(path);
      await Deno.writeFile(path, noise(size, 77));
      await Deno.utime(path, mtime!, mtime!);
      assertEquals((await Deno.stat(path)).mtime, mtime);
      const names = madeAnew(await release.package());
      assert(names.includes("kubernetes-client-linux-amd64.tar.gz"), names.join());
      assert(!names.includes("kubernetes-src.tar.gz"), names.join());
    }),
});

Deno.test({
  name: `packageTarballs() makes again what was touched in the output${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const first = await release.package();
      const tars = join(release.output, "release-tars");
      const all = first.map(({ path }) => path.split("/").at(-1)).sort();
      const damages: [() => Promise<void>, (string | undefined)[]][] = [
        [() => Deno.truncate(join(tars, "kubernetes.tar.gz"), 100), ["kubernetes.tar.gz"]],
        [() => Deno.remove(join(release.output, "release-stage/full/kubernetes/version")), []],
        [() => Deno.writeTextFile(join(tars, "other"), ""), []],
        [() => Deno.remove(join(tars, "SHA256SUMS")), []],
        [() => Deno.writeTextFile(join(release.output, ".kbuild-cache/artifacts.json"), "{"), all],
      ];
      const listed = () => [...Deno.readDirSync(tars)].map(({ name }) => name).sort();
      const names = listed();
      for (const [damage, expected] of damages) {
        await damage();
        const again = await release.package();
        assertEquals(madeAnew(again), expected);
        assertEquals(digests(again), digests(first));
        assertEquals(listed(), names);
        assert(Deno.statSync(join(release.output, "release-stage/full/kubernetes/version")).isFile);
      }
    }),
});

Deno.test({
  name: `packageTarballs() gives the same bytes for all jobs and any cache${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const first = digests(await release.package({ jobs: 1 }));
      for (const jobs of [2, 8]) {
        for (const directory of [".kbuild-cache", "release-tars"]) {
          await Deno.remove(join(release.output, directory), { recursive: true });
          assertEquals(digests(await release.package({ jobs })), first);
        }
      }
      assertNotEquals(digests(await release.package({ epoch: 1600000001 })), first);
      const level = await release.package({ compressionLevel: 1 });
      assertNotEquals(digests(level), first);
      assertEquals(digests(await release.package({ cacheLimit: 0 })), first);
      // The note of what was made is not a block.
      const left = await Array.fromAsync(walk(join(release.output, ".kbuild-cache")));
      const names = left.filter(({ isFile }) => isFile).map(({ name }) => name);
      assertEquals(names, ["artifacts.json"]);
    }),
});

Deno.test({
  name: `packageTarballs() writes checksums that fit${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const artifacts = await release.package();
      const tars = join(release.output, "release-tars");
      for (const algorithm of ["sha256", "sha512"]) {
        const sums = await Deno.readTextFile(join(tars, `${algorithm.toUpperCase()}SUMS`));
        const lines = sums.trimEnd().split("\n").map((line) => line.split("  "));
        assertEquals(lines.length, artifacts.filter(({ kind }) => kind === "tarball").length);
        for (const [digest = "", name = ""] of lines) {
          const bytes = await Deno.readFile(join(tars, name));
          assertEquals(createHash(algorithm).update(bytes).digest("hex"), digest);
          assertEquals(await Deno.readTextFile(join(tars, `${name}.${algorithm}`)), digest);
        }
      }
      const list = JSON.parse(await Deno.readTextFile(join(tars, "artifacts.json")));
      assertEquals([list.version, list.epoch], [VERSION, 1600000000]);
      for (const { path, size } of list.artifacts) {
        assertEquals((await Deno.stat(join(release.output, path))).size, size);
      }
      assertEquals(list.artifacts.length, artifacts.length);
      for (const shown of [artifacts, list.artifacts] as readonly (readonly Artifact[])[]) {
        const proxy = shown.find(({ path }) => path.endsWith("/kube-proxy.tar"));
        assertEquals(proxy?.repoTags, [`k8s.gcr.io/kube-proxy-amd64:${VERSION}`]);
      }
    }),
});

Deno.test({
  name: `packageTarballs() keeps times and modes of files for strict parity${because}`,
  ignore: because !== "",
  fn: () =>
    withRelease(async (release) => {
      const program = join(release.output, "dockerized/bin/linux/amd64/kubectl");
      await Deno.utime(program, 1234567890, 1234567890);
      await Deno.chmod(program, 0o700);
      const path = "release-tars/kubernetes-client-linux-amd64.tar.gz";
      const kubectl = async () => {
        for await (const member of readTar(join(release.output, path))) {
          if (member.name.endsWith("/kubectl")) return [member.mtime, member.mode];
        }
        return undefined;
      };
      await release.package({ strictParity: true });
      assertEquals(await kubectl(), [1234567890, 0o700]);
      await release.package();
      assertEquals(await kubectl(), [1600000000, 0o755]);
    }),
});
