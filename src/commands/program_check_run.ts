import { basename, join } from "@std/path";
import type { NativeScript, ProgramScript } from "../checks/mod.ts";
import { readProgramScript } from "../checks/mod.ts";
import { goWorkingDirectory, readCheckoutFile } from "../checkout/mod.ts";
import { entriesOf } from "../files/mod.ts";
import { ensureGeneratedFiles } from "../generate/mod.ts";
import {
  gopathLink,
  hostGoEnv,
  makeLink,
  mayStampCommit,
  workspaceModules,
} from "../lib/golang/mod.ts";
import { sayGo, takeGo } from "../toolchain/mod.ts";
import { planPreparation, whileGitLooks } from "./build_run.ts";
import type { OpenCheckout } from "./context.ts";
import { withOutput } from "./with_output.ts";

/** Checks that are a Go program of the checkout. */
const PROGRAMS: ReadonlySet<string> = new Set(
  ["typecheck", "imports", "import-boss", "import-aliases"].map((name) => `hack/verify-${name}.sh`),
);

/**
 * A check that is a Go program of the checkout, without its script: the program is built where it is out of date, with
 * the Go and the environment of builds, and started as the script starts it.
 *
 * @returns undefined where the script does more than that.
 */
export async function nativeProgram(
  opened: OpenCheckout,
  path: string,
): Promise<NativeScript | undefined> {
  if (!PROGRAMS.has(path)) return undefined;
  const { env: variables, root } = opened.context;
  const { text } = await readCheckoutFile(root, path);
  const script = text === undefined ? undefined : readProgramScript(text, variables);
  if (script === undefined) return undefined;
  return {
    summary: script.program.replace(/^\.\//, ""),
    keepsNoRecord: true,
    async run(print) {
      const { argv, cwd, env, context } = await build(opened, script, path);
      const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
      const { code } = await context.shell.run(argv, {
        ...{ cwd, env, allowed: "any", label: path },
        onStdout: (chunk) => print(decoders.stdout.decode(chunk, { stream: true })),
        onStderr: (chunk) => print(decoders.stderr.decode(chunk, { stream: true })),
      });
      return code === 0;
    },
  };
}

/** Builds the program; returns how it is started. */
async function build(opened: OpenCheckout, script: ProgramScript, path: string) {
  const take = (open: OpenCheckout) => takeGo(open.context, open.checkout, { fetch: true });
  const prepare = async (open: OpenCheckout) =>
    script.isGenerated
      ? await whileGitLooks(open, async (tree) => {
        const chosen = await take(open);
        return { ...chosen, generation: await planPreparation(open, chosen, { tree }) };
      })
      : { ...await take(open), generation: undefined };
  return await withOutput(opened, {
    what: path,
    check: prepare,
    prepare,
    needs: () => undefined,
    fetch: () => Promise.resolve(),
    async work({ context, checkout }, { generation, ...chosen }) {
      sayGo(context, chosen);
      const link = gopathLink(context, checkout);
      if (link !== undefined) await makeLink(link);
      if (generation !== undefined) await ensureGeneratedFiles(context, checkout, generation);
      const { output, root, shell } = context;
      const { program } = script;
      const cwd = goWorkingDirectory(context, checkout);
      const env = hostGoEnv(context, checkout, chosen.go);
      const bin = join(output, ".kbuild", "checks", "bin");
      const file = join(bin, basename(program.endsWith(".go") ? join(program, "..") : program));
      await Deno.mkdir(bin, { recursive: true });
      // As with `go run`, the commit is not written into it: a repository that git refuses does not matter.
      const flags = mayStampCommit(checkout, chosen.go) ? ["-buildvcs=false"] : [];
      await shell.run([chosen.go.path, "build", ...flags, "-o", file, program], {
        ...{ cwd, env: { ...env, ...script.env.build }, label: `Building ${program}` },
      });
      const argv = [file, ...await argumentsOf(root, script)];
      return { argv, context, cwd, env: { ...env, ...script.env.run } };
    },
  });
}

async function argumentsOf(root: string, { args, packages }: ProgramScript) {
  const given = args.map((word) => word.replace("${KUBE_ROOT}", () => root));
  if (packages.of === "nothing") return given;
  if (packages.of === "staging") {
    const staged = (await entriesOf(join(root, "staging/src/k8s.io")) ?? [])
      .filter(({ isDirectory }) => isDirectory).map(({ name }) => `./vendor/k8s.io/${name}/...`);
    return [...given, "--input-dirs", [...packages.named, ...staged.sort()].join(",")];
  }
  const modules = [...(await workspaceModules(root)).keys()].sort();
  const all = ["./...", ...modules.map((directory) => `./${directory}/...`)];
  return packages.at === "front" ? [...all, ...given] : [...given, ...all];
}
