import { type Checkout, readCheckoutFile } from "../checkout/mod.ts";
import { followStage, functionBody, type StageCopies, type StageCopy } from "./follow.ts";
import { FINAL_120, FINAL_17, MANIFESTS_120, MANIFESTS_17, SALT_17 } from "./layout_tables.ts";

/** A directory whose yaml, yaml.in and json files are addons. */
export interface AddonDirectory {
  /** Below the root: `cluster/addons`. */
  readonly from: string;
  /** Below `kubernetes/`: `gci-trusty`. */
  readonly to: string;
  /** Whether "demo" anywhere in a path leaves a file out (up to 1.14), or in its name alone. */
  readonly demo: "path" | "name";
}

/** An image that `make -C DIRECTORY build` makes: `conformance`, `hyperkube`. */
export interface DirectoryImage {
  /** Base name of the directory. */
  readonly name: string;
  /** Where its Dockerfile and Makefile are: `test/conformance/image`. */
  readonly directory: string;
  /** Whether it is made unless `KUBE_BUILD_<NAME>` says otherwise. */
  readonly byDefault: boolean;
}

/** How a checkout's `build/lib/release.sh` lays out its tarballs. */
export interface ReleaseLayout {
  /** Whether the sources of a clean tree are those of `git archive` (1.14 and later). */
  readonly sourceArchive: boolean;
  /** Prefix of names in the source tarball of a dirty tree: `kubernetes/` (1.19+), `./`. */
  readonly sourcePrefix: string;
  /** Whether node and server tarballs hold a `version` file (1.35). */
  readonly versionInBinaries: boolean;
  /** Files of the checkout in node tarballs: licenses. */
  readonly nodeCopies: readonly StageCopy[];
  /** Files of the checkout in server tarballs. */
  readonly serverCopies: readonly StageCopy[];
  /** The salt tarball of 1.7–1.9; undefined where there is none. */
  readonly salt: StageCopies & { readonly addons: readonly AddonDirectory[] } | undefined;
  /** Files of the manifests tarball. */
  readonly manifests: readonly StageCopy[];
  /** Directory of which every `internal-*` file is taken, where the era has such. */
  readonly internalManifests: string | undefined;
  /** Addons in the manifests tarball. */
  readonly addons: readonly AddonDirectory[];
  /** What the last tarball takes from the checkout, and what it leaves out of that. */
  readonly final: StageCopies;
  /** Text of `client/README` and `server/README`. */
  readonly clientReadme: string;
  /** Text of the `README` in the server tarball. */
  readonly serverReadme: string;
  /** A test tarball for each platform and a portable one (1.14 and later). */
  readonly splitTests: boolean;
  /** One test tarball for all platforms: always (1.7), unless asked otherwise (1.14), or never. */
  readonly allTests: "always" | "default" | "asked" | "never";
  /** Text of the `DEPRECATION_NOTICE` in it (1.14–1.16). */
  readonly allTestsNotice: string | undefined;
  /** Whether image archives get a directory of their own (1.14 and later). */
  readonly imagesDirectory: boolean;
  /** Whether the name of an amd64 image lacks the architecture (up to 1.14). */
  readonly plainAmd64: boolean;
  /** Whether the tag of an image is the MD5 of its program (1.6), not the version. */
  readonly md5Tags: boolean;
  /** Whether an archive holds the name that `KUBE_DOCKER_REGISTRY` asks for as well. */
  readonly secondTag: boolean;
  /** The former registry, whose name an archive holds too (1.10–1.12). */
  readonly deprecatedRegistry: string | undefined;
  /** What the Dockerfile that the script writes copies with: `COPY`, in 1.7 `ADD`. */
  readonly addInstruction: "COPY" | "ADD";
  /** Whether images on busybox get an nsswitch.conf (1.14–1.20). */
  readonly nsswitch: boolean;
  /** Images with directories of their own. */
  readonly directoryImages: readonly DirectoryImage[];
  /** Whether images of hyperkube are made, and left in Docker, when both KUBE_DOCKER_* are set. */
  readonly hyperkubeInDocker: boolean;
}

function defaultReadme(side: string): string {
  return `${side} binaries are not part of this tarball.\n\n` +
    "Download them with cluster/get-kube-binaries.sh.\n";
}

/**
 * Reads the layout from the checkout's `build/lib/release.sh`: which tarballs there are, which
 * files they take, the texts of the READMEs, how images are named. What is not found comes from
 * v1.7.3 for checkouts with Godeps, else from v1.20.2.
 */
export async function readReleaseLayout(checkout: Checkout): Promise<ReleaseLayout> {
  const { text: script = "" } = await readCheckoutFile(checkout.root, "build/lib/release.sh");
  const unknown = script === "";
  const old = unknown && checkout.era.name === "godeps";
  const body = (name: string) => functionBody(script, name);
  const manifests = followStage(script, "package_kube_manifests_tarball").copies;
  const images = body("create_docker_images_for_server");
  return Object.freeze({
    ...sources(body("package_src_tarball"), { unknown, old }),
    ...platformCopies(script, old),
    salt: salt(script, old),
    manifests: manifests.length > 0 ? manifests : old ? MANIFESTS_17 : MANIFESTS_120,
    ...addons(body("package_kube_manifests_tarball"), { unknown, old }),
    ...final(script, old),
    ...tests(script, old),
    imagesDirectory: unknown ? !old : /^(readonly )?RELEASE_IMAGES=/m.test(script),
    plainAmd64: unknown ? old : /== "?amd64"? \]\]/.test(images),
    md5Tags: /\bdocker_image_tag\S*:\$\{?md5_sum\b/.test(images),
    // Saved from the engine by both names, or built under both (1.27's alphas).
    secondTag: unknown ? !old : /(\bsave\b|"-t")[^\n]*release_docker_image_tag/.test(images),
    deprecatedRegistry: /\bsave\b[^\n]*deprecated_image_tag/.test(images)
      ? /\bdeprecated_registry="([^"$]+)"/.exec(images)?.[1]
      : undefined,
    addInstruction: old || /\bADD \$\{binary_name\}/.test(images) ? "ADD" : "COPY",
    nsswitch: unknown ? !old : images.includes("nsswitch.conf"),
    directoryImages: directoryImages(script),
    hyperkubeInDocker: old || body("package_hyperkube") !== "",
  });
}

/** What is known of a checkout whose release.sh cannot be read. */
interface Unread {
  readonly unknown: boolean;
  readonly old: boolean;
}

function sources(
  body: string,
  { unknown, old }: Unread,
): Pick<ReleaseLayout, "sourceArchive" | "sourcePrefix"> {
  const kubernetes = unknown ? !old : body.includes("|kubernetes|");
  return {
    sourceArchive: unknown ? !old : body.includes("git archive"),
    sourcePrefix: kubernetes ? "kubernetes/" : "./",
  };
}

/** What node and server tarballs take: `cp … "${KUBE_ROOT}/…" "${release_stage}/"`. */
function platformCopies(
  script: string,
  old: boolean,
): Pick<ReleaseLayout, "nodeCopies" | "serverCopies" | "versionInBinaries"> {
  const fallback: StageCopy = old
    ? { from: "Godeps/LICENSES", to: "LICENSES", kind: "file", optional: false }
    : { from: "LICENSES", to: "LICENSES", kind: "tree", optional: false };
  const copies = (name: string) => {
    const line = /^\s*cp (-[rR] )?"\$\{KUBE_ROOT\}\/([^"$]+)" "\$\{release_stage\}\/?"/gm;
    const found = [...functionBody(script, name).matchAll(line)].map(([, flag, from = ""]) =>
      Object.freeze({
        from,
        to: from.slice(from.lastIndexOf("/") + 1),
        kind: flag === undefined ? "file" as const : "tree" as const,
        optional: false,
      })
    );
    return Object.freeze(script === "" ? [fallback] : found);
  };
  return {
    nodeCopies: copies("package_node_tarballs"),
    serverCopies: copies("package_server_tarballs"),
    versionInBinaries: /\/version"/.test(functionBody(script, "package_server_tarballs")),
  };
}

function salt(script: string, old: boolean): ReleaseLayout["salt"] {
  const name = "package_salt_tarball";
  const body = functionBody(script, name);
  if (body === "" && !old) return undefined;
  const found = old ? { copies: SALT_17, removed: [] } : followStage(script, name);
  const from = "cluster/addons";
  const hasAddons = old || body.includes(from);
  const to = "saltbase/salt/kube-addons";
  const directories: AddonDirectory[] = hasAddons ? [{ from, to, demo: "path" }] : [];
  return Object.freeze({ ...found, addons: Object.freeze(directories) });
}

function addons(
  body: string,
  { unknown, old }: Unread,
): Pick<ReleaseLayout, "addons" | "internalManifests"> {
  const directories = ["cluster/addons", "cluster/gce/addons"].filter((from) =>
    unknown ? !(old && from.includes("gce")) : body.includes(from)
  );
  const byPath = (from: string) =>
    old || new RegExp(`${from}" && find [^\\n]*grep -z?v demo`).test(body);
  const internal = unknown ? !old : body.includes("internal-");
  return {
    addons: Object.freeze(
      directories.map((from) =>
        Object.freeze({ from, to: "gci-trusty", demo: byPath(from) ? "path" : "name" } as const)
      ),
    ),
    internalManifests: internal ? "cluster/gce/manifests" : undefined,
  };
}

function final(
  script: string,
  old: boolean,
): Pick<ReleaseLayout, "final" | "clientReadme" | "serverReadme"> {
  const name = "package_final_tarball";
  const body = functionBody(script, name);
  const found = followStage(script, name);
  const fallback = old
    ? { copies: FINAL_17, removed: ["cluster/saltbase"] }
    : { copies: FINAL_120, removed: [] };
  return {
    final: Object.freeze(found.copies.length > 0 ? found : fallback),
    clientReadme: writtenText(body, "client/README") ?? defaultReadme("Client"),
    serverReadme: writtenText(body, "server/README") ?? defaultReadme("Server"),
  };
}

function tests(
  script: string,
  old: boolean,
): Pick<ReleaseLayout, "splitTests" | "allTests" | "allTestsNotice"> {
  const split = functionBody(script, "package_test_platform_tarballs") !== "";
  const one = functionBody(script, "package_test_tarball") !== "";
  const byDefault = /^KUBE_BUILD_MONDO_TEST_TARBALL=\$\{[^}]*:-([yYnN])\}/m.exec(script)?.[1];
  const asked = byDefault === undefined ? "never" : /y/i.test(byDefault) ? "default" : "asked";
  return {
    splitTests: script === "" ? !old : split || !one,
    allTests: old || (one && !split) ? "always" : asked,
    allTestsNotice: writtenText(
      functionBody(script, "package_test_tarballs"),
      "DEPRECATION_NOTICE",
    ),
  };
}

/** The functions `build_<name>_image`, which start make in a directory. */
function directoryImages(script: string): readonly DirectoryImage[] {
  const found: DirectoryImage[] = [];
  for (const [, name = ""] of script.matchAll(/^function kube::release::build_(\w+)_image\(/gm)) {
    const directory = /make -C (\S+?)\/? build/.exec(functionBody(script, `build_${name}_image`))
      ?.[1];
    const variable = `KUBE_BUILD_${name.toUpperCase()}`;
    const byDefault = new RegExp(`^${variable}=\\$\\{${variable}:-y\\}`, "m").test(script);
    if (directory !== undefined) found.push(Object.freeze({ name, directory, byDefault }));
  }
  return Object.freeze(found);
}

/** The text of `cat <<EOF > "${release_stage}/<name>"` or `echo "…" > "${release_stage}/<name>"`. */
function writtenText(body: string, name: string): string | undefined {
  const echoed = [...body.matchAll(/^\s*echo "([^"$`\\]*)" > "\$\{release_stage\}\/([^"]+)"$/gm)]
    .find(([, , path]) => path === name);
  if (echoed !== undefined) return `${echoed[1]}\n`;
  const start = body.indexOf(`<<EOF > "\${release_stage}/${name}"\n`);
  if (start < 0) return undefined;
  const from = body.indexOf("\n", start) + 1;
  const end = body.indexOf("\nEOF", from - 1);
  return end < 0 ? undefined : body.slice(from, end + 1);
}
