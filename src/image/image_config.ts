import { KbuildError } from "../errors.ts";
import type { BaseSettings, ImageSettings } from "../dockerfile/mod.ts";
import { isObject, objects, strings } from "./json.ts";
import type { Base, JsonObject } from "./types.ts";

/** What `docker build` puts first in the environment when the base has no PATH. */
const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Facts about the base's own making, not about running it. */
const NOT_INHERITED = ["Hostname", "Domainname", "Image"];

/** What an image changes in the configuration of its base; the words are the Dockerfile's. */
export interface ConfigChanges {
  /** Replaces the base's; its CMD is dropped then, as a Dockerfile does. */
  entrypoint?: readonly string[];
  /** Replaces the base's. */
  cmd?: readonly string[];
  /** Added to the base's, or put in place of the variable there. */
  env?: Readonly<Record<string, string>>;
  /** "65532", "nobody:nogroup". */
  user?: string;
  /** Absolute path in the image. */
  workdir?: string;
  /** Added to the base's. */
  labels?: Readonly<Record<string, string>>;
  /** Added to the base's: "443/tcp". */
  ports?: readonly string[];
  /** Added to the base's: absolute paths. */
  volumes?: readonly string[];
  /** "SIGTERM". */
  stopSignal?: string;
}

/** What a Dockerfile's instructions change. */
export function configChanges(settings: ImageSettings): ConfigChanges {
  const { cmd, entrypoint, env, labels, ports, stopSignal, user, volumes, workingDir } = settings;
  return {
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(cmd === undefined ? {} : { cmd }),
    ...(user === undefined ? {} : { user }),
    ...(workingDir === undefined ? {} : { workdir: workingDir }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...{ env, ports, volumes },
  };
}

/** What a Dockerfile can see of its base. */
export function baseSettings(base: Base): BaseSettings {
  const settings = isObject(base.config["config"]) ? base.config["config"] : {};
  const lines = strings(settings["Env"], "Env of the base");
  const workingDir = settings["WorkingDir"];
  return {
    env: Object.fromEntries(lines.map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)];
    })),
    workingDir: typeof workingDir === "string" && workingDir !== "" ? workingDir : undefined,
  };
}

/** What {@linkcode imageConfig} needs. */
export interface ImageConfigOptions {
  /** What to build upon. */
  base: Base;
  /** Go's word: "amd64". */
  arch: string;
  /** The only one that Kubernetes' images are made for. */
  os: "linux";
  /** Seconds since 1970. */
  created: number;
  /** The new layers, lowest first. */
  layers: readonly { diffID: string; createdBy: string }[];
  /** Changes to the base's settings. */
  changes: ConfigChanges;
}

/**
 * The configuration of an image that `FROM base`, a `COPY` a layer and the changed settings make.
 * Pure.
 *
 * @throws {KbuildError} The base has another architecture, or ONBUILD triggers, which only a builder
 * can run.
 */
export function imageConfig(options: ImageConfigOptions): JsonObject {
  const { base, arch, os, created, layers, changes } = options;
  const from = base.config;
  const had = from["architecture"];
  if (had !== undefined && had !== arch) {
    throw new KbuildError(
      `Cannot build for "${arch}" from base "${base.label}": it is for "${had}"`,
    );
  }
  const settings = isObject(from["config"]) ? from["config"] : {};
  if (strings(settings["OnBuild"], "ONBUILD of the base").length > 0) {
    throw new KbuildError(`Cannot use base image "${base.label}": it has ONBUILD triggers`);
  }
  const time = rfc3339(created);
  const variant = from["variant"] ?? (arch === "arm" ? "v7" : undefined);
  return {
    architecture: arch,
    ...(variant === undefined ? {} : { variant }),
    os,
    created: time,
    config: changeSettings(settings, changes, base.layers.length === 0),
    rootfs: {
      type: "layers",
      diff_ids: [...base.layers, ...layers].map(({ diffID }) => diffID),
    },
    history: [
      ...baseHistory(base, time),
      ...layers.map(({ createdBy }) => ({ created: time, created_by: createdBy })),
    ],
  };
}

/** "2023-11-14T22:13:20Z". */
export function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function changeSettings(from: JsonObject, changes: ConfigChanges, scratch: boolean): JsonObject {
  const { entrypoint, cmd, env = {}, user, workdir, labels } = changes;
  const { ports = [], volumes = [], stopSignal } = changes;
  const config: Record<string, JsonObject[string]> = {};
  for (const [key, value] of Object.entries(from)) {
    if (!NOT_INHERITED.includes(key)) config[key] = value;
  }
  config["Env"] = changeEnv(strings(from["Env"], "Env of the base"), env);
  if (scratch) config["WorkingDir"] ??= "/";
  if (entrypoint !== undefined) {
    config["Entrypoint"] = entrypoint;
    delete config["Cmd"];
  }
  if (cmd !== undefined) config["Cmd"] = cmd;
  if (user !== undefined) config["User"] = user;
  if (workdir !== undefined) config["WorkingDir"] = workdir;
  if (labels !== undefined) {
    config["Labels"] = { ...(isObject(from["Labels"]) ? from["Labels"] : {}), ...labels };
  }
  if (stopSignal !== undefined) config["StopSignal"] = stopSignal;
  addKeys(config, "ExposedPorts", ports);
  addKeys(config, "Volumes", volumes);
  return config;
}

/** Ports and volumes are keys of empty objects. */
function addKeys(
  config: Record<string, JsonObject[string]>,
  key: string,
  names: readonly string[],
) {
  if (names.length === 0) return;
  const had = isObject(config[key]) ? config[key] : {};
  config[key] = { ...had, ...Object.fromEntries(names.map((name) => [name, {}])) };
}

function changeEnv(
  from: readonly string[],
  changes: Readonly<Record<string, string>>,
): readonly string[] {
  const list = from.some((line) => line.startsWith("PATH=")) ? [...from] : [DEFAULT_PATH, ...from];
  for (const [key, value] of Object.entries(changes)) {
    const at = list.findIndex((line) => line.startsWith(`${key}=`));
    list.splice(at < 0 ? list.length : at, 1, `${key}=${value}`);
  }
  return list;
}

/** The base's history; filled up where it tells of fewer layers than there are. */
function baseHistory(base: Base, time: string): readonly JsonObject[] {
  const history = objects(base.config["history"], "history of the base");
  const told = history.filter((step) => step["empty_layer"] !== true).length;
  const untold = Math.max(0, base.layers.length - told);
  return [
    ...history,
    ...Array.from({ length: untold }, () => ({ created: time, created_by: "base layer" })),
  ];
}
