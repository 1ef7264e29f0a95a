/**
 * SBOMs of real programs, and what others say of them: cyclonedx-gomod of their modules, the validators of both formats and
 * in-toto's library of their form.
 *
 * - `KBUILD_TEST_SBOM`: a checkout from 1.15 on with programs for linux/amd64 in its `_output/local/bin` alone.
 * - `KBUILD_TEST_PYTHON`: a Python with spdx-tools, ntia-conformance-checker, cyclonedx-python-lib[validation],
 *   in-toto-attestation and securesystemslib[crypto], their programs beside it.
 * - cyclonedx-gomod in PATH.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join, resolve } from "@std/path";
import {
  CERTIFICATES,
  copyTree,
  inScratch,
  kbuildOk,
  listing,
  output,
  run,
  unless,
  which,
} from "../e2e/_program.ts";

const checkout = Deno.env.get("KBUILD_TEST_SBOM");
const python = Deno.env.get("KBUILD_TEST_PYTHON");
const missing = checkout === undefined
  ? "needs a checkout with programs: KBUILD_TEST_SBOM"
  : python === undefined
  ? "needs a Python with libraries: KBUILD_TEST_PYTHON"
  : which("cyclonedx-gomod") === undefined && "needs cyclonedx-gomod";

/** The checkout's own Go, and cyclonedx-gomod may look up what is not in vendor. */
const OWN_GO = { FORCE_HOST_GO: "", ...CERTIFICATES };
const MODULE = "k8s.io/kubernetes";
const BIN = "_output/local/bin/linux/amd64";
/** Programs that have to be compared at least. */
const MINIMUM = 10;

/** A program, and how it is built. */
interface Program {
  readonly name: string;
  /** Directory of its main package, from the root. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A component of a CycloneDX document. */
interface Component {
  readonly name: string;
  readonly version: string;
}

/** The programs that are there and that cyclonedx-gomod can list: their packages are not of staging. */
async function programsOf(root: string): Promise<readonly Program[]> {
  const there = new Set([...Deno.readDirSync(join(root, BIN))].map(({ name }) => name));
  const targets = (await output(["cat", "hack/lib/golang.sh"], { cwd: root }))
    .match(/\b(?:cmd|cluster|test)\/[\w./-]+/g) ?? [];
  const hasFiles = (target: string) =>
    listing(join(root, target), { sizes: false }).some((path) => /^[^/]+\.go$/.test(path));
  const wanted = [...new Set(targets)]
    .filter((target) => there.has(target.split("/").at(-1)!) && !target.endsWith(".test"))
    .filter(hasFiles);
  const plan = JSON.parse(
    await kbuildOk(["plan", "all", ...wanted, "--json"], { cwd: root, env: OWN_GO }),
  ) as {
    go: { path: string };
    processes: { argv: string[]; env: Record<string, string> }[];
  };
  return plan.processes.filter(({ argv }) => argv[1] === "install").flatMap(({ argv, env }) => {
    const tags = argv.find((word) => word.startsWith("-tags="))?.replace(/,$/, "") ?? "";
    const { CGO_ENABLED = "0" } = env;
    return argv.filter((word) => word.startsWith(`${MODULE}/`)).map((word): Program => ({
      name: word.slice(word.lastIndexOf("/") + 1),
      directory: word.slice(MODULE.length + 1),
      env: {
        ...{ GOFLAGS: tags, CGO_ENABLED, GOOS: "linux", GOARCH: "amd64", GOTOOLCHAIN: "local" },
        PATH: `${dirname(plan.go.path)}:${Deno.env.get("PATH")}`,
      },
    }));
  });
}

/**
 * Modules as lines, in both sides' common words: those of staging have different versions on both sides and are names alone;
 * the checkout's own module is a component on one side only, and the standard library has two names.
 */
function modules(components: readonly Component[], root: string): readonly string[] {
  const staged = new Set(
    [...Deno.readDirSync(join(root, "staging/src/k8s.io"))].map(({ name }) => `k8s.io/${name}`),
  );
  return components
    .filter(({ name }) => name !== MODULE && name !== "std" && name !== "stdlib")
    .map(({ name, version }) => staged.has(name) ? `${name} of staging` : `${name} ${version}`)
    .sort();
}

function componentsIn(path: string): readonly Component[] {
  const { components = [] } = JSON.parse(Deno.readTextFileSync(path)) as {
    components?: Component[];
  };
  return components;
}

/** Validates CycloneDX documents by the strict schema, and statements by in-toto's messages. */
const VALIDATE = `
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import Parse
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
validator = JsonStrictValidator(SchemaVersion.V1_6)
for path in sys.argv[1:]:
    text = open(path).read()
    if path.endswith("provenance.json"):
        statement = Statement.copy_from_pb(Parse(text, Message()))
        statement.validate()
        Parse(json.dumps(json.loads(text)["predicate"]), Provenance())
        print("statement", len(json.loads(text)["subject"]))
    else:
        found = validator.validate_str(text)
        if found is not None:
            sys.exit(f"{path}: {found}")
        print("cyclonedx", path)
`;

/** Signs a statement as in-toto does, with a new key, verifies it, and holds the files against it. */
const VERIFY = `
import hashlib, os, sys, json
from google.protobuf.json_format import Parse
from in_toto_attestation.v1.statement_pb2 import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner
from securesystemslib.exceptions import VerificationError
output, text = sys.argv[1], open(sys.argv[2], "rb").read()
signer = CryptoSigner.generate_ed25519()
envelope = Envelope(text, "application/vnd.in-toto+json", {})
envelope.sign(signer)
received = Envelope.from_dict(json.loads(json.dumps(envelope.to_dict())))
received.verify([signer.public_key], 1)
other = Envelope.from_dict(envelope.to_dict())
other.payload = text.replace(b"unhosted", b"trusted!")
try:
    other.verify([signer.public_key], 1)
    sys.exit("a changed statement is taken")
except VerificationError:
    pass
statement = Parse(received.payload.decode(), Statement())
for subject in statement.subject:
    paths = [os.path.join(output, below, subject.name) for below in ("", "dockerized", "local")]
    path = next(each for each in paths if os.path.exists(each))
    digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
    if digest != subject.digest["sha256"]:
        sys.exit(f"{subject.name} is not what the statement says")
print(len(statement.subject), "subjects")
`;

Deno.test(
  unless(
    missing,
    "SBOMs of real programs are those of cyclonedx-gomod, valid, and the same in two paths",
  ),
  (t) =>
    inScratch(async (dir) => {
      const root = resolve(checkout!);
      const documents = join(root, "_output/release-sbom");
      await kbuildOk(["sbom"], { cwd: root, env: OWN_GO });
      const programs = await programsOf(root);
      assert(programs.length >= MINIMUM, `only ${programs.length}: build more`);

      await t.step(`modules of ${programs.length} programs`, async () => {
        for (const { name, directory, env } of programs) {
          const theirs = join(dir, `${name}.json`);
          await output([
            "cyclonedx-gomod",
            "app",
            "-json",
            "-output",
            theirs,
            "-main",
            directory,
            ".",
          ], {
            cwd: root,
            env: { ...CERTIFICATES, ...env },
          });
          const ours = componentsIn(join(documents, `bin/linux/amd64/${name}.cdx.json`));
          const [own, others] = [modules(ours, root), modules(componentsIn(theirs), root)];
          assertEquals([name, own], [name, others]);
          console.log(`${name}: ${own.length} modules`);
        }
      });

      const paths = listing(documents, { sizes: false }).filter((path) => path.endsWith(".json"));
      const ending = (end: string) =>
        paths.filter((path) => path.endsWith(end)).map((path) => join(documents, path));
      const beside = (program: string) => join(dirname(python!), program);

      await t.step("spdx-tools finds SPDX documents valid", async () => {
        for (const path of ending(".spdx.json")) {
          const { code, stdout, stderr } = await run([beside("pyspdxtools"), "-i", path]);
          assertEquals([path, code], [path, 0], stdout + stderr);
        }
      });

      await t.step("ntia-conformance-checker finds all minimum elements", async () => {
        for (const path of ending(".spdx.json").filter((each) => !/go-runner/.test(each))) {
          assertStringIncludes(await output([beside("sbomcheck"), path]), "Conformant: True");
        }
      });

      await t.step("CycloneDX's strict schema and in-toto's library take the rest", async () => {
        const all = [...ending(".cdx.json"), join(documents, "provenance.json")];
        const said = await output([python!, "-c", VALIDATE, ...all]);
        assertEquals(said.trim().split("\n").length, all.length);
        assertStringIncludes(said, "statement ");
      });

      await t.step(
        "in-toto's library signs the provenance, and finds the files as it says",
        async () => {
          const provenance = join(documents, "provenance.json");
          const said = await output([python!, "-c", VERIFY, join(root, "_output"), provenance]);
          const { subject } = JSON.parse(Deno.readTextFileSync(provenance));
          assertEquals(said, `${subject.length} subjects\n`);
        },
      );

      await t.step("two paths give the same bytes", async () => {
        const copy = await copyTree(root, join(dir, "another path"));
        await kbuildOk(["sbom"], { cwd: copy, env: OWN_GO });
        const other = join(copy, "_output/release-sbom");
        const files = listing(other, { sizes: false }).filter((path) => path.endsWith(".json"));
        assertEquals(files, paths);
        const differing = paths.filter((path) =>
          Deno.readTextFileSync(join(other, path)) !== Deno.readTextFileSync(join(documents, path))
        );
        assertEquals(differing, []);
      });
    }),
);
