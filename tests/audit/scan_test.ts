import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Content, scanFile } from "../../src/audit/mod.ts";
import { inScratch, missingFor, output, unless } from "../e2e/_program.ts";

const PLATFORMS = ["linux/amd64", "linux/arm", "linux/s390x", "windows/386", "darwin/arm64"];

/** The content of a member, the last part being its name. */
function inside(content: Content, ...names: string[]): Content {
  const { form } = content;
  if (form.kind === "gzip") return inside(form.inner, ...names);
  const [name, ...rest] = names;
  if (name === undefined) return content;
  assert(form.kind === "tar", form.kind);
  const found = form.members.find((member) => member.name === name)?.content;
  assert(found !== undefined, `no "${name}"`);
  return inside(found, ...rest);
}

Deno.test({
  ...unless(missingFor("1.20"), "scanFile() says of real programs what Go put into them"),
  fn: () =>
    inScratch(async (dir) => {
      await Deno.writeTextFile(`${dir}/go.mod`, "module example.com/hello\n\ngo 1.16\n");
      await Deno.writeTextFile(
        `${dir}/main.go`,
        'package main\n\nvar v = "v0.0.0"\n\ntype info struct {\n\tS string `json:"gitTreeState"`\n}\n\n' +
          "func main() { println(v); var x interface{} = info{v}; _, _ = x.(error) }\n",
      );
      for (const platform of PLATFORMS) {
        const [GOOS = "", GOARCH = ""] = platform.split("/");
        const env = { GOOS, GOARCH, CGO_ENABLED: "0", GOFLAGS: "", GOTOOLCHAIN: "local" };
        const argv = ["go", "build", "-ldflags", "-s -w -X main.v=v1.20.2", "-o", "hello", "."];
        await output(argv, { cwd: dir, env });
        const { form, size } = await scanFile(`${dir}/hello`);
        assert(form.kind === "program", `${platform}: ${form.kind}`);
        const { program } = form;
        assertEquals(program.platform, platform);
        assert(program.extent > 0 && program.extent <= size, `${program.extent} of ${size}`);
        assertEquals(program.versions, ["v1.20.2"]);
        assertEquals(program.go?.path, "example.com/hello");
        assertMatch(program.go?.version ?? "", /^go1\.\d+/);
        assertEquals(program.go?.settings["GOARCH"], GOARCH);
      }
    }),
});

Deno.test("scanFile() reads archives in archives, and says where one is damaged", () =>
  inScratch(async (dir) => {
    await Deno.writeTextFile(`${dir}/text`, "hello\n");
    await output(["tar", "czf", "inner.tar.gz", "text"], { cwd: dir });
    await output(["tar", "czf", "outer.tar.gz", "inner.tar.gz"], { cwd: dir });
    const whole = await scanFile(`${dir}/outer.tar.gz`);
    const [sha256 = ""] = (await output(["sha256sum", `${dir}/text`])).split(" ");
    assertEquals(inside(whole, "inner.tar.gz", "text").sha256, sha256);

    const bytes = await Deno.readFile(`${dir}/inner.tar.gz`);
    bytes[bytes.length - 6]! ^= 1; // in the CRC
    await Deno.writeFile(`${dir}/inner.tar.gz`, bytes);
    await output(["tar", "czf", "outer.tar.gz", "inner.tar.gz"], { cwd: dir });
    const damaged = inside(await scanFile(`${dir}/outer.tar.gz`), "inner.tar.gz");
    assertEquals(damaged.size, bytes.length);
    assert(damaged.form.kind === "damaged", damaged.form.kind);
    assertMatch(damaged.form.reason, /"inner\.tar\.gz"/);
  }));
