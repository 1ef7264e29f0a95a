/** A named pipe where a file belongs is refused with its path; nothing waits for a writer. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { AMD64, madeUpCheckout, PROGRAMS } from "../e2e/_packaging.ts";
import { ended, inScratch, kbuildArgv, output, start, unless, which } from "../e2e/_program.ts";

/** Far more than any of these commands takes on a loaded machine. */
const HANGS_MS = 120_000;

const PACKAGE = ["package-tarballs", ...AMD64];

interface Case {
  readonly name: string;
  /** Where the pipe is: below the checkout. */
  readonly pipe: string;
  readonly args: (path: string) => readonly string[];
  /** Makes the tree dirty: its source tarball then lists files. */
  readonly dirty?: boolean;
  /** The message, before "it is a named pipe"; default: `Cannot read "PATH": `. */
  readonly says?: (path: string) => string;
}

const read = (path: string) => `Cannot read "${path}": `;
const configuration = (path: string) => `Cannot read the configuration "${path}": `;
const archive = (path: string) => `Cannot archive "${path}": `;

const CASES: readonly Case[] = [
  { name: "a packed directory", pipe: "cluster/pipe", args: () => PACKAGE, says: archive },
  { name: "the sources", pipe: "pkg/pipe", args: () => PACKAGE, dirty: true, says: archive },
  {
    name: "the build context of an image",
    pipe: `${PROGRAMS}/kube-proxy`,
    args: () => PACKAGE,
  },
  { name: "kbuild.toml", pipe: "kbuild.toml", args: () => ["inspect"], says: configuration },
  {
    name: "a script of the checkout",
    pipe: "hack/lib/golang.sh",
    args: () => ["inspect"],
    says: () => 'Cannot read "hack/lib/golang.sh" of the checkout: ',
  },
  {
    name: "the script of the version",
    pipe: "hack/lib/version.sh",
    args: () => ["version"],
    says: () => 'Cannot read "hack/lib/version.sh" of the checkout: ',
  },
  {
    name: "--config",
    pipe: "pipe",
    args: (path) => ["inspect", "--config", path],
    says: configuration,
  },
  {
    name: "--ca-file",
    pipe: "pipe",
    args: (path) => [
      ...["toolchain", "install", "1.99.9", "--ca-file", path],
      "KBUILD_GO_MIRROR=https://127.0.0.1:9/go",
    ],
    says: (path) => `Cannot read the certificates in "${path}": `,
  },
  {
    name: "--base-image",
    pipe: "pipe",
    args: (path) => [...PACKAGE, "--base-image", `go-runner=${path}`],
  },
  {
    name: "a version file",
    pipe: "pipe",
    args: (path) => ["version", `KUBE_GIT_VERSION_FILE=${path}`],
    says: (path) => `Cannot read KUBE_GIT_VERSION_FILE "${path}": `,
  },
  { name: "compare", pipe: "pipe", args: (path) => ["compare", path, path] },
  {
    name: "verify-release",
    pipe: "files/a.tar.gz",
    args: (path) => ["verify-release", `${path}/..`],
  },
  {
    name: "the lock",
    pipe: "_output/.kbuild.lock",
    args: () => ["all", "cmd/kubectl"],
    says: (path) => `Cannot lock "${path}": `,
  },
  { name: "images", pipe: "pipe.tar", args: (path) => ["images", "list", path] },
];

Deno.test({
  ...unless(
    which("git") === undefined ? "needs git" : which("mkfifo") === undefined && "needs mkfifo",
    "kbuild refuses a named pipe wherever it reads a file, and does not wait",
  ),
  async fn(t) {
    await inScratch(async (dir) => {
      const root = await madeUpCheckout(join(dir, "kubernetes"), 0.004);
      for (const { name, pipe, args, dirty = false, says = read } of CASES) {
        await t.step(name, async () => {
          const path = join(root, pipe);
          const real = await Deno.stat(path).then(() => Deno.readFile(path), () => undefined);
          if (real !== undefined) await Deno.remove(path);
          await Deno.mkdir(join(path, ".."), { recursive: true });
          await output(["mkfifo", path]);
          if (dirty) await Deno.writeTextFile(join(root, "pkg/new.go"), "package pkg\n");
          try {
            const child = start(kbuildArgv(...args(path)), { cwd: root });
            const timer = setTimeout(() => child.kill("SIGKILL"), HANGS_MS);
            const { code, signal, stdout, stderr } = await ended(child);
            clearTimeout(timer);
            assertEquals([signal, code === 0], [null, false], `${name}\n${stderr}`);
            assertStringIncludes(stderr + stdout, `${says(path)}it is a named pipe`, name);
          } finally {
            await Deno.remove(path);
            if (real !== undefined) await Deno.writeFile(path, real, { mode: 0o755 });
            if (dirty) await Deno.remove(join(root, "pkg/new.go"));
          }
        });
      }
    });
  },
});
