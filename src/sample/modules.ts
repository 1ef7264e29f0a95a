/**
 * go.mod, go.sum, go.work and vendor/ of the samples.
 *
 * 1.20 builds in GOPATH mode: `vendor/k8s.io/<name>` are links to staging/, and go.mod only stands
 * there. 1.35 is a workspace whose one third-party module, ginkgo, comes from the workspace's own
 * vendor folder (`## workspace`, as `go work vendor` of Go 1.22 and later writes it), so that
 * everything resolves with `GOPROXY=off` and an empty module cache.
 *
 * @module
 */
import type { EraFacts } from "./eras.ts";
import { link, type Tree } from "./tree.ts";

/** Which staging repositories one imports. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "api": [],
  "apiextensions-apiserver": ["apimachinery", "client-go", "component-base"],
  "apimachinery": [],
  "client-go": ["apimachinery"],
  "code-generator": [],
  "component-base": ["apimachinery"],
  "kube-aggregator": ["apimachinery", "component-base"],
  "kubectl": [],
  "mount-utils": [],
  "sample-apiserver": [],
};

/** A checksum of the right form; nothing is downloaded, so go never compares it. */
const MADE_UP_HASH = `h1:${"kbuild".repeat(7)}k=`;

/** All module files. */
export function modules(facts: EraFacts): Tree {
  return {
    ...stagingModules(facts),
    ...(facts.goMode === "gopath" ? gopath(facts) : workspace(facts)),
    "vendor/OWNERS": "approvers:\n- nobody\n",
  };
}

function stagingModules({ staging, goDirective }: EraFacts): Tree {
  const files = staging.flatMap((name) => {
    const imports = IMPORTS[name] ?? [];
    const requires = block("require", imports.map((other) => `k8s.io/${other} v0.0.0`));
    const replaces = block("replace", imports.map((other) => `k8s.io/${other} => ../${other}`));
    const mod = `// Part of kbuild's sample checkout.\n\nmodule k8s.io/${name}\n\n` +
      `go ${goDirective}\n${requires}${replaces}`;
    const dir = `staging/src/k8s.io/${name}`;
    return [
      [`${dir}/go.mod`, mod],
      [`${dir}/go.sum`, ""],
      [`${dir}/README.md`, `# ${name}\n\nPublished from the sample's staging folder.\n`],
    ] as const;
  });
  return Object.fromEntries(files);
}

function block(word: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${word} (\n${lines.map((line) => `\t${line}\n`).join("")})\n`;
}

function rootModule(facts: EraFacts, thirdParty: string): string {
  const requires = [thirdParty, ...facts.staging.map((name) => `k8s.io/${name} v0.0.0`)];
  return "// Part of kbuild's sample checkout.\n\nmodule k8s.io/kubernetes\n\n" +
    `go ${facts.goDirective}\n${block("require", requires)}${rootReplaces(facts)}`;
}

function goSum(module: string): string {
  const [path, version] = module.split(" ");
  return `${path} ${version} ${MADE_UP_HASH}\n${path} ${version}/go.mod ${MADE_UP_HASH}\n`;
}

function rootReplaces({ staging }: EraFacts): string {
  return block("replace", staging.map((name) => `k8s.io/${name} => ./staging/src/k8s.io/${name}`));
}

/** The lines of vendor/modules.txt that stand for staging/; `explicit` is the line after each. */
function vendoredStaging({ staging }: EraFacts, explicit: string): string {
  return staging.map((name) =>
    `# k8s.io/${name} v0.0.0 => ./staging/src/k8s.io/${name}\n${explicit}\n`
  ).join("");
}

function gopath(facts: EraFacts): Tree {
  const ginkgo = "github.com/onsi/ginkgo v1.11.0";
  const links = facts.staging.map((name) =>
    [`vendor/k8s.io/${name}`, link(`../../staging/src/k8s.io/${name}`)] as const
  );
  return {
    "go.mod": rootModule(facts, ginkgo),
    "go.sum": goSum(ginkgo),
    "vendor/modules.txt":
      `# ${ginkgo}\n## explicit\ngithub.com/onsi/ginkgo/config\ngithub.com/onsi/ginkgo/ginkgo\n` +
      vendoredStaging(facts, "## explicit"),
    ...Object.fromEntries(links),
  };
}

function workspace(facts: EraFacts): Tree {
  const ginkgo = "github.com/onsi/ginkgo/v2 v2.27.2";
  const explicit = `## explicit; go ${facts.goDirective}`;
  const folders = [".", ...facts.staging.map((name) => `./staging/src/k8s.io/${name}`)];
  return {
    "go.mod": rootModule(facts, ginkgo),
    "go.sum": goSum(ginkgo),
    "go.work": `// Part of kbuild's sample checkout.\n\ngo ${facts.goDirective}\n${
      block("use", folders)
    }`,
    "go.work.sum": "",
    "vendor/modules.txt": `## workspace\n# ${ginkgo}\n${explicit}\n` +
      "github.com/onsi/ginkgo/v2/ginkgo\ngithub.com/onsi/ginkgo/v2/types\n" +
      vendoredStaging(facts, explicit),
    ...(facts.pinnedGo === undefined ? {} : { ".go-version": `${facts.pinnedGo}\n` }),
  };
}
