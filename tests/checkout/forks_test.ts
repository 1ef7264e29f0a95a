/** What forks do to a checkout: each change ends in a value with its source, or in a named refusal. */

import { assert, assertEquals } from "@std/assert";
import { type Checkout, eraTable, readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { CHECKOUT, COMMON, GOLANG, withFiles } from "./fixture.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";

async function read(
  change: (files: Record<string, string>) => void,
  body: (checkout: Checkout) => void,
): Promise<void> {
  const files: Record<string, string> = { ...CHECKOUT };
  change(files);
  await withFiles(files, async (root) => {
    body(await readCheckout(root, { variables: {}, hostArch: "amd64" }));
  });
}

function lineOf(text: string, part: string): number {
  return text.slice(0, text.indexOf(part)).split("\n").length;
}

Deno.test("readCheckout() names the list that a fork has in place of a missing one", async () => {
  const cases = [
    ["KUBE_CLIENT_TARGETS", "KUBE_CLIENT_PROGRAMS", ", but KUBE_CLIENT_PROGRAMS is"],
    ["KUBE_CLIENT_TARGETS", "MY_CLIENT_TARGETS", ", but MY_CLIENT_TARGETS is"],
    ["KUBE_CLIENT_TARGETS", "PROGRAMS", ""],
  ] as const;
  const { label, targets } = eraTable("workspace");
  for (const [name, renamed, hint] of cases) {
    const golang = GOLANG.replaceAll(name, renamed);
    await read((files) => files["hack/lib/golang.sh"] = golang, (checkout) => {
      const where = hint === "" ? "" : ` (hack/lib/golang.sh:${lineOf(golang, renamed)})`;
      assertEquals(checkout.refusals, [
        `hack/lib/golang.sh: ${name} is not assigned${hint}${where}; using the ${label}`,
      ]);
      assertEquals(checkout.targets.client, { value: targets.client, source: label });
    });
  }
});

Deno.test("readCheckout() gives the line of the last assignment", async () => {
  const golang = `${GOLANG}KUBE_MINE=(cmd/one)\nKUBE_MINE+=(cmd/two)\n` +
    'unset KUBE_TEST_X\nKUBE_ALL_TARGETS2=("${KUBE_MINE[@]}")\n';
  const more = GOLANG.replace(
    "readonly KUBE_CLIENT_TARGETS=(cmd/ctl)",
    "KUBE_CLIENT_TARGETS=(cmd/ctl)\nKUBE_CLIENT_TARGETS+=(\n  cmd/fork\n)",
  );
  await read((files) => files["hack/lib/golang.sh"] = golang, (checkout) => {
    assertEquals(checkout.refusals, []);
  });
  await read((files) => files["hack/lib/golang.sh"] = more, (checkout) => {
    assertEquals(checkout.targets.client, {
      value: ["cmd/ctl", "cmd/fork"],
      source: `hack/lib/golang.sh:${lineOf(more, "KUBE_CLIENT_TARGETS+=")}`,
    });
  });
});

Deno.test("readCheckout() knows platforms that Kubernetes does not build for", async () => {
  const golang = GOLANG
    .replace("(linux/amd64 linux/arm64)", "(linux/amd64 linux/arm64 linux/riscv64 linux/loong64)")
    .replace(
      '"${host_arch}" != "amd64" && "${host_arch}" != "arm64"',
      '"${host_arch}" != "amd64" && "${host_arch}" != *"64"',
    );
  const common = COMMON.replace(
    "  local targets=(\n",
    '  if [[ "$1" == riscv64 ]]; then echo "one,riscv/base other,riscv/other"; return; fi\n' +
      "  local targets=(\n",
  );
  await read((files) => {
    files["hack/lib/golang.sh"] = golang;
    files["build/common.sh"] = common;
  }, (checkout) => {
    assertEquals(checkout.refusals, []);
    assertEquals(checkout.platforms.server.value.slice(2), ["linux/riscv64", "linux/loong64"]);
    assertEquals(checkout.fastbuildArchitectures.value, ["amd64", "arm64", "riscv64", "loong64"]);
    assertEquals(checkout.wrappedBinaries.value[0]?.baseImages?.["riscv64"], "riscv/base");
    assertEquals(
      setupPlatforms(checkout, { fastbuild: true, hostArch: "riscv64" }).server,
      ["linux/riscv64"],
    );
    assertEquals(
      setupPlatforms(checkout, { buildPlatforms: "linux/loong64", hostArch: "amd64" }).server,
      ["linux/loong64"],
    );
  });
});

Deno.test("readCheckout() reads programs elsewhere than in cmd", async () => {
  await read((files) => {
    delete files["cmd/one/main.go"];
    files["hack/lib/golang.sh"] = GOLANG.replace(
      "local targets=(cmd/one",
      "local targets=(apps/one",
    );
    files["build/common.sh"] = COMMON.replace('"one,', '"extra,mine/base:1"\n    "one,');
  }, (checkout) => {
    assertEquals(checkout.refusals, []);
    assertEquals(checkout.targets.server.value[0], "apps/one");
    assertEquals(checkout.wrappedBinaries.value[0], {
      binary: "extra",
      baseImage: "mine/base:1",
    });
    assertEquals(checkout.dockerfiles.value.map(({ image }) => image), ["extra", "one", "other"]);
  });
});

Deno.test("readCheckout() says of each Git LFS pointer how to get the file", async () => {
  const paths = Object.keys(CHECKOUT).filter((path) => path.endsWith(".sh"));
  await read((files) => {
    for (const path of [...paths, ".go-version", "build/build-image/cross/VERSION"]) {
      files[path] = POINTER;
    }
  }, (checkout) => {
    for (const path of paths) {
      const told = checkout.refusals.filter((refusal) => refusal.startsWith(`${path}: `));
      assertEquals(told.length, 1, `${path}: ${checkout.refusals.join("\n")}`);
      assert(told[0]!.includes('run "git lfs pull"'), told[0]);
    }
    assertEquals(checkout.refusals.length, paths.length + 1);
    assertEquals(checkout.pinnedGo, undefined);
    assertEquals(checkout.minimumGo, { value: "1.22", source: "go.mod:3" });
    assertEquals(checkout.container.source, eraTable(checkout.era.name).label);
  });
});

Deno.test("readCheckout() tells how the checkout makes code, images and its container", async () => {
  const rsync = lineOf(COMMON, "  rsync -a");
  await read(() => {}, (checkout) => {
    assertEquals(checkout.generated.value, "committed");
    assertEquals(checkout.container, { value: "rsync", source: `build/common.sh:${rsync}` });
    assertEquals(checkout.dockerfiles.value, [{ image: "one" }, { image: "other" }]);
  });
  await read((files) => {
    files["hack/update-codegen.sh"] = "";
    files["build/common.sh"] = COMMON.replace("rsync -a", "docker run --volume .:/go");
    files["build/server-image/Dockerfile"] = "";
    files["build/server-image/one/Dockerfile"] = "";
    files["test/conformance/image/Dockerfile"] = "";
    files["build/lib/release.sh"] += 'docker_file_path="x"\n';
  }, (checkout) => {
    assertEquals(checkout.generated, { value: "committed", source: "hack/update-codegen.sh" });
    assertEquals(checkout.container, { value: "bind-mount", source: `build/common.sh:${rsync}` });
    assertEquals(checkout.dockerfiles, {
      value: [
        { image: "one", path: "build/server-image/one/Dockerfile" },
        { image: "other", path: "build/server-image/Dockerfile" },
        { image: "conformance", path: "test/conformance/image/Dockerfile" },
      ],
      source: "build/lib/release.sh:4",
    });
  });
  await read((files) => files["build/root/Makefile.generated_files"] = "", (checkout) => {
    assertEquals(checkout.generated, {
      value: "makefile",
      source: "build/root/Makefile.generated_files",
    });
  });
});

Deno.test("readCheckout() tells what the build container starts from, and its name", async () => {
  const withoutImage = COMMON.split("\n").filter((line) => !/^KUBE_CROSS_/.test(line)).join("\n");
  const names = `
readonly KUBE_BUILD_IMAGE_REPO=kube-build
readonly KUBE_BUILD_IMAGE_VERSION_BASE="$(cat "\${KUBE_ROOT}/build/build-image/VERSION")"
readonly KUBE_BUILD_IMAGE_VERSION="\${KUBE_BUILD_IMAGE_VERSION_BASE}-\${KUBE_BUILD_IMAGE_CROSS_TAG}"
kube::build::verify_prereqs() {
  KUBE_GIT_BRANCH=$(git symbolic-ref --short -q HEAD 2>/dev/null || true)
  KUBE_BUILD_CONTAINER_NAME="kube-build-\${KUBE_ROOT_HASH}-\${KUBE_BUILD_IMAGE_VERSION}"
}
`;
  const tag = "v1.30.0-go1.22.5-bullseye.0";
  const line = withoutImage.split("\n").length + 6;
  const froms: readonly (readonly [from: string, image: string | undefined])[] = [
    [
      "# FROM x\nFROM registry.example/cross:KUBE_BUILD_IMAGE_CROSS_TAG",
      `registry.example/cross:${tag}`,
    ],
    [
      "ARG KUBE_BUILD_IMAGE_CROSS_TAG\nFROM ${KUBE_BASE_IMAGE_REGISTRY}/cross:${KUBE_BUILD_IMAGE_CROSS_TAG}",
      `registry.example/base/cross:${tag}`,
    ],
    ["FROM $UNKNOWN/cross:1", undefined],
    ["# nothing", undefined],
  ];
  for (const [from, image] of froms) {
    await read((files) => {
      files["build/common.sh"] = withoutImage + names;
      files["build/build-image/VERSION"] = "5\n";
      files["build/build-image/Dockerfile"] = `${from}\n`;
    }, (checkout) => {
      const source = "build/build-image/Dockerfile:2";
      assertEquals(checkout.crossImage, image === undefined ? undefined : { value: image, source });
      assertEquals(checkout.containerNames, {
        value: { version: `5-${tag}`, hasBranch: true, imageRepository: "kube-build" },
        source: `build/common.sh:${line}`,
      });
    });
  }
  await read((files) => {
    files["build/common.sh"] = COMMON.replace("rsync -a", "docker run --volume .:/go") +
      '  KUBE_BUILD_CONTAINER_NAME="${KUBE_BUILD_CONTAINER_NAME_BASE}-7"\n';
  }, (checkout) => {
    assertEquals(checkout.containerNames.value, { version: "7", hasBranch: false });
  });
});
