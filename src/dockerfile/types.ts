/** Files or directories that an instruction copies into the image. */
export interface ImageCopy {
  /** Tells it from the other changes. */
  readonly kind: "copy";
  /** Path in the build context, "." for all of it; in a stage or another image an absolute path. */
  readonly source: string;
  /** Where the source is: a stage by its number, or an image; undefined for the build context. */
  readonly from: { readonly stage: number } | { readonly image: string } | undefined;
  /** Absolute path in the image; ends in "/" when the source goes into that directory. */
  readonly target: string;
  /** `--chmod`: permission bits. */
  readonly chmod: number | undefined;
  /** `--chown`: `USER[:GROUP]`. */
  readonly chown: string | undefined;
  /** Value of `security.capability`, where setcap was run on the file. */
  readonly capability: Uint8Array | undefined;
  /** Whether archives would be unpacked: ADD does that. */
  readonly unpacks: boolean;
}

/** A symbolic link that `RUN ln -s` makes. */
export interface ImageLink {
  /** Tells it from the other changes. */
  readonly kind: "link";
  /** Absolute path in the image. */
  readonly path: string;
  /** What it leads to, as written. */
  readonly target: string;
}

/** A directory that WORKDIR makes where it is missing. */
export interface ImageDirectory {
  /** Tells it from the other changes. */
  readonly kind: "directory";
  /** Absolute path in the image. */
  readonly path: string;
}

/** One instruction that changes files: a layer. */
export interface ImageStep {
  /** In the Dockerfile, counted from 1. */
  readonly line: number;
  /** What the image's history says of it: `COPY kube-proxy /usr/local/bin/kube-proxy`. */
  readonly createdBy: string;
  /** What happens to files, in this order. */
  readonly changes: readonly (ImageCopy | ImageLink | ImageDirectory)[];
}

/** What the instructions say of the image's configuration; see `ConfigChanges`. */
export interface ImageSettings {
  /** ENV: name to value. */
  readonly env: Readonly<Record<string, string>>;
  /** LABEL: name to value. */
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp`. */
  readonly ports: readonly string[];
  /** VOLUME: absolute paths. */
  readonly volumes: readonly string[];
  /** ENTRYPOINT, as a list of words. */
  readonly entrypoint: readonly string[] | undefined;
  /** CMD, as a list of words. */
  readonly cmd: readonly string[] | undefined;
  /** USER: `USER[:GROUP]`. */
  readonly user: string | undefined;
  /** WORKDIR: an absolute path. */
  readonly workingDir: string | undefined;
  /** STOPSIGNAL: `SIGTERM` or a number. */
  readonly stopSignal: string | undefined;
}

/** One FROM and all up to the next. */
export interface DockerfileStage {
  /** `FROM … AS name`. */
  readonly name: string | undefined;
  /** Image reference, or `scratch`; of a stage on another stage that one's. */
  readonly base: string;
  /** Architecture of `--platform`. */
  readonly arch: string | undefined;
  /** The instructions that change files. */
  readonly steps: readonly ImageStep[];
  /** What the other instructions say. */
  readonly settings: ImageSettings;
}

/** What a Dockerfile comes to. */
export interface DockerfilePlan {
  /** For messages: `build/server-image/Dockerfile`. */
  readonly path: string;
  /** Image reference of the image's own base, variables applied. */
  readonly base: string;
  /** All stages; the last one is the image. */
  readonly stages: readonly DockerfileStage[];
  /** Images that files are copied from, apart from the base image. */
  readonly taken: readonly string[];
}

/** What a base image brings that instructions can refer to. */
export interface BaseSettings {
  /** Its variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Its WORKDIR, an absolute path. */
  readonly workingDir: string | undefined;
}

/** Where a Dockerfile comes from, and what its build arguments are. */
export interface DockerfileOptions {
  /** For messages: `build/server-image/kube-apiserver/Dockerfile`. */
  readonly path: string;
  /** `--build-arg`: `BASEIMAGE`, `BINARY` …; they count where an ARG declares them. */
  readonly args: Readonly<Record<string, string>>;
  /** Go's word for what is built: "amd64". */
  readonly arch: string;
  /** By image reference, as far as they are known. */
  readonly bases?: Readonly<Record<string, BaseSettings>>;
}
