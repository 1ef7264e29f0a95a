import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { hostLink, makeLink } from "../../src/lib/golang/mod.ts";
import { createContext, type KubeContext } from "../../src/lib/init.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { checkInOutputs, claimOutputs, planDisposal } from "../../src/lib/outputs.ts";
import { createShell } from "../../src/shell/mod.ts";

/** A directory with a checkout `k8s` in it, without git. */
async function inWorld(
  work: (dir: string, context: KubeContext) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-outputs-" }));
  try {
    const root = join(dir, "k8s");
    await Deno.mkdir(root);
    const context = createContext({
      root,
      env,
      log: createLogger({ write: () => {} }),
      shell: createShell({ cwd: root, env: {} }),
      host: "linux/amd64",
    });
    await work(dir, context);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("checkInOutputs() refuses links that lead out, also those that lead nowhere yet", () =>
  inWorld(async (dir, context) => {
    const bin = join(context.gopath, "bin");
    await Deno.mkdir(bin, { recursive: true });
    await Deno.mkdir(join(dir, "tools"));
    await Deno.writeTextFile(join(dir, "tools/kubectl"), "mine");
    await Deno.symlink(join(dir, "tools/kubectl"), join(bin, "kubectl"));
    await Deno.symlink("../../../../../tools/new", join(bin, "new"));
    await Deno.symlink("plain", join(bin, "inside"));
    await Deno.symlink(join(dir, "tools"), join(bin, "linux_arm64"));
    const refused = async (path: string, to: string) => {
      const error = await assertRejects(() => checkInOutputs(context, [path]), KbuildError);
      assertEquals(
        error.message,
        `Cannot write "${path}": a link leads out of the outputs to "${to}"`,
      );
    };
    await refused(join(bin, "kubectl"), join(dir, "tools/kubectl"));
    await refused(join(bin, "new"), join(dir, "tools/new"));
    await refused(join(bin, "linux_arm64/kubectl"), join(dir, "tools/kubectl"));
    const elsewhere = join(dir, "tools/kubectl");
    await checkInOutputs(context, [join(bin, "plain"), join(bin, "inside"), elsewhere]);
  }));

Deno.test("claimOutputs() takes _output that is a link to an empty directory, with all below", () =>
  inWorld(async (dir, context) => {
    await Deno.mkdir(join(dir, "disk"));
    await Deno.symlink("../disk", join(context.root, "_output"));
    await claimOutputs(context);
    await checkInOutputs(context, [join(context.gopath, "bin/kubectl")]);
    await Deno.mkdir(context.binPath, { recursive: true });
    assertEquals((await planDisposal(context)).remove, [join(context.root, "_output/local")]);
  }));

Deno.test("hostLink() replaces only a link that kbuild or the scripts made", () =>
  inWorld(async (dir, context) => {
    const link = context.thisPlatformBin;
    const target = join(context.binPath, "linux/amd64");
    const make = async () => {
      const { link, note } = await hostLink(context, "linux/amd64");
      if (link !== undefined) await makeLink(link);
      return note;
    };
    assertEquals(await make(), undefined);
    assertEquals(await Deno.readLink(link), target);
    // The checkout was moved.
    await Deno.remove(link);
    await Deno.symlink("/old/place/_output/local/bin/linux/amd64", link);
    assertEquals(await make(), undefined);
    assertEquals(await Deno.readLink(link), target);
    await Deno.remove(link);
    await Deno.symlink(join(dir, "tools"), link);
    assertStringIncludes(await make() ?? "", "which kbuild did not make");
    assertEquals(await Deno.readLink(link), join(dir, "tools"));
  }));
