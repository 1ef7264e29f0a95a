import { assertEquals } from "@std/assert";
import { programFault } from "../../src/audit/mod.ts";

Deno.test("programFault() names another platform, and a version that is not stamped", () => {
  const program = {
    ...{ format: "ELF", platform: "linux/amd64", extent: 0, go: undefined },
    ...{ linksVersion: true, versions: ["v1.20.2"] },
  };
  const expected = { platform: "linux/amd64", version: "v1.20.2" };
  assertEquals(programFault(program, expected), undefined);
  assertEquals(
    programFault({ ...program, platform: "linux/arm64" }, expected),
    "it is a program for linux/arm64",
  );
  const other = { ...program, versions: ["v1.20.3"] };
  assertEquals(programFault(other, expected), "it is not stamped with v1.20.2");
  assertEquals(programFault({ ...other, linksVersion: false }, expected), undefined);
});
