/** A container engine that answers. */
export interface Engine {
  /** Whose command line it has; a `docker` that is podman counts as podman. */
  readonly kind: "docker" | "podman";
  /** The words that start its client: `docker`, and what `DOCKER_OPTS` adds. */
  readonly program: readonly string[];
  /** Version of the engine. */
  readonly version: string;
  /** Architecture of its containers, as Go writes it: `amd64`. */
  readonly arch: string;
  /** Whether it runs without root, so that root in a container is the user outside. */
  readonly rootless: boolean;
  /** Whether users in containers are others outside (`userns-remap` of docker). */
  readonly remapsUsers: boolean;
  /** Whether SELinux keeps containers from files that have no label for them. */
  readonly selinux: boolean;
  /** Whether `run --rm` of its client loses the command's status: docker's client, and podman behind its socket. */
  readonly losesStatus: boolean;
  /** Whether it has a first program for containers, which hands on signals (`--init`). */
  readonly hasInit: boolean;
  /** Where it is: `unix:///var/run/docker.sock`, `tcp://build:2376`; undefined: on this machine. */
  readonly endpoint: string | undefined;
  /** Whether it is on another machine, so that it does not see the files of this one. */
  readonly isRemote: boolean;
}

/** A file system of a container. */
export type Mount =
  /** A file or directory of this machine; both absolute. */
  | {
    readonly type: "bind";
    readonly source: string;
    readonly target: string;
    readonly readOnly: boolean;
  }
  /** A volume of the engine, which it makes if there is none. */
  | { readonly type: "volume"; readonly source: string; readonly target: string }
  /** An empty directory that everybody may write to, in memory. */
  | { readonly type: "tmpfs"; readonly target: string };

/** A container for one command, as {@linkcode runArguments} writes it. */
export interface ContainerRun {
  /** Its name. */
  readonly name: string;
  /** Image that it starts from. */
  readonly image: string;
  /** The name that it knows itself by. */
  readonly hostname: string;
  /** Checkout that it belongs to; absolute. */
  readonly root: string;
  /** What tells the checkout from others with the same path. */
  readonly identity: string;
  /** Who the command runs as, outside of a rootless engine. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** In order. */
  readonly mounts: readonly Mount[];
  /** What the command sees beyond the image's own variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory of the command; absolute. */
  readonly workdir: string;
  /** `DOCKER_CGROUP_PARENT`. */
  readonly cgroupParent: string | undefined;
  /** Whether the command's stdin is a terminal. */
  readonly terminal: boolean;
  /** The command and its arguments; empty ones count. */
  readonly command: readonly string[];
}
