import { assertEquals } from "@std/assert";
import { findOutdated, warnAboutOutdated } from "../../src/generate/mod.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { getVersionVars } from "../../src/lib/version/mod.ts";
import { openSample } from "../lib/_open.ts";
import { needing } from "../archive/helpers.ts";
import { have } from "../sample/_sample.ts";

const GENERATED = "pkg/apis/x/zz_generated.deepcopy.go";
const SOURCES = ["pkg/apis/x/doc.go", "pkg/apis/x/types.go", "pkg/apis/x/types_test.go"];

Deno.test({
  ...needing("git", have("git"), "warnAboutOutdated() names changed types, as git and times say"),
  fn: async () => {
    const sample = await openSample("1.20");
    const { context: { root, shell }, checkout } = sample;
    const write = async (path: string, text: string, seconds: number) => {
      await Deno.writeTextFile(`${root}/${path}`, text);
      await Deno.utime(`${root}/${path}`, seconds, seconds);
    };
    const warnings = async (more: Record<string, string> = {}, era = checkout) => {
      let said = "";
      const log = createLogger({ write: (text) => void (said += text) });
      const context = { ...sample.withEnv(more), log };
      warnAboutOutdated(context, await findOutdated(context, era, await getVersionVars(context)));
      return said.split("\n").filter((line) => /is newer than|kbuild generated_files/.test(line))
        .map((line) => line.trim());
    };
    try {
      await Deno.mkdir(`${root}/pkg/apis/x`, { recursive: true });
      for (const path of [GENERATED, ...SOURCES]) await write(path, "package x\n", 2000);
      await shell.$`git add -A && git -c user.name=a -c user.email=a@b.example commit -qm x`
        .with({ cwd: root });
      assertEquals(await warnings(), []);

      // Of a clone, every time is that of the clone; so are those of files that nobody changed.
      await write(SOURCES[1]!, "package x\n", 3000);
      assertEquals(await warnings(), []);

      await write(SOURCES[0]!, "// Package x.\npackage x\n", 3000);
      await write(SOURCES[2]!, "package x\n\ntype T struct {\n}\n", 3000);
      assertEquals(await warnings(), []);

      await write(SOURCES[1]!, "package x\n\ntype Pod struct {\n\tA *int\n}\n", 3000);
      const expected = [
        "pkg/apis/x/types.go is newer than the zz_generated.deepcopy.go beside it",
        "Renew it: kbuild generated_files",
      ];
      const found = await warnings();
      assertEquals(found.map((line) => line.replace(/^\W+ /, "")), expected);
      assertEquals(await warnings({ KUBE_GIT_VERSION: "v1.20.2", KUBE_GIT_COMMIT: "1" }), found);
      const committed = { value: "committed", source: "" } as const;
      assertEquals(await warnings({}, { ...checkout, generated: committed }), []);

      // What make does where the content stays.
      await Deno.utime(`${root}/${GENERATED}`, 4000, 4000);
      assertEquals(await warnings(), []);
    } finally {
      await sample.remove();
    }
  },
});
