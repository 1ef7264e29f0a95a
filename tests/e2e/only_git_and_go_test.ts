import { assert, assertEquals } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { runCli } from "../../src/cli/mod.ts";
import { COMMANDS, makeCommandContext } from "../../src/commands/mod.ts";
import { type EraParameter, SAMPLE_ERAS } from "../../src/sample/mod.ts";
import {
  digestsOf,
  discard,
  ENV,
  inScratch,
  kbuildArgv,
  kbuildOk,
  lonelyPath,
  makeSample,
  missingFor,
  output,
  PROGRAM_FILE,
  unless,
  which,
} from "./_program.ts";

const strace = which("strace");

/** The programs that a trace of `strace -f -e trace=execve` shows as started. */
function started(trace: string): string[] {
  const found = [...trace.matchAll(/execve\("((?:[^"\\]|\\.)*)".*\) = 0$/gm)]
    .map(([, path]) => path ?? "");
  // A call that another process interrupts in the log ends on a line of its own.
  for (const [, path] of trace.matchAll(/execve\("((?:[^"\\]|\\.)*)".* <unfinished \.\.\.>$/gm)) {
    found.push(path ?? "");
  }
  return [...new Set(found)].sort();
}

/** Whether kbuild, or git and go themselves, may start a program. */
async function allowance(path: string, root: string): Promise<(program: string) => boolean> {
  const goroot = (await output(["go", "env", "GOROOT"], { env: { PATH: path } })).trim();
  const gitCore = (await output(["git", "--exec-path"], { env: { PATH: path } })).trim();
  return (program) =>
    [join(path, "git"), join(path, "go"), join(goroot, "bin/gofmt")].includes(program) ||
    dirname(program) === gitCore || program.startsWith(join(goroot, "pkg/tool/")) ||
    program === join(goroot, "bin/go") ||
    (program.startsWith(`${root}/_output/local/bin/`) &&
      ["openapi-gen", "go-bindata"].includes(basename(program)));
}

/** The eras whose demo runs twice, to compare digests. */
const TWICE: readonly EraParameter[] = ["1.20", "1.35"];

for (const era of SAMPLE_ERAS) {
  Deno.test({
    ...unless(missingFor(era), `kbuild demo starts git and go alone: ${era}`),
    fn: (t) =>
      inScratch(async (dir) => {
        const root = join(dir, "kubernetes");
        const demo = ["demo", "--era", era, "--dir", root, "--json"];
        const wanted = TWICE.includes(era) ? digestsOf(await kbuildOk(demo)) : undefined;
        if (wanted !== undefined) discard(root);

        const { path, log } = lonelyPath(dir);
        const trace = join(dir, "trace");
        const tracing = strace === undefined
          ? []
          : [strace, "-f", "-qq", "-s", "4096", "-e", "trace=execve", "-o", trace];
        const json = await output([...tracing, ...kbuildArgv(...demo)], { env: { PATH: path } });
        if (wanted !== undefined) assertEquals(digestsOf(json), wanted);
        assertEquals(await Deno.readTextFile(log), "");

        await t.step({
          ...unless(strace === undefined && "needs strace", "no other program was started"),
          fn: async () => {
            const programs = started(await Deno.readTextFile(trace));
            const allowed = await allowance(path, root);
            assert(programs.includes(join(path, "go")), `no go among ${programs}`);
            const others = programs.filter((program) => !allowed(program));
            assertEquals(others, [PROGRAM_FILE]);
          },
        });
      }),
  });
}

Deno.test({
  ...unless(missingFor("1.20"), "every start of the shell layer is git, go or a generator"),
  fn: () =>
    inScratch(async (dir) => {
      const { path } = lonelyPath(dir);
      const root = await makeSample("1.20", join(dir, "kubernetes"));
      const programs = new Set<string>();
      const { signal } = new AbortController();
      const quiet = { write: () => {} };
      const code = await runCli({
        commands: COMMANDS,
        argv: ["quick-release", "WHAT=cmd/kubectl cmd/kube-apiserver", "--root", root],
        env: { ...ENV, PATH: path },
        stdout: quiet,
        stderr: quiet,
        version: "0.0.0",
        signal,
        makeContext: (globals, command, input) =>
          makeCommandContext(globals, command, input, {
            cwd: root,
            signal,
            onStart: ({ argv }) => programs.add(argv[0] ?? ""),
          }),
      });
      assertEquals(code, 0);
      const allowed = await allowance(path, root);
      // The shell finds git in PATH itself.
      const others = [...programs].filter((program) => program !== "git" && !allowed(program));
      assertEquals(others, []);
      const names = [...programs].map((program) => basename(program));
      for (const name of ["git", "go", "openapi-gen"]) assert(names.includes(name), `${names}`);
    }),
});
