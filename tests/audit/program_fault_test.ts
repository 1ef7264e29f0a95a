/** What counts as a program. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  headerFault,
  isProgramPath,
  programFault,
  scanFile,
  type WantedProgram,
} from "../../src/audit/mod.ts";
import { inScratch } from "../e2e/_program.ts";
import { tinyProgram } from "./_programs.ts";

const WANTED: WantedProgram = { platform: "linux/amd64", version: "v1.20.2" };

/** With a byte or a number of 16 bits replaced. */
function changed(bytes: Uint8Array<ArrayBuffer>, at: number, value: number) {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint16(at, value, true);
  return copy;
}

const text = (words: string) => new TextEncoder().encode(words);
const whole = tinyProgram({ size: 2000 });
const ARCHIVE = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Content, and why it is not a program: by its headers alone, and with what is stamped. */
const CASES: readonly (readonly [string, Uint8Array<ArrayBuffer>, string | undefined])[] = [
  ["a whole program", whole, undefined],
  ["one with more behind it", new Uint8Array([...whole, 1, 2, 3]), undefined],
  ["an empty file", new Uint8Array(), "is empty"],
  ["a script", text("#!/bin/sh\nexit 0\n"), "is text, not a program"],
  ["zeros", new Uint8Array(5000), "is not a program: it has no headers of ELF, Mach-O or PE"],
  ["half a program", whole.slice(0, 1000), "is cut off: 1000 bytes, its headers speak of 2000"],
  [
    "one without its last byte",
    whole.slice(0, -1),
    "is cut off: 1999 bytes, its headers speak of 2000",
  ],
  [
    "another platform",
    tinyProgram({ platform: "linux/arm64" }),
    "is a program for linux/arm64, want linux/amd64",
  ],
  [
    "a Mac's",
    tinyProgram({ platform: "darwin/amd64" }),
    "is a program for darwin/amd64, want linux/amd64",
  ],
  [
    "Windows'",
    tinyProgram({ platform: "windows/amd64" }),
    "is a program for windows/amd64, want linux/amd64",
  ],
  ["an object file", changed(whole, 16, 1), "is an object file or a library: it cannot be started"],
  ["a core dump", changed(whole, 16, 4), "is an object file or a library: it cannot be started"],
  [
    "nothing to load",
    changed(whole, 64, 4),
    "is an object file or a library: it cannot be started",
  ],
];

Deno.test("programFault() and headerFault() take whole programs of a platform alone", () =>
  inScratch(async (dir) => {
    for (const [what, bytes, fault] of CASES) {
      const path = join(dir, "kube let");
      await Deno.writeFile(path, bytes);
      const content = await scanFile(path);
      assertEquals([what, programFault(content, WANTED)], [what, fault]);
      assertEquals([what, await headerFault(path, "linux/amd64")], [what, fault]);
    }
    const path = join(dir, "others");
    await Deno.writeFile(path, whole.slice(0, 40));
    const broken = "begins like a program, and its headers cannot be read";
    assertEquals(programFault(await scanFile(path), WANTED), broken);
    await Deno.writeFile(path, ARCHIVE);
    assertEquals(programFault(await scanFile(path), WANTED), "is an archive, not a program");
    await Deno.symlink("nowhere", join(dir, "link"));
    assertEquals(await headerFault(join(dir, "link"), "linux/amd64"), "is a link to nothing");
    for (const platform of ["darwin/arm64", "windows/arm64", "linux/s390x", "linux/ppc64le"]) {
      await Deno.writeFile(path, tinyProgram({ platform }));
      assertEquals(await headerFault(path, platform), undefined);
      await Deno.writeFile(path, tinyProgram({ platform, extent: 5000 }));
      assertEquals(
        await headerFault(path, platform),
        "is cut off: 1024 bytes, its headers speak of 5000",
      );
    }
  }));

Deno.test("programFault() names another version or commit than the one that is wanted", () =>
  inScratch(async (dir) => {
    const path = join(dir, "kubelet");
    const [old, young] = ["a".repeat(40), "b".repeat(40)];
    const fault = async (
      options: Parameters<typeof tinyProgram>[0],
      wanted: Partial<WantedProgram> = {},
    ) => {
      await Deno.writeFile(path, tinyProgram(options));
      return programFault(await scanFile(path), { ...WANTED, ...wanted });
    };
    const versions = ["v1.20.1"];
    const other = "is not stamped with version v1.20.2; in it: v1.20.1";
    assertEquals(await fault({ versions }), other);
    // The linker may leave out the texts by which a program shows what it links.
    assertEquals(await fault({ versions, linksVersion: false }), undefined);
    assertEquals(await fault({ versions, linksVersion: false }, { isStamped: true }), other);
    assertEquals(
      await fault({ versions: [], linksVersion: false }, { isStamped: true }),
      "is not stamped with version v1.20.2; in it: no version",
    );
    assertEquals(await fault({ commits: [old] }, { commit: old }), undefined);
    assertEquals(
      await fault({ commits: [old] }, { commit: young }),
      `is not stamped with commit ${young}; in it: ${old}`,
    );
    assertEquals(await fault({ versions, commits: [old] }, { commit: young }), other);
  }));

Deno.test("isProgramPath() knows the directories of programs, and what else is in them", () => {
  const programs = [
    ...["kubernetes/server/bin/kubelet", "./kubernetes/client/bin/kubectl.exe"],
    ...["kubernetes/test/bin/e2e.test", "kubernetes/platforms/linux/amd64/ginkgo"],
    ...["bin/darwin/arm64/kubectl", "./usr/bin/kubelet", "usr/local/bin/kube-proxy", "bin/kubectl"],
  ];
  const others = [
    ...["kubernetes/server/bin/kube-proxy.tar", "kubernetes/server/bin/kube-proxy.docker_tag"],
    ...["usr/bin/perl", "bin/sh", "kubernetes/cluster/get-kube-binaries.sh", "kubernetes/version"],
    ...["bin/linux/amd64/kubectl.sha256", "usr/share/bash-completion/completions/kubectl"],
  ];
  assertEquals(programs.filter((path) => !isProgramPath(path)), []);
  assertEquals(others.filter(isProgramPath), []);
});
