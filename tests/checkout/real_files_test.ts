/**
 * Holds the reader against bash itself, on the scripts of real checkouts. `KBUILD_TEST_TREES` lists
 * the roots, separated by colons: `hack/lib/golang.sh` and `hack/lib/util.sh` are the least that a
 * root must have.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type Checkout,
  readBash,
  readCheckout,
  setupPlatforms,
  type Sourced,
} from "../../src/checkout/mod.ts";

const trees = (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter((root) => root !== "");

/** Machine names of `uname -m`, by Go's architecture. */
const MACHINES: Record<string, string> = {
  amd64: "x86_64",
  arm64: "aarch64",
  arm: "armv7l",
  s390x: "s390x",
};

/** Sources a checkout's scripts and prints every KUBE_ variable, then the wrapped binaries. */
const SCRIPT = String.raw`
uname() { if [[ "$1" == -m ]]; then echo "$TEST_MACHINE"; else command uname "$@"; fi; }
OSTYPE=$TEST_OSTYPE
if [[ -f "$KUBE_ROOT/build/common.sh" ]]; then
  source "$KUBE_ROOT/build/common.sh"
else
  source "$KUBE_ROOT/hack/lib/util.sh"
  source "$KUBE_ROOT/hack/lib/golang.sh"
fi
set +o nounset +o errexit
for name in $(compgen -v KUBE_); do
  if [[ "$(declare -p "$name" 2>/dev/null)" =~ ^declare\ -[A-Za-z]*a ]]; then kind=array; else kind=string; fi
  declare -n value="$name"
  printf '%s\n%s\n' "$name" "$kind"
  if [[ "${"$"}{#value[@]}" != 0 ]]; then printf '%s\t' "${"$"}{value[@]}"; fi
  printf '\0'
  unset -n value
done
if [[ -f "$KUBE_ROOT/build/common.sh" ]]; then
  for arch in amd64 arm64 s390x; do
    printf 'wrapped\n%s\n%s\0' "$arch" "$(kube::build::get_docker_wrapped_binaries "$arch")"
  done
fi
`;

type Value = string | readonly string[];

async function sourceWithBash(
  root: string,
  variables: Record<string, string>,
): Promise<{ values: Map<string, Value>; wrapped: Map<string, string> }> {
  const { stdout, stderr, success } = await new Deno.Command("bash", {
    args: ["-c", SCRIPT],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      LC_ALL: "C",
      KUBE_ROOT: root,
      KUBE_OUTPUT: join(root, "_output/local"),
      ...variables,
    },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const values = new Map<string, Value>();
  const wrapped = new Map<string, string>();
  for (const record of new TextDecoder().decode(stdout).split("\0").slice(0, -1)) {
    const match = /^(.*)\n(.*)\n([^]*)$/.exec(record)!;
    const [, name, kind, text] = match as unknown as [string, string, string, string];
    if (name === "wrapped") wrapped.set(kind, text);
    else if (kind === "array") values.set(name, text === "" ? [] : text.slice(0, -1).split("\t"));
    else values.set(name, text.slice(0, -1));
  }
  return { values, wrapped };
}

interface Case {
  readonly variables: Record<string, string>;
  readonly hostArch: string;
  /** `linux-gnu` unless given. */
  readonly ostype?: string;
}

function* cases(): Generator<Case> {
  const platforms = [
    "",
    "linux/amd64",
    "windows/amd64 linux/arm64  darwin/amd64 linux/arm64 plan9/mips",
    " ",
  ];
  for (const hostArch of ["amd64", "arm64"]) {
    for (const fastbuild of ["", "true", "false"]) {
      for (const buildPlatforms of platforms) {
        for (const builderOs of ["", "darwin20", "linux-gnu"]) {
          if (fastbuild !== "true" && builderOs === "linux-gnu") continue;
          const variables = {
            ...(fastbuild === "" ? {} : { KUBE_FASTBUILD: fastbuild }),
            ...(buildPlatforms === "" ? {} : { KUBE_BUILD_PLATFORMS: buildPlatforms }),
            ...(builderOs === "" ? {} : { KUBE_BUILDER_OS: builderOs }),
          };
          yield { variables, hostArch };
        }
      }
    }
  }
  yield { variables: { KUBE_FASTBUILD: "true" }, hostArch: "arm" };
  yield { variables: { KUBE_FASTBUILD: "true" }, hostArch: "s390x" };
  for (const ostype of ["darwin22", "msys", ""]) {
    yield { variables: {}, hostArch: "arm64", ostype };
    yield { variables: { KUBE_FASTBUILD: "true" }, hostArch: "arm64", ostype };
    yield { variables: { KUBE_BUILD_PLATFORMS: "darwin/arm64" }, hostArch: "amd64", ostype };
  }
  yield {
    variables: {
      KUBE_CGO_OVERRIDES: "kubelet kubectl",
      KUBE_STATIC_OVERRIDES: " a  b",
      KUBE_PARALLEL_BUILD_MEMORY: "7",
      KUBE_BASE_IMAGE_REGISTRY: "mirror.example/base",
      KUBE_DOCKER_REGISTRY: "mirror.example",
      KUBE_PROXY_BASE_IMAGE: "example/proxy:1",
      KUBE_GORUNNER_IMAGE: "example/runner:2",
    },
    hostArch: "amd64",
  };
}

async function texts(root: string): Promise<{ path: string; text: string }[]> {
  const files = [];
  for (const path of ["hack/lib/golang.sh", "build/common.sh"]) {
    const text = await Deno.readTextFile(join(root, path)).catch(() => undefined);
    if (text !== undefined) files.push({ path, text });
  }
  return files;
}

/** Set by the environment, or by files that kbuild does not read. */
const NOT_COMPARED = /^KUBE_(ROOT|OUTPUT.*|AVAILABLE_.*|NONSERVER_.*|RSYNC_COMPRESS|VERBOSE)$/;

Deno.test({
  name: `readBash() agrees with bash on real checkouts${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async (t) => {
    for (const root of trees) {
      const files = await texts(root);
      const all = files.map(({ text }) => text).join("\n");
      const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
      for (const { variables, hostArch, ostype = "linux-gnu" } of cases()) {
        const on = `${ostype} ${hostArch}`;
        await t.step(`${root} on ${on} with ${JSON.stringify(variables)}`, async () => {
          const machine = MACHINES[hostArch]!;
          const { values, wrapped } = await sourceWithBash(root, {
            ...variables,
            TEST_MACHINE: machine,
            TEST_OSTYPE: ostype,
          });
          const bash = readBash({
            files,
            variables,
            constants: {
              KUBE_ROOT: root,
              KUBE_OUTPUT: join(root, "_output/local"),
              OSTYPE: ostype,
            },
            hostArch,
            readFile: (path) => {
              if (/\/hack\/lib\/[a-z]+\.sh$/.test(path)) return "";
              return Deno.readTextFileSync(path);
            },
          });
          const names = [...values.keys()]
            .filter((name) => new RegExp(`\\b${name}\\b`).test(all) && !NOT_COMPARED.test(name));
          const pick = (get: (name: string) => unknown) =>
            Object.fromEntries(names.map((name) => [name, get(name)]));
          assert(names.length > 25, `Only ${names.length} variables`);
          assertEquals(
            pick((name) => bash.array(name) ?? bash.get(name)),
            pick((name) => values.get(name)),
          );
          for (const [arch, text] of wrapped) {
            // Nothing is what comes of an architecture that the scripts do not know.
            const ours = bash.call("kube::build::get_docker_wrapped_binaries", [arch]) ?? "";
            assertEquals(ours, text);
          }
          const ours = setupPlatforms(checkout, {
            buildPlatforms: variables["KUBE_BUILD_PLATFORMS"] ?? "",
            fastbuild: variables["KUBE_FASTBUILD"] === "true",
            builderOs: variables["KUBE_BUILDER_OS"] ?? "",
            hostArch,
            strictParity: true,
          });
          assertEquals(
            ours,
            {
              server: values.get("KUBE_SERVER_PLATFORMS"),
              node: values.get("KUBE_NODE_PLATFORMS"),
              client: values.get("KUBE_CLIENT_PLATFORMS"),
              test: values.get("KUBE_TEST_PLATFORMS"),
              testServer: values.get("KUBE_TEST_SERVER_PLATFORMS"),
            } as unknown as typeof ours,
          );
        });
      }
    }
  },
});

/** Each list was found on a line that names it. */
async function assertSources(checkout: Checkout): Promise<void> {
  const lists: Record<string, Sourced<unknown>> = {
    ...Object.fromEntries(
      Object.entries(checkout.targets).map(([name, list]) => [`${name} targets`, list]),
    ),
    ...Object.fromEntries(
      Object.entries(checkout.platforms).map(([name, list]) => [`${name} platforms`, list]),
    ),
    static: checkout.staticBinaries,
  };
  for (const [name, { source }] of Object.entries(lists)) {
    if (/build\/common\.sh|^built-in table/.test(source)) continue; // 1.7 has no such list.
    const [, path = "", line = ""] = /^(.*):([0-9]+)$/.exec(source) ?? [];
    const text = await Deno.readTextFile(join(checkout.root, path));
    const found = text.split("\n")[Number(line) - 1] ?? "";
    const group = name.split(/[A-Z ]/)[0]!.toUpperCase();
    assert(found.includes("KUBE_") && found.includes(group), `${name}: ${source}: ${found}`);
  }
}

Deno.test({
  name: `readCheckout() reads real checkouts whole and fast${
    trees.length === 0 ? " (skipped: KBUILD_TEST_TREES is not set)" : ""
  }`,
  ignore: trees.length === 0,
  fn: async () => {
    for (const root of trees) {
      let best = Infinity;
      for (let round = 0; round < 3; round++) {
        const started = performance.now();
        const checkout = await readCheckout(root, { variables: {}, hostArch: "amd64" });
        best = Math.min(best, performance.now() - started);
        const complaints = checkout.refusals.filter((text) => !text.includes(": Missing;"));
        assertEquals(complaints, [], root);
        assert(checkout.targets.serverTest.value.includes("test/e2e_node/e2e_node.test"));
        assert(checkout.targets.all.value.includes("cmd/kubectl"));
        assert(checkout.targets.all.source.startsWith("hack/lib/golang.sh:"));
        await assertSources(checkout);
      }
      assert(best < 80, `${root} takes ${best.toFixed(1)} ms`);
    }
  },
});
