/** Signatures, with a program in place of cosign, which needs Sigstore's servers: it accepts "good". */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inlineHasher } from "../../src/archive/mod.ts";
import { downloadFiles, prepareDownload, type SignatureMode } from "../../src/download/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import { partialPath } from "../../src/net/mod.ts";
import { contextOf, filesIn, HASTY, inDirectory, usualFiles, withSite } from "./_site.ts";

const KUBECTL = "/release/v1.30.2/bin/linux/amd64/kubectl";
const COSIGN = `#!/bin/sh
for word; do echo "$word"; done >"$(dirname "$0")/argv"
shift 3
cat "$1"
test "$(cat "$1")" = good
`;

/** Downloads kubectl with signatures as they are; returns what happened. */
async function download(
  directory: string,
  { signature, version = "v1.30.2", mode, hasCosign = true }: {
    signature?: string;
    version?: string;
    mode?: SignatureMode;
    hasCosign?: boolean;
  },
) {
  const bin = join(directory, "bin");
  await Deno.mkdir(bin, { recursive: true });
  if (hasCosign) {
    await Deno.writeTextFile(join(bin, "cosign"), COSIGN, { mode: 0o755 });
  }
  const files = usualFiles();
  if (signature !== undefined) files.set(`${KUBECTL}.sig`, signature);
  if (signature !== undefined) files.set(`${KUBECTL}.cert`, "certificate");
  return await withSite(files, async ({ env }) => {
    const PATH = hasCosign ? `${bin}:/usr/bin:/bin` : bin;
    const { context } = contextOf({ ...env, PATH });
    const request = {
      ...{ version, what: ["bin/kubectl"], to: "to", cwd: directory, retryPolicy: HASTY },
      signatures: mode,
    };
    const plan = await prepareDownload(context, request);
    const [file] = await downloadFiles(context, plan, { retryPolicy: HASTY, hasher: inlineHasher });
    return { plan, file: file! };
  });
}

Deno.test("a signature is checked before a file gets its name", () =>
  inDirectory(async (directory) => {
    const { plan, file } = await download(directory, { signature: "good" });
    assert(file.isVerifiedBySignature);
    assertEquals(filesIn(join(directory, "to")), ["kubectl"]);
    const partial = partialPath(plan.files[0]!);
    assertEquals((await Deno.readTextFile(join(directory, "bin/argv"))).trim().split("\n"), [
      ...["verify-blob", partial],
      ...["--signature", `${partial}.sig`, "--certificate", `${partial}.cert`],
      ...["--certificate-identity", "krel-staging@k8s-releng-prod.iam.gserviceaccount.com"],
      ...["--certificate-oidc-issuer", "https://accounts.google.com"],
    ]);
    // What is there was checked when it came.
    const again = await download(directory, { signature: "bad" });
    assertEquals([again.file.isReused, again.file.isVerifiedBySignature], [true, false]);
  }));

Deno.test("a wrong signature is an error, and the file has no name", () =>
  inDirectory(async (directory) => {
    const error = await assertRejects(() => download(directory, { signature: "bad" }), KbuildError);
    assertStringIncludes(error.message, "cosign does not accept its signature");
    assertEquals(error.output, ["bad"]);
    assertStringIncludes(error.notes.join("\n"), "--signatures none");
    assertEquals(
      filesIn(join(directory, "to")).map((path) => path.startsWith(".kbuild-part-")),
      [true],
    );
    const { file } = await download(directory, { signature: "bad", mode: "none" });
    assertEquals(file.isVerifiedBySignature, false);
    assertEquals(filesIn(join(directory, "to")), ["kubectl"]);
  }));

Deno.test("where signatures are not checked, the plan says why", () =>
  inDirectory(async (directory) => {
    const whyNot = async (options: Parameters<typeof download>[1]) => {
      const { plan: { signatures } } = await download(
        join(directory, crypto.randomUUID()),
        options,
      );
      return signatures.by === "nobody" ? signatures.why : signatures.by;
    };
    assertEquals(await whyNot({ hasCosign: false }), "cosign is not in PATH");
    assertEquals(await whyNot({ version: "v1.12.3" }), "Kubernetes has them from 1.26 on");
    assertEquals(await whyNot({ version: "ci/latest" }), "builds of CI have none");
    assertEquals(await whyNot({ mode: "none", signature: "good" }), "--signatures none");
  }));

Deno.test("a signature that is required must be there", () =>
  inDirectory(async (directory) => {
    for (
      const [options, said] of [
        [{ hasCosign: false }, "cosign is not in PATH"],
        [{ version: "v1.12.3" }, "from 1.26 on"],
        [{}, "its signature is not published"],
      ] as const
    ) {
      const error = await assertRejects(
        () => download(directory, { ...options, mode: "require" }),
        KbuildError,
      );
      assertStringIncludes(error.message, said);
    }
    const { file } = await download(directory, {});
    assertEquals([file.isVerifiedBySignature, file.isReused], [false, false]);
  }));
