import { join } from "@std/path";
import { type Checkout, readBash } from "../checkout/mod.ts";

/** One file of the manifests tarball: from the checkout, to a name below `gci-trusty/`. */
export interface ManifestCopy {
  readonly from: string;
  readonly to: string;
  /** Copied only where it exists (`if [[ -e … ]]`). */
  readonly optional: boolean;
}

/** How a checkout's `build/lib/release.sh` lays out its tarballs. */
export interface ReleaseLayout {
  /** `kubernetes/` where the source tarball of a dirty tree has a prefix (1.20+), else "". */
  readonly sourcePrefix: string;
  /** Whether node and server tarballs hold a `version` file (1.35). */
  readonly versionInBinaries: boolean;
  /** Files of the manifests tarball. */
  readonly manifests: readonly ManifestCopy[];
  /** Folder of which every `internal-*` file is taken. */
  readonly internalManifests: string;
  /** Folders whose yaml, yaml.in and json files are addons. */
  readonly addons: readonly string[];
  /** Text of `client/README` and `server/README`. */
  readonly clientReadme: string;
  readonly serverReadme: string;
  /** Folder of the conformance image; undefined where there is none. */
  readonly conformance: string | undefined;
  /** Whether the conformance image is made unless asked otherwise (1.14-1.20). */
  readonly conformanceByDefault: boolean;
}

/** The manifests of v1.20.2 (release.sh:425-452), for trees without a readable release.sh. */
const MANIFESTS = [
  "kube-proxy.manifest",
  "cluster-autoscaler.manifest",
  "etcd.manifest",
  "kube-scheduler.manifest",
  "kube-apiserver.manifest",
  "konnectivity-server.yaml",
  "abac-authz-policy.jsonl",
  "kube-controller-manager.manifest",
  "kube-addon-manager.yaml",
  "glbc.manifest",
];

const GCE = "cluster/gce/manifests";

function defaultReadme(side: string): string {
  return `${side} binaries are not part of this tarball.\n\n` +
    "Download them with cluster/get-kube-binaries.sh.\n";
}

/**
 * Reads the layout from the checkout's `build/lib/release.sh`: which files the manifests tarball
 * takes, the texts of the READMEs, what is packed where. What is not found comes from v1.20.2.
 */
export async function readReleaseLayout(checkout: Checkout): Promise<ReleaseLayout> {
  const path = join(checkout.root, "build/lib/release.sh");
  const script = await Deno.readTextFile(path).catch(() => "");
  const body = (name: string) => functionBody(script, `kube::release::${name}`);
  const source = body("package_src_tarball");
  const server = body("package_server_tarballs");
  const final = body("package_final_tarball");
  const manifests = manifestCopies(script);
  const conformance = /make -C (\S+?)\/? build/.exec(body("build_conformance_image"))?.[1];
  return Object.freeze({
    sourcePrefix: script === "" || source.includes("|kubernetes|") ? "kubernetes/" : "",
    versionInBinaries: /\/version"/.test(server),
    manifests: Object.freeze(manifests.length > 0 ? manifests : fallbackManifests()),
    internalManifests: GCE,
    addons: Object.freeze(["cluster/addons", "cluster/gce/addons"]),
    clientReadme: heredoc(final, "client/README") ?? defaultReadme("Client"),
    serverReadme: heredoc(final, "server/README") ?? defaultReadme("Server"),
    conformance,
    conformanceByDefault: /^KUBE_BUILD_CONFORMANCE=\$\{KUBE_BUILD_CONFORMANCE:-y\}/m.test(script),
  });
}

/** The lines between `name() {` and the `}` at the start of a line. */
function functionBody(script: string, name: string): string {
  const start = script.search(new RegExp(`^(function )?${name}(\\(\\))? *\\{$`, "m"));
  if (start < 0) return "";
  const end = script.indexOf("\n}", start);
  return script.slice(start, end < 0 ? undefined : end);
}

const MANIFESTS_FUNCTION = "kube::release::package_kube_manifests_tarball";
const ROOT = "/checkout/";

/** The files that `package_kube_manifests_tarball` copies into `gci-trusty`, read by following it. */
function manifestCopies(script: string): ManifestCopy[] {
  const copies: ManifestCopy[] = [];
  const add = (from: string, folder: string, optional: boolean) => {
    const below = /\/gci-trusty\/?([^/]*)$/.exec(folder)?.[1];
    if (!from.startsWith(ROOT) || below === undefined) return;
    const to = below === "" ? from.slice(from.lastIndexOf("/") + 1) : below;
    copies.push(Object.freeze({ from: from.slice(ROOT.length), to, optional }));
  };
  const reader = readBash({
    files: [{ path: "build/lib/release.sh", text: script }],
    variables: {},
    constants: { KUBE_ROOT: ROOT.slice(0, -1), LOCAL_OUTPUT_ROOT: "/output" },
    hostArch: "amd64",
    onCommand: (name, args) => {
      if (name === "cp" && args.length === 2) add(args[0] ?? "", args[1] ?? "", false);
      return true;
    },
  });
  reader.call(MANIFESTS_FUNCTION);
  // What stands in `if [[ -e … ]]` depends on the checkout's files, which the reader does not see.
  const conditional = /if \[\[ -e [^\n]*\n\s*cp "\$\{KUBE_ROOT\}\/([^"$]+)" "\$\{dst_dir\}\/?"/g;
  for (const [, from = ""] of functionBody(script, MANIFESTS_FUNCTION).matchAll(conditional)) {
    add(`${ROOT}${from}`, "/gci-trusty/", true);
  }
  return copies;
}

function fallbackManifests(): ManifestCopy[] {
  const own = MANIFESTS.map((to) => ({ from: `${GCE}/${to}`, to, optional: false }));
  return [...own, {
    from: "cluster/gce/gci/configure-helper.sh",
    to: "gci-configure-helper.sh",
    optional: false,
  }];
}

/** The text of `cat <<EOF > "${release_stage}/<name>"`. */
function heredoc(body: string, name: string): string | undefined {
  const start = body.indexOf(`<<EOF > "\${release_stage}/${name}"\n`);
  if (start < 0) return undefined;
  const from = body.indexOf("\n", start) + 1;
  const end = body.indexOf("\nEOF", from - 1);
  return end < 0 ? undefined : body.slice(from, end + 1);
}
