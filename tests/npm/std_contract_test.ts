/**
 * What kbuild expects of `@std/assert`, `cli`, `fmt`, `path`, `text`, `toml` and of dax, whatever the
 * bare names lead to: JSR, npm, or a stand-in of `npm/`. `fs_contract_test.ts` is that of `@std/fs`.
 */
import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli";
import { format } from "@std/fmt/bytes";
import {
  basename,
  DELIMITER,
  dirname,
  extname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  SEPARATOR,
  toFileUrl,
} from "@std/path";
import { levenshteinDistance } from "@std/text";
import { parse } from "@std/toml";

/** Whether a function throws; the assertions are not trusted to test themselves. */
function fails(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

function check(conditions: Readonly<Record<string, boolean>>): void {
  for (const [name, holds] of Object.entries(conditions)) if (!holds) throw new Error(name);
}

Deno.test("@std/assert: each assertion passes what it should, and throws else", async () => {
  check({
    "assert: true": !fails(() => assert(1)),
    "assert: false": fails(() => assert("")),
    "assertEquals: deep": !fails(() =>
      assertEquals({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] })
    ),
    "assertEquals: order of keys": !fails(() =>
      assertEquals<unknown>({ a: 1, b: 2 }, { b: 2, a: 1 })
    ),
    "assertEquals: undefined is not a missing key": fails(() =>
      assertEquals<unknown>({ a: undefined }, {})
    ),
    "assertEquals: bytes": fails(() => assertEquals(new Uint8Array([1]), new Uint8Array([2]))),
    "assertNotEquals": !fails(() => assertNotEquals(1, 2)) && fails(() => assertNotEquals(1, 1)),
    "assertMatch": !fails(() => assertMatch("ab", /b/)) && fails(() => assertMatch("ab", /c/)),
    "assertStringIncludes": fails(() => assertStringIncludes("ab", "c")),
    "assertArrayIncludes": !fails(() => assertArrayIncludes([1, 2], [2])) &&
      fails(() => assertArrayIncludes([1, 2], [3])),
    "assertInstanceOf": fails(() => assertInstanceOf(new Error(), TypeError)),
    "assertThrows: returns the error": assertThrows(
      () => {
        throw new TypeError("no");
      },
      TypeError,
      "no",
    ) instanceof TypeError,
    "assertThrows: nothing thrown": fails(() => assertThrows(() => {})),
    "assertThrows: another text": fails(() =>
      assertThrows(
        () => {
          throw new Error("no");
        },
        Error,
        "yes",
      )
    ),
  });
  assertEquals(
    (await assertRejects(() => Promise.reject(new RangeError("no")), RangeError)).message,
    "no",
  );
  assertEquals(
    await assertRejects(() => Promise.resolve()).then(() => "passed", () => "threw"),
    "threw",
  );
});

Deno.test("@std/cli: parseArgs() does what src/cli/parse.ts is written for", () => {
  const options = {
    boolean: ["quick"],
    string: ["name"],
    collect: ["name"],
    alias: { n: "name" },
    "--": true,
  };
  const args = parseArgs(["--quick", "--name=a", "-n", "b", "cmd/kubectl", "--", "-x"], options);
  assertEquals(args._, ["cmd/kubectl"]);
  assertEquals([args["quick"], args["name"], args["--"]], [true, ["a", "b"], ["-x"]]);
  assertEquals(parseArgs(["1.30"])._, [1.3], "a positional number is a number");
  assertEquals<unknown>(parseArgs(["1.30"], { string: ["_"] })._, ["1.30"]);
  const unknown: string[] = [];
  parseArgs(["--what", "-z"], { unknown: (word) => void unknown.push(word) });
  assertEquals(unknown, ["--what", "-z"]);
  assertEquals(parseArgs(["--name"], { string: ["name"] })["name"], "", "a missing value is empty");
});

Deno.test("@std/fmt/bytes: format()", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [39_300, "39.3 kB"],
    [2_430_000, "2.43 MB"],
    [1_500_000_000, "1.5 GB"],
  ];
  for (const [bytes, text] of table) assertEquals(format(bytes), text);
});

Deno.test("@std/path: paths and file URLs", () => {
  assertEquals(join("a b", "..", "c", "", "./d/"), "c/d/");
  assertEquals(join(""), ".");
  assertEquals([dirname("/a/b.ts"), dirname("a"), dirname("/")], ["/a", ".", "/"]);
  assertEquals([basename("/a/b.ts"), basename("/a/b/"), basename("b.ts", ".ts")], [
    "b.ts",
    "b",
    "b",
  ]);
  assertEquals([extname("a.tar.gz"), extname(".bashrc"), extname("a")], [".gz", "", ""]);
  assertEquals([isAbsolute("/a"), isAbsolute("a"), isAbsolute("")], [true, false, false]);
  assertEquals([normalize("/a//b/../c/."), normalize("")], ["/a/c", "."]);
  assertEquals([relative("/a/b", "/a/c"), relative("/a", "/a")], ["../c", ""]);
  assertEquals([resolve("/a", "../b", "c"), resolve("/a", "/b")], ["/b/c", "/b"]);
  assertEquals([SEPARATOR, DELIMITER], ["/", ":"]);
  const odd = "/tmp/a b/ü$(x)/100%#?\n";
  assertEquals(fromFileUrl(toFileUrl(odd)), odd);
  assertEquals(toFileUrl("/a b").href, "file:///a%20b");
  assertEquals(fromFileUrl("file:///a%20b"), "/a b");
  assertThrows(() => fromFileUrl("http://127.0.0.1/a"), TypeError);
});

Deno.test("@std/text: levenshteinDistance()", () => {
  assertEquals(levenshteinDistance("", "abc"), 3);
  assertEquals(levenshteinDistance("kubelet", "kubelte"), 2);
  assertEquals(levenshteinDistance("kubectl", "kubectl"), 0);
});

Deno.test("@std/toml: parse() reads what kbuild.toml may hold, and refuses the rest", () => {
  const text =
    'era = "modules"\nlist = ["a", "b"] # why\n[targets]\nserver = { add = ["x"] }\nn = 1\n';
  assertEquals(parse(text), {
    era: "modules",
    list: ["a", "b"],
    targets: { server: { add: ["x"] }, n: 1 },
  });
  assertThrows(() => parse("era = "));
});

Deno.test("dax: CommandBuilder with registered commands, pipes, sinks, clearEnv and cwd", async () => {
  const { CommandBuilder } = await import("dax");
  const cwd = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild dax $(x) " }));
  try {
    const seen: string[][] = [];
    const texts = ["", ""];
    const sink = (index: number) =>
      new WritableStream<Uint8Array>({
        write: (chunk) => void (texts[index] += new TextDecoder().decode(chunk)),
      });
    const builder = new CommandBuilder().clearEnv().env({ ONLY: "this one" }).cwd(cwd)
      .registerCommand("show", async (context) => {
        seen.push(context.args);
        const text = `${context.cwd} ${context.env["ONLY"]} ${Object.keys(context.env)}`;
        await context.stdout.writeAll(new TextEncoder().encode(text));
        return { code: 0 };
      })
      .registerCommand("pass", async ({ stdin, stdout }) => {
        if (typeof stdin === "string") return { code: 3 };
        // The pipe that a reader has is what its writer writes to (src/shell/pipe.ts).
        assert("inner" in stdout);
        for (const buffer = new Uint8Array(7);;) {
          const size = await stdin.read(buffer);
          if (size === null || size === 0) return { code: 0 };
          await stdout.writeAll(buffer.slice(0, size));
        }
      })
      .registerCommand("broken", (context) => Promise.resolve(context.error(7, "it broke")))
      .noThrow().pipefail().stdin("null").stdout(sink(0)).stderr(sink(1));
    const line = `show 'a b' '$(id)' ''"'"'' | pass | pass; pass && broken || broken | pass`;
    assertEquals((await builder.command(line).spawn()).code, 7);
    assertEquals(seen, [["a b", "$(id)", "'"]]);
    assertEquals(texts, [`${cwd} this one ONLY`, "it broke\n"]);
    const fed = builder.stdout(sink(0)).stderr(sink(1)).command("pass").stdinText("text");
    assertEquals((await fed.spawn()).code, 0);
    assertEquals(texts[0], `${cwd} this one ONLYtext`);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
