/**
 * The same inputs give the same bytes: packaging under everything that makes builds differ, and
 * under Debian's reprotest.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import {
  AMD64,
  CACHE_DIRECTORY,
  contentsOf,
  differences,
  madeUpCheckout,
  RELEASE_DIRECTORIES,
} from "./_packaging.ts";
import {
  copyTree,
  inScratch,
  kbuildArgv,
  missingFor,
  output,
  run,
  script,
  unless,
  which,
} from "./_program.ts";

const PACKAGE = ["package-tarballs", ...AMD64];

/** A thing that may differ between two builds. */
interface Variation {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly missing?: string | false | undefined;
  /** Words before the program's. */
  readonly prefix?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Parts of the last run that stay; default nothing. */
  readonly keeps?: readonly string[];
  /** Makes another checkout of the one that is there; returns where. */
  readonly prepare?: (root: string, dir: string) => Promise<string>;
  /** Looks whether the variation is real; runs with the same prefix and environment. */
  readonly check?: (runIn: (argv: readonly string[]) => Promise<string>) => Promise<void>;
}

const lacks = (program: string) => which(program) === undefined && `needs ${program}`;
const isRoot = Deno.uid() === 0;
const inShell = (words: string) => ["sh", "-c", `${words}; exec "$@"`, "sh"];
const copyTo = (name: string) => (root: string, dir: string) => copyTree(root, join(dir, name));

/** A copy on which a script is run in the checkout. */
const changed = (words: string) => async (root: string, dir: string) => {
  const copy = await copyTree(root, join(dir, "changed"));
  await output(["sh", "-ec", words], { cwd: copy });
  return copy;
};

const VARIATIONS: readonly Variation[] = [
  { name: "another path", prepare: copyTo("a much longer/path $(touch x) ünïcödé/k8s") },
  { name: "umask 0077", prefix: inShell("umask 0077") },
  { name: "umask 0002", prefix: inShell("umask 0002") },
  { name: "time zone", env: { TZ: "Pacific/Kiritimati" } },
  { name: "Turkish", env: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", LANGUAGE: "tr" } },
  { name: "no language", env: { LANG: "C", LC_ALL: "C" } },
  { name: "another HOME", env: { HOME: "/nonexistent" } },
  {
    name: "settings of tools that are not used",
    env: { GZIP: "-1", TAR_OPTIONS: "--mtime=@1", XZ_OPT: "-9", CDPATH: "/", POSIXLY_CORRECT: "1" },
  },
  { name: "1 job", flags: ["--jobs", "1"] },
  { name: "2 jobs", flags: ["--jobs", "2"] },
  { name: "8 jobs", flags: ["--jobs", "8"] },
  { name: "a full cache", keeps: [CACHE_DIRECTORY] },
  { name: "everything kept", keeps: [CACHE_DIRECTORY, ...RELEASE_DIRECTORIES] },
  {
    name: "blocks kept, but no record of artifacts",
    keeps: [CACHE_DIRECTORY],
    prepare: async (root) => {
      await Deno.remove(join(root, "_output", CACHE_DIRECTORY, "artifacts.json"));
      return root;
    },
  },
  {
    name: "other times of files",
    prepare: changed("find . -path ./.git -prune -o -exec touch -h -d @1234567890 {} +"),
  },
  {
    name: "other modes of files",
    prepare: changed("find . -path ./.git -prune -o ! -type l -exec chmod go-rwx,u+rw {} +"),
  },
  {
    name: "another user",
    missing: !isRoot ? "needs root" : lacks("setpriv"),
    prefix: ["setpriv", "--reuid=12345", "--regid=23456", "--clear-groups"],
    prepare: async (root, dir) => {
      const copy = await copyTree(root, join(dir, "user"));
      await Deno.mkdir(join(dir, "deno"));
      await output(["chown", "-R", "12345:23456", copy, join(dir, "deno")]);
      await output(["chmod", "755", dir]);
      return copy;
    },
    check: async (runIn) => assertEquals((await runIn(["id", "-u"])).trim(), "12345"),
  },
  {
    name: "a clock that is 400 days ahead",
    missing: lacks("faketime"),
    prefix: ["faketime", "-f", "+400d"],
    env: { FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    check: async (runIn) => {
      const ahead = Number(
        await runIn([Deno.execPath(), "eval", "console.log(Date.now() / 86400000)"]),
      );
      const days = Date.now() / 86_400_000;
      assert(Math.abs(ahead - days - 400) <= 1, `${ahead} is not 400 days after ${days}`);
    },
  },
  {
    name: "directories in another order",
    missing: !isRoot ? "needs root" : lacks("disorderfs") || (!hasFuse() && "needs /dev/fuse"),
    prepare: async (root, dir) => {
      const place = join(dir, "disorder");
      await Deno.mkdir(place);
      await output(["disorderfs", "--shuffle-dirents=yes", root, place]);
      const orders = await Promise.all(
        [root, place, place].map((path) => output(["ls", "-U", path])),
      );
      const sorted = (text: string) => text.split("\n").sort();
      assertEquals(sorted(orders[1]!), sorted(orders[0]!));
      assertNotEquals(orders[1], orders[0]);
      return place;
    },
  },
];

function hasFuse(): boolean {
  try {
    return Deno.statSync("/dev/fuse").isCharDevice === true;
  } catch {
    return false;
  }
}

Deno.test({
  ...unless(lacks("git"), "packaging gives the same bytes under"),
  fn: (t) =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.3);
      // A file that git does not know: the source tarball is then made of the directory.
      await Deno.writeTextFile(join(root, "pkg", "not known ü.txt"), "x\n");
      await pack(root, {});
      const wanted = contentsOf(join(root, "_output"));
      assert(Object.keys(wanted).length > 100);
      for (const variation of VARIATIONS) {
        const { name, missing } = variation;
        await t.step({
          ...unless(missing, name),
          fn: async () => {
            const made = await variation.prepare?.(root, dir) ?? root;
            await variation.check?.((argv) =>
              output([...variation.prefix ?? [], ...argv], variation)
            );
            await pack(made, variation, dir);
            assertEquals(differences(contentsOf(join(made, "_output")), wanted), []);
            if (made === root) return;
            await run(["umount", "-l", made]);
            await Deno.remove(made, { recursive: true });
          },
        });
      }

      await t.step("and other bytes when a program is another one", async () => {
        const program = join(root, "_output/dockerized/bin/linux/amd64/kubectl");
        const bytes = await Deno.readFile(program);
        bytes[2000]! ^= 1;
        await Deno.remove(program);
        await Deno.writeFile(program, bytes, { mode: 0o755 });
        await pack(root, {});
        const found = differences(contentsOf(join(root, "_output")), wanted);
        const client = "release-tars/kubernetes-client-linux-amd64.tar.gz";
        assert(found.includes(client), `${found}`);
      });
    }),
});

async function pack(root: string, variation: Partial<Variation>, dir = "/"): Promise<void> {
  const { prefix = [], flags = [], env = {}, keeps = [] } = variation;
  for (
    const name of [CACHE_DIRECTORY, ...RELEASE_DIRECTORIES].filter((name) => !keeps.includes(name))
  ) {
    await Deno.remove(join(root, "_output", name), { recursive: true }).catch(() => {});
  }
  const own = join(dir, "deno");
  // Another user needs a place of its own for what Deno keeps.
  const deno = dir !== "/" && await Deno.stat(own).catch(() => {}) ? { DENO_DIR: own } : {};
  await output([...prefix, ...kbuildArgv(...PACKAGE, ...flags)], {
    cwd: root,
    env: { ...deno, ...env },
  });
}

/**
 * Not varied: `domain_host` (needs user namespaces of its own), `user_group` (users that a machine
 * must learn of first; "another user" above does it).
 */
const VARY = "+all,-domain_host,-user_group";

/** Runs reprotest over what a script makes in a copy of `root`. */
async function reprotest(dir: string, root: string, body: string, artifacts: string) {
  const deno = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/", ".cache/deno");
  const command = script(
    join(dir, "make.sh"),
    `set -e
export DENO_DIR='${deno}' FORCE_HOST_GO=y FAKETIME_DONT_FAKE_MONOTONIC=1
# What is made is looked at, not the cache of an earlier run; Go keeps notes in HOME.
export GOCACHE=$(mktemp -d)
export XDG_CONFIG_HOME=$GOCACHE/config
trap 'rm -rf "$GOCACHE"' EXIT
# reprotest works on copies: git must be told that they may have another owner.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
${body}
`,
  );
  const tools = which("diffoscope") === undefined ? ["--no-diffoscope"] : [];
  const store = join(dir, "store");
  const argv = ["reprotest", ...tools, "--min-cpus", "1", `--vary=${VARY}`, "--store-dir", store];
  return await run([...argv, "-c", `sh ${command}`, root, artifacts], {
    env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin` },
  });
}

const quoted = (...args: string[]) => kbuildArgv(...args).map((word) => `'${word}'`).join(" ");

const needsReprotest = lacks("reprotest") || lacks("disorderfs") || lacks("faketime") ||
  (!isRoot && "needs root") || (!hasFuse() && "needs /dev/fuse");

Deno.test({
  ...unless(needsReprotest, "reprotest and diffoscope find no difference between two packagings"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.1);
      const { code, stdout, stderr } = await reprotest(
        dir,
        root,
        quoted(...PACKAGE),
        "_output/release-tars/*",
      );
      assertEquals(code, 0, stdout + stderr);
      assertMatch(stdout, /Reproduction successful/);
      assertMatch(stdout, /kubernetes-server-linux-amd64\.tar\.gz/);
    }),
});

// In a GOPATH (up to 1.29) Kubernetes says -trimpath=<the checkout>, and Go from 1.18 on writes flags
// into programs: there the path of the checkout would have to be the same.
Deno.test({
  ...unless(
    needsReprotest || missingFor("1.35"),
    "reprotest and diffoscope find no difference between two runs of kbuild demo, builds included",
  ),
  fn: () =>
    inScratch(async (dir) => {
      const root = join(dir, "empty");
      await Deno.mkdir(root);
      const { code, stdout, stderr } = await reprotest(
        dir,
        root,
        quoted("demo", "--era", "1.35", "--dir", "demo"),
        "demo/_output/release-tars/*",
      );
      assertEquals(code, 0, stdout + stderr);
      assertMatch(stdout, /Reproduction successful/);
    }),
});

Deno.test({
  ...unless(needsReprotest, "reprotest finds the time in an artifact, where there is one"),
  fn: () =>
    inScratch(async (dir) => {
      const root = join(dir, "empty");
      await Deno.mkdir(root);
      const body = "mkdir made && date +%N >made/time";
      const { code, stdout } = await reprotest(dir, root, body, "made/*");
      assertNotEquals(code, 0);
      assertMatch(stdout, /time/);
    }),
});
