import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Checkout,
  eraTable,
  readCheckout,
  type ReadCheckoutOptions,
} from "../../src/checkout/mod.ts";
import { CHECKOUT, COMMON, type Files, GOLANG, withFiles } from "./fixture.ts";

async function read(
  files: Files,
  body: (checkout: Checkout) => void,
  options: Partial<ReadCheckoutOptions> = {},
): Promise<void> {
  await withFiles(files, async (root) => {
    body(await readCheckout(root, { variables: {}, hostArch: "amd64", ...options }));
  });
}

function lineOf(text: string, part: string): number {
  return text.slice(0, text.indexOf(part)).split("\n").length;
}

function assertDeepFrozen(value: unknown, path = "checkout"): void {
  if (typeof value !== "object" || value === null) return;
  assert(Object.isFrozen(value), `${path} is not frozen`);
  for (const [key, item] of Object.entries(value)) assertDeepFrozen(item, `${path}.${key}`);
}

Deno.test("readCheckout() takes every value from the checkout's own files", async () => {
  await read(CHECKOUT, (checkout) => {
    assertEquals(checkout.refusals, []);
    const golang = (part: string) => `hack/lib/golang.sh:${lineOf(GOLANG, part)}`;
    assertEquals(checkout.goPackage, {
      value: "example.com/kube",
      source: golang("readonly KUBE_GO_PACKAGE"),
    });
    assertEquals(checkout.targets.server, {
      value: ["cmd/one", "vendor/example.com/two"],
      source: golang("read -ra KUBE_SERVER_TARGETS"),
    });
    assertEquals(checkout.targets.serverTest.value, ["cmd/mark", "test/e2e_node/e2e_node.test"]);
    assertEquals(checkout.targets.all.value, [
      "cmd/one",
      "vendor/example.com/two",
      "cmd/mark",
      "test/e2e_node/e2e_node.test",
    ]);
    assertEquals(checkout.targets.conformanceImage.value, ["test/e2e.test"]);
    assertEquals(checkout.platforms.client, {
      value: ["linux/amd64", "linux/arm64", "darwin/arm64"],
      source: golang("readonly KUBE_SUPPORTED_CLIENT"),
    });
    assertEquals(checkout.staticBinaries.value, ["one"]);
    assertEquals(checkout.minimumGo, {
      value: "1.22.3",
      source: golang("minimum_go_version=go"),
    });
    assertEquals(checkout.pinnedGo, { value: "1.22.6", source: ".go-version:1" });
    assertEquals(checkout.parallelBuildMemory.value, 20);
    assertEquals(checkout.versionPackages, {
      value: ["example.com/kube/vendor/example.com/a/version", "example.com/b/version"],
      source: "hack/lib/version.sh:7",
    });
    assertEquals(checkout.wrappedBinaries.value, [
      { binary: "one", baseImage: "registry.example/base/runner:2" },
      { binary: "other", baseImage: "registry.example/base/dynamic:1" },
    ]);
    assertEquals(checkout.imageRegistry, {
      value: "registry.example",
      source: "build/lib/release.sh:2",
    });
    assertEquals(checkout.fastbuildArchitectures.value, ["amd64", "arm64"]);
    assertEquals(checkout.useOfBuildPlatforms?.value, "narrows");
    assertEquals(checkout.dockerRegistry?.value, "registry.example");
    assertEquals(checkout.setcapImage?.value, "registry.example/base/setcap:3");
    assertEquals(
      checkout.crossImage?.value,
      "registry.example/base/cross:v1.30.0-go1.22.5-bullseye.0",
    );
    assertDeepFrozen(checkout);
  });
});

Deno.test("readCheckout() applies the variables, but for those that narrow the lists", async () => {
  const variables = {
    KUBE_BASE_IMAGE_REGISTRY: "mirror",
    OTHER_IMAGE: "mine:1",
    KUBE_PARALLEL_BUILD_MEMORY: "3",
    KUBE_FASTBUILD: "true",
    KUBE_BUILD_PLATFORMS: "linux/arm64",
    OSTYPE: "darwin22",
    IFS: ",",
  };
  await read(CHECKOUT, (checkout) => {
    assertEquals(checkout.wrappedBinaries.value.map(({ baseImage }) => baseImage), [
      "mirror/runner:2",
      "mine:1",
    ]);
    assertEquals(checkout.parallelBuildMemory.value, 3);
    assertEquals(checkout.platforms.server.value, ["linux/amd64", "linux/arm64"]);
    assertEquals(checkout.targets.serverTest.value.at(-1), "test/e2e_node/e2e_node.test");
    assertEquals(checkout.targets.server.value, ["cmd/one", "vendor/example.com/two"]);
    assertEquals(checkout.refusals, []);
  }, { variables, hostArch: "arm64" });
});

Deno.test("readCheckout() falls back to the era's table and says why", async () => {
  const cases: readonly {
    change: (files: Record<string, string>) => void;
    refusals: readonly string[];
    check: (checkout: Checkout) => void;
  }[] = [
    {
      change: (files) => delete files["build/common.sh"],
      refusals: ["build/common.sh: Missing"],
      check: (checkout) => {
        assertEquals(checkout.wrappedBinaries.source, "built-in table (1.35)");
        assertEquals(checkout.targets.server.value.length, 2);
        assertEquals(checkout.dockerRegistry, undefined);
      },
    },
    {
      change: (files) => delete files["hack/lib/golang.sh"],
      // The bases of common.sh depend on the static list.
      refusals: ["hack/lib/golang.sh: Missing", '"kube::golang::is_statically_linked" is not run'],
      check: (checkout) => {
        const table = eraTable("workspace");
        assertEquals(checkout.targets.all, { value: table.targets.all, source: table.label });
        assertEquals(checkout.platforms.client.value, table.platforms.client);
        assertEquals(checkout.goPackage, { value: "example.com/kube", source: "go.mod:1" });
        assertEquals(checkout.fastbuildArchitectures.source, table.label);
      },
    },
    {
      change: (files) => {
        files["hack/lib/golang.sh"] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
      },
      refusals: ["hack/lib/golang.sh: A Git LFS pointer", "is_statically_linked"],
      check: (checkout) => assertEquals(checkout.minimumGo, { value: "1.22", source: "go.mod:3" }),
    },
    {
      change: (files) => {
        files["hack/lib/golang.sh"] = GOLANG.replaceAll("KUBE_CLIENT_TARGETS", "MY_TARGETS")
          .replace("KUBE_NODE_TARGETS=(cmd/one)", "KUBE_NODE_TARGETS=($(ls cmd))")
          .replace("KUBE_TEST_PORTABLE=(hack/lib)", "KUBE_TEST_PORTABLE=hack/lib");
      },
      refusals: [
        `hack/lib/golang.sh:${
          lineOf(GOLANG, "readonly KUBE_NODE_TARGETS")
        }: KUBE_NODE_TARGETS: "ls" is not run`,
        "hack/lib/golang.sh: KUBE_CLIENT_TARGETS is not assigned",
        `hack/lib/golang.sh:${
          lineOf(GOLANG, "readonly KUBE_TEST_PORTABLE")
        }: KUBE_TEST_PORTABLE is not a list`,
      ],
      check: (checkout) => {
        const { targets } = eraTable("workspace");
        assertEquals(checkout.targets.node.value, targets.node);
        assertEquals(checkout.targets.client.value, targets.client);
        assertEquals(checkout.targets.server.value.length, 2);
      },
    },
    {
      change: (files) => {
        files["hack/lib/version.sh"] = "# nothing\n";
        files["build/lib/release.sh"] = "# nothing\n";
        files[".go-version"] = "";
        files["build/build-image/cross/VERSION"] = "latest\n";
      },
      refusals: ["hack/lib/version.sh: No line", '"latest" names no Go', "build/lib/release.sh:"],
      check: (checkout) => {
        assertEquals(checkout.pinnedGo, undefined);
        assertEquals(checkout.imageRegistry.value, "registry.k8s.io");
        assertEquals(checkout.versionPackages.value, eraTable("workspace").versionPackages);
      },
    },
  ];
  for (const { change, refusals, check } of cases) {
    const files: Record<string, string> = { ...CHECKOUT };
    change(files);
    await read(files, (checkout) => {
      assertEquals(checkout.refusals.length, refusals.length, checkout.refusals.join("\n"));
      for (const refusal of refusals) {
        assertStringIncludes(checkout.refusals.join("\n"), refusal);
      }
      check(checkout);
      assertDeepFrozen(checkout);
    });
  }
});

Deno.test("readCheckout() applies variables to the table's images", async () => {
  const files: Record<string, string> = { ...CHECKOUT };
  delete files["build/common.sh"];
  const variables = { KUBE_BASE_IMAGE_REGISTRY: "mirror", KUBE_PROXY_BASE_IMAGE: "mine:1" };
  await read(files, ({ wrappedBinaries }) => {
    const bases = new Map(wrappedBinaries.value.map((item) => [item.binary, item.baseImage]));
    assertStringIncludes(bases.get("kube-apiserver")!, "mirror/go-runner:");
    assertEquals(bases.get("kube-proxy"), "mine:1");
  }, { variables });
});

Deno.test("readCheckout() gives bases by architecture where they differ", async () => {
  const files: Record<string, string> = { ...CHECKOUT };
  files["build/common.sh"] = `kube::build::get_docker_wrapped_binaries() {
  case $1 in
    "amd64") local targets=(one,busybox);;
    "arm64") local targets=(one,aarch64/busybox);;
    *) local targets=(one,other/busybox);;
  esac
  echo "\${targets[@]}"
}
`;
  await read(files, ({ wrappedBinaries }) => {
    const [one] = wrappedBinaries.value;
    assertEquals(one!.baseImage, "busybox");
    assertEquals(one!.baseImages?.["arm64"], "aarch64/busybox");
    assertEquals(wrappedBinaries.source, "build/common.sh:1");
  });
});

Deno.test("readCheckout() follows scripts of a fork, but none outside the root", async () => {
  const files = {
    ...CHECKOUT,
    "hack/lib/golang.sh": GOLANG.replace(
      "readonly KUBE_NODE_TARGETS=(cmd/one)",
      'source "${KUBE_ROOT}/hack/lib/fork.sh"; source /etc/profile; A=$(cat /etc/hostname)',
    ),
    "hack/lib/fork.sh": "readonly KUBE_NODE_TARGETS=(cmd/forked)\n",
  };
  await read(files, (checkout) => {
    assertEquals(checkout.targets.node, {
      value: ["cmd/forked"],
      source: "hack/lib/fork.sh:1",
    });
    assertEquals(checkout.refusals, []);
  });
});

Deno.test("readCheckout() knows both ways to pin Go", async () => {
  const cases = [
    ["v1.8.3-1", "1.8.3"],
    ["v1.12.10-1\n", "1.12.10"],
    ["v1.16.1-1", "1.16.1"],
    ["v1.28.0-go1.21.7-bullseye.0", "1.21.7"],
    ["v1.36.0-go1.26rc1-bookworm.0", "1.26rc1"],
    ["v1.17-2", "1.17"],
  ];
  for (const [text, version] of cases) {
    const files: Record<string, string> = {
      ...CHECKOUT,
      "build/build-image/cross/VERSION": text!,
    };
    delete files[".go-version"];
    await read(files, (checkout) => {
      assertEquals(checkout.pinnedGo, {
        value: version!,
        source: "build/build-image/cross/VERSION:1",
      });
    });
  }
});

Deno.test("readCheckout() takes .go-version as binding if a script reads it, as those of 1.27 do", async () => {
  const reading = 'GO_VERSION="${GO_VERSION:-"$(cat "${KUBE_ROOT}/.go-version")"}"';
  const cases: [string, string, boolean][] = [
    ["hack/lib/golang.sh", `${GOLANG}\nversion() {\n  ${reading}\n}\n`, true],
    ["build/common.sh", `${COMMON}\n${reading}\n`, true],
    // 1.26.0 and its forks: the file is there for other tools.
    ["hack/lib/golang.sh", GOLANG, false],
    ["hack/lib/golang.sh", `${GOLANG}\n  # the same as in .go-version\n`, false],
  ];
  for (const [path, text, exact] of cases) {
    await read({ ...CHECKOUT, [path]: text }, (checkout) => {
      assertEquals(checkout.pinnedGo, { value: "1.22.6", source: ".go-version:1" });
      assertEquals([text, checkout.pinnedGoExact], [text, exact]);
    });
  }
});

Deno.test("eraTable() has whole tables for every era", () => {
  const labels = new Set<string>();
  for (const era of ["godeps", "gopath", "modules", "workspace", "workspace-bind"] as const) {
    const table = eraTable(era);
    labels.add(table.label);
    const { server, client, test, serverTest, all } = table.targets;
    for (const target of [...server, ...client, ...test, ...serverTest]) {
      assert(all.includes(target), `${era}: ${target}`);
    }
    assert(serverTest.includes("test/e2e_node/e2e_node.test"));
    for (const list of Object.values(table.platforms)) {
      assertEquals(new Set(list).size, list.length);
      assert(list.every((platform) => /^[a-z]+\/[a-z0-9]+$/.test(platform)), list.join(" "));
    }
    const names = new Set(all.map((target) => target.split("/").at(-1)));
    for (const binary of [...table.staticBinaries, ...table.images.map((image) => image.binary)]) {
      assert(names.has(binary), `${era}: ${binary}`);
    }
  }
  assertEquals(labels.size, 5);
});
