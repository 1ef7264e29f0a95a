/** `kbuild completion`, in the real shells. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { quote } from "../../src/shell/mod.ts";
import {
  ENV,
  inScratch,
  kbuild,
  kbuildArgv,
  kbuildOk,
  makeSample,
  output,
  run,
  script,
  unless,
  which,
} from "../e2e/_program.ts";

/** Runs `body` with a sample and a PATH that has kbuild. */
async function withShell(body: (root: string, env: Record<string, string>) => Promise<void>) {
  await inScratch(async (dir) => {
    const root = await makeSample("1.20", join(dir, "kubernetes"));
    await Deno.mkdir(join(dir, "bin"));
    script(join(dir, "bin/kbuild"), `exec ${kbuildArgv().map(quote).join(" ")} "$@"\n`);
    await body(root, { PATH: `${join(dir, "bin")}:${ENV["PATH"]}`, HOME: dir, TERM: "dumb" });
  });
}

Deno.test("kbuild completion names the shells it knows, and prints nothing outside a checkout", async () => {
  const { code, stderr } = await kbuild(["completion", "tcsh"]);
  assertEquals(code, 2);
  assertEquals(
    stderr,
    'kbuild: Cannot complete in "tcsh"\n  -> The shells: bash, zsh, fish\n',
  );
  assertEquals(await kbuildOk(["completion", "words", "all", "WHAT="]), "");
  assertMatch(await kbuildOk(["completion", "words", "quick-rel"]), /^quick-release\tBuild/);
});

Deno.test({
  ...unless(which("bash") === undefined && "needs bash", "bash completes commands and values"),
  fn: () =>
    withShell(async (root, env) => {
      const complete = async (line: string) =>
        await output([
          "bash",
          "-c",
          'eval "$(kbuild completion bash)"; COMP_LINE=$1 COMP_POINT=${#1}; _kbuild; ' +
          'printf "[%s]" "${COMPREPLY[@]}"',
          "bash",
          line,
        ], { cwd: root, env });
      assertEquals(await complete("kbuild package-"), "[package-tarballs ]");
      assertEquals(await complete("kbuild all WHAT=cmd/kubec"), "[cmd/kubectl ]");
      assertEquals(await complete("kbuild all kubec"), "[kubectl ]");
      assertEquals(await complete("kbuild help scr"), "[scripts ]");
      // A library and a program.
      assertEquals(await complete("kbuild genuti"), "[]");
      assertEquals(await complete("kbuild genya"), "[genyaml ]");
      assertEquals(await complete("kbuild all --platform=linux/ppc"), "[linux/ppc64le ]");
      assertEquals(await complete("kbuild all KUBE_FASTB"), "[KUBE_FASTBUILD=]");
      // What the line says then is a word, whatever a directory of the checkout is named.
      for (const name of ["kubel$(touch pwned);'x\ny", "kubel$(touch pwned);'x"]) {
        await Deno.mkdir(join(root, "cmd", name));
        await Deno.writeTextFile(join(root, "cmd", name, "main.go"), "package main\n");
      }
      const odd = await complete("kbuild kubel$");
      const word = odd.slice(1, -1).trim();
      assertEquals(
        await output(["bash", "-c", `printf %s ${word}`], { cwd: root, env }),
        "kubel$(touch pwned);'x",
      );
      assertEquals(
        (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).includes("pwned"),
        false,
      );
      // Nothing: bash goes on to files.
      assertEquals(await complete("kbuild demo --dir "), "[]");
    }),
});

Deno.test({
  ...unless(which("fish") === undefined && "needs fish", "fish completes commands and values"),
  fn: () =>
    withShell(async (root, env) => {
      const line = 'kbuild completion fish | source; complete -C "$argv[1]"';
      const complete = (text: string) =>
        output(["fish", "--no-config", "-c", line, text], { cwd: root, env });
      assertMatch(await complete("kbuild quick-rel"), /^quick-release\tBuild for few/);
      assertEquals(await complete("kbuild all cmd/kubec"), "cmd/kubectl\n");
      assertMatch(await complete("kbuild all --platf"), /^--platform\tPlatforms/);
    }),
});

/** A zsh that types each of its arguments and the tab key into another one, on a terminal. */
const ZSH_DRIVER = String.raw`
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w -n inner $'PS1=; autoload -Uz compinit; compinit -u -D; eval "$(kbuild completion zsh)"; show() { print -r -- "got[$BUFFER]"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show; print rea""dy\n'
zpty -r -m inner seen '*ready*'
for line in "$@"; do
  zpty -w -n inner "$line"$'\t\C-x'
  zpty -r -m inner seen '*got\[*\]*' && print -r -- "[${"${${seen##*got\\[}%%\\]*}"}]"
done
zpty -d inner
`;

Deno.test({
  ...unless(which("zsh") === undefined && "needs zsh", "zsh completes commands and values"),
  fn: () =>
    withShell(async (root, env) => {
      // Without compinit in ~/.zshrc.
      const bare = 'eval "$(kbuild completion zsh)"; print -r -- "$_comps[kbuild]"';
      assertEquals(
        await run(["zsh", "-f", "-c", bare], { cwd: root, env }),
        { code: 0, signal: null, stdout: "_kbuild\n", stderr: "" },
      );
      const lines = [
        ["kbuild package-", "kbuild package-tarballs "],
        ["kbuild all WHAT=cmd/kubec", "kbuild all WHAT=cmd/kubectl "],
        ["kbuild all --platform=linux/ppc", "kbuild all --platform=linux/ppc64le "],
        ["kbuild all KUBE_FASTB", "kbuild all KUBE_FASTBUILD="],
      ];
      const typed = lines.map(([line = ""]) => line);
      assertEquals(
        await output(["zsh", "-f", "-c", ZSH_DRIVER, "zsh", ...typed], { cwd: root, env }),
        lines.map(([, line]) => `[${line}]\n`).join(""),
      );
    }),
});
