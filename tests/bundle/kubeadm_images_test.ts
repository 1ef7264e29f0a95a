import { assertEquals } from "@std/assert";
import { parseKubeadmImages, partsOf, readKubeadmImages } from "../../src/bundle/mod.ts";
import { unless } from "../e2e/_program.ts";

const DEFAULTS = ['const (\n\tDefaultImageRepository = "registry.example"\n)\n'];
const CONSTANTS = `const (
	DefaultEtcdVersion = "3.5.10-0"
	CoreDNSVersion = "v1.10.1"
	PauseVersion = "3.9"
)

var (
	SupportedEtcdVersion = map[uint8]string{
		27: "3.5.9-0",
		28: "3.5.10-1",
	}
)
`;
const OLD_DNS = 'return GetGenericImage(repository, "coredns", tag)';
const DNS = 'dnsImageRepository = fmt.Sprintf("%s/coredns", dnsImageRepository)';

Deno.test("parseKubeadmImages() reads the images that kubeadm starts, etcd's version by the minor one", () => {
  for (
    const [minor, etcd] of [[20, "3.5.9-0"], [27, "3.5.9-0"], [28, "3.5.10-1"], [
      31,
      "3.5.10-1",
    ]] as const
  ) {
    const read = parseKubeadmImages(
      { constants: CONSTANTS, images: DNS, defaults: ["", ...DEFAULTS] },
      { minor, arch: "arm64" },
    );
    assertEquals(read, {
      repository: "registry.example",
      suffix: "",
      images: {
        pause: "registry.example/pause:3.9",
        coredns: "registry.example/coredns/coredns:v1.10.1",
        etcd: `registry.example/etcd:${etcd}`,
      },
    });
  }
});

Deno.test("parseKubeadmImages() leaves out what a checkout does not say", () => {
  const constants = 'const PauseVersion = "3.2"\n';
  const built = { minor: 20, arch: "amd64" };
  assertEquals(
    parseKubeadmImages({ constants, images: OLD_DNS, defaults: DEFAULTS }, built).images,
    { pause: "registry.example/pause:3.2" },
  );
  assertEquals(parseKubeadmImages({ constants, images: "", defaults: [] }, built), {
    repository: undefined,
    suffix: "",
    images: {},
  });
  const images = 'fmt.Sprintf("%s/%s-%s:%s", prefix, image, runtime.GOARCH, tag)';
  assertEquals(parseKubeadmImages({ constants, images, defaults: DEFAULTS }, built), {
    repository: "registry.example",
    suffix: "-amd64",
    images: {},
  });
});

/** Up to 1.11, as the files of that time say it. */
const OLD = {
  constants: '\tDefaultEtcdVersion = "3.2.18"\n\tCoreDNSVersion = "1.1.3"\n',
  images: 'fmt.Sprintf("%s/%s-%s:%s", prefix, "etcd", runtime.GOARCH, tag)',
  defaults: DEFAULTS,
  old: {
    pause: '\tdefaultPodSandboxImageName = "registry.example/pause"\n' +
      '\tdefaultPodSandboxImageVersion = "3.1"\n)\nvar (\n' +
      '\tdefaultPodSandboxImage = defaultPodSandboxImageName +\n\t\t"-" + runtime.GOARCH + ":" +\n' +
      "\t\tdefaultPodSandboxImageVersion\n)\nvar other = runtime.GOARCH\n",
    dns: '\tkubeDNSv180AndAboveVersion = "1.14.5"\n\tkubeDNSv190AndAboveVersion = "1.14.7"\n',
  },
};

Deno.test("parseKubeadmImages() has architectures in names up to 1.11, and kube-dns up to 1.10", () => {
  const { suffix, images } = parseKubeadmImages(OLD, { minor: 9, arch: "arm64" });
  assertEquals(suffix, "-arm64");
  assertEquals(images, {
    pause: "registry.example/pause-arm64:3.1",
    etcd: "registry.example/etcd-arm64:3.2.18",
    "k8s-dns-kube-dns": "registry.example/k8s-dns-kube-dns-arm64:1.14.7",
    "k8s-dns-dnsmasq-nanny": "registry.example/k8s-dns-dnsmasq-nanny-arm64:1.14.7",
    "k8s-dns-sidecar": "registry.example/k8s-dns-sidecar-arm64:1.14.7",
  });
  const eight = parseKubeadmImages(OLD, { minor: 8, arch: "arm64" }).images;
  assertEquals(eight["k8s-dns-sidecar"], "registry.example/k8s-dns-sidecar-arm64:1.14.5");
  // The pause image of 1.11 is a list over architectures.
  const pause = OLD.old.pause.replace('"-" + runtime.GOARCH + ":" +', '":" +');
  const eleven = parseKubeadmImages({ ...OLD, old: { ...OLD.old, pause } }, {
    minor: 11,
    arch: "arm64",
  });
  assertEquals(eleven.images, {
    pause: "registry.example/pause:3.1",
    coredns: "registry.example/coredns:1.1.3",
    etcd: "registry.example/etcd-arm64:3.2.18",
  });
});

Deno.test("partsOf() has the images of DNS that kubeadm of the version starts", () => {
  const dns = (minor: number) =>
    partsOf(minor).map(({ name }) => name).filter((name) => /dns/.test(name));
  assertEquals(dns(10), ["k8s-dns-kube-dns", "k8s-dns-dnsmasq-nanny", "k8s-dns-sidecar"]);
  assertEquals(dns(11), ["coredns"]);
});

const kubeDns = (repository: string, tag: string) =>
  ["kube-dns", "dnsmasq-nanny", "sidecar"].map((name) =>
    `${repository}/k8s-dns-${name}-amd64:${tag}`
  );
const GOOGLE = "gcr.io/google_containers";

/**
 * By the version in the path of a checkout: what `kubeadm config images list` prints, up to 1.10 what kubeadm writes into
 * its manifests and kubelet has as its default.
 */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "1.6": [`${GOOGLE}/pause-amd64:3.0`, `${GOOGLE}/etcd-amd64:3.0.17`, ...kubeDns(GOOGLE, "1.14.5")],
  "1.7": [`${GOOGLE}/pause-amd64:3.0`, `${GOOGLE}/etcd-amd64:3.0.17`, ...kubeDns(GOOGLE, "1.14.4")],
  "1.8": [`${GOOGLE}/pause-amd64:3.0`, `${GOOGLE}/etcd-amd64:3.0.17`, ...kubeDns(GOOGLE, "1.14.5")],
  "1.9": [`${GOOGLE}/pause-amd64:3.0`, `${GOOGLE}/etcd-amd64:3.1.11`, ...kubeDns(GOOGLE, "1.14.7")],
  "1.10": [
    ...["k8s.gcr.io/pause-amd64:3.1", "k8s.gcr.io/etcd-amd64:3.1.12"],
    ...kubeDns("k8s.gcr.io", "1.14.8"),
  ],
  "1.11": ["k8s.gcr.io/pause:3.1", "k8s.gcr.io/etcd-amd64:3.2.18", "k8s.gcr.io/coredns:1.1.3"],
  "1.20": ["k8s.gcr.io/pause:3.2", "k8s.gcr.io/coredns:1.7.0", "k8s.gcr.io/etcd:3.4.13-0"],
  "1.28": [
    "registry.k8s.io/pause:3.9",
    "registry.k8s.io/coredns/coredns:v1.10.1",
    "registry.k8s.io/etcd:3.5.10-0",
  ],
};

/** Checkouts whose names say a version that is {@linkcode KNOWN}: tree -> `1.20`. */
const TREES: ReadonlyMap<string, string> = new Map(
  (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").flatMap((tree) => {
    const [, minor = ""] = /kubernetes(?:@v|-)(1\.\d+)\.\d+$/.exec(tree) ?? [];
    return minor in KNOWN ? [[tree, minor] as const] : [];
  }),
);

Deno.test({
  ...unless(
    TREES.size > 0 ? undefined : "KBUILD_TEST_TREES names none of a version that is known here",
    "readKubeadmImages() of real checkouts is what their kubeadm starts",
  ),
  async fn() {
    for (const [tree, minor] of TREES) {
      const built = { minor: Number(minor.slice(2)), arch: "amd64" };
      const read = await readKubeadmImages(tree, built);
      assertEquals([tree, ...Object.values(read.images)], [tree, ...KNOWN[minor]!]);
    }
  },
});
