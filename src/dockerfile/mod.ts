/**
 * Dockerfiles as data: the stages of an image, the steps that change files, and the settings,
 * planned without a builder and without any base image.
 *
 * @example
 * ```ts
 * import { dockerfile } from "@k8s/kbuild";
 *
 * const text = "ARG BASEIMAGE\nFROM ${BASEIMAGE}\nCOPY kube-proxy /usr/local/bin/\n";
 * const args = { BASEIMAGE: "registry.k8s.io/debian-base" };
 * const plan = dockerfile.planDockerfile(text, { path: "Dockerfile", args, arch: "amd64" });
 * console.log(plan.base, dockerfile.copiesOf(plan).map(dockerfile.destinationOf));
 * ```
 *
 * @module
 */

export { decodeCapabilities, encodeCapabilities } from "./capabilities.ts";
export { copiesOf, planDockerfile } from "./plan.ts";
export { destinationOf } from "./steps.ts";
export type {
  BaseSettings,
  DockerfileOptions,
  DockerfilePlan,
  DockerfileStage,
  ImageCopy,
  ImageDirectory,
  ImageLink,
  ImageSettings,
  ImageStep,
} from "./types.ts";
