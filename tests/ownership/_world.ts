/** A directory with a checkout, a home, other people's directories, and everything known of them. */
import { dirname, join } from "@std/path";
import { walk } from "@std/fs";
import { createHash } from "node:crypto";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { createShell } from "../../src/shell/mod.ts";

const PATH = Deno.env.get("PATH") ?? "";
export const HEX: string = "ab".repeat(32);

/** Files by path; the content is the path. */
const FILES: readonly string[] = [
  ...["cmd/a.go", "hack/lib/golang.sh", "Makefile", "_output-tracked/local/keep.txt"],
  ...["tracked-out/release-tars/a.tar.gz", "pkg/release-stage/a.go"],
];

/** Nobody tracks these, and kbuild did not make them. */
const FOREIGN: readonly string[] = [
  ...["k8s/mine/notes", "k8s/mine/release-tars/a", "k8s/mine/.kbuild-tmp-1/a"],
  ...["k8s/usr/bin/tool", "k8s/usr/local/share/a"],
  ...["k8s/ünï/notes", "k8s/new\nline/notes", "k8s/$(x)/notes", "k8s/-rf/notes", "k8s/a file"],
  ...["k8s/_output/notes", "k8s/clone-in-it/.git-is-made", "home/notes", "home/bin/tool"],
  ...["home/go/go1.21.7.linux-amd64/bin/go", "home/go/pkg/a", `home/blobs/sha256/${HEX}`],
  ...["plain/notes", "plain/release-tars/a", "plain/local/a", "plain/bin/a"],
  ...["extra/oci-layout", "extra/index.json", "extra/src/a"],
  ...[`registry/blobs/sha256/${HEX}`, "registry/repositories/a"],
  ...["gopath/go/src/a.go", "bound/notes", "bound/release-tars/a", "other/cmd/b.go"],
];

/** Link in the checkout -> target. */
const LINKS: Readonly<Record<string, string>> = {
  "to-root": ".",
  "to-parent": "..",
  "to-fs": "/",
  "to-git": ".git",
  "to-cmd": "cmd",
  "to-home": "../home",
  "to-other": "../other",
  "to-plain": "../plain",
  "to-extra": "../extra",
  "to-disk": "../disk",
  chain: "to-cmd",
  loop: "loop",
  dead: "nowhere/at/all",
  "tracked-link": "../disk",
};

/** What a test of ownership works in. */
export interface World {
  readonly dir: string;
  readonly root: string;
  readonly home: string;
  /** The context of one run, with more variables. */
  context(env?: Record<string, string>, cwd?: string): KubeContext;
  /** Path below the world -> what is there. */
  snapshot(): Promise<Readonly<Record<string, string>>>;
}

/** Makes the world for one test. */
export async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-own ü " }));
  const [root, home] = [join(dir, "k8s"), join(dir, "home")];
  const shell = createShell({ cwd: dir, env: { PATH, HOME: home } });
  const git = (cwd: string, ...args: string[]) =>
    shell.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd });
  try {
    for (const path of [...FILES.map((path) => `k8s/${path}`), ...FOREIGN]) {
      await Deno.mkdir(dirname(join(dir, path)), { recursive: true });
      await Deno.writeTextFile(join(dir, path), path);
    }
    for (const path of ["disk", "empty"]) await Deno.mkdir(join(dir, path));
    for (const [path, target] of Object.entries(LINKS)) {
      await Deno.symlink(target, join(root, path));
    }
    await git(root, "init", "--quiet");
    await git(root, "add", "--force", "--", ...FILES, "tracked-link");
    await git(root, "commit", "--quiet", "--message=all");
    await git(join(dir, "other"), "init", "--quiet");
    await git(join(dir, "other"), "add", ".");
    await work({
      dir,
      root,
      home,
      context: (env = {}, cwd = root) =>
        createContext({
          root,
          cwd,
          env: { PATH, HOME: home, ...env },
          log: createLogger({ write: () => {} }),
          shell,
          host: "linux/amd64",
        }),
      snapshot: () => snapshot(dir),
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function snapshot(dir: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const { path, isFile, isSymlink } of walk(dir)) {
    found[path.slice(dir.length)] = isSymlink
      ? `link to ${await Deno.readLink(path)}`
      : isFile
      ? createHash("sha256").update(await Deno.readFile(path)).digest("hex")
      : "directory";
  }
  return found;
}
