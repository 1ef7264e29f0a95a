/** Look-ups of published programs that are interrupted. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { tinyProgram } from "../audit/_programs.ts";
import { hostPlatform } from "../../src/lib/util.ts";
import { inScratch, kbuildArgv, makeSample, missingFor, start, unless } from "../e2e/_program.ts";

Deno.test({
  ...unless(missingFor("1.20"), "Ctrl-C while digests are looked up is not a missing digest"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const named = 'CNI_VERSION = "0.8.7"\nCRI_TOOLS_VERSION = "1.19.0"\n';
      await Deno.writeTextFile(join(root, "build/workspace.bzl"), named);
      const bin = join(root, "_output/local/bin/linux", hostPlatform().split("/")[1]!);
      await Deno.mkdir(bin, { recursive: true });
      const program = tinyProgram({ platform: `linux/${hostPlatform().split("/")[1]}` });
      await Deno.writeFile(join(bin, "kubectl"), program, { mode: 0o755 });
      // A proxy that answers nothing.
      using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const child = start(kbuildArgv("packages"), {
        cwd: root,
        env: {
          KUBE_GIT_VERSION: "v1.20.2",
          KBUILD_CACHE: join(dir, "cache"),
          HTTPS_PROXY: `http://127.0.0.1:${(proxy.addr as Deno.NetAddr).port}`,
        },
      });
      const ended = Promise.all([child.status, new Response(child.stderr).text()]);
      const first = proxy.accept();
      const connection = await Promise.race([first, ended]);
      if (Array.isArray(connection)) throw new Error(`Nothing was asked: ${connection[1]}`);
      child.kill("SIGINT");
      const [{ code }, stderr] = await ended;
      connection.close();
      assertEquals([code, stderr], [130, "kbuild: Stopped by Ctrl-C\n"]);
    }),
});
