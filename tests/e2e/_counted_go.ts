/** A Go whose starts are counted. */
import { join } from "@std/path";
import { ENV, output } from "./_program.ts";

/** A Go whose starts are counted: by a script with Go's own files beside it, the same on every machine. */
export interface CountedGo {
  /** What its users need in their environment; starts are noted in a file of that name. */
  env(name: string): Readonly<Record<string, string>>;
  /** Starts that compile, test or install, noted in the file of that name. */
  compiles(name: string): Promise<readonly string[]>;
}

/** Makes a {@linkcode CountedGo} in a new directory, of the Go in a GOROOT; default: that of this machine. */
export async function countedGo(dir: string, root?: string): Promise<CountedGo> {
  const goroot = root ??
    (await output(["go", "env", "GOROOT"], { env: { GOTOOLCHAIN: "local" } })).trim();
  const own = join(dir, "goroot");
  await Deno.mkdir(join(own, "bin"), { recursive: true });
  for (const { name } of Deno.readDirSync(goroot)) {
    if (name !== "bin") await Deno.symlink(join(goroot, name), join(own, name));
  }
  const script = `#!/bin/sh\necho "$*" >>"$KBUILD_TEST_GO_LOG"\nexec "${goroot}/bin/go" "$@"\n`;
  await Deno.writeTextFile(join(own, "bin", "go"), script);
  await Deno.chmod(join(own, "bin", "go"), 0o755);
  await Deno.symlink(join(goroot, "bin", "gofmt"), join(own, "bin", "gofmt"));
  const log = (name: string) => join(dir, `${name}.go-starts`);
  return {
    env: (name) => ({
      PATH: `${join(own, "bin")}:${ENV["PATH"]}`,
      KBUILD_TEST_GO_LOG: log(name),
    }),
    async compiles(name) {
      const text = await Deno.readTextFile(log(name)).catch(() => "");
      return text.split("\n").filter((line) =>
        /^(build|install|test|run|generate|vet) /.test(line) || / -export /.test(line)
      );
    },
  };
}
