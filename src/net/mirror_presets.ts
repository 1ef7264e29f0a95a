/**
 * Rules for public mirrors that are commonly used, by name; none is on unless it is asked for
 * (`--mirror preset:daocloud`). Their operators promise nothing to kbuild: digests decide.
 */
export const PRESETS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  /** The registries that Kubernetes moved away from, served by the present one (kubernetes.io, 2023). */
  "moved": [
    "k8s.gcr.io=registry.k8s.io",
    "gcr.io/google_containers=registry.k8s.io",
    "gcr.io/google-containers=registry.k8s.io",
  ],
  "daocloud": [
    "docker.io=docker.m.daocloud.io",
    "registry.k8s.io=k8s.m.daocloud.io",
    "k8s.gcr.io=k8s.m.daocloud.io",
    "gcr.io/google_containers=k8s.m.daocloud.io",
    "gcr.io/google-containers=k8s.m.daocloud.io",
    "gcr.io=gcr.m.daocloud.io",
    "ghcr.io=ghcr.m.daocloud.io",
    "quay.io=quay.m.daocloud.io",
  ],
  "aliyun": [
    "registry.k8s.io=registry.aliyuncs.com/google_containers",
    "k8s.gcr.io=registry.aliyuncs.com/google_containers",
    "gcr.io/google_containers=registry.aliyuncs.com/google_containers",
    "gcr.io/google-containers=registry.aliyuncs.com/google_containers",
    "dl.google.com/go=https://mirrors.aliyun.com/golang",
  ],
  "golang-cn": ["dl.google.com/go=https://golang.google.cn/dl"],
});
