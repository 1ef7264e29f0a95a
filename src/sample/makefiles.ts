/**
 * The Makefiles of the samples: the targets that Kubernetes' own ones have, cut to what they call.
 *
 * @module
 */
import type { EraFacts } from "./era_facts.ts";
import { raw } from "./raw.ts";
import { link, type Tree } from "./tree.ts";

/** `Makefile` and the files that it includes. */
export function makefiles(facts: EraFacts): Tree {
  const gopath = facts.goMode === "gopath";
  return {
    "Makefile": link("build/root/Makefile"),
    "build/root/Makefile": makefile(facts),
    ...(gopath
      ? {
        "Makefile.generated_files": link("build/root/Makefile.generated_files"),
        "build/root/Makefile.generated_files": facts.godeps ? generated17() : GENERATED_FILES,
      }
      : {}),
  };
}

function makefile({ goMode, godeps }: EraFacts): string {
  const gopath = goMode === "gopath";
  // Up to 1.7 go's flags travel under other names, so that go itself does not see them.
  const wrapped = godeps
    ? "KUBE_GOFLAGS := $(GOFLAGS)\nKUBE_GOLDFLAGS := $(GOLDFLAGS)\nKUBE_GOGCFLAGS = $(GOGCFLAGS)\n"
    : "";
  const needs = gopath ? " generated_files" : "";
  const ginkgo = gopath
    ? "vendor/github.com/onsi/ginkgo/ginkgo"
    : "github.com/onsi/ginkgo/v2/ginkgo";
  const generated = gopath
    ? raw`
.PHONY: generated_files gen_openapi
generated_files gen_openapi:
	$(MAKE) -f Makefile.generated_files $@ CALLED_FROM_MAIN_MAKEFILE=1

.PHONY: clean_meta clean_generated
clean_meta:
	rm -rf $(META_DIR)
clean_generated:
	find . -type f -name $(GENERATED_FILE_PREFIX)\* | grep -v "[.]/staging/.*" | xargs rm -f
`
    : "";
  return raw`# Part of kbuild's sample checkout: a small look-alike of Kubernetes, not Kubernetes.

MAKEFLAGS += -s --no-builtin-rules
SHELL := /usr/bin/env bash
.SUFFIXES:

# Recipes see all variables.
.EXPORT_ALL_VARIABLES:
OUT_DIR ?= _output
BIN_DIR := $(OUT_DIR)/bin
PRJ_SRC_PATH := k8s.io/kubernetes
GENERATED_FILE_PREFIX := zz_generated.
META_DIR := .make
${wrapped}KUBE_RELEASE_RUN_TESTS := $(KUBE_RELEASE_RUN_TESTS)
KUBE_FASTBUILD := $(KUBE_FASTBUILD)
KUBE_VERBOSE ?= 1

.PHONY: all
all:${needs}
	hack/make-rules/build.sh $(WHAT)

.PHONY: ginkgo
ginkgo:
	hack/make-rules/build.sh ${ginkgo}

.PHONY: verify quick-verify update
verify:
	KUBE_VERIFY_GIT_BRANCH=$(BRANCH) hack/make-rules/verify.sh
quick-verify:
	QUICK=true SILENT=false hack/make-rules/verify.sh
update:${needs}
	hack/make-rules/update.sh

.PHONY: check test
check test:${needs}
	hack/make-rules/test.sh $(WHAT) $(TESTS)

.PHONY: clean
clean:${gopath ? " clean_meta" : ""}
	hack/make-rules/clean.sh

.PHONY: release release-in-a-container release-images
release:
	build/release.sh
release-in-a-container:
	build/release-in-a-container.sh
release-images:
	build/release-images.sh

.PHONY: release-skip-tests quick-release quick-release-images
release-skip-tests quick-release: KUBE_RELEASE_RUN_TESTS = n
release-skip-tests quick-release: KUBE_FASTBUILD = true
release-skip-tests quick-release:
	build/release.sh
quick-release-images: KUBE_FASTBUILD = true
quick-release-images:
	build/release-images.sh

.PHONY: package package-tarballs
package package-tarballs:
	build/package-tarballs.sh

.PHONY: cross cross-in-a-container
cross:
	hack/make-rules/cross.sh
cross-in-a-container: KUBE_OUTPUT_SUBPATH = $(OUT_DIR)/dockerized
cross-in-a-container:
ifeq (,$(wildcard /.dockerenv))
	@echo -e "\n'cross-in-a-container' works in a container only.\n"
else
	hack/make-rules/cross.sh
endif

# One target for each folder in cmd/.
EXCLUDE_TARGET=OWNERS
.PHONY: $(filter-out %$(EXCLUDE_TARGET),$(notdir $(abspath $(wildcard cmd/*/))))
$(filter-out %$(EXCLUDE_TARGET),$(notdir $(abspath $(wildcard cmd/*/)))):${needs}
	hack/make-rules/build.sh cmd/$@
${godeps ? folderTargets("plugin/cmd") + folderTargets("federation/cmd") : ""}${generated}`;
}

/** One target for each directory, as 1.7 has them for more than cmd/. */
function folderTargets(folder: string): string {
  const names = `$(filter-out %$(EXCLUDE_TARGET),$(notdir $(abspath $(wildcard ${folder}/*/))))`;
  return raw`
.PHONY: ${names}
${names}: generated_files
	hack/make-rules/build.sh ${folder}/$@
`;
}

/** A generator that only the makefile starts: variable, tool, file name, rule, further flags. */
const SIMPLE_GENERATORS = [
  [
    "PRERELEASE_LIFECYCLE",
    "prerelease-lifecycle",
    "prerelease-lifecycle",
    "gen_prerelease_lifecycle",
  ],
  [
    "DEEPCOPY",
    "deepcopy",
    "deepcopy",
    "gen_deepcopy",
    raw` --bounding-dirs $(PRJ_SRC_PATH),"k8s.io/api"`,
  ],
  [
    "DEFAULTER",
    "defaulter",
    "defaults",
    "gen_defaulter",
    raw` --extra-peer-dirs $$(echo $(addprefix $(PRJ_SRC_PATH)/, $(DEFAULTER_DIRS)) | sed 's/ /,/g')`,
  ],
  ["CONVERSION", "conversion", "conversion", "gen_conversion"],
] as const;

function simpleGenerator(
  [variable, tool, base, rule, flags = ""]: typeof SIMPLE_GENERATORS[number],
  folder = "./vendor/k8s.io/code-generator/cmd",
): string {
  return raw`
# ${tool}: packages with the tag +k8s:${tool}-gen
${variable}_BASENAME := $(GENERATED_FILE_PREFIX)${base}
${variable}_FILENAME := $(${variable}_BASENAME).go
${variable}_GEN := $(BIN_DIR)/${tool}-gen
${variable}_DIRS := $(shell grep -l '+k8s:${tool}-gen=' $(ALL_K8S_TAG_FILES) | xargs -r -n1 dirname | LC_ALL=C sort -u)

.PHONY: ${rule}
${rule}: $(${variable}_GEN)
	./hack/run-in-gopath.sh $(${variable}_GEN) --v $(KUBE_VERBOSE) --logtostderr -i "$(call packages,$(${variable}_DIRS))"${flags} -O $(${variable}_BASENAME)

$(${variable}_GEN):
	KUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ${folder}/${tool}-gen
	touch $@
`;
}

/** The first half of Makefile.generated_files: which files have tags. */
function generatedHead(rules: string): string {
  return raw`# Part of kbuild's sample checkout: a small look-alike of Kubernetes, not Kubernetes.

ifeq ($(CALLED_FROM_MAIN_MAKEFILE),)
    $(error Use the main Makefile: make generated_files)
endif

SHELL := /usr/bin/env bash

.PHONY: generated_files
generated_files: ${rules}

# a b -> k8s.io/kubernetes/a,k8s.io/kubernetes/b
comma := ,
empty :=
space := $(empty) $(empty)
packages = $(subst $(space),$(comma),$(strip $(addprefix $(PRJ_SRC_PATH)/,$(1))))

ALL_GO_DIRS := $(shell hack/make-rules/helpers/cache_go_dirs.sh $(META_DIR)/all_go_dirs.mk)
ALL_K8S_TAG_FILES := $(shell find $(ALL_GO_DIRS) -maxdepth 1 -type f -name \*.go | xargs grep --color=never -l '^// *+k8s:')
`;
}

/** 1.7: one OpenAPI target, generators in cmd/libs/go2idl, bindata by `go generate` (T7:38-550). */
function generated17(): string {
  const generators = SIMPLE_GENERATORS.slice(1).map((generator) =>
    simpleGenerator(generator, "cmd/libs/go2idl")
  );
  return raw`${generatedHead("gen_deepcopy gen_defaulter gen_conversion gen_openapi")}${
    generators.join("")
  }
# openapi: packages with the tag +k8s:openapi-gen
OPENAPI_BASENAME := $(GENERATED_FILE_PREFIX)openapi
OPENAPI_FILENAME := $(OPENAPI_BASENAME).go
OPENAPI_OUTPUT_PKG := pkg/generated/openapi
OPENAPI_GEN := $(BIN_DIR)/openapi-gen
OPENAPI_DIRS := $(shell grep --color=never -l '+k8s:openapi-gen=' $(ALL_K8S_TAG_FILES) | xargs -n1 dirname | LC_ALL=C sort -u)
OPENAPI_OUTFILE := $(OPENAPI_OUTPUT_PKG)/$(OPENAPI_FILENAME)

.PHONY: gen_openapi
gen_openapi: $(OPENAPI_OUTFILE) $(OPENAPI_GEN)

$(OPENAPI_OUTFILE): $(OPENAPI_GEN)
	./hack/run-in-gopath.sh $(OPENAPI_GEN) \
	    --v $(KUBE_VERBOSE) \
	    --logtostderr \
	    -i $(call packages,$(OPENAPI_DIRS)) \
	    -p $(PRJ_SRC_PATH)/$(OPENAPI_OUTPUT_PKG) \
	    -O $(OPENAPI_BASENAME)

$(OPENAPI_GEN):
	KUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh cmd/libs/go2idl/openapi-gen
	touch $@
`;
}

const GENERATED_FILES = raw`${
  generatedHead(
    "gen_prerelease_lifecycle gen_deepcopy gen_defaulter gen_conversion gen_openapi gen_bindata",
  )
}${SIMPLE_GENERATORS.map((generator) => simpleGenerator(generator)).join("")}
# openapi: packages with the tag +k8s:openapi-gen
OPENAPI_BASENAME := $(GENERATED_FILE_PREFIX)openapi
OPENAPI_FILENAME := $(OPENAPI_BASENAME).go
BOILERPLATE_FILENAME := vendor/k8s.io/code-generator/hack/boilerplate.go.txt
IGNORED_REPORT_FILENAME := $(OUT_DIR)/ignored_violations.report
OPENAPI_GEN := $(BIN_DIR)/openapi-gen

KUBE_KNOWN_VIOLATION_FILENAME := api/api-rules/violation_exceptions.list
AGGREGATOR_KNOWN_VIOLATION_FILENAME := api/api-rules/aggregator_violation_exceptions.list
APIEXTENSIONS_KNOWN_VIOLATION_FILENAME := api/api-rules/apiextensions_violation_exceptions.list
CODEGEN_KNOWN_VIOLATION_FILENAME := api/api-rules/codegen_violation_exceptions.list
SAMPLEAPISERVER_KNOWN_VIOLATION_FILENAME := api/api-rules/sample_apiserver_violation_exceptions.list

APIMACHINERY_DEFAULT_TAG_FILES := vendor/k8s.io/apimachinery/pkg/apis/meta/v1/% vendor/k8s.io/apimachinery/pkg/runtime/% vendor/k8s.io/apimachinery/pkg/version/%

KUBE_OPENAPI_TAG_FILES :=            $(filter-out vendor/k8s.io/code-generator/% vendor/k8s.io/sample-apiserver/%, $(ALL_K8S_TAG_FILES))
AGGREGATOR_OPENAPI_TAG_FILES :=      $(filter $(APIMACHINERY_DEFAULT_TAG_FILES) vendor/k8s.io/kube-aggregator/%, $(ALL_K8S_TAG_FILES))
APIEXTENSIONS_OPENAPI_TAG_FILES :=   $(filter $(APIMACHINERY_DEFAULT_TAG_FILES) vendor/k8s.io/apiextensions/% vendor/k8s.io/api/autoscaling/v1/%, $(ALL_K8S_TAG_FILES))
CODEGEN_OPENAPI_TAG_FILES :=         $(filter $(APIMACHINERY_DEFAULT_TAG_FILES) vendor/k8s.io/code-generator/%, $(ALL_K8S_TAG_FILES))
SAMPLEAPISERVER_OPENAPI_TAG_FILES := $(filter $(APIMACHINERY_DEFAULT_TAG_FILES) vendor/k8s.io/sample-apiserver/%, $(ALL_K8S_TAG_FILES))

KUBE_OPENAPI_OUTPUT_PKG := pkg/generated/openapi
AGGREGATOR_OPENAPI_OUTPUT_PKG := staging/src/k8s.io/kube-aggregator/pkg/generated/openapi
APIEXTENSIONS_OPENAPI_OUTPUT_PKG := staging/src/k8s.io/apiextensions-apiserver/pkg/generated/openapi
CODEGEN_OPENAPI_OUTPUT_PKG := staging/src/k8s.io/code-generator/_examples/apiserver/openapi
SAMPLEAPISERVER_OPENAPI_OUTPUT_PKG := staging/src/k8s.io/sample-apiserver/pkg/generated/openapi

OPENAPI_TARGETS := KUBE AGGREGATOR APIEXTENSIONS CODEGEN SAMPLEAPISERVER

define OPENAPI_TARGETS_DEF
$(1)_OPENAPI_DIRS := $$(shell grep --color=never -l '+k8s:openapi-gen=' $$($(1)_OPENAPI_TAG_FILES) | xargs -n1 dirname | LC_ALL=C sort -u)
$(1)_OPENAPI_OUTFILE := $$($(1)_OPENAPI_OUTPUT_PKG)/$$(OPENAPI_FILENAME)
ifeq ($$(UPDATE_API_KNOWN_VIOLATIONS),true)
    $(1)_REPORT_FILENAME := $$($(1)_KNOWN_VIOLATION_FILENAME)
else
    $(1)_REPORT_FILENAME := $$(OUT_DIR)/$(1)_violations.report
endif

.PHONY: gen_openapi_$(1)
gen_openapi_$(1): $$(OPENAPI_GEN)
	./hack/run-in-gopath.sh $$(OPENAPI_GEN) \
	    --v $$(KUBE_VERBOSE) \
	    --logtostderr \
	    -i $$(call packages,$$($(1)_OPENAPI_DIRS)) \
	    -p $$(PRJ_SRC_PATH)/$$($(1)_OPENAPI_OUTPUT_PKG) \
	    -O $$(OPENAPI_BASENAME) \
	    -h $$(BOILERPLATE_FILENAME) \
	    -r $$($(1)_REPORT_FILENAME)
	diff $$($(1)_REPORT_FILENAME) $$($(1)_KNOWN_VIOLATION_FILENAME) || \
	(echo "The API rule violations of $(1) differ from $$($(1)_KNOWN_VIOLATION_FILENAME)."; exit 1)
endef
$(foreach prefix,$(OPENAPI_TARGETS),$(eval $(call OPENAPI_TARGETS_DEF,$(prefix))))

.PHONY: gen_openapi
gen_openapi: $(addprefix gen_openapi_,$(OPENAPI_TARGETS))

$(OPENAPI_GEN):
	KUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
	touch $@

# bindata: files as Go sources
BINDATA_GEN := $(BIN_DIR)/go-bindata
BINDATA_SCRIPT := hack/generate-bindata.sh

.PHONY: gen_bindata
gen_bindata: $(BINDATA_GEN)
	./hack/run-in-gopath.sh $(BINDATA_SCRIPT)

$(BINDATA_GEN):
	KUBE_BUILD_PLATFORMS="" hack/make-rules/build.sh ./vendor/github.com/go-bindata/go-bindata/go-bindata
	touch $@
`;
