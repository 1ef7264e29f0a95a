/**
 * A real Docker engine for tests of images: bases made of this machine's busybox, the builders that the
 * checkouts' scripts start, and what comes out of both sides in a form to compare.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import {
  bytesEntry,
  fileEntry,
  listTree,
  readFileChunks,
  readTar,
  streamTar,
} from "../../src/archive/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import type { Docker } from "../real/_docker.ts";
import { ENV, output, run, script, which } from "./_program.ts";

export { Docker, importImage, NEEDS_DOCKER } from "../real/_docker.ts";

/** The first program of that name in PATH or where `go install` puts it. */
export function tool(name: string): string | undefined {
  const home = Deno.env.get("HOME") ?? "/";
  return which(name) ?? which(name, Deno.env.get("GOBIN") ?? join(home, "go/bin"));
}

/** What a test says where the builder of 1.21 and later is missing. */
export const NEEDS_BUILDX = "needs docker buildx";

/** The plugin of docker that builds images, where Debian or `go install` has put it. */
export function findBuildx(): string | undefined {
  return which("docker-buildx", "/usr/libexec/docker/cli-plugins") ??
    which("docker-buildx", "/usr/lib/docker/cli-plugins") ?? tool("docker-buildx") ??
    tool("buildx");
}

/**
 * Makes a `docker` that leaves out `--pull` (no test may ask a registry) and has buildx, where that
 * is there.
 *
 * @returns Variables for the scripts.
 */
export async function makeBuilder(
  docker: Docker,
  dir: string,
): Promise<Readonly<Record<string, string>>> {
  const bin = join(dir, "bin");
  const config = join(dir, "config");
  await Deno.mkdir(bin, { recursive: true });
  await Deno.mkdir(join(config, "cli-plugins"), { recursive: true });
  const buildx = findBuildx();
  if (buildx !== undefined) await Deno.symlink(buildx, join(config, "cli-plugins/docker-buildx"));
  const prepare = buildx === undefined ? "export DOCKER_BUILDKIT=0" : "";
  dockerWithout(bin, "$word == --pull || $word == --pull=*", prepare);
  return { ...docker.env, DOCKER_CONFIG: config, PATH: `${bin}:${Deno.env.get("PATH")}` };
}

/** Writes a `docker` that leaves words out and hands the others on. */
function dockerWithout(bin: string, words: string, prepare = ""): void {
  script(join(bin, "docker"), "");
  Deno.writeTextFileSync(
    join(bin, "docker"),
    `#!/bin/bash
words=()
for word; do [[ ${words} ]] || words+=("$word"); done
${prepare}
exec '${which("docker")}' "\${words[@]}"
`,
  );
}

/**
 * Imports a stand-in for each base image: busybox, a few users, settings that images inherit, and for
 * the setcap image setcap with its libraries. The programs are this machine's, for all architectures.
 *
 * @param foreign Architectures of those that are not for amd64, and what {@linkcode makeBuilder} made:
 * `docker import` knows this machine's architecture alone, so buildx makes them.
 * @returns Reference -> its archive.
 */
export async function importBases(
  docker: Docker,
  dir: string,
  references: readonly string[],
  foreign?: { archs: ReadonlyMap<string, string>; builder: Readonly<Record<string, string>> },
): Promise<Readonly<Record<string, string>>> {
  const archives: Record<string, string> = {};
  for (const [index, reference] of [...new Set(references)].entries()) {
    const root = join(dir, `base-${index}`);
    const make = `mkdir -p "$1" && cd "$1" && mkdir -p bin etc usr/bin usr/local tmp w &&
chmod 1777 tmp && chmod 775 usr/local && cp "$(command -v busybox)" bin/busybox &&
for name in sh ls cat ln mkdir cp bash; do ln -s busybox bin/$name; done && ln -s usr/bin sbin &&
printf 'root:x:0:0:root:/root:/bin/sh\\nnobody:x:65534:65533::/:\\n' > etc/passwd &&
printf 'root:x:0:\\nstaff:x:50:\\n' > etc/group && echo "$2" > etc/base &&
echo tool > usr/bin/tool && chmod 750 usr/bin/tool && chown 7:8 usr/bin/tool &&
ln usr/bin/tool usr/bin/same && ln -s tool usr/bin/link`;
    await output(["sh", "-c", make, "sh", root, reference]);
    await addProgram(root, "busybox");
    if (reference.includes("setcap")) await addProgram(root, "setcap");
    if (reference.includes("go-runner")) await addProgram(root, "getcap");
    const files = `${root}.tar`;
    await output(["tar", "-cf", files, "-C", root, "."]);
    const changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", `LABEL base=${reference}`];
    // Like go-runner: the image starts a program of its own.
    if (reference.includes("go-runner")) changes.push('ENTRYPOINT ["/go-runner"]', "WORKDIR /w");
    else changes.push('CMD ["sh"]', "ENV LANG=C.UTF-8");
    const arch = foreign?.archs.get(reference) ?? "amd64";
    if (arch === "amd64") {
      await docker.import(readFileChunks(files), reference, changes);
    } else {
      const lines = ["FROM scratch", "ADD base.tar /", ...changes];
      const stdin = streamTar([
        bytesEntry("Dockerfile", new TextEncoder().encode(lines.join("\n")), { mtime: 0 }),
        await fileEntry("base.tar", files, { mtime: 0 }),
      ]);
      const { $ } = createShell({ cwd: dir, env: { ...ENV, ...foreign?.builder } });
      await $`docker buildx build --load --platform linux/${arch} -t ${reference} -`.with({
        stdin,
      });
    }
    archives[reference] = join(dir, `base-${index}.saved.tar`);
    await docker.run("save", "-o", archives[reference], reference);
  }
  return archives;
}

/**
 * Starts what kind takes for a node: a container with this machine's containerd. Tests of images need
 * no Kubernetes in it.
 *
 * @param cluster The cluster that kind shall find it in.
 * @returns Variables for kind, whose `docker` starts no privileged programs: containerd has the one
 * right that it needs, and not every engine may give all.
 */
export async function startKindNode(
  docker: Docker,
  dir: string,
  cluster: string,
): Promise<Readonly<Record<string, string>>> {
  const root = join(dir, "node");
  const make = `mkdir -p "$1" && cd "$1" && mkdir -p bin etc/containerd tmp run var/lib &&
cp "$(command -v busybox)" bin/busybox && ln -s busybox bin/sh &&
echo 'version = 2' > etc/containerd/config.toml && echo 'root:x:0:0::/:/bin/sh' > etc/passwd`;
  await output(["sh", "-c", make, "sh", root]);
  for (const name of ["busybox", "containerd", "ctr"]) await addProgram(root, name);
  const image = `${cluster}:node`;
  const files = streamTar(await listTree(root, { asOnDisk: true }));
  await docker.import(files, image, ["ENV PATH=/bin"]);
  await docker.run(
    ...["run", "--detach", "--rm", "--name", `${cluster}-control-plane`, "--network=none"],
    ...["--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined"],
    ...["--security-opt=apparmor=unconfined", "--volume=/var/lib/containerd"],
    ...["--label", `io.x-k8s.kind.cluster=${cluster}`],
    ...["--label", "io.x-k8s.kind.role=control-plane", image, "containerd"],
  );
  const bin = join(dir, "kind bin");
  await Deno.mkdir(bin);
  dockerWithout(bin, "$word == --privileged");
  const path = [bin, Deno.env.get("PATH"), dirname(tool("kind") ?? "/")].join(":");
  return { ...docker.env, PATH: path, KIND_CLUSTER_NAME: cluster };
}

/** A program of this machine with its libraries, as `/bin/NAME`. */
export async function addProgram(root: string, name: string): Promise<void> {
  const program = which(name) ?? which(name, "/usr/sbin:/sbin");
  if (program === undefined) return;
  const copy = `for file in "$2" $(ldd "$2" | grep -o '/[^ ]*'); do
mkdir -p "$1$(dirname "$file")" && cp -L "$file" "$1$file"; done && cp "$2" "$1/bin/$3"`;
  await output(["bash", "-c", copy, "bash", root, program, name]);
}

/** An image of an archive, in a form to compare. */
export interface ComparableImage {
  readonly repoTags: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  /** The layers below those that were added. */
  readonly base: readonly string[];
  /** Path -> type, mode, owner, link, contents, attributes: what the added layers together hold. */
  readonly files: Readonly<Record<string, string>>;
}

/** Reads what `docker save` or kbuild wrote, with `below` layers of a base. */
export async function comparable(archive: string, below: number): Promise<ComparableImage> {
  const documents = new Map<string, Uint8Array>();
  for await (const member of readTar(archive)) {
    if (member.size < 1 << 20 && member.type === "file") {
      documents.set(member.name, await member.bytes());
    }
  }
  const json = (name: string) => JSON.parse(new TextDecoder().decode(documents.get(name)));
  const [image] = json("manifest.json");
  const config = json(image.Config);
  const added: string[] = image.Layers.slice(below);
  const files: Record<string, string> = {};
  const layers = new Map<string, Record<string, string>>();
  for await (const member of readTar(archive)) {
    if (added.includes(member.name)) layers.set(member.name, await filesOf(member.chunks()));
    // Docker before 25 writes a layer that comes again as a link.
    if (member.type === "symlink") {
      const target = new URL(member.linkName ?? "", `file:///${member.name}`).pathname.slice(1);
      if (layers.has(target)) layers.set(member.name, layers.get(target)!);
    }
  }
  for (const layer of added) Object.assign(files, layers.get(layer) ?? { [layer]: "missing" });
  const settings = config.config ?? {};
  const used = [
    ...["Entrypoint", "Cmd", "Env", "User", "WorkingDir", "Labels", "ExposedPorts", "Volumes"],
    ...["StopSignal", "OnBuild", "Shell", "Healthcheck"],
  ];
  const isEmpty = (value: unknown) =>
    value === undefined || value === null || value === "" || JSON.stringify(value) === "[]" ||
    JSON.stringify(value) === "{}";
  return {
    repoTags: image.RepoTags,
    config: {
      architecture: config.architecture,
      os: config.os,
      ...Object.fromEntries(
        used.filter((key) => !isEmpty(settings[key])).map((key) => [key, settings[key]]),
      ),
    },
    base: config.rootfs.diff_ids.slice(0, below),
    files,
  };
}

async function filesOf(tar: AsyncIterable<Uint8Array>): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const member of readTar(tar)) {
    const { gid, linkName, mode, type, uid, xattrs = {} } = member;
    const hash = createHash("sha256");
    for await (const chunk of member.chunks()) hash.update(chunk);
    const attributes = Object.entries(xattrs).map(([name, value]) =>
      `${name}=${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`
    );
    const content = type === "file" ? hash.digest("hex").slice(0, 16) : "";
    // A link's mode means nothing, and tar programs write what they like.
    const bits = type === "symlink" ? "" : mode.toString(8);
    const words = [type, bits, `${uid}:${gid}`, linkName ?? "", content, ...attributes];
    files[member.name.replace(/^(\.?\/)+|\/$/g, "")] = words.filter((word) => word !== "").join(
      " ",
    );
  }
  delete files[""];
  return files;
}

/** Runs a program with an environment of its own; its stdout, or an error with all it said. */
export async function runWith(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd = "/",
): Promise<string> {
  const { code, stdout, stderr } = await run(argv, { env, cwd });
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}
