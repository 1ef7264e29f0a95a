import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import {
  describePackage,
  packagedFiles,
  resolvePackage,
  writeDeb,
  writeRpm,
} from "../../src/packages/mod.ts";
import { readArtifact } from "../../src/sbom/mod.ts";

Deno.test("packagedFiles() reads what debs and rpms install, and refuses what is cut off", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const program = join(dir, "kubelet");
    // A program as far as its first bytes go: a header of ELF and nothing else.
    const elf = new Uint8Array(5001);
    elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
    elf[18] = 62;
    await Deno.writeFile(program, elf);
    for (const format of ["deb", "rpm"] as const) {
      const { description } = describePackage("kubelet", format, {
        ...{ gitVersion: "v1.20.2", platform: "linux/amd64", epoch: 0, demanded: [] },
        commit: "faecb196815e248d3ecfb03c680a4507229c2a56",
      });
      const path = join(dir, `kubelet.${format}`);
      const pkg = await resolvePackage(description, { kubelet: program });
      await (format === "deb" ? writeDeb : writeRpm)(pkg, path);
      const sizes = new Map<string, number>();
      for await (const { name, chunks } of packagedFiles(path)) {
        let size = 0;
        for await (const chunk of chunks) size += chunk.length;
        sizes.set(name, size);
      }
      if (format === "deb") assertEquals([...sizes.keys()], ["data.tar.gz"]);
      else assertEquals(sizes.get("usr/bin/kubelet"), elf.length);
      const { programs } = await readArtifact(path, {});
      assertEquals(programs.map(({ name, program }) => [name, program.platform]), [
        ["kubelet", "linux/amd64"],
      ]);

      const whole = await Deno.readFile(path);
      const cuts = [0, 7, 8, 60, 68, 100, 200, whole.length >> 1, whole.length - 300];
      for (const length of cuts) {
        await Deno.writeFile(path, whole.subarray(0, length));
        await assertRejects(() => readArtifact(path, {}), KbuildError, undefined, `${length}`);
      }
      await Deno.writeFile(path, new Uint8Array(2000).fill(0xff));
      const error = await assertRejects(() => readArtifact(path, {}), KbuildError);
      assertEquals(
        error.message,
        `Cannot read package "${path}": it is not a${format === "deb" ? " deb" : "n rpm"}`,
      );
      assertEquals(error.notes, ["Make it again: kbuild packages"]);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
