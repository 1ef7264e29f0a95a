import { assertEquals } from "@std/assert";
import { containerEnvironment } from "../../src/container/mod.ts";

const SETTINGS = {
  root: "/go/src/k8s.io/kubernetes",
  output: "_output/dockerized",
  home: "_output/dockerized/home",
  verbosity: 4,
  os: "linux",
  versionFile: "_output/dockerized/version",
};

/** What every command gets. */
const ALWAYS = {
  KUBE_OUTPUT_SUBPATH: "_output/dockerized",
  HOME: "/go/src/k8s.io/kubernetes/_output/dockerized/home",
  KUBE_GIT_VERSION_FILE: "/go/src/k8s.io/kubernetes/_output/dockerized/version",
  GIT_AUTHOR_EMAIL: "nobody@k8s.io",
  GIT_AUTHOR_NAME: "kube-build-image",
  KUBE_FASTBUILD: "false",
  KUBE_BUILDER_OS: "linux-gnu",
  KUBE_VERBOSE: "4",
};

Deno.test("containerEnvironment() hands in what the scripts hand in, and nothing else", () => {
  assertEquals(
    containerEnvironment({ HOME: "/home/me", SECRET: "x", GOFLAGS: "" }, SETTINGS),
    ALWAYS,
  );
  const set = {
    KUBE_FASTBUILD: "true",
    KUBE_BUILD_PLATFORMS: "linux/arm64 linux/amd64",
    KUBE_CGO_OVERRIDES: "a b",
    GOFLAGS: "-v -tags=x",
    GOLDFLAGS: "",
    GOPROXY: "https://proxy.example",
    KUBERNETES_HTTPS_PROXY: "http://proxy.example:3128",
    KUBERNETES_NO_PROXY: "",
    OSTYPE: "darwin23",
    https_proxy: "http://this-machine.example",
  };
  assertEquals(containerEnvironment(set, SETTINGS), {
    ...ALWAYS,
    KUBE_FASTBUILD: "true",
    KUBE_BUILDER_OS: "darwin23",
    KUBE_BUILD_PLATFORMS: "linux/arm64 linux/amd64",
    KUBE_CGO_OVERRIDES: "a b",
    GOFLAGS: "-v -tags=x",
    GOLDFLAGS: "",
    GOPROXY: "https://proxy.example",
    https_proxy: "http://proxy.example:3128",
  });
});

Deno.test("containerEnvironment() names no version file where there is no version", () => {
  const { KUBE_GIT_VERSION_FILE: _file, ...rest } = ALWAYS;
  assertEquals(containerEnvironment({}, { ...SETTINGS, versionFile: undefined }), rest);
  assertEquals(
    containerEnvironment({}, { ...SETTINGS, os: "darwin" })["KUBE_BUILDER_OS"],
    "darwin",
  );
});
