import { assertEquals } from "@std/assert";
import { readPackageGenerators } from "../../src/generate/package_generators.ts";

async function generatorsIn(makefile: string) {
  const root = await Deno.makeTempDir({ prefix: "kbuild-generators-" });
  try {
    await Deno.writeTextFile(`${root}/Makefile.generated_files`, makefile);
    return await readPackageGenerators(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const DIRECTORIES = (variable: string, tag: string, options: string) => `
${variable}_BASENAME := $(GENERATED_FILE_PREFIX)${variable.toLowerCase()}
${variable}_FILENAME := $(${variable}_BASENAME).go
${variable}_GEN := $(BIN_DIR)/${variable.toLowerCase()}-gen
${variable}_DIRS := $(shell \\
    grep --color=never ${options}'${tag}' $(ALL_K8S_TAG_FILES) | xargs -n1 dirname | sort -u \\
)
`;

const TAIL = [{ name: "--v", value: "verbosity" }, { name: "--logtostderr", value: undefined }];

Deno.test("readPackageGenerators() reads recipes, in the order of make", async () => {
  const found = await generatorsIn(`
.PHONY: generated_files
generated_files: gen_copy_all gen_convert gen_openapi
${DIRECTORIES("CONVERT", "^// *+k8s:convert-gen=", "")}
EXTRA := \\
    k8s.io/kubernetes/a \\
    k8s.io/api/b
EXTRA_ALL := $(addprefix $(PRJ_SRC_PATH)/, $(CONVERT_DIRS))
gen_convert: $(CONVERT_GEN) $(CONVERT_GEN).todo
\tif [[ -s x.todo ]]; then \\
\t    ./hack/run-in-gopath.sh $(CONVERT_GEN) \\
\t        --extra-peer-dirs $$(echo $(EXTRA) | sed 's/ /,/g') \\
\t        --extra-dirs $$(echo $(EXTRA_ALL) | sed 's/ /,/g') \\
\t        --v $(KUBE_VERBOSE) \\
\t        --logtostderr \\
\t        -i "$$pkgs" \\
\t        -O $(CONVERT_BASENAME) \\
\t        "$$@"; \\
\tfi
$(CONVERT_GEN): $(deps)
\tKUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ./vendor/k8s.io/gen/cmd/convert-gen
\ttouch $@
${DIRECTORIES("COPY", "+k8s:copy-gen=", "-l ")}
gen_copy_all: $(COPY_GEN)
\t./hack/run-in-gopath.sh $(COPY_GEN) --v $(KUBE_VERBOSE) --logtostderr -i "$$pkgs" \\
\t    --bounding-dirs $(PRJ_SRC_PATH),"k8s.io/api" -O $(COPY_BASENAME) "$$@"
$(COPY_GEN): $(deps)
\thack/make-rules/build.sh ./vendor/k8s.io/gen/cmd/copy-gen
OPENAPI_DIRS := $(shell grep -l '+k8s:openapi-gen=' $(ALL_K8S_TAG_FILES))
`);
  assertEquals<unknown>(
    found.generators.map(({ name, tool, fileName, tag, flags }) => ({
      name,
      tool,
      fileName,
      tag,
      flags,
    })),
    [{
      name: "copy-all",
      tool: "./vendor/k8s.io/gen/cmd/copy-gen",
      fileName: "zz_generated.copy.go",
      tag: { text: "+k8s:copy-gen=", isAtStart: false },
      flags: [
        ...TAIL,
        { name: "-i", value: "requested" },
        { name: "--bounding-dirs", value: { text: "k8s.io/kubernetes,k8s.io/api" } },
        { name: "-O", value: { text: "zz_generated.copy" } },
      ],
    }, {
      name: "convert",
      tool: "./vendor/k8s.io/gen/cmd/convert-gen",
      fileName: "zz_generated.convert.go",
      tag: { text: "+k8s:convert-gen=", isAtStart: true },
      flags: [
        { name: "--extra-peer-dirs", value: { text: "k8s.io/kubernetes/a,k8s.io/api/b" } },
        { name: "--extra-dirs", value: "all" },
        ...TAIL,
        { name: "-i", value: "requested" },
        { name: "-O", value: { text: "zz_generated.convert" } },
      ],
    }],
  );
});

Deno.test("readPackageGenerators() reads the shell functions of 1.6 to 1.8", async () => {
  const { generators: [found] } = await generatorsIn(`
${DIRECTORIES("COPY", "+k8s:copy-gen=", "-l ")}
RUN_GEN_COPY = \\
    function run_gen_copy() { \\
        if [[ -f $(COPY_GEN).todo ]]; then \\
            ./hack/run-in-gopath.sh $(COPY_GEN) \\
                --v $(KUBE_VERBOSE) \\
                --logtostderr \\
                -i $$(cat $(COPY_GEN).todo | paste -sd, -) \\
                --peers $$(echo $(addprefix $(PRJ_SRC_PATH)/, $(COPY_DIRS)) | sed 's/ /,/g') \\
                -O $(COPY_BASENAME) \\
                "$$@"; \\
        fi \\
    }; \\
    run_gen_copy
gen_copy: $(COPY_FILES) $(COPY_GEN)
\t$(RUN_GEN_COPY)
verify_gen_copy: $(COPY_GEN)
\t$(RUN_GEN_COPY) --verify-only
$(COPY_GEN):
\thack/make-rules/build.sh cmd/libs/go2idl/copy-gen
\ttouch $@
`);
  assertEquals([found?.name, found?.tool], ["copy", "cmd/libs/go2idl/copy-gen"]);
  assertEquals<unknown>(found?.flags, [
    ...TAIL,
    { name: "-i", value: "requested" },
    { name: "--peers", value: "all" },
    { name: "-O", value: { text: "zz_generated.copy" } },
  ]);
});

Deno.test("readPackageGenerators() names rules that it cannot read", async () => {
  const { generators, unreadable } = await generatorsIn(`
generated_files: gen_copy gen_other
${DIRECTORIES("COPY", "+k8s:copy-gen=", "-l ").replace("grep ", "rg ")}
gen_copy: $(COPY_GEN)
\t./hack/run-in-gopath.sh $(COPY_GEN) --v 1 -i "$$pkgs" "$$@"
$(COPY_GEN):
\thack/make-rules/build.sh ./vendor/k8s.io/gen/cmd/copy-gen
`);
  assertEquals(generators, []);
  assertEquals(unreadable, [{
    name: "copy",
    why: "its rule cannot be read: the tag in COPY_DIRS is not understood",
    source: "Makefile.generated_files:11",
  }]);
});
