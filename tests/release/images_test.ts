/** The images of the samples over made-up programs: digests that hold on every machine. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Checkout, readCheckout, setupPlatforms } from "../../src/checkout/mod.ts";
import { openBase } from "../../src/image/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import {
  checkInputs,
  OpenBases,
  type PackageOptions,
  preparePackage,
  readImageMakefile,
  writeImage,
} from "../../src/release/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { createSample, type EraParameter } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { inTempDir, needing } from "../archive/helpers.ts";
import { have } from "../sample/_sample.ts";

/** Era -> image -> the first half of its archive's digest. */
const GOLDEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "1.7": {
    "cloud-controller-manager": "f79ad092c0fbc871946f0272d6eb3e3f",
    "kube-aggregator": "bc48a5c1af68243fd6c16cfbcfca2fb5",
    "kube-apiserver": "fe5540637ab6c6c48f8e4ee94014a0db",
    "kube-controller-manager": "a6b42aefc98c1a2abd3ff757a11e9280",
    "kube-proxy": "f41aafcdb1eec0958d57363cd5324d39",
    "kube-scheduler": "bba23c8e1ca0db0195b43a17e09cf0cc",
  },
  "1.20": {
    "kube-apiserver": "5a0aa724884704fd9445c5fce266f3f9",
    "kube-controller-manager": "d7fad7c75188b2a8f0632ff16f19a8be",
    "kube-proxy": "ec50f4d306f4ddc42f413a848d5f2a64",
    "kube-scheduler": "dda7e2ac95a2ed9aab1d83b920e62f75",
    conformance: "b83d529349bfc18d96b5dd337d64f8c9",
  },
  "1.28": {
    "kube-apiserver": "adbd8e734993ced57eacde795b0b815c",
    "kube-controller-manager": "77ee2483f95e5cde5a3d490aaf87d618",
    "kube-proxy": "4a14fadad024fac207c6005be2d4aa53",
    "kube-scheduler": "76c3666e8d91ac593558d5e3d9a3d0e8",
    kubectl: "35fa85011528c70d7a70593161bb4170",
  },
  "latest": {
    "kube-apiserver": "a05462f1e2f76dc133ff2a6301689a62",
    "kube-controller-manager": "c158e4974a08c024c816164a91fbebce",
    "kube-proxy": "8f094db735bbe3a9b6e1159242b57f02",
    "kube-scheduler": "f5df76de9b7c0e5741e52784d41fcaae",
    kubectl: "35fa85011528c70d7a70593161bb4170",
  },
};

/** A sample's checkout, and the options to package it with for linux/amd64. */
async function open(
  dir: string,
  era: EraParameter,
  change: (root: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ context: KubeContext; checkout: Checkout; options: PackageOptions }> {
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: dir, KUBE_DOCKER_REGISTRY: "me.example" };
  const shell = createShell({ cwd: dir, env });
  const root = join(dir, "kubernetes");
  await createSample({ dir: root, era, git: shell, env });
  await change(root);
  const log = createLogger({ write: () => {} });
  const context = createContext({ root, shell, log, env, host: "linux/amd64" });
  const checkout = await readCheckout(root, { variables: env, hostArch: "amd64" });
  const platforms = setupPlatforms(checkout, { fastbuild: true, hostArch: "amd64" });
  const vars = {
    ...{ gitCommit: "", gitMajor: "1", gitMinor: "2", gitVersion: "v1.2.3-4+5" },
    ...{ gitTreeState: "clean" as const, dirtyPaths: [], problem: undefined },
  };
  const options = { vars, epoch: 1600000000, platforms, binPath: context.releaseBinPath };
  return { context, checkout, options };
}

/** Makes up the programs of an image. */
async function writePrograms(context: Readonly<Record<string, string>>, binPath: string) {
  for (const path of Object.values(context)) {
    if (!path.startsWith(binPath)) continue;
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, `program ${path.slice(path.lastIndexOf("/") + 1)}\n`);
    // Whatever the umask: somebody may run it.
    await Deno.chmod(path, 0o711);
  }
}

async function digests(dir: string, era: EraParameter): Promise<Record<string, string>> {
  const { context, checkout, options } = await open(dir, era);
  const { images } = await preparePackage(context, checkout, options);
  const found: Record<string, string> = {};
  await using bases = new OpenBases(new Map());
  for (const plan of images) {
    await writePrograms(plan.context, context.releaseBinPath);
    await Deno.mkdir(join(dir, plan.arch), { recursive: true });
    const options = { directory: dir, bases, created: 1600000000 };
    found[plan.name] = (await writeImage(plan, options)).sha256.slice(0, 32);
  }
  return found;
}

for (const era of ["1.7", "1.20", "1.28", "latest"] as const) {
  Deno.test({
    ...needing("git", have("git"), `writeImage() writes these very bytes for the sample of ${era}`),
    fn: () => inTempDir(async (dir) => assertEquals(await digests(dir, era), GOLDEN[era])),
  });
}

Deno.test("readImageMakefile() finds what a Makefile gives its Dockerfile", () => {
  const text = `REGISTRY?=registry.example
ARCH?=amd64
BASE_REGISTRY?=registry.example/build
VERSION_OF_BASE?=v1
RUNNER?=\${BASE_REGISTRY}/base-\${ARCH}:$(VERSION_OF_BASE)
ifeq ($(ARCH),amd64)
	BASEIMAGE?=debian:jessie
endif
ifeq ($(ARCH),arm64)
BASEIMAGE=aarch64/debian:jessie
QEMUARCH=aarch64
else
QEMUARCH=other
endif
TEMP_DIR:=$(shell mktemp -d -t XXXXXX)
build:
ifndef VERSION
    $(error VERSION is undefined)
endif
	cd \${TEMP_DIR} && sed -i.back "s|ARCH|\${QEMUARCH}|g" Dockerfile
	cd \${TEMP_DIR} && sed -i.back "s|BASEIMAGE|\${BASEIMAGE}|g" Dockerfile
	docker buildx build \\
		--build-arg RUNNERIMAGE=$(RUNNER) \\
		--build-arg "VERSION=$(VERSION)" \${TEMP_DIR}
`;
  const env = { ARCH: "arm64", VERSION: "v1_2", BASE_REGISTRY: "mirror.example" };
  assertEquals(readImageMakefile(text, env), {
    args: { RUNNERIMAGE: "mirror.example/base-arm64:v1", VERSION: "v1_2" },
    replacements: [["ARCH", "aarch64"], ["BASEIMAGE", "aarch64/debian:jessie"]],
    archives: {},
  });
});

/** What 1.17 and 1.18 have: six programs in an archive, and a script in place of the program. */
async function addHyperkube(root: string): Promise<void> {
  const directory = join(root, "cluster/images/hyperkube");
  await Deno.mkdir(directory, { recursive: true });
  const write = (name: string, text: string, mode = 0o644) =>
    Deno.writeTextFile(join(directory, name), text, { mode });
  await write("hyperkube", "#!/bin/sh\n", 0o755);
  await write(
    "Dockerfile",
    "FROM BASEIMAGE\nADD binaries.tgz /usr/local/bin\nCOPY hyperkube /hyperkube\n",
  );
  await write(
    "Makefile",
    `ARCH?=amd64
OUT_DIR?=_output
BASEIMAGE=registry.example/base-$(ARCH):1
LOCAL=$(shell pwd)/../../../$(OUT_DIR)/local/bin/linux/$(ARCH)
DOCKERIZED=$(shell pwd)/../../../$(OUT_DIR)/dockerized/bin/linux/$(ARCH)
BINARIES?=$(shell test -d $(LOCAL) && echo $(LOCAL) || echo $(DOCKERIZED))
TEMP_DIR:=$(shell mktemp -d)
build:
	cp -r ./* \${TEMP_DIR}
	tar -cvzf \${TEMP_DIR}/binaries.tgz  -C \${BINARIES} kube-apiserver \\
		kubectl kubelet
	cd \${TEMP_DIR} && sed -i.back "s|BASEIMAGE|\${BASEIMAGE}|g" Dockerfile
	docker build -t hyperkube \${TEMP_DIR}
`,
  );
  const script = join(root, "build/lib/release.sh");
  const build = `KUBE_BUILD_HYPERKUBE=\${KUBE_BUILD_HYPERKUBE:-y}
function kube::release::build_hyperkube_image() {
  make -C cluster/images/hyperkube/ build >/dev/null
}
`;
  await Deno.writeTextFile(script, build, { append: true });
}

const git = have("git");

Deno.test({
  ...needing("git", git, "writeImage() puts the programs of a Makefile's archive into the image"),
  fn: () =>
    inTempDir(async (dir) => {
      const { context, checkout, options } = await open(dir, "1.20", addHyperkube);
      const { images } = await preparePackage(context, checkout, options);
      const plan = images.find(({ name }) => name === "hyperkube")!;
      const { binPath } = options;
      const programs = ["kube-apiserver", "kubectl", "kubelet"];
      assertEquals(plan.base, "registry.example/base-amd64:1");
      assertEquals(plan.context, {
        ...Object.fromEntries(programs.map((name) => [name, join(binPath, "linux/amd64", name)])),
        hyperkube: join(context.root, "cluster/images/hyperkube/hyperkube"),
      });
      await writePrograms(plan.context, binPath);
      await Deno.mkdir(join(dir, plan.arch), { recursive: true });
      await using bases = new OpenBases(new Map());
      const { path } = await writeImage(plan, { directory: dir, bases, created: 1600000000 });
      await using written = await openBase(path, { arch: "amd64" });
      const files = [...written.tree].filter(([, { type }]) => type === "file");
      assertEquals(
        files.map(([name, { mode }]) => [name, mode]).sort(),
        [
          ["hyperkube", 0o755],
          ...programs.map((name) => [`usr/local/bin/${name}`, 0o755]),
        ],
      );
    }),
});

Deno.test({
  ...needing("git", git, "preparePackage() has hyperkube where all of its programs are built"),
  fn: () =>
    inTempDir(async (dir) => {
      const { context, checkout, options } = await open(dir, "1.20", addHyperkube);
      const names = async (...only: string[]) => {
        const { images } = await preparePackage(context, checkout, {
          ...options,
          only: new Set(only),
        });
        return images.map(({ name }) => name);
      };
      assertEquals(await names("kube-apiserver", "kubectl"), ["kube-apiserver"]);
      assertEquals(await names("kube-apiserver", "kubectl", "kubelet"), [
        "kube-apiserver",
        "hyperkube",
      ]);
    }),
});

Deno.test({
  ...needing("git", git, "checkInputs() names a file that a Dockerfile copies and nobody makes"),
  fn: () =>
    inTempDir(async (dir) => {
      const { context, checkout, options } = await open(dir, "1.20", async (root) => {
        await addHyperkube(root);
        const makefile = join(root, "cluster/images/hyperkube/Makefile");
        const text = await Deno.readTextFile(makefile);
        await Deno.writeTextFile(makefile, text.replace("tar -cvzf", "make-archive"));
      });
      const plan = await preparePackage(context, checkout, options);
      const error = await assertRejects(
        () => checkInputs(context, plan, { checkBinaries: false, basesToCome: true }),
        KbuildError,
        'Cannot make the image of "hyperkube": "cluster/images/hyperkube/Dockerfile" copies ' +
          '"binaries.tgz", and "cluster/images/hyperkube/binaries.tgz" does not exist',
      );
      assertEquals(error.notes.at(-1), "Or leave the image out: KUBE_BUILD_HYPERKUBE=n");
    }),
});
