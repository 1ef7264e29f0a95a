/**
 * Builds a Go program of any git repository with its version inside, told as Kubernetes tells its
 * own: `v1.2.3-4+0123456789abcd-dirty`.
 *
 * Usage: stamp_version.ts REPOSITORY PACKAGE VARIABLE OUTPUT
 *
 *     stamp_version.ts ~/src/hello ./cmd/hello main.version ./hello
 */
import process from "node:process";
import { init, KbuildError, logging, shell, version } from "@k8s/kbuild";

const [root, goPackage, variable, output] = process.argv.slice(2);
if (!root || !goPackage || !variable || !output) {
  console.error("Usage: stamp_version.ts REPOSITORY PACKAGE VARIABLE OUTPUT");
  process.exit(2);
}

const env = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]]
  ),
);
const log = logging.createLogger({ write: (text) => void process.stderr.write(text) });
const programs = shell.createShell({ cwd: root, env });
const context = init.createContext({ root, env, log, shell: programs });
try {
  const { gitVersion, dirtyPaths } = version.requireVersion(await version.getVersionVars(context));
  log.status(`Building ${goPackage} ${gitVersion}`);
  for (const path of dirtyPaths) log.info(`changed: ${path}`);
  await programs.run(
    [
      "go",
      "build",
      "-trimpath",
      "-ldflags",
      `-X ${variable}=${gitVersion}`,
      "-o",
      output,
      goPackage,
    ],
    { label: `Building ${goPackage}` },
  );
  console.log(gitVersion);
} catch (error) {
  if (!(error instanceof KbuildError)) throw error;
  console.error([error.message, ...error.notes].join("\n  "));
  process.exitCode = error.exitCode;
}
