/**
 * One step of kbuild's library in a process of its own, for faults_test.ts, which lets the file
 * operations of that process fail.
 *
 * Usage: _fault_step.ts STEP DIR STATE
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { writeOciLayout } from "../../src/image/mod.ts";
import { clearLeftovers, moveFile } from "../../src/files/mod.ts";
import { createContext } from "../../src/lib/init.ts";
import { hostLink, makeLink, placeBins } from "../../src/lib/golang/mod.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { BlobStore } from "../../src/registry/blob_store.ts";
import { createShell } from "../../src/shell/mod.ts";
import { installRelease } from "../../src/toolchain/mod.ts";

const [step = "", dir = "", state = ""] = Deno.args;
const env = Deno.env.toObject();
const log = createLogger({ write: () => {} });
const shell = createShell({ cwd: "/", env });

/** Contents of the blobs of a state. */
function blobsOf(state: string): readonly Uint8Array<ArrayBuffer>[] {
  return [300, 70_000].map((size) =>
    Uint8Array.from({ length: size }, (_, at) => (at * size + state.length) & 255)
  );
}

const STEPS: Readonly<Record<string, () => Promise<unknown>>> = {
  async layout() {
    const directory = join(dir, `archives-${state}`);
    const archives = [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name))
      .sort();
    await writeOciLayout(join(dir, "out/layout"), archives);
  },
  async place() {
    const context = createContext({ root: join(dir, "root"), env: {}, log, shell });
    const built = join(dir, `built-${state}`);
    const bin = join(context.binPath, context.host);
    for (const directory of [bin, join(dir, "root/pkg")]) await clearLeftovers(directory);
    const outputs = [...Deno.readDirSync(built)].map(({ name }) => (
      { name, built: join(built, name), placed: join(bin, name) }
    ));
    await placeBins(context, outputs);
    const { link } = await hostLink(context, context.host);
    await makeLink(link!);
    await Deno.copyFile(join(built, "kubectl"), join(dir, "generated"));
    await moveFile(join(dir, "generated"), join(dir, "root/pkg/generated.go"));
  },
  async blobs() {
    const store = new BlobStore(join(dir, "cache"));
    const [small, large] = blobsOf(state) as [Uint8Array, Uint8Array];
    await store.put(small);
    const hex = createHash("sha256").update(large).digest("hex");
    await store.ensure(`sha256:${hex}`, async ({ file, path }) => {
      const known = (await file.stat()).size;
      await file.seek(known, Deno.SeekMode.Start);
      for (let at = known; at < large.length;) {
        at += await file.write(large.subarray(at, at + 20_000));
      }
      return createHash("sha256").update(await Deno.readFile(path)).digest("hex");
    }, undefined);
  },
  async go() {
    const context = { env, log, shell, host: hostPlatform(), signal: undefined };
    await installRelease(context, state, { retryPolicy: { backoffMs: 10 } });
  },
};

try {
  await STEPS[step]!();
} catch (error) {
  console.error(`kbuild: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
