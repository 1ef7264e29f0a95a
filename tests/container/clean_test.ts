import { assertEquals } from "@std/assert";
import { disposalStarts, ownContainers, ownImages } from "../../src/container/mod.ts";
import { DOCKER } from "./_engines.ts";

const HASHES = ["bd493105f5", "7058fe85f0"];
const root = "/src/kubernetes";

/** A container as `inspect` prints it. */
function container(Name: string, more: Record<string, unknown> = {}) {
  const { labels = null, running = false, source = "/elsewhere" } = more;
  return {
    Name,
    State: { Running: running as boolean },
    Config: { Labels: labels as Record<string, string> | null, Image: "image:1" },
    Mounts: [{ Type: "bind", Source: source as string }],
  };
}

Deno.test("ownContainers() are those of the checkout, whoever made them", () => {
  const found = ownContainers([
    container("/kube-build-bd493105f5-5-v1.15.5-1"),
    container("kube-build-data-7058fe85f0-5-v1.15.5-1"),
    container("/kube-rsync-bd493105f5-6", { running: true }),
    container("/kube-build-0123456789-6", { source: root }),
    container("/kube-build-0123456789-6-2", { labels: { "kbuild.root": root }, running: true }),
    // Of another checkout, another user, and of a program that happens to have such a name.
    container("/kube-build-0123456789-6"),
    container("/kube-build-9876543210-6", { labels: { "kbuild.root": "/other" } }),
    container("/kube-apiserver", { source: root }),
    container("/my-kube-build-bd493105f5-6"),
    container("/kube-build-bd493105f5"),
  ], { root, hashes: HASHES });
  assertEquals(found.map(({ name, isRunning, isOwn }) => `${name} ${isRunning} ${isOwn}`), [
    "kube-build-bd493105f5-5-v1.15.5-1 false false",
    "kube-build-data-7058fe85f0-5-v1.15.5-1 false false",
    "kube-rsync-bd493105f5-6 true false",
    "kube-build-0123456789-6 false false",
    "kube-build-0123456789-6-2 true true",
  ]);
});

Deno.test("ownImages() are the build images of the scripts, on every branch", () => {
  const names = [
    "kube-build:build-bd493105f5-5-v1.15.5-1",
    "localhost/kube-build:build-7058fe85f0-5-v1.15.5-1",
    "kube-build:build-0123456789-5-v1.15.5-1",
    "mine/kube-build:build-bd493105f5-5-v1.15.5-1",
    "k8s.gcr.io/build-image/kube-cross:v1.15.5-1",
    "<none>:<none>",
  ];
  assertEquals(ownImages(names, { repository: "kube-build", hashes: HASHES }), names.slice(0, 2));
});

Deno.test("disposalStarts() are empty where there is nothing", () => {
  assertEquals(
    disposalStarts(DOCKER, {
      containers: [],
      volumes: [],
      images: [],
      withoutParents: false,
      left: ["x: y"],
    }),
    [],
  );
  assertEquals(
    disposalStarts(DOCKER, {
      containers: ["a", "b"],
      volumes: ["v"],
      images: ["c:d"],
      withoutParents: false,
      left: [],
    }),
    [
      ["docker", "rm", "--force", "--volumes", "a", "b"],
      ["docker", "volume", "rm", "v"],
      ["docker", "rmi", "c:d"],
    ],
  );
  const images = { containers: [], volumes: [], images: ["c:d"], withoutParents: true, left: [] };
  assertEquals(disposalStarts(DOCKER, images), [["docker", "rmi", "--no-prune", "c:d"]]);
});
