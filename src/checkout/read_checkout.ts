import { isAbsolute, join, normalize } from "@std/path";
import {
  type BashReader,
  type BashScript,
  type BashSource,
  parseBash,
  readScripts,
  scriptOf,
} from "../bash/mod.ts";
import {
  type BuildFiles,
  buildImageBase,
  containerNames,
  containerSources,
  findBuildFiles,
  generatedCode,
  imageDockerfiles,
} from "./build_files.ts";
import { outputConstants, reasonAt, sourceOf } from "./build_scripts.ts";
import { checkConfig } from "./check_config.ts";
import { applyConfig, type CheckoutConfig } from "./config.ts";
import { detectEra, namedEra } from "./era.ts";
import { type CheckoutFile, readCheckoutFile, readCheckoutFileSync } from "./files.ts";
import { minimumGo, pinnedGo } from "./go_pin.ts";
import { ofPlatformGroups } from "./groups.ts";
import { kubernetesCommands } from "./kubernetes_bash.ts";
import { type EraTable, eraTable } from "./tables.ts";
import type { Checkout, PlatformLists, Sourced, TargetLists, WrappedBinary } from "./types.ts";
import { findVersionPackages } from "./version_packages.ts";
import { readWrappedBinaries } from "./wrapped_binaries.ts";

/** Options of {@linkcode readCheckout}. */
export interface ReadCheckoutOptions {
  /** The environment: `KUBE_BASE_IMAGE_REGISTRY`, `KUBE_PARALLEL_BUILD_MEMORY` … apply. */
  variables: Readonly<Record<string, string>>;
  /** The host's architecture as Go writes it: `amd64`. */
  hostArch: string;
  /** What `kbuild.toml` says (`findConfig`): it beats what is read. */
  config?: CheckoutConfig | undefined;
}

const GOLANG = "hack/lib/golang.sh";
const COMMON = "build/common.sh";
const BUILD_IMAGE = "build/build-image/Dockerfile";
const RELEASE = "build/lib/release.sh";
const VERSION = "hack/lib/version.sh";
const INIT = "hack/lib/init.sh";
const GO_MOD = "go.mod";

/** Scripts that hold no lists; reading them on `source` would only take time. */
const NOT_FOLLOWED = new Set([
  GOLANG,
  VERSION,
  COMMON,
  "cluster/lib/logging.sh",
  ...["etcd", "init", "logging", "protoc", "swagger", "test", "util"].map((n) =>
    `hack/lib/${n}.sh`
  ),
]);

/** What `release.sh` makes the names of images from, and what stands for it when they are read. */
const IMAGE_VARIABLES = ["arch", "binary_name", "docker_tag", "md5_sum"];
const MARK = "\u0001";

/** `go 1.22.0` in a go.mod. */
const GO_DIRECTIVE = /^go\s+([0-9]+\.[0-9]+(?:\.[0-9]+)?)\s*(?:\/\/.*)?$/;

/** Lists that Kubernetes itself has under these names: no other list renamed. */
const USUAL_LISTS =
  /^KUBE_(((TEST_)?SERVER(_IMAGE)?|NODE|CLIENT|TEST|CONFORMANCE_IMAGE|ALL)_(TARGETS|BINARIES)|.*_PLATFORMS)$/;

/** Variables that narrow the lists, which are wanted whole. */
const NARROWING = ["KUBE_BUILD_PLATFORMS", "KUBE_BUILDER_OS", "KUBE_FASTBUILD"];

/**
 * Reads the values of a checkout's own files: targets, platforms, static lists, base images and the
 * Go pin, from its own scripts (never run, only read), and from the era's built-in table where
 * those are missing or not understood. `server-test` targets are those of Linux on any host.
 *
 * @param root Root of the checkout: absolute, links resolved ({@linkcode findRoot}).
 * @throws {KbuildError} The directory is not a Kubernetes checkout.
 * @throws {UsageError} The configuration names a target or a platform that does not exist.
 */
export async function readCheckout(root: string, options: ReadCheckoutOptions): Promise<Checkout> {
  const { config } = options;
  const era = config?.era === undefined
    ? await detectEra(root)
    : namedEra(config.era, `"${config.path}" says so`);
  const paths = [
    GOLANG,
    COMMON,
    RELEASE,
    VERSION,
    INIT,
    GO_MOD,
    ".go-version",
    "build/build-image/cross/VERSION",
    BUILD_IMAGE,
  ];
  const [buildFiles, ...texts] = await Promise.all([
    findBuildFiles(root),
    ...paths.map((path) => readCheckoutFile(root, path)),
  ]);
  const files = new Map(texts.map((file) => [file.path, file]));
  const reader = new CheckoutReader(root, files, eraTable(era.name), options);
  const checkout = reader.read(era, buildFiles);
  if (config === undefined) return checkout;
  await checkConfig(checkout, config);
  return applyConfig(checkout, config);
}

class CheckoutReader {
  readonly #root: string;
  readonly #files: ReadonlyMap<string, CheckoutFile>;
  readonly #table: EraTable;
  readonly #options: ReadCheckoutOptions;
  readonly #refusals: string[] = [];
  readonly #sources: readonly BashSource[];
  /** Other scripts that those source. */
  readonly #followed = new Map<string, BashSource>();
  readonly #scripts: readonly BashScript[];
  readonly #bash: BashReader;

  constructor(
    root: string,
    files: ReadonlyMap<string, CheckoutFile>,
    table: EraTable,
    options: ReadCheckoutOptions,
  ) {
    this.#root = root;
    this.#files = files;
    this.#table = table;
    this.#options = options;
    for (const path of [GOLANG, COMMON, RELEASE, VERSION]) this.#noteMissing(this.#file(path));
    this.#sources = [INIT, GOLANG, COMMON].flatMap((path) => {
      const { text } = this.#file(path);
      return text === undefined ? [] : [Object.freeze({ path, text })];
    });
    this.#scripts = this.#sources.filter(({ path }) => path !== INIT).map(scriptOf);
    this.#bash = this.#run(this.#scripts);
  }

  read(era: Checkout["era"], buildFiles: BuildFiles): Checkout {
    const { value: goPackage } = this.#goPackage();
    const platforms = this.#platforms();
    const wrapped = this.#wrappedBinaries(platforms.server.value);
    const useOfPlatforms = this.#useOfBuildPlatforms();
    const dockerRegistry = this.#optional("KUBE_DOCKER_REGISTRY");
    const baseImageRegistry = this.#optional("KUBE_BASE_IMAGE_REGISTRY");
    const setcapImage = this.#optional("KUBE_BUILD_SETCAP_IMAGE");
    const crossImage = this.#crossImage();
    const container = containerSources(this.#file(COMMON), era.name, this.#table);
    const go = this.#pinnedGo();
    const version = this.#file(VERSION);
    const checkout: Checkout = {
      root: this.#root,
      era,
      goPackage: this.#goPackage(),
      targets: this.#targets(wrapped),
      platforms,
      staticBinaries: this.#list(
        ["KUBE_STATIC_BINARIES", "KUBE_STATIC_LIBRARIES"],
        this.#table.staticBinaries,
      ),
      testPortable: this.#list(["KUBE_TEST_PORTABLE"], this.#table.testPortable),
      coveragePackages: this.#list(
        ["KUBE_COVERAGE_INSTRUMENTED_PACKAGES"],
        this.#table.coveragePackages,
      ),
      minimumGo: this.#minimumGo(),
      pinnedGo: go?.pin,
      pinnedGoExact: go?.exact ?? false,
      parallelBuildMemory: this.#parallelBuildMemory(),
      versionPackages: this.#versionPackages(goPackage),
      wrappedBinaries: wrapped,
      imageRegistry: this.#imageRegistry(),
      fastbuildArchitectures: this.#fastbuildArchitectures(),
      ...(useOfPlatforms === undefined ? {} : { useOfBuildPlatforms: useOfPlatforms }),
      ...(dockerRegistry === undefined ? {} : { dockerRegistry }),
      ...(baseImageRegistry === undefined ? {} : { baseImageRegistry }),
      ...(setcapImage === undefined ? {} : { setcapImage }),
      ...(crossImage === undefined ? {} : { crossImage }),
      generated: generatedCode(buildFiles, this.#table),
      dockerfiles: imageDockerfiles(
        buildFiles,
        this.#file(RELEASE),
        wrapped.value.map(({ binary }) => binary),
        this.#table,
      ),
      container,
      containerNames: containerNames(
        this.#file(COMMON),
        container.value,
        (name) => this.#bash.get(name),
        this.#table,
      ),
      scripts: Object.freeze([...this.#sources, ...this.#followed.values()]),
      ...(version.text === undefined
        ? {}
        : { versionScript: Object.freeze({ path: version.path, text: version.text }) }),
      ...(this.#file(GOLANG).crlf ? { crlf: true } : {}),
      refusals: Object.freeze(this.#refusals),
    };
    return Object.freeze(checkout);
  }

  #file(path: string): CheckoutFile {
    return this.#files.get(path)!;
  }

  #noteMissing({ path, text, why }: CheckoutFile): void {
    if (text === undefined) {
      this.#refusals.push(`${path}: ${why}; what it would say is from the ${this.#table.label}`);
    }
  }

  /** Reads scripts with the user's variables, but for those that narrow the lists. */
  #run(
    scripts: readonly BashScript[],
    extra: Readonly<Record<string, string>> = {},
    hostArch: string = this.#options.hostArch,
  ): BashReader {
    const variables: Record<string, string> = { ...this.#options.variables };
    for (const name of NARROWING) delete variables[name];
    return readScripts(scripts, {
      variables: { ...variables, ...extra },
      constants: {
        KUBE_ROOT: this.#root,
        ...outputConstants(this.#root, variables),
        // test/e2e_node/e2e_node.test is a target on Linux alone; images and containers are Linux.
        OSTYPE: "linux-gnu",
      },
      readFile: (path) => this.#readFile(path),
    }, kubernetesCommands(hostArch));
  }

  /** A file below the root, by the path that a script writes. */
  #readFile(path: string): string | undefined {
    const inside = isAbsolute(path) ? normalize(path) : normalize(join(this.#root, path));
    if (!inside.startsWith(`${this.#root}/`)) return undefined;
    const relative = inside.slice(this.#root.length + 1);
    if (NOT_FOLLOWED.has(relative)) return "";
    const text = this.#files.get(relative)?.text ??
      readCheckoutFileSync(this.#root, relative).text;
    if (text !== undefined && relative.endsWith(".sh")) {
      this.#followed.set(relative, Object.freeze({ path: relative, text }));
    }
    return text;
  }

  #sourced<T>(value: T, source: string): Sourced<T> {
    if (Array.isArray(value)) Object.freeze(value);
    return Object.freeze({ value, source });
  }

  #fallback<T>(value: T): Sourced<T> {
    return this.#sourced(value, this.#table.label);
  }

  #refuse(what: string): void {
    this.#refusals.push(`${what}; using the ${this.#table.label}`);
  }

  /** Notes why a variable of golang.sh or common.sh is unknown. */
  #refuseVariable(names: readonly string[], file: string): void {
    if (this.#file(file).text === undefined) return; // Noted already.
    for (const name of names) {
      const why = this.#bash.why(name);
      if (why !== undefined) {
        return this.#refuse(
          reasonAt(this.#root, { ...why, why: `${name}: ${why.why}` }),
        );
      }
    }
    const [first] = names;
    const found = this.#bash.source(first!);
    if (found !== undefined) {
      this.#refuse(`${sourceOf(this.#root, found)}: ${first} is not a list`);
      return;
    }
    const other = this.#renamed(first!);
    const hint = other === undefined ? "" : `, but ${other} is (${this.#sourceOf(other)})`;
    this.#refuse(`${file}: ${first} is not assigned${hint}`);
  }

  /** A list of a fork whose name has all words but one of the name that is missing. */
  #renamed(name: string): string | undefined {
    const words = new Set(name.split("_"));
    return this.#bash.names.find((other) => {
      if (USUAL_LISTS.test(other) || this.#bash.array(other) === undefined) return false;
      const common = other.split("_").filter((word) => words.has(word));
      return common.length >= words.size - 1;
    });
  }

  #sourceOf(name: string): string {
    const found = this.#bash.source(name);
    return found === undefined ? name : sourceOf(this.#root, found);
  }

  /** The first of the arrays that is there, else the table's. */
  #list(names: readonly string[], table: readonly string[]): Sourced<readonly string[]> {
    for (const name of names) {
      const value = this.#bash.array(name);
      if (value !== undefined) return this.#sourced(value, this.#sourceOf(name));
    }
    const isAbsent = table.length === 0 &&
      names.every((name) => this.#bash.why(name) === undefined);
    if (!isAbsent) this.#refuseVariable(names, GOLANG);
    return this.#fallback(table);
  }

  #targets(wrapped: Sourced<readonly WrappedBinary[]>): TargetLists {
    const { targets } = this.#table;
    const server = this.#list(["KUBE_SERVER_TARGETS"], targets.server);
    return Object.freeze({
      server,
      node: this.#list(["KUBE_NODE_TARGETS"], targets.node),
      client: this.#list(["KUBE_CLIENT_TARGETS"], targets.client),
      test: this.#list(["KUBE_TEST_TARGETS"], targets.test),
      serverTest: this.#list(["KUBE_TEST_SERVER_TARGETS"], targets.serverTest),
      serverImage: this.#serverImageTargets(server, wrapped),
      conformanceImage: this.#list(["KUBE_CONFORMANCE_IMAGE_TARGETS"], targets.conformanceImage),
      all: this.#list(["KUBE_ALL_TARGETS"], targets.all),
    });
  }

  /** 1.7 has no list: its images are those of `get_docker_wrapped_binaries`. */
  #serverImageTargets(
    server: Sourced<readonly string[]>,
    wrapped: Sourced<readonly WrappedBinary[]>,
  ): Sourced<readonly string[]> {
    const name = "KUBE_SERVER_IMAGE_TARGETS";
    const missing = this.#bash.array(name) === undefined && this.#bash.why(name) === undefined;
    if (missing && wrapped.source !== this.#table.label) {
      const found = wrapped.value.map(({ binary }) =>
        server.value.find((target) => target.split("/").at(-1) === binary)
      );
      if (found.every((target) => target !== undefined)) {
        return this.#sourced(found, wrapped.source);
      }
    }
    return this.#list([name], this.#table.targets.serverImage);
  }

  /** 1.7 has no `SUPPORTED` lists: there the lists of a full build are the same thing. */
  #platforms(): PlatformLists {
    const { platforms } = this.#table;
    return ofPlatformGroups((group) => {
      const name = `${group.toUpperCase()}_PLATFORMS`;
      return this.#list([`KUBE_SUPPORTED_${name}`, `KUBE_${name}`], platforms[group]);
    });
  }

  #goPackage(): Sourced<string> {
    const value = this.#bash.get("KUBE_GO_PACKAGE");
    if (value !== undefined) return this.#sourced(value, this.#sourceOf("KUBE_GO_PACKAGE"));
    const lines = this.#file(GO_MOD).text?.split("\n") ?? [];
    const line = lines.findIndex((text) => /^module\s+\S/.test(text));
    if (line < 0) return this.#fallback(this.#table.goPackage);
    const name = lines[line]!.replace(/^module\s+/, "").replace(/\/\/.*$/, "");
    return this.#sourced(name.trim().replace(/^"(.*)"$/, "$1"), `${GO_MOD}:${line + 1}`);
  }

  #minimumGo(): Sourced<string> {
    const { text } = this.#file(GOLANG);
    const found = text === undefined ? undefined : minimumGo(text);
    if (found !== undefined) return this.#sourced(found.value, `${GOLANG}:${found.line}`);
    const lines = this.#file(GO_MOD).text?.split("\n") ?? [];
    const line = lines.findIndex((line) => GO_DIRECTIVE.test(line));
    if (line >= 0) {
      return this.#sourced(GO_DIRECTIVE.exec(lines[line]!)![1]!, `${GO_MOD}:${line + 1}`);
    }
    if (text !== undefined) this.#refuse(`${GOLANG}: minimum_go_version is not assigned`);
    return this.#fallback(this.#table.minimumGo);
  }

  #pinnedGo(): ReturnType<typeof pinnedGo> {
    const [goVersion, cross] = [".go-version", "build/build-image/cross/VERSION"]
      .map((path) => this.#file(path)) as [CheckoutFile, CheckoutFile];
    const scripts = [GOLANG, INIT, COMMON].map((path) => this.#file(path));
    const found = pinnedGo(goVersion, cross, scripts);
    if (found === undefined) {
      const why = cross.text === undefined ? cross.why : `"${cross.text.trim()}" names no Go`;
      this.#refusals.push(`${cross.path}: ${why}; no Go is pinned`);
    }
    return found;
  }

  #parallelBuildMemory(): Sourced<number> {
    const name = "KUBE_PARALLEL_BUILD_MEMORY";
    const text = this.#bash.source(name) === undefined ? undefined : this.#bash.get(name);
    if (text !== undefined && /^[0-9]{1,6}$/.test(text)) {
      return this.#sourced(Number(text), this.#sourceOf(name));
    }
    if (text !== undefined) this.#refuse(`${this.#sourceOf(name)}: "${text}" is not a number`);
    else this.#refuseVariable([name], GOLANG);
    return this.#fallback(this.#table.parallelBuildMemory);
  }

  #versionPackages(goPackage: string): Sourced<readonly string[]> {
    const { text } = this.#file(VERSION);
    const lines = text === undefined ? [] : findVersionPackages(text);
    const packages = lines.map((line) =>
      line.package.replace(
        /\$\{?(\w+)\}?/g,
        (whole, name: string) =>
          name === "KUBE_GO_PACKAGE" ? goPackage : this.#bash.get(name) ?? whole,
      )
    );
    if (lines.length > 0 && !packages.some((path) => path.includes("$"))) {
      return this.#sourced(packages, `${VERSION}:${lines[0]!.line}`);
    }
    if (text !== undefined) this.#refuse(`${VERSION}: No line "-X 'PACKAGE.\${key}=\${val}'"`);
    return this.#fallback(this.#table.versionPackages);
  }

  #wrappedBinaries(platforms: readonly string[]): Sourced<readonly WrappedBinary[]> {
    const result = readWrappedBinaries(this.#bash, this.#table, {
      variables: this.#options.variables,
      platforms,
    });
    if (result.why !== undefined && this.#file(COMMON).text !== undefined) {
      this.#refuse(`${COMMON}${result.why}`);
    }
    return this.#sourced(result.value, result.source);
  }

  /** `docker_registry` of release.sh; 1.5 to 1.8 write the registry into `docker_image_tag`. */
  #imageRegistry(): Sourced<string> {
    const lines = this.#file(RELEASE).text?.split("\n") ?? [];
    for (const name of ["docker_registry", "docker_image_tag"]) {
      const expression = new RegExp(
        `^\\s*(?:(?:local|readonly|declare)\\s+(?:-\\w+\\s+)?)?(${name}=.*)$`,
      );
      for (const [i, line] of lines.entries()) {
        const text = expression.exec(line)?.[1];
        if (text === undefined) continue;
        const marked = Object.fromEntries(IMAGE_VARIABLES.map((name) => [name, MARK]));
        const value = this.#run([parseBash(RELEASE, text)], marked).get(name)?.split(`/${MARK}`)[0];
        if (value !== undefined && value !== "") return this.#sourced(value, `${RELEASE}:${i + 1}`);
      }
    }
    if (lines.length > 0) this.#refuse(`${RELEASE}: docker_registry is not assigned`);
    return this.#fallback(this.#table.imageRegistry);
  }

  /** What `KUBE_FASTBUILD=true` builds on hosts of each architecture. */
  #fastbuildArchitectures(): Sourced<readonly string[]> {
    const golang = this.#scripts.filter(({ path }) => path === GOLANG);
    const found = new Set<string>();
    const first = ["amd64", "arm64", this.#options.hostArch];
    const hosts = [...first, "ppc64le", "s390x", "arm", "386", "riscv64", "loong64"];
    for (const [i, hostArch] of golang.length === 0 ? [] : hosts.entries()) {
      // Up to 1.20 the host does not matter.
      if (i === first.length && found.size === 1) break;
      const bash = this.#run(golang, { KUBE_FASTBUILD: "true" }, hostArch);
      const platforms = bash.array("KUBE_SERVER_PLATFORMS");
      if (platforms === undefined || platforms.length === 0) {
        this.#refuseVariable(["KUBE_SERVER_PLATFORMS"], GOLANG);
        return this.#fallback(this.#table.fastbuildArchitectures);
      }
      for (const platform of platforms) found.add(platform.split("/")[1] ?? platform);
    }
    if (found.size === 0) return this.#fallback(this.#table.fastbuildArchitectures);
    const source = this.#bash.functionSource("kube::golang::setup_platforms");
    const where = source === undefined
      ? this.#sourceOf("KUBE_SERVER_PLATFORMS")
      : sourceOf(this.#root, source);
    return this.#sourced([...found], where);
  }

  /** Asks for a platform that no list has: lists that the variable narrows become empty. */
  #useOfBuildPlatforms(): Checkout["useOfBuildPlatforms"] {
    const golang = this.#scripts.filter(({ path }) => path === GOLANG);
    if (golang.length === 0) return undefined;
    const unknown = "none/none";
    const bash = this.#run(golang, { KUBE_BUILD_PLATFORMS: unknown });
    const platforms = bash.array("KUBE_SERVER_PLATFORMS");
    if (platforms === undefined) return undefined;
    const found = bash.source("KUBE_SERVER_PLATFORMS");
    const use = platforms.length === 0
      ? "narrows"
      : platforms.includes(unknown)
      ? "replaces"
      : "nothing";
    return this.#sourced(use, `${GOLANG}:${found?.line ?? 1}`);
  }

  #optional(name: string): Sourced<string> | undefined {
    const value = this.#bash.source(name) === undefined ? undefined : this.#bash.get(name);
    if (value !== undefined) return this.#sourced(value, this.#sourceOf(name));
    const why = this.#bash.why(name);
    if (why !== undefined) {
      this.#refusals.push(
        reasonAt(this.#root, { ...why, why: `${name}: ${why.why}` }),
      );
    }
    return undefined;
  }

  #crossImage(): Sourced<string> | undefined {
    const image = this.#bash.get("KUBE_CROSS_IMAGE");
    const version = this.#bash.get("KUBE_CROSS_VERSION");
    if (image === undefined || version === undefined) {
      return buildImageBase(this.#file(BUILD_IMAGE), (name) => this.#bash.get(name));
    }
    return this.#sourced(`${image}:${version}`, this.#sourceOf("KUBE_CROSS_IMAGE"));
  }
}
