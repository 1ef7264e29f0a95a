import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parseKubeadmImages, readKubeadmImages } from "../../src/bundle/mod.ts";

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
      minor,
    );
    assertEquals(read, {
      repository: "registry.example",
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
  assertEquals(
    parseKubeadmImages({ constants, images: OLD_DNS, defaults: DEFAULTS }, 20).images,
    { pause: "registry.example/pause:3.2" },
  );
  assertEquals(parseKubeadmImages({ constants, images: "", defaults: [] }, 20), {
    repository: undefined,
    images: {},
  });
  // Up to 1.11 names had the architecture.
  const images = 'fmt.Sprintf("%s/%s-%s:%s", prefix, image, runtime.GOARCH, tag)';
  assertEquals(parseKubeadmImages({ constants, images, defaults: DEFAULTS }, 11).images, {});
});

/** What `kubeadm config images list` prints, by minor version. */
const KNOWN: Readonly<Record<number, readonly string[]>> = {
  20: ["k8s.gcr.io/pause:3.2", "k8s.gcr.io/coredns:1.7.0", "k8s.gcr.io/etcd:3.4.13-0"],
  28: [
    "registry.k8s.io/pause:3.9",
    "registry.k8s.io/coredns/coredns:v1.10.1",
    "registry.k8s.io/etcd:3.5.10-0",
  ],
};

Deno.test("readKubeadmImages() of real checkouts is what their kubeadm prints", async () => {
  for (const tree of (Deno.env.get("KBUILD_TEST_TREES") ?? "").split(":").filter(Boolean)) {
    for (const [minor, images] of Object.entries(KNOWN)) {
      const path = join(tree, "cmd/kubeadm/app/constants/constants.go");
      const text = await Deno.readTextFile(path).catch(() => "");
      if (!text.includes(`DefaultEtcdVersion = "${images[2]!.replace(/^.*:/, "")}"`)) continue;
      const read = await readKubeadmImages(tree, Number(minor));
      assertEquals(Object.values(read.images), images);
    }
  }
});
