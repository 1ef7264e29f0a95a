/** Stand-ins for GNU programs, held against those of this machine. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { runTool, TOOL_NAMES } from "../../src/gnu/mod.ts";
import { withFiles } from "../checkout/fixture.ts";
import { ENV, which } from "../e2e/_program.ts";
import { type Call, CALLS, IN_PLACE, REFUSED, TEXTS } from "./_calls.ts";

const why = Deno.build.os !== "linux"
  ? "needs GNU programs"
  : TOOL_NAMES.some((name) => which(name) === undefined)
  ? "needs coreutils, findutils and sed"
  : undefined;

interface Result {
  readonly code: number | undefined;
  readonly out: string;
}

/** Directories of PATH that this user may search: with others, what is missing counts as forbidden. */
const PATH = (Deno.env.get("PATH") ?? "").split(":").filter((directory) => {
  try {
    return Deno.statSync(`${directory}/.`).isDirectory;
  } catch {
    return false;
  }
}).join(":");
const ENVIRONMENT = { ...ENV, PATH, LC_ALL: "C.UTF-8", TZ: Deno.env.get("TZ") ?? "" };

/** Both streams apart, as text; bytes that are not UTF-8 count by their number. */
async function theirs({ argv, stdin = "" }: Call, cwd: string): Promise<Result> {
  const child = new Deno.Command(argv[0]!, {
    ...{ args: argv.slice(1), cwd, clearEnv: true, env: ENVIRONMENT },
    ...{ stdin: "piped", stdout: "piped", stderr: "null" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close())
    .catch((error: unknown) => {
      // It need not read to the end.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    });
  const [{ code, stdout }] = await Promise.all([child.output(), written]);
  return { code, out: new TextDecoder().decode(stdout) };
}

async function ours({ argv, stdin = "" }: Call, cwd: string): Promise<Result> {
  const out: Uint8Array[] = [];
  const [name = "", ...args] = argv;
  const code = await runTool(name, args, {
    ...{ cwd, env: ENVIRONMENT, warn() {} },
    readInput: () => Promise.resolve(new TextEncoder().encode(stdin)),
    write: (bytes) => Promise.resolve(void out.push(bytes)),
    async start([program = "", ...words]) {
      if (program === "missing") return "missing";
      const { code, signal, stdout } = await new Deno.Command(program, {
        ...{ args: words, cwd, clearEnv: true, env: ENVIRONMENT, stderr: "null" },
      }).output();
      out.push(stdout);
      return signal === null ? code : "killed";
    },
  });
  const whole = new Uint8Array(await new Blob(out as BlobPart[]).arrayBuffer());
  return { code, out: new TextDecoder().decode(whole) };
}

async function inTree(body: (root: string) => Promise<void>): Promise<void> {
  await withFiles(
    { ...TEXTS, "dir/file": "x", "far/away/x": "", "far/list.txt": "far\n" },
    async (root) => {
      for (
        const [path, target] of [
          ["link", "list.txt"],
          ["broken", "nowhere"],
          ["circle", "circle"],
          ["dir/deep", "../link"],
          ["links", "dir"],
          ["up", "far/away"],
          ["dir/up", ".."],
        ] as const
      ) await Deno.symlink(target, join(root, path));
      for (
        const [program, algorithm] of [["md5sum", "md5"], ["sha1sum", "sha1"], [
          "sha256sum",
          "sha256",
        ], ["sha512sum", "sha512"]] as const
      ) {
        const sum = (text: string) => createHash(algorithm).update(text).digest("hex");
        const ok = `${sum(TEXTS["list.txt"]!)}  list.txt\n${sum(TEXTS["env.sh"]!)} *env.sh\n`;
        await Deno.writeTextFile(join(root, `${program}.ok`), ok);
        const odd = {
          crlf: `${sum(TEXTS["list.txt"]!)}  list.txt\r\n${sum("x")}  env.sh\r\n\r\n`,
          one: `${sum("x")} list.txt\n${sum("x")}  list.txt\n`,
          two: `${sum("x")}  list.txt\n${sum("x")} list.txt\n`,
          spaces: ` \t${sum("x")}  list.txt\n # x\n`,
          bsd: `${program.slice(0, -3).toUpperCase()} (list.txt) = ${sum("x")}\n`,
          escaped: `\\${sum("x")}  list\\n.txt\n`,
        };
        for (const [name, text] of Object.entries(odd)) {
          await Deno.writeTextFile(join(root, `${program}.${name}`), text);
        }
        const bad = `${sum("x")}  list.txt\n${sum("x")}  missing\nnot a line\n`;
        await Deno.writeTextFile(join(root, `${program}.bad`), bad + ok);
      }
      await body(root);
    },
  );
}

Deno.test({
  name: `${CALLS.length} calls have the output and status of the GNU programs${
    why === undefined ? "" : ` (skipped: ${why})`
  }`,
  ignore: why !== undefined,
  fn: () =>
    inTree(async (root) => {
      const wrong: unknown[] = [];
      const waiting = [...CALLS];
      const worker = async () => {
        for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
          const [own, gnu] = await Promise.all([ours(call, root), theirs(call, root)]);
          if (own.code === gnu.code && own.out === gnu.out) continue;
          wrong.push({ call: call.argv.join(" "), own, gnu });
        }
      };
      await Promise.all([worker(), worker(), worker(), worker()]);
      assertEquals(wrong, []);
    }),
});

Deno.test({
  name: `sed -i leaves the files that GNU sed leaves${
    why === undefined ? "" : ` (skipped: ${why})`
  }`,
  ignore: why !== undefined,
  fn: async () => {
    const names = ["manifest.yaml", "env.sh", "last.txt"];
    for (const args of IN_PLACE) {
      const results: unknown[] = [];
      for (const run of [ours, theirs]) {
        await inTree(async (root) => {
          await Deno.chmod(join(root, "env.sh"), 0o750);
          const { code, out } = await run({ argv: ["sed", ...args, ...names] }, root);
          const files = [...Deno.readDirSync(root)].filter(({ isFile }) => isFile).map((
            { name },
          ) => [
            name,
            Deno.readTextFileSync(join(root, name)),
            Deno.statSync(join(root, name)).mode,
          ]);
          results.push({ code, out, files: files.sort() });
        });
      }
      assertEquals(results[0], results[1], args.join(" "));
    }
  },
});

Deno.test("what a stand-in does not have is refused, and nothing is written", () =>
  inTree(async (root) => {
    const before = await Deno.readTextFile(join(root, "list.txt"));
    for (const argv of REFUSED) {
      assertEquals(await ours({ argv, stdin: "a\n" }, root), { code: 64, out: "" }, argv.join(" "));
    }
    assertEquals(await Deno.readTextFile(join(root, "list.txt")), before);
    assertEquals((await ours({ argv: ["tar", "x"] }, root)).code, undefined);
    assertMatch((await ours({ argv: ["gsed", "--help"] }, root)).out, /GNU/);
  }));

Deno.test("mktemp makes what its template says", () =>
  inTree(async (root) => {
    const made = async (...args: string[]) => {
      const { code, out } = await ours({ argv: ["mktemp", ...args] }, root);
      assertEquals(code, 0, args.join(" "));
      const path = out.trimEnd();
      return { path, info: await Deno.stat(path.startsWith("/") ? path : join(root, path)) };
    };
    const cases: readonly (readonly [args: string[], pattern: RegExp, isDirectory: boolean])[] = [
      [["controller-manager.kubeconfig.XXXXX"], /^controller-manager\.kubeconfig\.\w{5}$/, false],
      [["-d", "unpack.XXXXXX"], /^unpack\.\w{6}$/, true],
      [["-d", `${root}/t.XXXX`], /\/t\.\w{4}$/, true],
      [[`--tmpdir=${root}`, "-d", "stage.XXXXXXXXXX"], /\/stage\.\w{10}$/, true],
      [["-t", "filtered.XXXX", `--tmpdir=${root}`], /\/filtered\.\w{4}$/, false],
      [["-p", root], /\/tmp\.\w{10}$/, false],
      [["editor-XXXXXXXX.sh"], /^editor-\w{8}\.sh$/, false],
      [["--suffix=.go", "x.XXX"], /^x\.\w{3}\.go$/, false],
    ];
    for (const [args, pattern, isDirectory] of cases) {
      const { path, info } = await made(...args);
      assertMatch(path, pattern);
      assertEquals([info.isDirectory, (info.mode ?? 0) & 0o777], [
        isDirectory,
        isDirectory ? 0o700 : 0o600,
      ]);
    }
    assertEquals((await ours({ argv: ["mktemp", "few.XX"] }, root)).code, 1);
    assertEquals((await ours({ argv: ["mktemp", "missing/x.XXX"] }, root)).code, 1);
  }));
