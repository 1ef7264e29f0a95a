/**
 * go.mod, go.sum, go.work and vendor/ of the samples.
 *
 * Up to 1.25 builds are in GOPATH mode: `vendor/k8s.io/<name>` are links to staging/; 1.7 has
 * Godeps/, and in 1.20 go.mod exists but is unused. 1.28 takes the same links as vendored modules.
 * 1.35 is a workspace whose one third-party module, ginkgo, comes from the workspace's own vendor
 * directory (`## workspace`, as `go work vendor` of Go 1.22 and later writes it), so that everything
 * resolves with `GOPROXY=off` and an empty module cache.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { generators } from "./generators.ts";
import { packages } from "./packages.ts";
import { programs } from "./programs.ts";
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
  const own = { gopath, modules: vendored, workspace }[facts.goMode](facts);
  return {
    ...stagingModules(facts),
    ...own,
    ...(facts.goMode === "workspace" ? {} : vendorLinks(facts)),
    ...(facts.pinnedGo === undefined ? {} : { ".go-version": `${facts.pinnedGo}\n` }),
    "vendor/OWNERS": "approvers:\n- nobody\n",
  };
}

/** Up to 1.29 `vendor/k8s.io/<name>` leads to staging/. */
function vendorLinks({ staging }: EraFacts): Tree {
  return Object.fromEntries(
    staging.map((name) =>
      [`vendor/k8s.io/${name}`, link(`../../staging/src/k8s.io/${name}`)] as const
    ),
  );
}

function stagingModules({ staging, goDirective, godeps }: EraFacts): Tree {
  const files = staging.flatMap((name) => {
    const imports = IMPORTS[name] ?? [];
    const requires = block("require", imports.map((other) => `k8s.io/${other} v0.0.0`));
    const replaces = block("replace", imports.map((other) => `k8s.io/${other} => ../${other}`));
    const mod = `// Part of kbuild's sample checkout.\n\nmodule k8s.io/${name}\n\n` +
      `go ${goDirective}\n${requires}${replaces}`;
    const dir = `staging/src/k8s.io/${name}`;
    const readme = `# ${name}\n\nPublished from the sample's staging folder.\n`;
    const sources = godeps ? [] : [[`${dir}/go.mod`, mod], [`${dir}/go.sum`, ""]] as const;
    return [...sources, [`${dir}/README.md`, readme]] as const;
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
  if (facts.godeps) return godeps();
  const ginkgo = "github.com/onsi/ginkgo v1.11.0";
  return {
    "go.mod": rootModule(facts, ginkgo),
    "go.sum": goSum(ginkgo),
    "vendor/modules.txt":
      `# ${ginkgo}\n## explicit\ngithub.com/onsi/ginkgo/config\ngithub.com/onsi/ginkgo/ginkgo\n` +
      vendoredStaging(facts, "## explicit"),
  };
}

/** What 1.14 and before say of vendor/ instead of go.mod. */
function godeps(): Tree {
  const about = {
    ImportPath: "k8s.io/kubernetes",
    GoVersion: "go1.8",
    GodepVersion: "v79",
    Packages: ["github.com/onsi/ginkgo/ginkgo", "./..."],
    Deps: [
      "github.com/jteeuwen/go-bindata/go-bindata",
      "github.com/onsi/ginkgo/config",
      "github.com/onsi/ginkgo/ginkgo",
    ].map((path) => ({ ImportPath: path, Comment: "kbuild's sample", Rev: "0".repeat(40) })),
  };
  return {
    "Godeps/Godeps.json": `${JSON.stringify(about, null, "\t")}\n`,
    "Godeps/LICENSES": "= vendor/github.com/onsi/ginkgo stands in for a third-party license =\n",
    "Godeps/Readme": "The sample's vendor folder is made by hand.\n",
  };
}

/** Every package of vendor/ is listed: go takes no other (1.26 to 1.29). */
function vendored(facts: EraFacts): Tree {
  const explicit = `## explicit; go ${facts.goDirective}`;
  const sources = Object.keys({ ...packages(facts), ...programs(facts), ...generators(facts) });
  const listed = facts.staging.map((name) => {
    const folder = `staging/src/k8s.io/${name}/`;
    const found = sources.filter((path) => path.startsWith(folder) && path.endsWith(".go"))
      .map((path) => path.slice("staging/src/".length, path.lastIndexOf("/")));
    const lines = [...new Set(found)].sort().map((path) => `${path}\n`).join("");
    return vendoredStaging({ ...facts, staging: [name] }, explicit) + lines;
  });
  const replaced = facts.staging.map((name) =>
    `# k8s.io/${name} => ./staging/src/k8s.io/${name}\n`
  );
  return {
    "go.mod": rootModule(facts, GINKGO),
    "go.sum": goSum(GINKGO),
    "vendor/modules.txt": vendoredGinkgo(explicit) + listed.join("") + replaced.join(""),
  };
}

const GINKGO = "github.com/onsi/ginkgo/v2 v2.27.2";

function vendoredGinkgo(explicit: string): string {
  return `# ${GINKGO}\n${explicit}\n` +
    "github.com/onsi/ginkgo/v2/ginkgo\ngithub.com/onsi/ginkgo/v2/types\n";
}

function workspace(facts: EraFacts): Tree {
  const explicit = `## explicit; go ${facts.goDirective}`;
  const folders = [".", ...facts.staging.map((name) => `./staging/src/k8s.io/${name}`)];
  return {
    "go.mod": rootModule(facts, GINKGO),
    "go.sum": goSum(GINKGO),
    "go.work": `// Part of kbuild's sample checkout.\n\ngo ${facts.goDirective}\n${
      block("use", folders)
    }`,
    "go.work.sum": "",
    "vendor/modules.txt": `## workspace\n${vendoredGinkgo(explicit)}${
      vendoredStaging(facts, explicit)
    }`,
  };
}
