import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  licenseIn,
  licenseOf,
  parseGodeps,
  parseModulesTxt,
  readModuleList,
  stagingVersion,
  sumDigest,
} from "../../src/sbom/mod.ts";

Deno.test("parseModulesTxt() gives each package its module, replacements by what replaces them", () => {
  const packages = parseModulesTxt([
    "## workspace",
    "# github.com/pkg/errors v0.9.1",
    "## explicit; go 1.13",
    "github.com/pkg/errors",
    "# github.com/old/fork v1.0.0 => github.com/new/fork v1.2.0",
    "github.com/old/fork/sub",
    "# k8s.io/api v0.0.0 => ./staging/src/k8s.io/api",
    "k8s.io/api/core/v1",
    "# bitbucket.org/a/b => bitbucket.org/a/b v0.0.0-20180207000608-0eeff89b0690",
    "# example.com/none v1.0.0",
    // As in 1.20.2, sorted.
    "# cloud.google.com/go v0.54.0 => cloud.google.com/go v0.54.0",
    "# cloud.google.com/go => cloud.google.com/go v0.54.0",
    "# cloud.google.com/go/bigquery => cloud.google.com/go/bigquery v1.4.0",
    "cloud.google.com/go/compute/metadata",
    // A module below another one has the packages that follow it.
    "# example.com/none/sub v2.0.0",
    "example.com/none/sub/a",
    "# example.com/none v1.0.0",
    "example.com/none/sub/b",
    "nobody.example/knows",
    "",
  ].join("\r\n"));
  assertEquals(Object.fromEntries(packages), {
    "github.com/pkg/errors": { path: "github.com/pkg/errors", version: "v0.9.1" },
    "github.com/old/fork/sub": { path: "github.com/new/fork", version: "v1.2.0" },
    "k8s.io/api/core/v1": { path: "k8s.io/api", version: "v0.0.0" },
    "cloud.google.com/go/compute/metadata": { path: "cloud.google.com/go", version: "v0.54.0" },
    "example.com/none/sub/a": { path: "example.com/none/sub", version: "v2.0.0" },
    "example.com/none/sub/b": { path: "example.com/none", version: "v1.0.0" },
  });
});

Deno.test("parseGodeps() takes releases for versions, else revisions; other texts are undefined", () => {
  const dep = (ImportPath: string, Comment?: string) => ({ ImportPath, Comment, Rev: "f00" });
  const Deps = [
    dep("github.com/pkg/errors/sub", "v0.8.0"),
    dep("github.com/pkg/sftp", "v0.8.0-3-gf00"),
    dep("golang.org/x/net/http2"),
    dep("gopkg.in/yaml.v2"),
  ];
  assertEquals(Object.fromEntries(parseGodeps(JSON.stringify({ Deps }))!), {
    "github.com/pkg/errors/sub": { path: "github.com/pkg/errors", version: "v0.8.0" },
    "github.com/pkg/sftp": { path: "github.com/pkg/sftp", version: "f00" },
    "golang.org/x/net/http2": { path: "golang.org/x/net", version: "f00" },
    "gopkg.in/yaml.v2": { path: "gopkg.in/yaml.v2", version: "f00" },
  });
  for (const text of ["", "null", "[]", "{}", '{"Deps":[null]}', '{"Deps":[{"ImportPath":1}]}']) {
    assertEquals(parseGodeps(text), undefined, text);
  }
});

Deno.test("stagingVersion() is the tag of the published repositories", () => {
  const cases = [
    ["v1.20.2", "v0.20.2"],
    ["v1.36.0-alpha.1", "v0.36.0-alpha.1"],
    ["v1.20.2-1+0123456789abcd-dirty", "v0.20.2-1+0123456789abcd-dirty"],
    ["v1.15.0", "v0.15.0"],
    ["v1.14.10", "kubernetes-1.14.10"],
    ["v1.7.3", "kubernetes-1.7.3"],
    ["v2.0.0", "v2.0.0"],
  ];
  for (const [version = "", want] of cases) assertEquals(stagingVersion(version), want);
});

Deno.test("sumDigest() is the SHA-256 of h1 sums alone", () => {
  const sum = "FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=";
  assertEquals(
    sumDigest(`h1:${sum}`),
    "14404bc75cd2db5e28c298f2eeab017a2c5b51192e850030acae54c0b193c2de",
  );
  for (const other of [`h2:${sum}`, "h1:", "h1:!!!", ""]) assertEquals(sumDigest(other), undefined);
});

const MIT = "Permission is hereby granted, free of charge, to any person obtaining a\ncopy of … " +
  "The above copyright notice and this permission\n// notice shall be included in all copies";
const BSD = "Redistribution and use in source and binary forms, with or without modification …";
const APACHE = "Apache License\n   Version 2.0, January 2004";

Deno.test("licenseOf() knows licenses by phrases that only they have", () => {
  const cases: [string, string | undefined][] = [
    [MIT, "MIT"],
    [BSD, "BSD-2-Clause"],
    [`${BSD} may be used to endorse or promote products`, "BSD-3-Clause"],
    [APACHE, "Apache-2.0"],
    [`${APACHE}\n----\n${MIT}`, "Apache-2.0 AND MIT"],
    ["Mozilla Public License Version 2.0 … Apache License, Version 2.0", "MPL-2.0"],
    ["All rights reserved.", undefined],
    ["", undefined],
  ];
  for (const [text, want] of cases) assertEquals(licenseOf(text), want, text.slice(0, 30));
});

async function withTree(
  files: Readonly<Record<string, string>>,
  work: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild sbom " }));
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await work(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("licenseIn() joins the license files of a directory; code and documents do not count", () =>
  withTree({
    "LICENSE": APACHE,
    "LICENSE.libyaml": MIT,
    "LICENSE.docs": BSD,
    "license.go": BSD,
    "COPYING/x": BSD,
  }, async (root) => {
    assertEquals(await licenseIn(root), "Apache-2.0 AND MIT");
    assertEquals(await licenseIn(join(root, "missing")), undefined);
  }));

const TREE = {
  "LICENSE": APACHE,
  "go.sum": "github.com/pkg/errors v0.9.1 h1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=\n" +
    "github.com/pkg/errors v0.9.1/go.mod h1:bwawxfHBFNV+L2hUp1rHADufV3IMtnDRdf1r5NINEl0=\n",
  "staging/src/k8s.io/api/doc.go": "package api\n",
  "vendor/modules.txt": "# github.com/pkg/errors v0.9.1\ngithub.com/pkg/errors\n" +
    "# ../../outside v1.0.0\n../../outside/x\n" +
    "# k8s.io/api v0.0.0 => ./staging/src/k8s.io/api\nk8s.io/api\n",
  "vendor/github.com/pkg/errors/LICENSE": BSD,
};

Deno.test("readModuleList() finds the module of each package, with version, sum and license", () =>
  withTree(TREE, async (root) => {
    const checkout = { root, goPackage: { value: "k8s.io/kubernetes", source: "" } };
    const list = await readModuleList(checkout, "v1.20.2");
    const own = { license: "Apache-2.0" };
    const cases: [string, unknown][] = [
      ["k8s.io/kubernetes/cmd/kubectl", {
        ...{ path: "k8s.io/kubernetes", version: "v1.20.2", origin: "main" },
        ...own,
      }],
      ["k8s.io/api", { path: "k8s.io/api", version: "v0.20.2", origin: "staging", ...own }],
      ["github.com/pkg/errors", {
        ...{ path: "github.com/pkg/errors", version: "v0.9.1", origin: "vendor" },
        sum: "14404bc75cd2db5e28c298f2eeab017a2c5b51192e850030acae54c0b193c2de",
        license: "BSD-2-Clause",
      }],
      ["k8s.io/apis", undefined],
      ["github.com/pkg/errors/sub", undefined],
    ];
    for (const [name, want] of cases) assertEquals(list.moduleOf(name), want as never, name);
    // A path that leads out of vendor/ is not followed.
    assertEquals(list.moduleOf("../../outside/x")?.license, undefined);
    assertEquals(list.modules.map(({ path }) => path), [
      ...["../../outside", "github.com/pkg/errors", "k8s.io/api", "k8s.io/kubernetes"],
    ]);
    await Deno.remove(join(root, "vendor/modules.txt"));
    const error = await assertRejects(() => readModuleList(checkout, "v1.20.2"), KbuildError);
    assertEquals(
      error.message,
      'Cannot tell which modules programs are built from: there is neither "vendor/modules.txt" ' +
        '(Missing) nor "Godeps/Godeps.json"',
    );
  }));
